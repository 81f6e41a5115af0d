#!/bin/sh
# go test in shards, test by test, with gotestsum for JUnit; a retry of failed cases runs their tests alone. A package
# is run once, with all of its tests that are this shard's; -timeout is for them together, since go knows no limit for
# one test.
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
if [ -n "${KET_RETRY_CASES:-}" ]; then
  # A test is judged by its subtests, all of them: it runs again as a whole. gotestsum's TestMain is a package that
  # failed apart from its tests, and does not say which: then everything does.
  awk 'NR == FNR { do wanted[$0]; while (sub("/[^/]*$", "")); next }
       $0 in wanted || "TestMain" in wanted' "$KET_RETRY_CASES" "$work/all" >"$work/again"
  [ -s "$work/again" ] || { echo "none of the cases to be retried is here" >&2; exit 2; }
  mv "$work/again" "$work/all"
fi
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
