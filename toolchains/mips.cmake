# SPDX-License-Identifier: MIT
#
# 32-bit MIPS, big-endian, release 2, hardware floats. -DCMX_MIPS16=ON makes the preset `size` smaller
# where the core has MIPS16e; `cat /proc/cpuinfo` says so, under "ASEs implemented".
# The programs are static with musl. `sh cmake/musl.sh mips` makes the compiler and prints the folder to
# put on PATH; one of musl-cross-make, Buildroot or crosstool-NG by the same name serves, too.
#
#   PATH=$(sh cmake/musl.sh mips):$PATH cmake -S . -B build/mips --toolchain toolchains/mips.cmake -DCMAKE_BUILD_TYPE=Release

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR mips)
set(CMAKE_C_COMPILER mips-linux-musl-gcc)
set(CMAKE_ASM_COMPILER mips-linux-musl-gcc)
set(CMAKE_C_FLAGS_INIT "-march=mips32r2")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")

# Nothing of the building machine may be found; the compiler knows where its own files are.
set(CMAKE_FIND_ROOT_PATH "${CMAKE_CURRENT_LIST_DIR}/none")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Runs the tests: a static program needs no root file system.
find_program(CMX_QEMU NAMES qemu-mips-static qemu-mips)
if(CMX_QEMU)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${CMX_QEMU}")
endif()
