/* SPDX-License-Identifier: MIT */
/*
 * The ids in the answer of GET /models, {"data":[{"id":"..."},...]}, byte by byte: the answer may
 * be of any length and is never held. Lenient: what it finds need not be valid JSON otherwise.
 */
#ifndef CMX_CLI_NAMES_H
#define CMX_CLI_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum { CLI_NAMES_BYTES_MAX = 256 }; /* of an id; a longer one is cut */

typedef struct cli_names {
    unsigned depth; /* of brackets and braces */
    bool in_string;
    bool in_escape;  /* behind a backslash */
    bool is_value;   /* behind a colon */
    bool is_id;      /* the last name was "id", in an object of the list */
    bool is_list;    /* a list began in the outermost object */
    bool is_whole;   /* and all that began has ended */
    size_t text_len; /* of the string at hand */
    char text[CLI_NAMES_BYTES_MAX];
} cli_names;

/* Takes one byte of the answer; begins on a zeroed struct.
 *
 * Returns true when it ends an id: `text` holds it, `text_len` bytes. */
bool cli_names_take(cli_names *names, char byte);

#endif
