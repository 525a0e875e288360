#!/bin/sh
# Called by `make install`: install.sh DESTDIR LIBRARY BIN CONFIG UNITS FILE...
set -eu
destination=$1 library=$2 bin=$3 config=$4 units=$5
shift 5
cd "$(dirname "$0")/../.."
root=$PWD

# Deno and the libraries first, so that what is installed needs neither npm nor a network.
bin/postern --prepare
deno=$(bin/postern --deno eval --no-config 'console.log(Deno.execPath())')
version=$(sed -n 's/^DENO_VERSION *[:?]*= *//p' Makefile)

target=$destination$library
mkdir -p "$destination$bin" "$destination$config" "$destination$units" "$target/.deno"
# Aside and then into place, since a daemon may be running from there.
fresh=$target/new.$$
mkdir "$fresh"
for thing in "$@" docs setup mirror web; do
  [ -e "$thing" ] && cp -R "$thing" "$fresh/"
done
find "$fresh" -name '*_test.ts' -exec rm -f {} +
for thing in "$fresh"/*; do
  name=${thing##*/}
  if [ -e "$target/$name" ]; then mv "$target/$name" "$fresh/../old.$$.$name"; fi
  mv "$thing" "$target/$name"
done
rm -rf "$fresh" "$target"/old.$$.*
install -m 755 "$deno" "$target/.deno/deno-$version.part"
mv -f "$target/.deno/deno-$version.part" "$target/.deno/deno-$version"
rm -rf "$target/.deno/cache"
cp -R "${DENO_DIR:-$root/.deno/cache}" "$target/.deno/cache"
chmod -R go+rX "$target"

ln -sf "$library/bin/postern" "$destination$bin/postern"
for document in postern.config.ts policy.ts; do
  if ! [ -e "$destination$config/$document" ]; then
    sed -e 's#"\.\./state#"/var/lib/postern#; s#maildir:\.\./state#maildir:/var/lib/postern#' "examples/$document" \
      >"$destination$config/$document"
  fi
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
