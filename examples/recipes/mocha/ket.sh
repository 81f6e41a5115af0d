#!/bin/sh
# mocha in shards, file by file.
set -eu
exec npx mocha --config ket.mocharc.cjs "$@"
