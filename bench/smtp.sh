#!/bin/sh
# Mail through Postern beside smtp-source straight into smtp-sink, as a table with ratios. Some three minutes.
#   SIZES="4096 61440"  SESSIONS="1 10 50"  SECONDS=4 (seconds a cell)  WARM=10000 (messages before)
set -eu
cd "$(dirname -- "$0")/.."
exec bin/postern --deno run -A --no-check bench/smtp.ts
