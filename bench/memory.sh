#!/bin/sh
# Memory (PSS of all processes) while 50,000 messages go through; ends with 1 when it keeps growing. Some minutes.
#   MESSAGES=50000  SIZES=4096  SESSIONS=10
set -eu
cd "$(dirname -- "$0")/.."
exec bin/postern --deno run -A --no-check bench/memory.ts
