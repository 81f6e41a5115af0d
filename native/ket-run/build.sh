#!/bin/sh
# Builds ket-run for both architectures: static, stripped, reproducible.
#
#   build.sh [OUTDIR]   build into OUTDIR (default: dist/ket-run of the repository)
#   build.sh --check    build into a temporary folder and compare with dist/ket-run;
#                       exit code 1 when the committed programs are out of date
#
# Environment: KET_BUILD_CACHE  folder for the compiler and its caches
#              (default: ${XDG_CACHE_HOME:-~/.cache}/ket-build)
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
dist=$here/../../dist/ket-run
cache=${KET_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ket-build}

say() { printf 'ket-run build: %s\n' "$*" >&2; }

# One venv per content of requirements.txt: a new pin gets a new folder, and a
# half-made venv is never taken for a whole one (made aside, then renamed).
find_compiler() {
    pin=$(sha256sum "$here/requirements.txt" | cut -c1-16)
    venv=$cache/zig-$pin
    if [ ! -x "$venv/bin/python" ] || [ ! -f "$venv/complete" ]; then
        say "installing the pinned compiler into $venv"
        mkdir -p "$cache"
        (
            # Two builds at once must not install into one folder.
            flock 9
            [ -f "$venv/complete" ] && exit 0
            rm -rf "$venv"
            python3 -m venv "$venv"
            "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
                --require-hashes --only-binary :all: -r "$here/requirements.txt"
            : >"$venv/complete"
        ) 9>"$cache/zig-$pin.lock"
    fi
    python=$venv/bin/python
}

# compile ARCH ZIG-TARGET: sources by relative name and in a fixed order, no
# build id, nothing of the machine in the result.
compile() {
    say "$1"
    (
        cd "$here/src"
        # shellcheck disable=SC2086
        LC_ALL=C SOURCE_DATE_EPOCH=0 ZIG_GLOBAL_CACHE_DIR="$cache/zig-cache" \
            ZIG_LOCAL_CACHE_DIR="$work/cache-$1" \
            "$python" -m ziglang cc -target "$2" -mcpu=baseline -static -s \
            -std=c17 -D_GNU_SOURCE -O2 -g0 -Wall -Wextra -Wshadow -Wconversion -Werror \
            -ffunction-sections -fdata-sections -fno-ident \
            -fstack-protector-strong -ffile-prefix-map="$here/src=." \
            -Wl,--gc-sections -Wl,--build-id=none \
            -o "$work/ket-run-$1" $(LC_ALL=C ls ./*.c)
    )
}

check=
case ${1:-} in
--check) check=1 ;;
-*) say "unknown option $1 (known: --check)"; exit 2 ;;
*) out=${1:-$dist} ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
find_compiler
compile amd64 x86_64-linux-musl
compile arm64 aarch64-linux-musl

if [ -n "$check" ]; then
    for arch in amd64 arm64; do
        if ! cmp "$work/ket-run-$arch" "$dist/ket-run-$arch"; then
            say "dist/ket-run/ket-run-$arch is not what the sources give; run native/ket-run/build.sh and commit dist/ket-run"
            exit 1
        fi
    done
    say "dist/ket-run is what the sources give"
    exit 0
fi

mkdir -p "$out"
for arch in amd64 arm64; do
    # Renamed into place, so that nobody ever runs half a program.
    cp "$work/ket-run-$arch" "$out/.ket-run-$arch.new"
    chmod 755 "$out/.ket-run-$arch.new"
    mv "$out/.ket-run-$arch.new" "$out/ket-run-$arch"
    say "$(wc -c <"$out/ket-run-$arch") bytes  $(sha256sum "$out/ket-run-$arch" | cut -c1-64)  ket-run-$arch"
done
