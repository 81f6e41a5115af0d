#!/bin/sh
# jest in shards, file by file. --passWithNoTests: a shard may be left without a file; ket-run puts that on record.
set -eu
if [ -n "${KET_RETRY_CASES:-}" ]; then
  only=$(node -p 'require("./ket-filter.cjs").pattern()')
  [ -z "$only" ] || set -- --testNamePattern="$only" "$@"
fi
export JEST_JUNIT_OUTPUT_FILE="$KET_RESULTS/junit.xml" JEST_JUNIT_ADD_FILE_ATTRIBUTE=true
exec npx jest --filter="$PWD/ket-filter.cjs" --passWithNoTests --reporters=default \
  --reporters="$PWD/ket-reporter.cjs" --testTimeout=300000 "$@"
