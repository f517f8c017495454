#!/bin/sh
# SPDX-License-Identifier: MIT
#
# chatmux beside a libcurl multi + jsmn program (and h2load, which parses nothing, if it is installed)
# on the same server in the same run: 10,000 completions at full speed, then 1,000 streams in flight
# paced at 20 tokens/s. Prints a Markdown table with the ratios; exits 1 when a run failed or
# the CPU per token is above half of libcurl's, or the P99 lag above 5 ms.
#
# usage: sh tests/bench/compare.sh BUILD_DIR      (a release build: chatmux and chatmux-relay in it)
# environment: RUNS  repetitions, the median counts (default 3)
#              CC    compiler of curl_multi.c (default cc)
#              TICK_US  --tick-us of the paced relay (default 1000)
# needs: python3, libcurl4-openssl-dev
set -eu

[ $# -eq 1 ] || { sed -n '3,14s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
scratch=$(mktemp -d)
relays=

fail() {
    printf 'compare.sh: %s\n' "$*" >&2
    exit 1
}

cleanup() {
    status=$?
    trap - EXIT
    for pid in $relays; do
        kill "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    rm -rf "$scratch"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The pinned flags, whatever the build uses: jsmn lies where CMake put it.
compile_peer() {
    jsmn=$(sed -n 's/^CMX_jsmn_PREFIX:INTERNAL=//p' "$build/CMakeCache.txt" 2>/dev/null || :)
    # shellcheck disable=SC2046 # a list of flags
    ${CC:-cc} $(cat "$here/curl_multi.flags") ${jsmn:+-I "$jsmn/include"} "$here/curl_multi.c" -lcurl \
        -o "$scratch/curl_multi" 2>"$scratch/cc.log" || {
        cat "$scratch/cc.log" >&2
        fail "cannot compile curl_multi.c. Remedy: apt-get install libcurl4-openssl-dev, and a CMake build of jsmn in $build"
    }
}

# start_relay NAME FLAGS...: serves with a certificate authority of its own, port in NAME/port
start_relay() {
    name=$1
    shift
    mkdir "$scratch/$name"
    "$build/chatmux-relay" --make-ca "$scratch/$name" --ready-file "$scratch/$name/port" \
        --duration-s 1800 "$@" >"$scratch/$name/stats" 2>"$scratch/$name/log" &
    relays="$relays $!"
    tries=0
    while [ ! -f "$scratch/$name/port" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 100 ] || { cat "$scratch/$name/log" >&2; fail "the relay did not start"; }
        sleep 0.1
    done
}

for program in chatmux chatmux-relay; do
    [ -x "$build/$program" ] || fail "no $program in $build. Remedy: cmake --build $build"
done
compile_peer
start_relay full --tokens 64
start_relay paced --tokens 100 --gap-ms 50 --stamp --tick-us "${TICK_US:-1000}"
RUNS=${RUNS:-3} python3 -B "$here/compare.py" "$build/chatmux" "$scratch"
