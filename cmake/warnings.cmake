# SPDX-License-Identifier: MIT
#
# The warnings every target of this project is compiled with. cmx_warnings(target) adds them;
# CMX_WERROR makes them errors. Private to each target, so that a project that embeds chatmux keeps
# its own.

function(cmx_warnings target)
    target_compile_options(${target} PRIVATE
        -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Wstrict-prototypes -Wundef -Wvla)
    if(CMX_WERROR)
        target_compile_options(${target} PRIVATE -Werror)
    endif()
endfunction()
