# SPDX-License-Identifier: MIT
#
# CMX_DEPS=system: nghttp2, wolfSSL and jsmn of the sysroot (OpenWrt, Buildroot, Yocto, a
# distribution). Each is probed through its headers and refused by name when it is too old, lacks a
# feature chatmux stands on, or was built with an option that weakens verification.
# system_accepted.txt lists patched older versions that are fine.

set(CMX_SYSTEM_NGHTTP2_MIN 1.70.0)
set(CMX_SYSTEM_WOLFSSL_MIN 5.9.2)

# The value of a string macro in an installed header.
function(cmx_system_version header macro out)
    set(version "0")
    if(EXISTS "${header}")
        file(STRINGS "${header}" lines REGEX "^#[ ]*define[ ]+${macro}[ ]+\"")
        if(lines MATCHES "\"([0-9][0-9.]*)")
            set(version "${CMAKE_MATCH_1}")
        endif()
    endif()
    set(${out} "${version}" PARENT_SCOPE)
endfunction()

# Too old by number, unless the table knows the package as patched (CMX_DEPS_PATCHED names what the
# sysroot holds).
function(cmx_system_check_version name version minimum remedy)
    if(NOT version VERSION_LESS minimum)
        return()
    endif()
    file(STRINGS "${CMX_DEPS_SCRIPTS}/system_accepted.txt" rows REGEX "^${name} ")
    foreach(row IN LISTS rows)
        string(REGEX REPLACE " +" ";" fields "${row}")
        list(GET fields 1 upstream)
        list(GET fields 2 package)
        if(upstream STREQUAL version AND package IN_LIST CMX_DEPS_PATCHED)
            message(STATUS "chatmux: ${name} ${version} accepted as the patched package ${package}")
            return()
        endif()
    endforeach()
    message(FATAL_ERROR
        "chatmux: the system's ${name} is ${version}; ${minimum} or newer is needed. ${remedy} "
        "(A patched older package is accepted when cmake/system_accepted.txt lists it and -DCMX_DEPS_PATCHED names it.)")
endfunction()

# Every macro the sysroot's wolfSSL headers end up with, as the compiler sees them.
function(cmx_system_wolfssl_macros out)
    set(probe "${CMAKE_BINARY_DIR}/CMakeFiles/cmx_wolfssl_probe.c")
    file(WRITE "${probe}" "#include <wolfssl/wolfcrypt/settings.h>\n")
    separate_arguments(flags UNIX_COMMAND "${CMAKE_C_FLAGS} ${CMX_SYSTEM_WOLFSSL_FLAGS}")
    if(CMAKE_SYSROOT)
        list(APPEND flags "--sysroot=${CMAKE_SYSROOT}")
    endif()
    if(CMAKE_C_COMPILER_TARGET)
        list(APPEND flags "--target=${CMAKE_C_COMPILER_TARGET}")
    endif()
    execute_process(COMMAND "${CMAKE_C_COMPILER}" ${flags} -isystem "${CMX_SYSTEM_WOLFSSL_INCLUDE}" -E -dM "${probe}"
        OUTPUT_VARIABLE macros ERROR_VARIABLE error RESULT_VARIABLE rc)
    if(NOT rc EQUAL 0)
        message(FATAL_ERROR
            "chatmux: the headers of the system's wolfSSL do not compile. Remedy: install its complete development "
            "files (wolfssl/options.h among them), or configure with -DCMX_DEPS=bundled. The compiler said:\n${error}")
    endif()
    set(${out} "\n${macros}" PARENT_SCOPE)
endfunction()

