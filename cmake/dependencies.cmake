# SPDX-License-Identifier: MIT
#
# Provides the imported targets cmx_dep_wolfssl, cmx_dep_nghttp2 and cmx_dep_jsmn. CMX_DEPS=bundled:
# pinned sources (dependencies.txt) are fetched by fetch.sh, built by deps/CMakeLists.txt into a
# cache outside the tree and reused; the key of a built library is everything that can change its
# bytes. CMX_DEPS=system: system_dependencies.cmake looks in the sysroot and refuses what is not
# safe.

set(CMX_DEPS "bundled" CACHE STRING "bundled: pinned sources built into a cache; system: the sysroot's own libraries")
set_property(CACHE CMX_DEPS PROPERTY STRINGS bundled system)
set(CMX_DEPS_DIR "$ENV{CMX_DEPS_DIR}" CACHE PATH "Directory with release archives of the dependencies, searched first")
option(CMX_DEPS_UNTRIED "Also take versions that dependencies.txt marks untried" OFF)
option(CMX_OFFLINE "Never use the network for dependencies" OFF)
set(CMX_DEPS_PROFILE "fast" CACHE STRING "wolfSSL profile: fast (assembly, unrolled code) or size")
set_property(CACHE CMX_DEPS_PROFILE PROPERTY STRINGS fast size)

if(NOT DEFINED CMX_CACHE_DIR)
    if(DEFINED ENV{CMX_CACHE_DIR})
        set(cmx_cache_default "$ENV{CMX_CACHE_DIR}")
    elseif(DEFINED ENV{XDG_CACHE_HOME})
        set(cmx_cache_default "$ENV{XDG_CACHE_HOME}/chatmux")
    elseif(DEFINED ENV{HOME})
        set(cmx_cache_default "$ENV{HOME}/.cache/chatmux")
    else()
        set(cmx_cache_default "${CMAKE_BINARY_DIR}/cache")
    endif()
    set(CMX_CACHE_DIR "${cmx_cache_default}" CACHE PATH "Where archives and built dependencies are kept")
endif()

set(CMX_DEPS_SCRIPTS "${CMAKE_CURRENT_LIST_DIR}")

# A relative name is meant from where CMake itself looks, whichever folder asks.
set(CMX_DEPS_TOOLCHAIN "")
if(CMAKE_TOOLCHAIN_FILE)
    foreach(base "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}")
        get_filename_component(cmx_toolchain "${CMAKE_TOOLCHAIN_FILE}" ABSOLUTE BASE_DIR "${base}")
        if(EXISTS "${cmx_toolchain}")
            set(CMX_DEPS_TOOLCHAIN "${cmx_toolchain}")
        endif()
    endforeach()
endif()

# Rows of dependencies.txt for one name, each as "version|sha256|url", newest first.
function(cmx_dep_rows name out)
    file(STRINGS "${CMX_DEPS_SCRIPTS}/dependencies.txt" lines REGEX "^${name} ")
    set(rows "")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE " +" ";" fields "${line}")
        list(GET fields 1 version)
        list(GET fields 2 sha256)
        list(GET fields 4 status)
        list(GET fields 5 url)
        if(status STREQUAL "accepted" OR CMX_DEPS_UNTRIED)
            list(APPEND rows "${version}|${sha256}|${url}")
        endif()
    endforeach()
    set(${out} "${rows}" PARENT_SCOPE)
endfunction()

