#!/bin/sh
# Called by `make install`: install.sh DESTDIR LIBRARY BIN CONFIG UNITS. What is installed needs neither npm nor a network.
set -eu
destination=$1 library=$2 bin=$3 config=$4 units=$5
cd "$(dirname "$0")/../.."

bin/postern --prepare
bin/postern --deno run -A --no-check commands/tools/compile.ts --bundle-only
deno=$(bin/postern --deno eval --no-config 'console.log(Deno.execPath())')
version=$(sed -n 's/^DENO_VERSION *[:?]*= *//p' Makefile)

target=$destination$library
mkdir -p "$destination$bin" "$destination$config" "$destination$units" "$target/.deno"
# Aside and then into place: a daemon may be running from there.
install -m 755 "$deno" "$target/.deno/new.$$"
mv -f "$target/.deno/new.$$" "$target/.deno/deno-$version"
for old in "$target"/.deno/deno-*; do [ "$old" = "$target/.deno/deno-$version" ] || rm -f "$old"; done
fresh=$target/new.$$
mkdir "$fresh"
cp -R bin examples docs LICENSE README.md CHANGELOG.md Makefile "$fresh/"
cp -R dist/bundle "$fresh/bundle"
for thing in "$fresh"/*; do
  name=${thing##*/}
  [ ! -e "$target/$name" ] || mv "$target/$name" "$target/old.$$.$name"
  mv "$thing" "$target/$name"
done
rm -rf "$fresh" "$target"/old.$$.*
chmod -R go+rX "$target"

ln -sf "$library/bin/postern" "$destination$bin/postern"
for document in postern.config.ts policy.ts; do
  [ ! -e "$destination$config/$document" ] || continue
  sed -e 's#"\.\./state"#"/var/lib/postern"#; s#maildir:\.\./state#maildir:/var/lib/postern#' "examples/$document" \
    >"$destination$config/$document"
done
sed -e "s#@BIN@#$bin#g; s#@CONFIG@#$config#g; s#@LIBRARY@#$library#g" commands/tools/postern.service \
  >"$destination$units/postern.service"

echo "Installed $library, $bin/postern, $config, $units/postern.service."
if [ -z "$destination" ]; then
  if ! id -u postern >/dev/null 2>&1; then
    echo "Next: useradd --system --home-dir /var/lib/postern --shell /usr/sbin/nologin postern"
  fi
  echo "Next: systemctl daemon-reload && systemctl enable --now postern"
fi
