#!/bin/sh
# What the runtime leaves: bare relays beside Postern and beside smtp-source straight into smtp-sink. About a minute.
#   SIZES=4096  SESSIONS=10  ROUNDS=5  MESSAGES=4000
set -eu
cd "$(dirname -- "$0")/.."
exec bin/postern --deno run -A --no-check bench/floor.ts
