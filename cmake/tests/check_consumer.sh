#!/bin/sh
# SPDX-License-Identifier: MIT
#
# chatmux as others use it: installed (find_package, pkg-config), add_subdirectory and FetchContent.
# Each time a plain program is linked and run. Needs the built tree in CMX_BUILD_DIR. How fast the
# code is matters to nobody here, so it is not optimised; the last two take turns in one build
# folder, where the second compiles again what it would compile differently, and only that.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/chatmux-consumer.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cmake=${CMX_CMAKE:-cmake}
command -v ninja >/dev/null 2>&1 && export CMAKE_GENERATOR="${CMAKE_GENERATOR:-Ninja}"
type=$(printf %s "$CMX_CTEST_BUILD_TYPE" | tr '[:lower:]' '[:upper:]')
flags=
[ -z "${CMX_SANITIZE:-}" ] || flags=-fsanitize=$CMX_SANITIZE

# build_consumer HOW FOLDER FLAGS...
build_consumer() {
    how=$1
    folder=$tmp/$2
    shift 2
    rm -f "$folder/consumer"
    if ! {
        "$cmake" -S "$here/consumer" -B "$folder" "-DHOW=$how" "-DCHATMUX_SOURCE=$CMX_SOURCE_DIR" \
            "-DCMAKE_C_COMPILER=$CMX_CC" "-DCMAKE_BUILD_TYPE=$CMX_CTEST_BUILD_TYPE" "-DCMAKE_C_FLAGS_$type=-O0" \
            "-DCMX_CACHE_DIR=$CMX_CACHE_DIR" "-DCMX_SANITIZE=${CMX_SANITIZE:-}" \
            "-DCMX_DEPS_PROFILE=$CMX_DEPS_PROFILE" "$@" &&
            "$cmake" --build "$folder" --target consumer --parallel 2
    } >"$tmp/$how.log" 2>&1; then
        tail -n 40 "$tmp/$how.log"
        echo "check_consumer.sh: $how: does not build"
        exit 1
    fi
    "$folder/consumer" || {
        echo "check_consumer.sh: $how: the program failed"
        exit 1
    }
    echo "ok: $how"
}

"$cmake" --install "$CMX_BUILD_DIR" --prefix "$tmp/prefix" >"$tmp/install.log"
# Moved, so that a path of the build tree in the package would show.
mv "$tmp/prefix" "$tmp/moved"
build_consumer package package "-DCMAKE_PREFIX_PATH=$tmp/moved" "-DCMAKE_EXE_LINKER_FLAGS=$flags"
build_consumer subdirectory source
build_consumer fetchcontent source

if command -v pkg-config >/dev/null 2>&1; then
    pc=$(dirname "$(find "$tmp/moved" -name chatmux.pc)")
    # shellcheck disable=SC2046,SC2086 # lists of words
    "$CMX_CC" -std=c11 $flags "$here/consumer/main.c" -o "$tmp/by_pc" $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs chatmux)
    "$tmp/by_pc"
    echo "ok: pkg-config"
fi

# The installed headers must not need anything of ours beyond themselves.
if grep -rn '#include "\(base\|text\|chat\|policy\|wire\|pool\|client\)/' "$tmp/moved/include"; then
    echo "check_consumer.sh: an installed header includes a private one"
    exit 1
fi
