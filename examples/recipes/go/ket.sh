#!/bin/sh
# go test in shards, test by test, with gotestsum for JUnit. A package is run once, with all of its tests that are this
# shard's; -timeout is for them together, since go knows no limit for one test.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Into files, not through pipes: a shell tells the exit code of the last command only.
go list ./... >"$work/packages"
: >"$work/all"
while read -r package; do
  go test -list '^(Test|Example|Fuzz)' "$package" >"$work/listed" </dev/null
  sed -n -E "/^(Test|Example|Fuzz)/s|^|$package.|p" "$work/listed" >>"$work/all"
done <"$work/packages"
"${KET_RUN:-/ket/bin/ket-run}" share <"$work/all" >"$work/mine"

# A test's name has no dot; lines become `package TestA|TestB`.
awk '{ dot = match($0, /\.[^.]*$/); package = substr($0, 1, dot - 1); test = substr($0, dot + 1)
       tests[package] = package in tests ? tests[package] "|" test : test }
     END { for (package in tests) print package, tests[package] }' "$work/mine" >"$work/runs"
status=0 count=0
while read -r package tests; do
  count=$((count + 1))
  gotestsum --junitfile "$KET_RESULTS/junit-$count.xml" -- -timeout 5m -run "^($tests)\$" "$@" "$package" \
    </dev/null || status=$?
done <"$work/runs"
exit "$status"
