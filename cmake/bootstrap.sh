#!/bin/sh
# SPDX-License-Identifier: MIT
#
# From a clean checkout to something that runs, in one command.
# usage: sh cmake/bootstrap.sh demo|test|packages|cross [CPU...]
#
#   demo      builds `release`, starts the relay emulator on loopback with a certificate authority of
#             its own, streams one chat that can be watched, then 200 chats over 2 connections
#   test      builds and runs every check: clang and gcc without a warning; unit, simulation, port
#             and real stack under ASan+UBSan; the same, five servers of other makers (fetched into
#             the cache, not installed), endurance, style, layers, limits, symbols and packaging in
#             release
#   packages  installs what the two above need and is missing, nothing else
#   cross     for each CPU of toolchains/ (armhf aarch64 mips mipsel riscv64 x86_64; all without one):
#             builds `size` and its tests, static with musl, and runs them under qemu: unit, simulation,
#             port, fuzz, chats against the relay of this machine; compares sizes with the budget; then
#             builds `release` and runs one chat and 100 at once with its assembly
#
# Installs Debian packages only when some are missing and it runs as root; uses no network when
# nothing is missing.
# environment: CMX_CACHE_DIR, CMX_DEPS_DIR (see cmake/dependencies.cmake), CMX_JOBS (default: number
#              of CPUs), CMX_INTEROP=skip (`test` goes on without the servers it cannot fetch),
#              CMAKE_GENERATOR (default: Ninja where it is; a build folder keeps the one it has)
set -eu

PACKAGES="gcc libc6-dev make ninja-build cmake clang python3 pkg-config libcmocka-dev libssl-dev
    libcurl4-openssl-dev clang-format-14"
CPUS="armhf aarch64 mips mipsel riscv64 x86_64"
CROSS_SLOWDOWN=10 # of time limits, under emulation
READY_TENTHS=100 # how long the emulator may take to start
TESTS_PER_JOB=3 # at once: half of them wait for the time that a server takes

cd "$(dirname "$0")/.."
root=$(pwd)
jobs=${CMX_JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
scratch=
relay_pid=

say() { printf '\n== %s\n' "$*"; }
fail() {
    printf 'bootstrap.sh: %s\n' "$*" >&2
    exit 1
}

cleanup() {
    status=$?
    trap - EXIT
    if [ -n "$relay_pid" ]; then
        kill "$relay_pid" 2>/dev/null || :
        wait "$relay_pid" 2>/dev/null || :
    fi
    [ -z "$scratch" ] || rm -rf "$scratch"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

missing_packages() {
    for package in $PACKAGES; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
        "install ok installed") ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

missing_tools() {
    for tool in gcc clang make cmake ctest python3; do
        command -v "$tool" >/dev/null 2>&1 || printf '%s ' "$tool"
    done
}

install_packages() {
    if ! command -v dpkg-query >/dev/null 2>&1; then
        missing=$(missing_tools)
        [ -z "$missing" ] || fail "please install: ${missing}(and the headers of cmocka, OpenSSL and libcurl)"
        return 0
    fi
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        fail "packages are missing. Run: sudo apt-get install --no-install-recommends $missing"
    fi
    say "installing $missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of words
    { apt-get -q update && apt-get -q install -y --no-install-recommends $missing; } >"$scratch/apt.log" 2>&1 || {
        tail -n 20 "$scratch/apt.log" >&2
        fail "these packages could not be installed: $missing"
    }
}

choose_generator() {
    if [ -z "${CMAKE_GENERATOR:-}" ] && command -v ninja >/dev/null 2>&1; then
        export CMAKE_GENERATOR=Ninja
    fi
}

build() {
    say "building $1"
    cmake --preset "$1"
    cmake --build --preset "$1" --parallel "$jobs"
}

run_tests() {
    say "testing $*"
    preset=$1
    shift
    ctest --preset "$preset" --parallel $((jobs * TESTS_PER_JOB)) "$@"
}

start_relay() {
    "$root/build/release/chatmux-relay" --port 0 --ready-file "$scratch/port" --make-ca "$scratch/ca" \
        --tokens 64 --gap-ms 25 --duration-s 300 >"$scratch/relay.log" 2>&1 &
    relay_pid=$!
    tenths=0
    while [ ! -s "$scratch/port" ]; do
        tenths=$((tenths + 1))
        if [ "$tenths" -gt "$READY_TENTHS" ] || ! kill -0 "$relay_pid" 2>/dev/null; then
            cat "$scratch/relay.log" >&2
            fail "the relay emulator did not start"
        fi
        sleep 0.1
    done
    url=https://localhost:$(cat "$scratch/port")/v1
}

demo() {
    build release
    start_relay
    export OPENAI_API_KEY=demo-key # the emulator asks for none; the program insists on one
    say "one chat, streamed from $url"
    "$root/build/release/chatmux" chat --url "$url" --cacert "$scratch/ca/ca.pem" --model gpt-4.1 \
        "Explain connection pooling in one paragraph."
    say "200 chats, 50 at a time, over 2 connections"
    "$root/build/release/chatmux" bench --url "$url" --cacert "$scratch/ca/ca.pem" --model gpt-4.1 -n 200 -c 50 -p 2
    kill "$relay_pid"
    wait "$relay_pid" || :
    relay_pid=
    say "what the emulator counted"
    cat "$scratch/relay.log"
}

fetch_servers() {
    say "servers of other makers"
    if sh tests/interop/fetch.sh; then
        export CMX_INTEROP=require
    elif [ "${CMX_INTEROP:-}" != skip ]; then
        fail "a server is missing; CMX_INTEROP=skip goes on without it"
    fi
}

run_checks() {
    fetch_servers
    build clang
    build asan
    run_tests asan --label-exclude '^(check|once)$'
    build release
    # Last, so that its summary is the last thing printed.
    run_tests release
}

cross_packages() {
    PACKAGES="gcc libc6-dev make ninja-build cmake python3 pkg-config libcmocka-dev libssl-dev"
    for cpu in "$@"; do
        case $cpu in
        armhf) PACKAGES="$PACKAGES gcc-arm-linux-gnueabihf linux-libc-dev-armhf-cross qemu-user-static" ;;
        aarch64) PACKAGES="$PACKAGES gcc-aarch64-linux-gnu linux-libc-dev-arm64-cross qemu-user-static" ;;
        mips | mipsel | riscv64)
            PACKAGES="$PACKAGES gcc-$cpu-linux-gnu linux-libc-dev-$cpu-cross qemu-user-static" ;;
        x86_64) ;;
        *) fail "no such CPU: $cpu (there are: $CPUS)" ;;
        esac
    done
}

