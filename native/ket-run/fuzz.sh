#!/bin/sh
# Fuzzes what ket-run parses, under address and undefined-behaviour sanitizers.
#
#   fuzz.sh [SECONDS] [SEED]     default: 10 seconds, seed 0
#
# With a clang that has libFuzzer it is used; else, and always first, the
# driver of this folder, which needs only gcc (or the compiler named by CC).
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
seconds=${1:-10}
seed=${2:-0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
flags="-std=c17 -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer -Wall -Wextra -I$here/src"
sources=$(find "$here/src" -name '*.c' ! -name main.c | LC_ALL=C sort)

# shellcheck disable=SC2086
"${CC:-gcc}" $flags -fsanitize=address,undefined -fno-sanitize-recover=all \
    -o "$work/driver" $sources "$here/fuzz/target.c" "$here/fuzz/driver.c"
"$work/driver" "$seconds" "$seed"

# shellcheck disable=SC2086
if command -v clang >/dev/null 2>&1 && clang $flags -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=all -o "$work/fuzzer" $sources "$here/fuzz/target.c" 2>/dev/null; then
    "$work/fuzzer" -max_total_time="$seconds" -max_len=200000 -close_fd_mask=2 -artifact_prefix="$work/" >&2
    echo "fuzz: libFuzzer, $seconds s, nothing found"
else
    echo "fuzz: no clang with libFuzzer here; the driver alone has run"
fi
