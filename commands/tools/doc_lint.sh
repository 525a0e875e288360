#!/bin/sh
# `deno doc --lint` of the library. References to types that are not exported are left out: what people write is typed by the
# schemas (zod) themselves, which are not part of the library.
set -eu
cd "$(dirname "$0")/../.."
found=$(NO_COLOR=1 bin/postern --deno doc --lint mod.ts 2>&1 >/dev/null) || :
case $found in
  *'error['*) ;;
  *'Checked '* | '') exit 0 ;;
  *)
    printf '%s\n' "$found" >&2
    exit 1
    ;;
esac
rest=$(printf '%s\n' "$found" | awk 'BEGIN { RS = ""; ORS = "\n\n" } /^error\[/ { show = !/^error\[private-type-ref\]/ } show && !/^error: Found/')
if [ -n "$rest" ]; then
  printf '%s\n' "$rest" >&2
  exit 1
fi
