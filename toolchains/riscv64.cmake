# SPDX-License-Identifier: MIT
#
# 64-bit RISC-V, rv64gc.
# The programs are static with musl. `sh cmake/musl.sh riscv64` makes the compiler and prints the folder to
# put on PATH; one of musl-cross-make, Buildroot or crosstool-NG by the same name serves, too.
#
#   PATH=$(sh cmake/musl.sh riscv64):$PATH cmake -S . -B build/riscv64 --toolchain toolchains/riscv64.cmake -DCMAKE_BUILD_TYPE=Release

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(CMAKE_C_COMPILER riscv64-linux-musl-gcc)
set(CMAKE_ASM_COMPILER riscv64-linux-musl-gcc)
set(CMAKE_C_FLAGS_INIT "-march=rv64gc -mabi=lp64d")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")

# Nothing of the building machine may be found; the compiler knows where its own files are.
set(CMAKE_FIND_ROOT_PATH "${CMAKE_CURRENT_LIST_DIR}/none")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Runs the tests: a static program needs no root file system.
find_program(CMX_QEMU NAMES qemu-riscv64-static qemu-riscv64)
if(CMX_QEMU)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${CMX_QEMU}")
endif()
