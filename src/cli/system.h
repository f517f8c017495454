/* SPDX-License-Identifier: MIT */
/*
 * What the program asks of the system beside the library's port: whole files and words for errno.
 * No buffer lies between file and caller, so that no copy of a key stays behind.
 */
#ifndef CMX_CLI_SYSTEM_H
#define CMX_CLI_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

/* Reads a file to its end, but at most `capacity` bytes; a file that may be longer is read with one
 * byte more than is wanted.
 *
 * path        "-" = standard input
 * is_private  out: its owner alone may read it
 *
 * Returns NULL, or what is wrong, until the next call. */
const char *cli_system_read(const char *path, char *bytes, size_t capacity, size_t *len,
                            bool *is_private);

/* Returns what errno means, until the next call. */
const char *cli_system_text(int error);

/* memset() of memory that is given up may be left out by the compiler; this may not. */
void cli_system_wipe(void *bytes, size_t len);

/* Returns a variable of the environment, or `otherwise` if it is not set or empty. */
const char *cli_system_environment(const char *name, const char *otherwise);

#endif
