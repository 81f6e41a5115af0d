#!/bin/sh
# pytest in shards: ket_plugin.py chooses the tests.
set -eu
exec python3 -m pytest -p ket_plugin --junitxml="$KET_RESULTS/junit.xml" "$@"
