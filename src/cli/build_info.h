/* SPDX-License-Identifier: MIT */
/*
 * What this program is made of: version, compiler, profile, dependencies, CPU and every ceiling of
 * chatmux/limits.h, a line each, "name value".
 */
#ifndef CMX_CLI_BUILD_INFO_H
#define CMX_CLI_BUILD_INFO_H

#include "cli/out.h"

/* Prints it. */
void cli_build_info_print(cli_out *out);

#endif