# Sets the cache variables that cmx_system_import reads; stops on the first library that is not good
# enough.
function(cmx_system_find)
    set(bundled "Remedy: configure with -DCMX_DEPS=bundled, or put a newer one into the sysroot.")
    find_path(CMX_SYSTEM_NGHTTP2_INCLUDE nghttp2/nghttp2.h)
    find_library(CMX_SYSTEM_NGHTTP2_LIBRARY NAMES nghttp2 nghttp2_static)
    find_path(CMX_SYSTEM_WOLFSSL_INCLUDE wolfssl/version.h)
    find_library(CMX_SYSTEM_WOLFSSL_LIBRARY wolfssl)
    find_path(CMX_SYSTEM_JSMN_INCLUDE jsmn.h)
    set(absent "")
    foreach(pair "NGHTTP2_INCLUDE nghttp2/nghttp2.h" "NGHTTP2_LIBRARY libnghttp2" "WOLFSSL_INCLUDE wolfssl/version.h"
            "WOLFSSL_LIBRARY libwolfssl" "JSMN_INCLUDE jsmn.h")
        string(REPLACE " " ";" pair "${pair}")
        list(GET pair 0 variable)
        list(GET pair 1 what)
        if(NOT CMX_SYSTEM_${variable})
            string(APPEND absent " ${what}")
        endif()
    endforeach()

    # What is there is judged first: a bad library is worse news than a missing one.
    if(CMX_SYSTEM_WOLFSSL_INCLUDE)
        cmx_system_version("${CMX_SYSTEM_WOLFSSL_INCLUDE}/wolfssl/version.h" LIBWOLFSSL_VERSION_STRING version)
        cmx_system_check_version(wolfssl "${version}" ${CMX_SYSTEM_WOLFSSL_MIN}
            "Older ones have open certificate and handshake CVEs. ${bundled}")
        # A build from user_settings.h brings that file along; a configured one has its options in
        # options.h.
        if(EXISTS "${CMX_SYSTEM_WOLFSSL_INCLUDE}/user_settings.h")
            set(CMX_SYSTEM_WOLFSSL_FLAGS "-DWOLFSSL_USER_SETTINGS")
        else()
            set(CMX_SYSTEM_WOLFSSL_FLAGS "-include wolfssl/options.h")
        endif()
        set(CMX_SYSTEM_WOLFSSL_FLAGS "${CMX_SYSTEM_WOLFSSL_FLAGS}" CACHE INTERNAL "how to see its options")
        cmx_system_check_wolfssl("${version}")
        set(CMX_wolfssl_VERSION "${version}" CACHE INTERNAL "its version")
    endif()
    if(CMX_SYSTEM_NGHTTP2_INCLUDE)
        cmx_system_version("${CMX_SYSTEM_NGHTTP2_INCLUDE}/nghttp2/nghttp2ver.h" NGHTTP2_VERSION version)
        cmx_system_check_version(nghttp2 "${version}" ${CMX_SYSTEM_NGHTTP2_MIN}
            "Older ones have a remotely reachable assertion (CVE-2026-27135) and weak CONTINUATION limits. ${bundled}")
        set(CMX_nghttp2_VERSION "${version}" CACHE INTERNAL "its version")
    endif()
    if(absent)
        message(FATAL_ERROR "chatmux: CMX_DEPS=system, but the sysroot has no:${absent}. ${bundled}")
    endif()
endfunction()

