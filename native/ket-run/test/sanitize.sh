#!/bin/sh
# Builds ket-run with gcc's address and undefined-behaviour sanitizers and runs
# the same tests against it.
#
#   sanitize.sh [arguments of test_ket_run.py]
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

"${CC:-gcc}" -std=c17 -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer \
    -Wall -Wextra -Wshadow -Wconversion -Werror \
    -fsanitize=address,undefined -fno-sanitize-recover=all \
    -o "$work/ket-run" "$here"/../src/*.c
# Memory held until the end is no leak worth a report in so short a life.
chmod 755 "$work"
ASAN_OPTIONS=detect_leaks=0 KET_RUN="$work/ket-run" python3 "$here/test_ket_run.py" "$@"
