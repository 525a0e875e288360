#!/bin/sh
# Scanners beside clamd with the same generated signatures: load, memory, MB/s, mail. As tables with ratios. Some ten minutes.
#   DATABASES="mix-0 hdb-1000 ... mix-1000000"  SECONDS=1 (CPU seconds a round)  ROUNDS=3  KEEP=DIRECTORY (of generated databases)
set -eu
cd "$(dirname -- "$0")/.."
exec bin/postern --deno run -A --no-check bench/signatures.ts
