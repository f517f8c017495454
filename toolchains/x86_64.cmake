# SPDX-License-Identifier: MIT
#
# 64-bit x86 with musl: the host's own kind of CPU, so that its programs run without emulation.
# The programs are static with musl. `sh cmake/musl.sh x86_64` makes the compiler and prints the folder to
# put on PATH; one of musl-cross-make, Buildroot or crosstool-NG by the same name serves, too.
#
#   PATH=$(sh cmake/musl.sh x86_64):$PATH cmake -S . -B build/x86_64 --toolchain toolchains/x86_64.cmake -DCMAKE_BUILD_TYPE=Release

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-linux-musl-gcc)
set(CMAKE_ASM_COMPILER x86_64-linux-musl-gcc)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")

# Nothing of the building machine may be found; the compiler knows where its own files are.
set(CMAKE_FIND_ROOT_PATH "${CMAKE_CURRENT_LIST_DIR}/none")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
