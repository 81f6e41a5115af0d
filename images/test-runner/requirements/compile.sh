#!/bin/sh
# Writes the lock files anew: exact versions with the hashes of their files, no index address.
# Needs uv (pip install uv); takes the newest versions unless the lock file already names one.
set -eu
cd "$(dirname "$0")"
for name in build runner; do
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-annotate --no-emit-index-url --custom-compile-command "requirements/compile.sh" \
    "$@" "$name.in" --output-file "$name.txt"
done
