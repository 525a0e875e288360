#!/bin/sh
# Postern asked as clamd, spamd and Rspamd, beside a real clamd with the same signature, as a table with ratios. A minute or two.
#   SIZES="4096 61440"  SESSIONS="1 10 50"  SECONDS=3 (seconds a cell)
set -eu
cd "$(dirname -- "$0")/.."
exec bin/postern --deno run -A --no-check bench/scanner_protocols.ts
