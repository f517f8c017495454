#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Finds one pinned source archive and prints the path of a copy whose SHA-256 is right.
# usage: fetch.sh local|network NAME VERSION SHA256 URL
# environment: CMX_CACHE_DIR (required), CMX_DEPS_DIR (a directory given by the user, may be empty),
#              CMX_FETCH_STATE (a file that remembers that upstream cannot be reached; may be empty)
# Order: given directory, cache, upstream release, Debian source package. Apt runs with a
# configuration, state and cache of its own: the system's lists, sources and locks are neither read
# for packages nor written.
set -eu

UPSTREAM_CONNECT_S=4
UPSTREAM_TOTAL_S=300
APT_TOTAL_S=300

mode=$1 name=$2 version=$3 sha256=$4 url=$5
store=$CMX_CACHE_DIR/tarballs
archive=$store/$name-$version.tar.gz
apt_dir=$CMX_CACHE_DIR/apt
tmp=

say() { printf '%s\n' "chatmux: $*" >&2; }
cleanup() { [ -z "$tmp" ] || rm -rf "$tmp"; }
trap cleanup EXIT
trap 'exit 130' INT TERM

matches() {
    [ -f "$1" ] || return 1
    set -- "$(sha256sum "$1")"
    [ "${1%% *}" = "$sha256" ]
}

limited() {
    seconds=$1
    shift
    if command -v timeout >/dev/null 2>&1; then timeout "$seconds" "$@"; else "$@"; fi
}

keep() {
    mkdir -p "$store"
    cp "$1" "$archive.$$"
    mv "$archive.$$" "$archive"
    printf '%s\n' "$archive"
    exit 0
}

from_directory() {
    [ -n "${CMX_DEPS_DIR:-}" ] || return 0
    for file in "$CMX_DEPS_DIR"/*"$version"*; do
        if matches "$file"; then keep "$file"; fi
        case ${file##*/} in
        "$name"*.tar.*) say "$file: SHA-256 is not the pinned one, ignored" ;;
        esac
    done
}

from_cache() {
    if matches "$archive"; then
        printf '%s\n' "$archive"
        exit 0
    fi
    rm -f "$archive"
}

from_upstream() {
    if [ -n "${CMX_FETCH_STATE:-}" ] && [ -e "$CMX_FETCH_STATE" ]; then return 0; fi
    rc=0
    if command -v curl >/dev/null 2>&1; then
        curl -fsSL --connect-timeout "$UPSTREAM_CONNECT_S" --max-time "$UPSTREAM_TOTAL_S" -o "$tmp/upstream" "$url" \
            2>/dev/null || rc=$?
    elif command -v wget >/dev/null 2>&1; then
        limited "$UPSTREAM_TOTAL_S" wget -q -t 1 --dns-timeout="$UPSTREAM_CONNECT_S" \
            --connect-timeout="$UPSTREAM_CONNECT_S" -O "$tmp/upstream" "$url" || rc=$?
    else
        rc=127
    fi
    if [ "$rc" -eq 0 ]; then
        if matches "$tmp/upstream"; then keep "$tmp/upstream"; fi
        say "$url: SHA-256 is not the pinned one, ignored"
        return 0
    fi
    say "$name $version: upstream release not reachable, trying Debian's source package"
    # An answer of the server (curl 22) speaks of this file only; anything else speaks of the
    # network.
    if [ "$rc" -ne 22 ] && [ -n "${CMX_FETCH_STATE:-}" ]; then : >"$CMX_FETCH_STATE"; fi
}

# The mirror this machine already uses, so that a site's own mirror is honoured.
debian_mirror() {
    mirror=$(
        cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
            sed -e 's/#.*//' | tr ' \t' '\n\n' | sed -n -e 's,/*$,,' -e '/^[a-z+]*:\/\/.*\/debian$/p' | head -n 1
    )
    printf '%s\n' "${mirror:-http://deb.debian.org/debian}"
}

# A mirror that is behind may serve an expired list: what is taken is judged by its pinned digest alone.
private_apt() {
    tool=$1
    shift
    limited "$APT_TOTAL_S" "$tool" -q -o Dir::Etc::sourcelist="$apt_dir/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State="$apt_dir/state" -o Dir::State::status="$apt_dir/state/status" \
        -o Dir::Cache="$apt_dir/cache" -o APT::Sandbox::User="$(id -un)" -o Acquire::GzipIndexes=true \
        -o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::Check-Valid-Until=false "$@"
}

prepare_apt() {
    [ ! -e "$apt_dir/ready" ] || return 0
    mkdir -p "$apt_dir/state/lists/partial" "$apt_dir/cache/archives/partial"
    : >"$apt_dir/state/status"
    mirror=$(debian_mirror)
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    signed=
    if [ -f "$keyring" ]; then signed="[signed-by=$keyring] "; fi
    for suite in bookworm trixie sid; do
        printf 'deb-src %s%s %s main\n' "$signed" "$mirror" "$suite"
    done >"$apt_dir/sources.list"
    private_apt apt-get update >"$apt_dir/update.log" 2>&1 || :
    : >"$apt_dir/ready"
}

# The package version whose list of files holds our digest.
debian_version() {
    private_apt apt-cache showsrc "$name" 2>/dev/null | awk -v want="$sha256" '
        /^Version:/ { version = $2 }
        $1 == want && $3 ~ /\.orig\.tar\./ { print version; exit }'
}

from_debian() {
    command -v apt-get >/dev/null 2>&1 || return 0
    prepare_apt
    # apt-get update calls it a success when nothing could be reached.
    if [ -z "$(find "$apt_dir/state/lists" -name '*_Sources*')" ]; then
        say "$name $version: Debian's mirror $(debian_mirror) not reachable"
        return 0
    fi
    found=$(debian_version)
    if [ -z "$found" ]; then
        say "$name $version: no Debian source package carries this archive"
        return 0
    fi
    # Only the upstream archive: the digest above is the authority, so Debian's other files are not
    # needed.
    (cd "$tmp" && private_apt apt-get source --download-only --tar-only "$name=$found" >/dev/null 2>&1) || :
    for file in "$tmp"/"$name"_*.orig.tar.*; do
        if matches "$file"; then keep "$file"; fi
    done
    say "$name $version: Debian's source package $found could not be fetched"
}

tmp=$(mktemp -d "${TMPDIR:-/tmp}/chatmux-fetch.XXXXXX")
case $mode in
local)
    from_directory
    from_cache
    ;;
network)
    from_upstream
    from_debian
    ;;
*)
    say "fetch.sh: unknown mode $mode"
    exit 2
    ;;
esac
exit 1
