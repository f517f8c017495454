#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Bad libraries are refused by name: -DCMX_DEPS=system against planted sysroots, and the bundled
# sources when they are missing, damaged or given as a directory. No network.
set -eu

cmake=${CMX_CMAKE:-cmake}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/chatmux-dependencies.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
failed=0

mkdir "$tmp/project"
cat >"$tmp/project/CMakeLists.txt" <<EOF
cmake_minimum_required(VERSION 3.16)
project(probe C)
include("$CMX_SOURCE_DIR/cmake/dependencies.cmake")
EOF

version_hex() { printf "%s\n" "$1" | awk -F. '{ printf "0x%02x%03x%03x", $1, $2, $3 }'; }

# plant NAME NGHTTP2_VERSION WOLFSSL_VERSION DROPPED_MACRO ADDED_MACRO
plant() {
    sysroot=$tmp/$1
    mkdir -p "$sysroot/include/nghttp2" "$sysroot/include/wolfssl/wolfcrypt" "$sysroot/lib"
    printf '#define NGHTTP2_VERSION "%s"\n' "$2" >"$sysroot/include/nghttp2/nghttp2ver.h"
    : >"$sysroot/include/nghttp2/nghttp2.h"
    : >"$sysroot/include/jsmn.h"
    printf '#define LIBWOLFSSL_VERSION_STRING "%s"\n#define LIBWOLFSSL_VERSION_HEX %s\n' "$3" "$(version_hex "$3")" \
        >"$sysroot/include/wolfssl/version.h"
    : >"$sysroot/include/wolfssl/wolfcrypt/settings.h"
    : >"$sysroot/include/wolfssl/wolfcrypt/types.h"
    for macro in WOLFSSL_TLS13 HAVE_ALPN HAVE_SNI HAVE_SESSION_TICKET HAVE_SUPPORTED_CURVES HAVE_AESGCM \
        WOLFSSL_ALT_CERT_CHAINS XMALLOC_USER CUSTOM_RAND_GENERATE_SEED TIME_OVERRIDES WOLFSSL_IP_ALT_NAME \
        WOLFSSL_HOSTNAME_VERIFY_ALT_NAME_ONLY WOLFSSL_NO_TLS12 $5; do
        [ "$macro" = "$4" ] || printf '#define %s\n' "$macro"
    done >"$sysroot/include/wolfssl/options.h"
    : >"$sysroot/lib/libnghttp2.a"
    : >"$sysroot/lib/libwolfssl.a"
}

# expect NAME TEXT CMAKE_ARGUMENT...: configuring says TEXT ("" for success).
expect() {
    name=$1 text=$2
    shift 2
    rm -rf "$tmp/build"
    if "$cmake" -S "$tmp/project" -B "$tmp/build" "-DCMAKE_C_COMPILER=$CMX_CC" "$@" >"$tmp/out" 2>&1; then
        outcome=""
    else
        # CMake breaks long lines of its messages.
        outcome=$(tr -s ' \n' '  ' <"$tmp/out")
    fi
    case "$text|$outcome" in
    "|") echo "ok: $name" ;;
    "|"*) failed=1 && echo "FAILED: $name: should be accepted: $outcome" ;;
    *"|") failed=1 && echo "FAILED: $name: was accepted" ;;
    *)
        case $outcome in
        *"$text"*) echo "ok: $name" ;;
        *) failed=1 && echo "FAILED: $name: expected '$text', got: $outcome" ;;
        esac
        ;;
    esac
}

system() {
    printf '%s\n' "-DCMX_DEPS=system" "-DCMX_SYSTEM_NGHTTP2_INCLUDE=$1/include" \
        "-DCMX_SYSTEM_WOLFSSL_INCLUDE=$1/include" "-DCMX_SYSTEM_JSMN_INCLUDE=$1/include" \
        "-DCMX_SYSTEM_NGHTTP2_LIBRARY=$1/lib/libnghttp2.a" "-DCMX_SYSTEM_WOLFSSL_LIBRARY=$1/lib/libwolfssl.a"
}

