#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes a compiler that links against musl out of Debian's cross compiler for one CPU, in the cache:
# musl from its pinned source, and TRIPLET-gcc and binutils as the files of toolchains/ name them. The
# command line is the one of musl's own musl-gcc, which knows the host alone.
# usage: musl.sh armhf|aarch64|mips|mipsel|riscv64|x86_64
# output: the folder of the programs, to put on PATH
# environment: CMX_CACHE_DIR, CMX_DEPS_DIR (see cmake/dependencies.cmake), CMX_JOBS
set -eu

here=$(cd "$(dirname "$0")" && pwd)
: "${CMX_CACHE_DIR:=${XDG_CACHE_HOME:-$HOME/.cache}/chatmux}"
export CMX_CACHE_DIR
jobs=${CMX_JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
scratch=

fail() {
    printf 'musl.sh: %s\n' "$*" >&2
    exit 1
}
cleanup() { [ -z "$scratch" ] || rm -rf "$scratch"; }
trap cleanup EXIT
trap 'exit 130' INT TERM

# Debian's triplet, and the one by which makers of musl compilers call the same target.
case ${1:-} in
armhf) debian=arm-linux-gnueabihf triplet=arm-linux-musleabihf flags="-march=armv7-a+fp -mthumb" ;;
aarch64 | mips | mipsel | riscv64 | x86_64) debian=$1-linux-gnu triplet=$1-linux-musl flags= ;;
*) fail "usage: musl.sh armhf|aarch64|mips|mipsel|riscv64|x86_64" ;;
esac
command -v "$debian-gcc" >/dev/null 2>&1 || fail "$debian-gcc is missing: sh cmake/bootstrap.sh cross $1"

# shellcheck disable=SC2046 # fields of a line
set -- $(grep '^musl ' "$here/dependencies.txt" | head -n 1)
version=$2 sha256=$3 url=$6
# The script is part of the key: it decides what the wrapper does.
key=$({
    cat "$0"
    printf '%s %s\n' "$sha256" "$("$debian-gcc" --version | head -n 1)"
} | sha256sum | cut -c 1-16)
prefix=$CMX_CACHE_DIR/musl/$triplet-$version-$key
if [ -x "$prefix/bin/$triplet-gcc" ]; then
    printf '%s\n' "$prefix/bin"
    exit 0
fi

mkdir -p "$CMX_CACHE_DIR"
scratch=$(mktemp -d "$CMX_CACHE_DIR/musl-scratch.XXXXXX")
archive=$(sh "$here/fetch.sh" local musl "$version" "$sha256" "$url") ||
    archive=$(sh "$here/fetch.sh" network musl "$version" "$sha256" "$url") ||
    fail "no source of musl $version (SHA-256 $sha256): put it into CMX_DEPS_DIR"
rm -rf "$CMX_CACHE_DIR/apt"

printf 'chatmux: building musl %s for %s once into %s\n' "$version" "$triplet" "$prefix" >&2
mkdir -p "$scratch/source" "$scratch/build" "$scratch/prefix/bin"
tar -x -f "$archive" -C "$scratch/source" --strip-components=1
(
    cd "$scratch/build"
    "$scratch/source/configure" --target="$debian" --prefix="$prefix" --disable-shared --disable-wrapper \
        CC="$debian-gcc" AR="$debian-ar" RANLIB="$debian-ranlib" \
        CFLAGS="-Os -ffunction-sections -fdata-sections $flags"
    make -j "$jobs"
    make install DESTDIR="$scratch/root"
) >"$scratch/log" 2>&1 || {
    tail -n 20 "$scratch/log" >&2
    fail "musl could not be built for $triplet"
}

# Headers of the kernel come with the cross compiler; musl has none of its own.
for name in linux asm asm-generic; do
    for parent in "/usr/$debian/include" "/usr/include/$debian" /usr/include; do
        if [ -d "$parent/$name" ]; then
            ln -s "$parent/$name" "$scratch/root$prefix/include/$name"
            break
        fi
    done
done

# The start files of each kind of program; -static -pie is what others spell -static-pie.
cat >"$scratch/root$prefix/lib/musl.specs" <<EOF
*link_libgcc:
-L$prefix/lib -L .%s

*libgcc:
libgcc.a%s %:if-exists(libgcc_eh.a%s)

*startfile:
%{!shared:%{static:%{pie:$prefix/lib/rcrt1.o;:$prefix/lib/crt1.o};:$prefix/lib/Scrt1.o}} $prefix/lib/crti.o crtbeginS.o%s

*endfile:
crtendS.o%s $prefix/lib/crtn.o

*link:
-nostdlib -z noexecstack %{shared:-shared} %{static:-static %{pie:-pie --no-dynamic-linker -z text}} %{rdynamic:-export-dynamic}

*esp_link:


*esp_options:


*esp_cpp_options:


EOF

mkdir -p "$scratch/root$prefix/bin"
cat >"$scratch/root$prefix/bin/$triplet-gcc" <<EOF
#!/bin/sh
exec $debian-gcc -nostdinc -isystem $prefix/include -isystem $("$debian-gcc" -print-file-name=include) \\
    "\$@" -specs $prefix/lib/musl.specs
EOF
chmod +x "$scratch/root$prefix/bin/$triplet-gcc"
# gcc-ar and gcc-ranlib know the objects of link-time optimisation; CMake looks for them by this name.
for tool in ar ranlib nm strip size objdump objcopy readelf ld gcc-ar gcc-ranlib; do
    ln -s "$(command -v "$debian-$tool" || command -v "$tool")" "$scratch/root$prefix/bin/$triplet-$tool"
done

mkdir -p "$CMX_CACHE_DIR/musl"
rm -rf "$prefix"
mv "$scratch/root$prefix" "$prefix"
printf '%s\n' "$prefix/bin"