# The other side of the chats: not what is judged here, so it is this machine's own.
build_relay() {
    say "building the relay emulator"
    cmake --preset release
    cmake --build --preset release --parallel "$jobs" --target chatmux_relay
}

cross() {
    cpu=$1
    compiler=$(CMX_JOBS=$jobs sh cmake/musl.sh "$cpu")
    path=$PATH
    PATH=$compiler:$PATH
    for preset in size release; do
        say "building $preset for $cpu"
        # --fresh: a folder otherwise keeps the compiler it was first configured with.
        cmake --fresh --preset "$preset" -B "build/$preset-$cpu" --toolchain "toolchains/$cpu.cmake" \
            -DCMX_WERROR=ON "-DCMX_TEST_RELAY=$root/build/release/chatmux-relay" "-DCMX_TEST_SLOWDOWN=$CROSS_SLOWDOWN"
    done
    cmake --build "build/size-$cpu" --parallel "$jobs"
    cmake --build "build/release-$cpu" --parallel "$jobs" --target chatmux_cli
    say "testing size on $cpu"
    ctest --test-dir "build/size-$cpu" --output-on-failure --no-tests=error --parallel "$jobs"
    say "testing release on $cpu"
    ctest --test-dir "build/release-$cpu" --output-on-failure --no-tests=error -R '^real_hundred$'
    say "weighing $cpu"
    python3 -B tests/size/size.py "$cpu=build/size-$cpu"
    PATH=$path
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/chatmux-bootstrap.XXXXXX")
case ${1:-} in
demo)
    install_packages
    choose_generator
    demo
    ;;
test)
    install_packages
    choose_generator
    run_checks
    ;;
packages)
    install_packages
    ;;
cross)
    shift
    # shellcheck disable=SC2086 # a list of words
    [ "$#" -gt 0 ] || set -- $CPUS
    cross_packages "$@"
    install_packages
    choose_generator
    build_relay
    for cpu in "$@"; do cross "$cpu"; done
    ;;
*)
    printf 'usage: sh cmake/bootstrap.sh demo|test|packages|cross [CPU...]\n' >&2
    exit 2
    ;;
esac