# Flags of one library: a function of the profile alone, so that presets share a build where they
# can.
function(cmx_dep_flags name out)
    if(CMX_DEPS_PROFILE STREQUAL "size")
        set(flags "-Os -fno-asynchronous-unwind-tables -fno-unwind-tables")
    else()
        set(flags "-O2")
    endif()
    if(cmx_size_lto OR cmx_dep_lto)
        string(APPEND flags " -flto -ffat-lto-objects")
    endif()
    if(cmx_size_interlink)
        string(APPEND flags " ${cmx_size_interlink}")
    endif()
    if(NOT CMX_PIC)
        # -no-pie: CMake links a program to learn the size of a pointer.
        string(APPEND flags " -fno-pic -fno-pie -no-pie")
    endif()
    string(APPEND flags " -ffunction-sections -fdata-sections -fstack-protector-strong")
    if(CMX_SANITIZE MATCHES "address")
        # Addresses only: undefined behaviour inside third-party code is its authors' business and
        # would drown ours.
        string(APPEND flags " -g -fsanitize=address -fno-omit-frame-pointer")
    else()
        string(APPEND flags " -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2")
    endif()
    if(name STREQUAL "nghttp2" AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
        string(APPEND flags " -DNDEBUG")
    endif()
    set(${out} "${flags}" PARENT_SCOPE)
endfunction()

# A digest of everything that decides the bytes of a built library.
function(cmx_dep_key name version sha256 flags out)
    set(text "${name} ${version} ${sha256} ${flags} ${cmx_size_options} ${CMAKE_C_FLAGS} ${CMX_DEPS_PROFILE}")
    execute_process(COMMAND "${CMAKE_C_COMPILER}" --version OUTPUT_VARIABLE compiler ERROR_QUIET)
    string(REGEX REPLACE "^[^ ]+ " "" compiler "${compiler}") # cc and gcc are one compiler by two names
    string(APPEND text " ${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION} ${CMAKE_C_COMPILER_TARGET} ${compiler}")
    execute_process(COMMAND "${CMAKE_C_COMPILER}" -dumpmachine OUTPUT_VARIABLE machine ERROR_QUIET)
    string(APPEND text " ${machine} ${CMAKE_SYSTEM_PROCESSOR} ${CMAKE_SIZEOF_VOID_P} ${CMAKE_SYSROOT}")
    if(CMX_DEPS_TOOLCHAIN)
        file(READ "${CMX_DEPS_TOOLCHAIN}" toolchain)
        string(APPEND text " ${toolchain}")
    endif()
    set(inputs deps/CMakeLists.txt)
    if(name STREQUAL "wolfssl")
        list(APPEND inputs wolfssl_user_settings.h wolfssl_gmtime.c)
    elseif(name STREQUAL "nghttp2")
        list(APPEND inputs deps/nghttp2_huffman_small.c deps/nghttp2_client_only.c)
    endif()
    foreach(input IN LISTS inputs)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMX_DEPS_SCRIPTS}/${input}")
        file(READ "${CMX_DEPS_SCRIPTS}/${input}" content)
        string(APPEND text " ${content}")
    endforeach()
    string(SHA256 digest "${text}")
    string(SUBSTRING "${digest}" 0 16 digest)
    set(${out} "${digest}" PARENT_SCOPE)
endfunction()

function(cmx_dep_fetch mode name version sha256 url out)
    execute_process(
        COMMAND "${CMAKE_COMMAND}" -E env "CMX_CACHE_DIR=${CMX_CACHE_DIR}" "CMX_DEPS_DIR=${CMX_DEPS_DIR}"
            "CMX_FETCH_STATE=${CMAKE_BINARY_DIR}/CMakeFiles/chatmux_upstream_unreachable"
            sh "${CMX_DEPS_SCRIPTS}/fetch.sh" ${mode} ${name} ${version} ${sha256} ${url}
        OUTPUT_VARIABLE archive OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE rc)
    if(rc EQUAL 0)
        set(${out} "${archive}" PARENT_SCOPE)
    else()
        set(${out} "" PARENT_SCOPE)
    endif()
endfunction()

function(cmx_dep_run what log)
    execute_process(COMMAND ${ARGN} OUTPUT_FILE "${log}" ERROR_FILE "${log}" RESULT_VARIABLE rc)
    if(NOT rc EQUAL 0)
        file(READ "${log}" text)
        string(LENGTH "${text}" length)
        if(length GREATER 4000)
            math(EXPR from "${length} - 4000")
            string(SUBSTRING "${text}" ${from} -1 text)
        endif()
        message(FATAL_ERROR "chatmux: ${what} failed. The end of ${log}:\n${text}")
    endif()
endfunction()

