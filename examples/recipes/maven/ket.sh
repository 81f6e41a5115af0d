#!/bin/sh
# surefire in shards, class by class, in a project of one module. Classes are found by surefire's own default names.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mvn -B -q test-compile
mkdir -p target/test-classes
find target/test-classes -name '*.class' ! -name '*$*' >"$work/classes"
sed 's|^target/test-classes/||; s|\.class$||; s|/|.|g' "$work/classes" >"$work/names"
# None at all is for ket-run to refuse.
grep -E '(^|\.)(Test[^.]*|[^.]*(Test|Tests|TestCase))$' "$work/names" >"$work/all" || true
"${KET_RUN:-/ket/bin/ket-run}" share <"$work/all" >"$work/mine"
# More shards than classes: ket-run has put on record that none is left for this one.
[ -s "$work/mine" ] || exit 0

sed 's|\.|/|g; s|$|.java|' "$work/mine" >"$work/includes"
rm -rf target/surefire-reports
status=0
mvn -B surefire:test -Dsurefire.includesFile="$work/includes" -Djunit.jupiter.execution.timeout.default=5m "$@" ||
  status=$?
cp target/surefire-reports/*.xml "$KET_RESULTS/"
exit "$status"
