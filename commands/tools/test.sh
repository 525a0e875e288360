#!/bin/sh
# Runs all tests (or those named) and counts them: the last line is `N passed, N failed`. Tests that need a program which is not
# installed are skipped and say so; with CI set they fail instead.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p dist
junit=dist/junit.xml
rm -f "$junit"
status=0
bin/postern --deno test -A --no-check --parallel --quiet --junit-path="$junit" "$@" || status=$?
if ! [ -s "$junit" ]; then
  echo "0 passed, 1 failed"
  exit 1
fi
missing=
for program in postfix smtp-source smtp-sink swaks openssl prlimit setpriv; do
  command -v "$program" >/dev/null 2>&1 || [ -x "/usr/sbin/$program" ] || missing="$missing $program"
done
[ -z "$missing" ] || echo "Not installed, so tests with it were skipped:$missing (see .ci/packages)"
bin/postern --deno run --quiet --no-config --allow-read="$junit" commands/tools/count_tests.ts "$junit"
exit "$status"
