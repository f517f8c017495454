#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The house style, as far as a tool can judge it: clang-format 14 agrees with every C file of src/,
# port/, include/ and tests/, and the rules in tests/checks/style.py hold.
#
# usage: check_style.sh [ROOT]
set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 2
root=${1:-$here/..}
root=$(cd "$root" && pwd) || exit 2
status=0

formatter=
for candidate in clang-format-14 clang-format; do
    if command -v "$candidate" >/dev/null 2>&1; then
        case $("$candidate" --version) in
        *"version 14."*)
            formatter=$candidate
            break
            ;;
        esac
    fi
done

if [ -z "$formatter" ]; then
    echo ".clang-format:1: format: clang-format 14 is missing; install the package clang-format-14"
    status=1
elif [ ! -f "$root/.clang-format" ]; then
    echo ".clang-format:1: format: the configuration is missing"
    status=1
else
    # clang-format reports "file:line:column: error: ..."; say the same in this check's form.
    unformatted=$(cd "$root" && python3 -B "$here/checks/source.py" "$root" |
        xargs -0 -r -n 16 -P 2 "$formatter" --style=file --dry-run --Werror 2>&1 |
        sed -n "s/^\([^ :]*:[0-9]*\):[0-9]*: error: .*/\1: format: run $formatter -i on it/p" |
        sort -u -t : -k 1,1 -k 2,2n)
    if [ -n "$unformatted" ]; then
        printf '%s\n' "$unformatted"
        status=1
    fi
fi

python3 -B "$here/checks/style.py" "$root" || status=1
exit $status
