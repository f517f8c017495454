# SPDX-License-Identifier: MIT
#
# 64-bit ARM, ARMv8-A. AES instructions are used where the CPU that runs the program has them.
# The programs are static with musl. `sh cmake/musl.sh aarch64` makes the compiler and prints the folder to
# put on PATH; one of musl-cross-make, Buildroot or crosstool-NG by the same name serves, too.
#
#   PATH=$(sh cmake/musl.sh aarch64):$PATH cmake -S . -B build/aarch64 --toolchain toolchains/aarch64.cmake -DCMAKE_BUILD_TYPE=Release

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-musl-gcc)
set(CMAKE_ASM_COMPILER aarch64-linux-musl-gcc)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")

# Nothing of the building machine may be found; the compiler knows where its own files are.
set(CMAKE_FIND_ROOT_PATH "${CMAKE_CURRENT_LIST_DIR}/none")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Runs the tests: a static program needs no root file system.
find_program(CMX_QEMU NAMES qemu-aarch64-static qemu-aarch64)
if(CMX_QEMU)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${CMX_QEMU}")
endif()
