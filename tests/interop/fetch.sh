#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Puts Debian's packages of the five servers and of Prometheus, and of the libraries they lack on this
# machine, into the cache and unpacks them there; nothing is installed, and no daemon starts. Needs no
# root.
# usage: fetch.sh [SERVER...]   (default: nghttpd h2o nginx haproxy caddy prometheus)
# environment: CMX_CACHE_DIR (default: ~/.cache/chatmux, as in cmake/dependencies.cmake)
# Prints one line. Exit status: 0 all of them run, 1 one does not. A server that already runs, from
# the cache or because it is installed, is left alone, so a second call uses no network.
# Apt checks the signatures; it reads the system's sources and keys, but keeps lists and packages in
# the cache, so the system's own are neither used nor changed.
set -eu

APT_TOTAL_S=300

cache=${CMX_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/chatmux}
store=$cache/servers
servers=${*:-nghttpd h2o nginx haproxy caddy prometheus}
updated=

say() { printf '%s\n' "chatmux: $*" >&2; }

limited() {
    seconds=$1
    shift
    if command -v timeout >/dev/null 2>&1; then timeout "$seconds" "$@"; else "$@"; fi
}

package_of() {
    case $1 in
    nghttpd) echo nghttp2-server ;;
    *) echo "$1" ;;
    esac
}

# servers.py knows where a server is and how to ask for its version: one place for both.
version_of() { CMX_CACHE_DIR=$cache python3 -B "$(dirname "$0")/servers.py" --version "$1" 2>/dev/null; }

private_apt() {
    tool=$1
    shift
    limited "$APT_TOTAL_S" "$tool" -q -o Dir::State::lists="$store/apt/lists" -o Dir::Cache="$store/apt/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 -o Acquire::GzipIndexes=true \
        -o Acquire::Languages=none -o Acquire::Retries=2 "$@"
}

update_once() {
    [ -z "$updated" ] || return 0
    mkdir -p "$store/apt/lists/partial" "$store/apt/cache/archives/partial"
    private_apt apt-get update >"$store/apt/update.log" 2>&1 || :
    updated=1
}

# The package and what it needs beyond what is installed. The C library is never taken from here:
# the loader outside must match it.
packages_for() {
    printf '%s\n' "$1"
    [ "$1" != prometheus ] || return 0 # of Go, which needs no libraries; the rest are its web pages
    private_apt apt-get install --simulate --no-install-recommends "$1" |
        sed -n 's/^Inst \([^ ]*\) .*/\1/p' | grep -v -e '-dev$' -e '^libc6' -e '^libc-bin$' -e "^$1\$" || :
}

unpack() {
    name=$1
    package=$(package_of "$name")
    draft=$store/$name.$$
    rm -rf "$draft"
    mkdir -p "$draft/debs" "$draft/root"
    (
        cd "$draft/debs"
        # shellcheck disable=SC2046 # a list of words
        private_apt apt-get download $(packages_for "$package")
    ) >"$store/apt/$name.log" 2>&1 || {
        rm -rf "$draft"
        return 1
    }
    for file in "$draft"/debs/*.deb; do
        dpkg-deb -x "$file" "$draft/root" || return 1
    done
    rm -rf "${store:?}/$name"
    # Another run may have been faster: its copy is as good.
    mv -T "$draft/root" "$store/$name" 2>/dev/null || :
    rm -rf "$draft"
}

have=
missing=
for name in $servers; do
    version=$(version_of "$name") || version=
    if [ -z "$version" ] && command -v apt-get >/dev/null 2>&1; then
        update_once
        unpack "$name" || :
        version=$(version_of "$name") || version=
        [ -n "$version" ] || say "$name: see $store/apt/$name.log and update.log there"
    fi
    if [ -n "$version" ]; then have="$have $name $version,"; else missing="$missing $name"; fi
done
if [ -z "$missing" ]; then
    rm -rf "$store/apt"
    printf 'servers:%s in %s\n' "${have%,}" "$store"
    exit 0
fi
printf 'servers: missing:%s. Remedy: reach a Debian mirror and run sh tests/interop/fetch.sh, or install them\n' \
    "$missing"
exit 1