# Features that must be there and options that must not: the same list as the #error lines of
# src/wire/tls*.c.
function(cmx_system_check_wolfssl version)
    cmx_system_wolfssl_macros(macros)
    foreach(macro WOLFSSL_TLS13 HAVE_ALPN HAVE_SNI HAVE_SESSION_TICKET HAVE_SUPPORTED_CURVES HAVE_AESGCM
            WOLFSSL_ALT_CERT_CHAINS)
        if(NOT macros MATCHES "\n#define ${macro}[ \n]")
            message(FATAL_ERROR
                "chatmux: the system's wolfSSL ${version} was built without ${macro}. Remedy: rebuild it with "
                "--enable-tls13 --enable-alpn --enable-sni --enable-session-ticket --enable-altcertchains, "
                "or configure chatmux with -DCMX_DEPS=bundled.")
        endif()
    endforeach()
    foreach(macro OPENSSL_COMPATIBLE_DEFAULTS WOLFSSL_TRUST_PEER_CERT HAVE_ANON NO_WOLFSSL_CM_VERIFY
            IGNORE_NAME_CONSTRAINTS ALLOW_INVALID_CERTSIGN WOLFSSL_NO_ASN_STRICT WOLFSSL_ALLOW_NO_CN_IN_SAN
            NO_ASN_TIME WOLFSSL_NO_TRUSTED_CERTS_VERIFY HAVE_SECRET_CALLBACK WOLFSSL_ALLOW_SSLV3 NO_SESSION_CACHE)
        if(macros MATCHES "\n#define ${macro}[ \n]")
            message(FATAL_ERROR
                "chatmux: the system's wolfSSL ${version} was built with ${macro}, which weakens verification or takes "
                "away what chatmux needs. Remedy: rebuild it without that option, or configure chatmux with "
                "-DCMX_DEPS=bundled.")
        endif()
    endforeach()
    foreach(macro XMALLOC_USER CUSTOM_RAND_GENERATE_SEED TIME_OVERRIDES WOLFSSL_IP_ALT_NAME
            WOLFSSL_HOSTNAME_VERIFY_ALT_NAME_ONLY)
        if(NOT macros MATCHES "\n#define ${macro}[ \n]")
            message(FATAL_ERROR
                "chatmux: the system's wolfSSL ${version} was built without ${macro}: memory, entropy, time and names "
                "would not be chatmux's. Remedy: build the sysroot's wolfSSL from cmake/wolfssl_user_settings.h and "
                "cmake/wolfssl_gmtime.c, or configure chatmux with -DCMX_DEPS=bundled.")
        endif()
    endforeach()
    # The last word has the header that the TLS code itself stands on.
    set(probe "${CMAKE_BINARY_DIR}/CMakeFiles/cmx_wolfssl_build.c")
    file(WRITE "${probe}" "#include \"wire/tls_build.h\"\n")
    separate_arguments(flags UNIX_COMMAND "${CMAKE_C_FLAGS} ${CMX_SYSTEM_WOLFSSL_FLAGS}")
    execute_process(COMMAND "${CMAKE_C_COMPILER}" ${flags} -isystem "${CMX_SYSTEM_WOLFSSL_INCLUDE}"
        -I "${CMX_DEPS_SCRIPTS}/../src" -E "${probe}" OUTPUT_QUIET ERROR_VARIABLE error RESULT_VARIABLE rc)
    if(NOT rc EQUAL 0)
        message(FATAL_ERROR
            "chatmux: the system's wolfSSL ${version} is not fit. Remedy: rebuild it accordingly, or configure chatmux "
            "with -DCMX_DEPS=bundled. The compiler said:\n${error}")
    endif()
endfunction()

function(cmx_system_import)
    find_package(Threads REQUIRED)
    foreach(name nghttp2 wolfssl)
        string(TOUPPER ${name} upper)
        add_library(cmx_dep_${name} UNKNOWN IMPORTED GLOBAL)
        set_target_properties(cmx_dep_${name} PROPERTIES IMPORTED_LOCATION "${CMX_SYSTEM_${upper}_LIBRARY}"
            INTERFACE_INCLUDE_DIRECTORIES "${CMX_SYSTEM_${upper}_INCLUDE}")
    endforeach()
    set_property(TARGET cmx_dep_wolfssl PROPERTY INTERFACE_COMPILE_OPTIONS "SHELL:${CMX_SYSTEM_WOLFSSL_FLAGS}")
    set_property(TARGET cmx_dep_wolfssl PROPERTY INTERFACE_LINK_LIBRARIES Threads::Threads)
    add_library(cmx_dep_jsmn INTERFACE IMPORTED GLOBAL)
    set_property(TARGET cmx_dep_jsmn PROPERTY INTERFACE_INCLUDE_DIRECTORIES "${CMX_SYSTEM_JSMN_INCLUDE}")
endfunction()

set(CMX_DEPS_PATCHED "" CACHE STRING "Patched packages of the sysroot, as system_accepted.txt names them")
cmx_system_find()
cmx_system_import()
