#!/bin/sh
# Milter and SMTP beside clamav-milter, clamd and amavisd-new with the same generated signatures, as a table. Some two minutes.
#   SECONDS=4 (seconds a cell)  SESSIONS=10  SIGNATURES=100000
set -eu
cd "$(dirname -- "$0")/.."
exec bin/postern --deno run -A --no-check bench/gates.ts