# Unpacks and builds into a scratch directory, then moves the result into place: an interrupted
# build leaves nothing.
function(cmx_dep_build name version archive flags prefix)
    string(TIMESTAMP started "%s" UTC)
    message(STATUS "chatmux: building ${name} ${version} (${CMX_DEPS_PROFILE}) once into ${prefix}")
    set(scratch "${CMX_CACHE_DIR}/scratch/${name}")
    file(REMOVE_RECURSE "${scratch}")
    file(MAKE_DIRECTORY "${scratch}/source")
    # Only what the build reads: a wolfSSL release is mostly test certificates and other people's
    # project files.
    set(members "")
    if(name STREQUAL "wolfssl")
        set(members "*/src/*" "*/wolfssl/*" "*/wolfcrypt/src/*" "*/COPYING" "*/LICENSING")
    endif()
    execute_process(COMMAND "${CMAKE_COMMAND}" -E tar xf "${archive}" -- ${members}
        WORKING_DIRECTORY "${scratch}/source" RESULT_VARIABLE rc ERROR_VARIABLE error)
    file(GLOB source "${scratch}/source/*")
    list(LENGTH source count)
    if(NOT rc EQUAL 0 OR NOT count EQUAL 1)
        message(FATAL_ERROR "chatmux: cannot unpack ${archive}: ${error}")
    endif()
    set(toolchain "-DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}")
    if(CMX_DEPS_TOOLCHAIN)
        set(toolchain "-DCMAKE_TOOLCHAIN_FILE=${CMX_DEPS_TOOLCHAIN}")
    endif()
    if(CMAKE_AR)
        list(APPEND toolchain "-DCMAKE_AR=${CMAKE_AR}")
    endif()
    string(REPLACE ";" " " small "${cmx_size_options}")
    # The assembly is told about the CPU in the same words: it asks the same macros as the C code.
    cmx_dep_run("configuring ${name} ${version}" "${scratch}/configure.log"
        "${CMAKE_COMMAND}" -S "${CMX_DEPS_SCRIPTS}/deps" -B "${scratch}/build" -G "${CMAKE_GENERATOR}" ${toolchain}
        "-DCMX_DEP=${name}" "-DCMX_DEP_PIC=${CMX_PIC}" "-DCMX_DEP_SMALL=${small}"
        "-DCMX_DEP_SOURCE=${source}" "-DCMX_DEP_PROFILE=${CMX_DEPS_PROFILE}"
        "-DCMX_DEP_SETTINGS_DIR=${CMX_DEPS_SCRIPTS}" "-DCMAKE_C_FLAGS=${CMAKE_C_FLAGS} ${flags}"
        "-DCMAKE_ASM_FLAGS=${CMAKE_C_FLAGS}" -DCMAKE_BUILD_TYPE=None "-DCMAKE_INSTALL_PREFIX=${scratch}/prefix")
    file(STRINGS "${scratch}/configure.log" unknown REGEX "ABI info - failed")
    if(unknown) # which sources there are depends on it
        message(FATAL_ERROR "chatmux: CMake cannot link a program with '${flags}', so that it does not know the CPU. "
            "Remedy: see CMakeFiles/CMakeError.log in ${scratch}/build")
    endif()
    cmx_dep_run("building ${name} ${version}" "${scratch}/build.log"
        "${CMAKE_COMMAND}" --build "${scratch}/build" --parallel 2)
    cmx_dep_run("installing ${name} ${version}" "${scratch}/install.log"
        "${CMAKE_COMMAND}" --build "${scratch}/build" --target install)
    get_filename_component(parent "${prefix}" DIRECTORY)
    file(MAKE_DIRECTORY "${parent}")
    file(REMOVE_RECURSE "${prefix}")
    file(RENAME "${scratch}/prefix" "${prefix}")
    file(REMOVE_RECURSE "${scratch}")
    string(TIMESTAMP ended "%s" UTC)
    math(EXPR seconds "${ended} - ${started}")
    message(STATUS "chatmux: ${name} ${version} built in ${seconds} s")
endfunction()

# Finds the newest acceptable version that is already built, else already here, else to be had;
# builds it if needed.
function(cmx_dep_provide name out_prefix out_version)
    cmx_dep_rows(${name} rows)
    cmx_dep_flags(${name} flags)
    set(tried "")
    foreach(stage built local network)
        foreach(row IN LISTS rows)
            string(REPLACE "|" ";" fields "${row}")
            list(GET fields 0 version)
            list(GET fields 1 sha256)
            list(GET fields 2 url)
            cmx_dep_key(${name} ${version} ${sha256} "${flags}" key)
            set(prefix "${CMX_CACHE_DIR}/prefix/${name}-${version}-${key}")
            set(archive "")
            if(stage STREQUAL "built")
                if(NOT IS_DIRECTORY "${prefix}")
                    continue()
                endif()
            else()
                if(stage STREQUAL "local" OR NOT CMX_OFFLINE)
                    cmx_dep_fetch(${stage} ${name} ${version} ${sha256} ${url} archive)
                endif()
                if(archive STREQUAL "")
                    if(stage STREQUAL "network")
                        string(APPEND tried "  ${name} ${version}  ${url}\n      SHA-256 ${sha256}\n")
                    endif()
                    continue()
                endif()
                cmx_dep_build(${name} ${version} "${archive}" "${flags}" "${prefix}")
            endif()
            set(${out_prefix} "${prefix}" PARENT_SCOPE)
            set(${out_version} "${version}" PARENT_SCOPE)
            return()
        endforeach()
    endforeach()
    file(REMOVE_RECURSE "${CMX_CACHE_DIR}/apt") # half a set of lists must not outlive the failure
    message(FATAL_ERROR
        "chatmux: the sources of ${name} are missing: not in CMX_DEPS_DIR ('${CMX_DEPS_DIR}'), not in the cache "
        "(${CMX_CACHE_DIR}), neither upstream nor Debian's source archive could be reached. Acceptable:\n${tried}"
        "Remedy: download one of these files on a machine that can, put it into a directory and configure with "
        "-DCMX_DEPS_DIR=<directory>; or copy a filled cache and set CMX_CACHE_DIR; or use the libraries of your "
        "sysroot with -DCMX_DEPS=system.")
