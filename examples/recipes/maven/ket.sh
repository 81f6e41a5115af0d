#!/bin/sh
# surefire in shards, class by class, in a project of one module; a retry of failed cases runs their methods alone.
# Classes are found by surefire's own default names.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mvn -B -q test-compile
mkdir -p target/test-classes
find target/test-classes -name '*.class' ! -name '*$*' >"$work/classes"
sed 's|^target/test-classes/||; s|\.class$||; s|/|.|g' "$work/classes" >"$work/names"
# None at all is for ket-run to refuse.
grep -E '(^|\.)(Test[^.]*|[^.]*(Test|Tests|TestCase))$' "$work/names" >"$work/all" || true
if [ -n "${KET_RETRY_CASES:-}" ]; then
  # Lines `class TAB what -Dtest takes`, which knows methods without parameters and number; `*` is for what it, or the
  # locale, would read as something else. What is no method, such as @BeforeAll, is its class with all that it nests.
  awk 'NR == FNR { classes[$0]; next }
       { for (i = 1; i <= length($0); i++) {
           class = substr($0, 1, i - 1)
           if (substr($0, i, 1) !~ /[.$]/ || !(class in classes)) continue
           nested = method = substr($0, i)
           sub(/[.].*/, "", nested); sub(/^[^.]*[.]?/, "", method)
           sub(/[(][^()]*[)]([[][0-9]+[]])?$/, "", method); gsub(/[^A-Za-z0-9_$]+/, "*", method)
           test = method == "" ? class "," class "$*" : class nested "#" method
           gsub(/[^A-Za-z0-9_.$#,*]+/, "*", test)
           print class "\t" test
       } }' "$work/all" "$KET_RETRY_CASES" >"$work/wanted"
  [ -s "$work/wanted" ] || { echo "none of the cases to be retried is here" >&2; exit 2; }
  cut -f 1 "$work/wanted" >"$work/all"
fi
"${KET_RUN:-/ket/bin/ket-run}" share <"$work/all" >"$work/mine"
# More shards than classes: ket-run has put on record that none is left for this one.
[ -s "$work/mine" ] || exit 0

sed 's|\.|/|g; s|$|.java|' "$work/mine" >"$work/includes"
if [ -n "${KET_RETRY_CASES:-}" ]; then
  awk -F '\t' 'NR == FNR { mine[$0]; next }
       $1 in mine && !told[$2]++ { printf "%s%s", comma, $2; comma = "," }' "$work/mine" "$work/wanted" >"$work/tests"
  # An argument has a limit of 128 KiB; without it the classes run whole.
  [ "$(wc -c <"$work/tests")" -gt 100000 ] || set -- -Dtest="$(cat "$work/tests")" "$@"
fi
rm -rf target/surefire-reports
status=0
mvn -B surefire:test -Dsurefire.includesFile="$work/includes" -Djunit.jupiter.execution.timeout.default=5m "$@" ||
  status=$?
# surefire is content when no class has one of the methods.
cp target/surefire-reports/*.xml "$KET_RESULTS/" || { echo "none of the tests was run" >&2; exit 2; }
exit "$status"
