# SPDX-License-Identifier: MIT
#
# `cmake --install`: headers, libchatmux.a, the program, chatmux.pc and chatmuxConfig.cmake. Bundled
# dependencies go to lib/chatmux/ beside it, where they meet nobody else's libwolfssl.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(cmx_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/chatmux")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/chatmux" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILES_MATCHING PATTERN "*.h")
install(TARGETS chatmux EXPORT chatmuxTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
if(TARGET chatmux_cli)
    install(TARGETS chatmux_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
    install(FILES "${PROJECT_SOURCE_DIR}/src/cli/chatmux.1" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
    install(FILES "${PROJECT_SOURCE_DIR}/src/cli/chatmux.rules.yml" DESTINATION "${CMAKE_INSTALL_DATADIR}/chatmux")
endif()
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/chatmux")
install(EXPORT chatmuxTargets NAMESPACE chatmux:: DESTINATION "${cmx_package_dir}")

if(CMX_DEPS STREQUAL "bundled")
    set(cmx_pc_requires "")
    # In link order. wolfSSL calls back into libchatmux.a for memory, time and entropy: src/wire/tls.c
    # pulls that object in by itself.
    set(cmx_pc_libs "-L\${libdir} -lchatmux -L\${libdir}/chatmux -lwolfssl -lnghttp2 -pthread")
    install(FILES "${CMX_wolfssl_PREFIX}/lib/libwolfssl.a" "${CMX_nghttp2_PREFIX}/lib/libnghttp2.a"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/chatmux")
    foreach(name wolfssl nghttp2 jsmn)
        install(DIRECTORY "${CMX_${name}_PREFIX}/share/licenses/${name}"
            DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/chatmux")
    endforeach()
else()
    set(cmx_pc_requires "libnghttp2 wolfssl")
    set(cmx_pc_libs "-L\${libdir} -lchatmux -pthread")
endif()

if(NOT CMX_PIC)
    string(APPEND cmx_pc_libs " ${cmx_pic_link_options}")
endif()

configure_file("${PROJECT_SOURCE_DIR}/cmake/chatmux.pc.in" "${PROJECT_BINARY_DIR}/chatmux.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/chatmux.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/chatmuxConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/chatmuxConfig.cmake" INSTALL_DESTINATION "${cmx_package_dir}"
    PATH_VARS CMAKE_INSTALL_LIBDIR)
# Before 1.0 nothing is promised between minor versions.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/chatmuxConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/chatmuxConfig.cmake" "${PROJECT_BINARY_DIR}/chatmuxConfigVersion.cmake"
    DESTINATION "${cmx_package_dir}")