# shellcheck disable=SC2046 # one argument a word, no blanks inside
{
    plant good 1.70.0 5.9.2 "" ""
    expect "good sysroot" "" $(system "$tmp/good")
    plant old 1.70.0 5.5.4 "" ""
    expect "wolfSSL 5.5.4" "system's wolfssl is 5.5.4; 5.9.2 or newer is needed" $(system "$tmp/old")
    plant compatible 1.70.0 5.9.4 "" OPENSSL_COMPATIBLE_DEFAULTS
    expect "OPENSSL_COMPATIBLE_DEFAULTS" "was built with OPENSSL_COMPATIBLE_DEFAULTS" $(system "$tmp/compatible")
    plant trust 1.70.0 5.9.2 "" WOLFSSL_TRUST_PEER_CERT
    expect "WOLFSSL_TRUST_PEER_CERT" "was built with WOLFSSL_TRUST_PEER_CERT" $(system "$tmp/trust")
    plant alpn 1.70.0 5.9.2 HAVE_ALPN ""
    expect "no ALPN" "was built without HAVE_ALPN" $(system "$tmp/alpn")
    plant chains 1.70.0 5.9.2 WOLFSSL_ALT_CERT_CHAINS ""
    expect "no alternative chains" "was built without WOLFSSL_ALT_CERT_CHAINS" $(system "$tmp/chains")
    plant tls12 1.70.0 5.9.2 WOLFSSL_NO_TLS12 ""
    expect "TLS 1.2 below 5.9.4" "define WOLFSSL_NO_TLS12" $(system "$tmp/tls12")
    plant rpk 1.70.0 5.9.2 "" HAVE_RPK
    expect "raw public keys" "raw public keys" $(system "$tmp/rpk")
    plant hooks 1.70.0 5.9.2 XMALLOC_USER ""
    expect "no memory hooks" "was built without XMALLOC_USER" $(system "$tmp/hooks")
    plant http 1.52.0 5.9.2 "" ""
    expect "nghttp2 1.52.0" "system's nghttp2 is 1.52.0; 1.70.0 or newer is needed" $(system "$tmp/http")
    plant patched 1.64.0 5.9.2 "" ""
    expect "nghttp2 1.64.0" "system's nghttp2 is 1.64.0" $(system "$tmp/patched")
    expect "nghttp2 1.64.0, patched" "" $(system "$tmp/patched") "-DCMX_DEPS_PATCHED=1.64.0-1.1+deb13u1"
    plant absent 1.70.0 5.9.2 "" ""
    rm "$tmp/absent/include/jsmn.h"
    expect "no jsmn" "the sysroot has no: jsmn.h" $(system "$tmp/absent") -DCMX_SYSTEM_JSMN_INCLUDE=
}
if grep -qs '"5\.5\.4"' /usr/include/wolfssl/version.h; then
    expect "this system's libwolfssl-dev" "system's wolfssl is 5.5.4" -DCMX_DEPS=system
fi

expect "no sources, no network" "the sources of wolfssl are missing" "-DCMX_CACHE_DIR=$tmp/empty" -DCMX_OFFLINE=ON
expect "the remedy is named" "configure with -DCMX_DEPS_DIR=<directory>" "-DCMX_CACHE_DIR=$tmp/empty" -DCMX_OFFLINE=ON

# The given directory: the right file is taken, a damaged one is not.
row=$(grep '^jsmn ' "$CMX_SOURCE_DIR/cmake/dependencies.txt" | head -n 1)
# shellcheck disable=SC2086 # columns
set -- $row
archive=$CMX_CACHE_DIR/tarballs/$1-$2.tar.gz
if [ -f "$archive" ]; then
    mkdir "$tmp/given"
    cp "$archive" "$tmp/given/jsmn_$2.orig.tar.gz"
    if CMX_CACHE_DIR=$tmp/fresh CMX_DEPS_DIR=$tmp/given sh "$CMX_SOURCE_DIR/cmake/fetch.sh" local "$1" "$2" "$3" "$6" \
        >/dev/null; then
        echo "ok: a given directory"
    else
        failed=1 && echo "FAILED: a given directory"
    fi
    printf x >>"$tmp/given/jsmn_$2.orig.tar.gz"
    printf x >>"$tmp/fresh/tarballs/$1-$2.tar.gz"
    if CMX_CACHE_DIR=$tmp/fresh CMX_DEPS_DIR=$tmp/given sh "$CMX_SOURCE_DIR/cmake/fetch.sh" local "$1" "$2" "$3" "$6" \
        >/dev/null 2>&1; then
        failed=1 && echo "FAILED: damaged archives were taken"
    else
        echo "ok: damaged archives"
    fi
fi
exit "$failed"
