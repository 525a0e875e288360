#!/bin/sh
# `deno doc --lint` of the library; Deno tells of errors on stderr and prints the documentation itself, which nobody wants here.
set -eu
cd "$(dirname "$0")/../.."
exec bin/postern --deno doc --lint mod.ts >/dev/null
