# SPDX-License-Identifier: MIT
#
# What the preset `size` does beyond the compiler's own -Os. CMX_SIZE: flags that only save bytes, and a
# program whose code, that of the library and that of the dependencies are optimised as one. The
# archive stays plain objects, which any linker takes. CMX_PIC=OFF: code that must lie where it was
# linked, as firmware and static programs do; each access to a table is then one instruction.

option(CMX_SIZE "The smallest code; the program is linked with link-time optimisation" OFF)
option(CMX_PIC "Position-independent code, as shared libraries and PIE programs need" ON)
option(CMX_MIPS16 "With CMX_SIZE on MIPS: instructions of 16 bits, for cores that have MIPS16e" OFF)

set(cmx_size_options "")
set(cmx_size_link_options "")
set(cmx_size_lto OFF)
if(CMX_SIZE)
    include(CheckCCompilerFlag)
    include(CheckCSourceCompiles)
    # -Oz: constants are pushed and popped on x86. The next four keep what is computed once from
    # occupying a register, and the registers' saves and restores with it.
    foreach(flag
            -Oz -fno-inline-functions-called-once -fno-move-loop-invariants -fno-caller-saves
            -fno-expensive-optimizations -fno-jump-tables)
        string(MAKE_C_IDENTIFIER "CMX_HAVE${flag}" have)
        check_c_compiler_flag("${flag}" ${have})
        if(${have})
            list(APPEND cmx_size_options "${flag}")
        endif()
    endforeach()
    # Less code, but not every MIPS32r2 core has these instructions, so it must be asked for. Arithmetic
    # keeps the others, so all of it must be ready for calls from one kind to the other.
    set(cmx_size_interlink "")
    if(CMX_MIPS16 AND CMAKE_SYSTEM_PROCESSOR MATCHES "^mips(el)?$")
        check_c_compiler_flag("-mips16 -minterlink-mips16" CMX_HAVE_MIPS16)
        if(CMX_HAVE_MIPS16)
            set(cmx_size_interlink -minterlink-mips16)
            list(APPEND cmx_size_options -mips16 ${cmx_size_interlink})
        endif()
    endif()
    # Only gcc's archives hold plain and intermediate code at once, and its link-time optimisation
    # knows one kind of instructions at a time.
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT CMX_SANITIZE AND NOT cmx_size_interlink)
        set(CMAKE_REQUIRED_FLAGS "-flto")
        check_c_source_compiles("int main(void) { return 0; }" CMX_HAVE_LTO)
        unset(CMAKE_REQUIRED_FLAGS)
        set(cmx_size_lto "${CMX_HAVE_LTO}")
    endif()
    # Code and constants in one segment: less padding in the file.
    set(cmx_size_link_options -Wl,-z,noseparate-code)
endif()

set(cmx_pic_options "")
set(cmx_pic_link_options "")
if(NOT CMX_PIC)
    set(cmx_pic_options -fno-pic -fno-pie)
    set(cmx_pic_link_options -no-pie)
endif()
