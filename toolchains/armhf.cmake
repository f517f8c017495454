# SPDX-License-Identifier: MIT
#
# 32-bit ARM, Thumb-2, hardware floats: ARMv7-A with NEON, such as Cortex-A7 to A17. For a CPU without NEON
# take +simd out of the flags: the dependencies follow.
# The programs are static with musl. `sh cmake/musl.sh armhf` makes the compiler and prints the folder to
# put on PATH; one of musl-cross-make, Buildroot or crosstool-NG by the same name serves, too.
#
#   PATH=$(sh cmake/musl.sh armhf):$PATH cmake -S . -B build/armhf --toolchain toolchains/armhf.cmake -DCMAKE_BUILD_TYPE=Release

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-linux-musleabihf-gcc)
set(CMAKE_ASM_COMPILER arm-linux-musleabihf-gcc)
set(CMAKE_C_FLAGS_INIT "-march=armv7-a+simd -mfloat-abi=hard -mthumb")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")

# Nothing of the building machine may be found; the compiler knows where its own files are.
set(CMAKE_FIND_ROOT_PATH "${CMAKE_CURRENT_LIST_DIR}/none")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Runs the tests: a static program needs no root file system.
find_program(CMX_QEMU NAMES qemu-arm-static qemu-arm)
if(CMX_QEMU)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${CMX_QEMU}")
endif()
