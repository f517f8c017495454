#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The memory of 1,000 chats in flight over 4 connections, TLS 1.3, each event decoded: tests/api/thousand.c
# beside a libcurl multi + jsmn program, against relays of the same kind in the same run. Prints a
# Markdown table; exits 1 when chatmux misses a goal: a block above 2 MiB, a growth of the resident
# memory above 2.5 MiB, any call of libc's allocator once the origin is added, an answer that failed.
#
# usage: sh tests/bench/memory.sh BUILD_DIR       (a build with its tests, for this machine)
# environment: CMX_RELAY   the emulator, if not that of the build, as where that is cross-compiled
#              CC          compiler of curl_multi.c (default cc)
# needs: python3, binutils, glibc, libcurl4-openssl-dev
set -eu

[ $# -eq 1 ] || { sed -n '4,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }
tests=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/chatmux-memory.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
    printf 'memory.sh: %s\n' "$*" >&2
    exit 1
}

relay=${CMX_RELAY:-$build/chatmux-relay}
for program in "$relay" "$build/tests/api/thousand"; do
    [ -x "$program" ] || fail "no $program. Remedy: cmake --build $build"
done

# The pinned flags, whatever the build uses, and libc's allocator, whose calls are counted.
jsmn=$(sed -n 's/^CMX_jsmn_PREFIX:INTERNAL=//p' "$build/CMakeCache.txt" 2>/dev/null || :)
# shellcheck disable=SC2046 # a list of flags
${CC:-cc} $(cat "$tests/bench/curl_multi.flags") ${jsmn:+-I "$jsmn/include"} -I "$tests" \
    "$tests/bench/curl_multi.c" "$tests/memory/heap_counted.c" "$tests/memory/heap_judge.c" -lcurl \
    -o "$scratch/curl_multi" 2>"$scratch/log" || {
    cat "$scratch/log" >&2
    fail "cannot compile curl_multi.c. Remedy: apt-get install libcurl4-openssl-dev, and a CMake build of jsmn in $build"
}
CMX_BUILD_DIR=$build CMX_RELAY=$relay CMX_CLI=$build/chatmux \
    python3 -B "$tests/bench/memory.py" "$scratch/curl_multi"
