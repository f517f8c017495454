/* SPDX-License-Identifier: MIT */
/*
 * The version of these headers, in one place: CMake reads the three numbers from here. Before 1.0
 * there is no ABI promise; recompile against the headers of the library that is linked.
 */
#ifndef CHATMUX_VERSION_H
#define CHATMUX_VERSION_H

#define CMX_VERSION_MAJOR 0
#define CMX_VERSION_MINOR 1
#define CMX_VERSION_PATCH 0

#define CMX_VERSION_NUM (CMX_VERSION_MAJOR * 10000 + CMX_VERSION_MINOR * 100 + CMX_VERSION_PATCH)
#define CMX_VERSION_TEXT "0.1.0"

#endif
