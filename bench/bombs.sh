#!/bin/sh
# Things made to use up time and memory: CPU time and peak of memory of each, as a table. Some two minutes.
#   ONLY="xz" (names that hold this)
set -eu
cd "$(dirname -- "$0")/.."
exec bin/postern --deno run -A --no-check bench/bombs.ts
