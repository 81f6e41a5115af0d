#!/bin/sh
# mocha in shards, file by file; a retry of failed cases runs these alone.
set -eu
exec npx mocha --config ket.mocharc.cjs "$@"
