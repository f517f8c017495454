# SPDX-License-Identifier: MIT
#
# Compiler and linker flags that concern safety: sanitizers in test builds (CMX_SANITIZE), the
# OpenSSF hardening set in release builds (CMX_HARDEN), dead-code removal always. cmx_target(target)
# puts all of them on one target.

include(CheckCCompilerFlag)
include(CheckCSourceCompiles)

set(cmx_compile_options -ffunction-sections -fdata-sections ${cmx_size_options} ${cmx_pic_options})
set(cmx_link_options -Wl,--gc-sections -Wl,--as-needed)

if(CMX_SANITIZE)
    # A finding ends the program: a test must not pass beside one.
    list(APPEND cmx_compile_options "-fsanitize=${CMX_SANITIZE}" -fno-sanitize-recover=all -fno-omit-frame-pointer)
    list(APPEND cmx_link_options "-fsanitize=${CMX_SANITIZE}")
endif()

if(CMX_HARDEN)
    if(CMX_SANITIZE)
        message(FATAL_ERROR "chatmux: CMX_HARDEN and CMX_SANITIZE exclude each other (both rewrite the same checks)")
    endif()
    set(candidates
        -fstack-protector-strong -fstack-clash-protection -fstrict-flex-arrays=3
        -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing -ftrivial-auto-var-init=zero)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64|i.86)$")
        list(APPEND candidates -fcf-protection=full)
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
        list(APPEND candidates -mbranch-protection=standard)
    endif()
    foreach(flag IN LISTS candidates)
        string(MAKE_C_IDENTIFIER "CMX_HAVE${flag}" have)
        check_c_compiler_flag("${flag}" ${have})
        if(${have})
            list(APPEND cmx_compile_options "${flag}")
        endif()
    endforeach()
    list(APPEND cmx_compile_options -Wformat=2 -Werror=format-security -Wimplicit-fallthrough)
    # Level 3 needs the compiler's dynamic object sizes (gcc 12, clang 9); libc falls back to 2 by
    # itself.
    list(APPEND cmx_compile_options -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
    list(APPEND cmx_link_options -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()

if(CMX_LTO)
    include(CheckIPOSupported)
    check_ipo_supported(RESULT cmx_lto_works OUTPUT cmx_lto_output LANGUAGES C)
    if(NOT cmx_lto_works)
        message(FATAL_ERROR "chatmux: CMX_LTO=ON, but this compiler cannot: ${cmx_lto_output}")
    endif()
endif()

function(cmx_target target)
    set_target_properties(${target} PROPERTIES
        C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ${CMX_PIC})
    target_compile_options(${target} PRIVATE ${cmx_compile_options})
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE")
        target_link_options(${target} PRIVATE ${cmx_link_options} ${cmx_pic_link_options} ${cmx_size_link_options})
        if(CMX_HARDEN AND CMX_PIC)
            target_link_options(${target} PRIVATE -pie)
        endif()
    elseif(CMX_SANITIZE)
        # Whoever links the library needs the runtime too.
        target_link_options(${target} INTERFACE "-fsanitize=${CMX_SANITIZE}")
    elseif(cmx_pic_link_options)
        target_link_options(${target} INTERFACE ${cmx_pic_link_options})
    endif()
    cmx_warnings(${target})
endfunction()