endfunction()

function(cmx_dep_import name library prefix)
    if(library STREQUAL "")
        add_library(cmx_dep_${name} INTERFACE IMPORTED GLOBAL)
    else()
        add_library(cmx_dep_${name} STATIC IMPORTED GLOBAL)
        set_target_properties(cmx_dep_${name} PROPERTIES IMPORTED_LOCATION "${prefix}/lib/${library}")
    endif()
    set_target_properties(cmx_dep_${name} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${prefix}/include")
endfunction()

function(cmx_deps_bundled)
    file(MAKE_DIRECTORY "${CMX_CACHE_DIR}")
    # Two configurations at once must not build into the same place.
    file(LOCK "${CMX_CACHE_DIR}/lock" GUARD FUNCTION TIMEOUT 900)
    file(REMOVE "${CMAKE_BINARY_DIR}/CMakeFiles/chatmux_upstream_unreachable")
    foreach(name wolfssl nghttp2 jsmn)
        cmx_dep_provide(${name} prefix version)
        set(CMX_${name}_PREFIX "${prefix}" CACHE INTERNAL "built ${name}")
        set(CMX_${name}_VERSION "${version}" CACHE INTERNAL "its version")
        set(found_${name} "${prefix}")
        message(STATUS "chatmux: ${name} ${version}")
    endforeach()
    # Once more for the program that is linked as one: most functions of nghttp2 are short and called
    # often. Whoever links the archive, the tests too, goes on with plain objects, and only gcc makes
    # objects that are both, which need no `ar` of their own.
    set(cmx_dep_lto OFF)
    if(CMX_LTO AND NOT cmx_size_lto AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        set(cmx_dep_lto ON)
        cmx_dep_provide(nghttp2 prefix_lto version)
    endif()
    # Package lists of the private apt: 30 MB that nobody reads again.
    file(REMOVE_RECURSE "${CMX_CACHE_DIR}/apt" "${CMX_CACHE_DIR}/scratch")

    find_package(Threads REQUIRED)
    cmx_dep_import(wolfssl libwolfssl.a "${found_wolfssl}")
    cmx_dep_import(nghttp2 libnghttp2.a "${found_nghttp2}")
    cmx_dep_import(jsmn "" "${found_jsmn}")
    set_property(TARGET cmx_dep_wolfssl PROPERTY INTERFACE_COMPILE_DEFINITIONS WOLFSSL_USER_SETTINGS)
    set_property(TARGET cmx_dep_wolfssl PROPERTY INTERFACE_LINK_LIBRARIES Threads::Threads)
    set_property(TARGET cmx_dep_nghttp2 PROPERTY INTERFACE_COMPILE_DEFINITIONS NGHTTP2_STATICLIB)
    if(cmx_dep_lto)
        cmx_dep_import(nghttp2_lto libnghttp2.a "${prefix_lto}")
        set_property(TARGET cmx_dep_nghttp2_lto PROPERTY INTERFACE_COMPILE_DEFINITIONS NGHTTP2_STATICLIB)
    endif()
endfunction()

# cmocka for a target whose sysroot has none: the same recipe, but only when tests ask.
function(cmx_deps_cmocka)
    file(MAKE_DIRECTORY "${CMX_CACHE_DIR}")
    file(LOCK "${CMX_CACHE_DIR}/lock" GUARD FUNCTION TIMEOUT 900)
    cmx_dep_provide(cmocka prefix version)
    file(REMOVE_RECURSE "${CMX_CACHE_DIR}/apt" "${CMX_CACHE_DIR}/scratch")
    cmx_dep_import(cmocka libcmocka.a "${prefix}")
    # Otherwise its header defines the type anew, and not as a 64-bit musl does.
    set_property(TARGET cmx_dep_cmocka PROPERTY INTERFACE_COMPILE_DEFINITIONS HAVE_UINTPTR_T)
    message(STATUS "chatmux: cmocka ${version}")
endfunction()

if(NOT TARGET cmx_dep_wolfssl)
    if(CMX_DEPS STREQUAL "bundled")
        cmx_deps_bundled()
    elseif(CMX_DEPS STREQUAL "system")
        include("${CMAKE_CURRENT_LIST_DIR}/system_dependencies.cmake")
    else()
        message(FATAL_ERROR "chatmux: CMX_DEPS must be 'bundled' or 'system', not '${CMX_DEPS}'")
    endif()
endif()
