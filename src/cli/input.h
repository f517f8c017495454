/* SPDX-License-Identifier: MIT */
/*
 * Files and standard input, read whole and up to a limit.
 */
#ifndef CMX_CLI_INPUT_H
#define CMX_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    CLI_INPUT_BYTES_MAX = 16 * 1024 * 1024,     /* of a prompt or a body */
    CLI_INPUT_JSON_BYTES_MAX = 4 * 1024 * 1024, /* of a JSON text in a file */
};

/* Reads a file to its end and puts a NUL behind it; says on stderr what is wrong.
 *
 * what  what it is to the user, such as "the prompt" or "--tools"
 * path  "-" = standard input
 *
 * Returns the bytes, for free(), or NULL. */
char *cli_input_read(const char *what, const char *path, size_t bytes_max, size_t *len);

/* Reads a JSON text; other than cli_input_read() it refuses empty files and NUL bytes. */
char *cli_input_json(const char *what, const char *path);

#endif
