/* SPDX-License-Identifier: MIT */
/*
 * Files of names and values: `name = value` lines, sections in brackets, comments behind # or ;
 * at the beginning of a line. Reads one line after the other and knows no name itself. The text is
 * owned and wiped at the end, since a key may be in it.
 */
#ifndef CMX_CLI_INI_H
#define CMX_CLI_INI_H

#include <stdbool.h>
#include <stddef.h>

enum { CLI_INI_BYTES_MAX = 65536 };

enum cli_ini_line {
    CLI_INI_END,
    CLI_INI_SECTION, /* `section` is another one, `name` is NULL */
    CLI_INI_PAIR,    /* `name` and `value` */
    CLI_INI_WRONG,   /* a mistake, said on stderr */
};

typedef struct cli_ini {
    const char *path; /* borrowed */
    char *text;       /* owned; lines are cut in place */
    size_t len;
    char *at;            /* the line to be read next; NULL = none is left */
    unsigned line;       /* number of the line read last, from 1 */
    const char *section; /* what is in the brackets; "" in front of all sections */
    const char *name;
    const char *value; /* "" = nothing is behind the '='; NULL = there is no '=' */
    bool is_private;   /* its owner alone may read the file */
} cli_ini;

/* Reads a file whole; on a mistake says so on stderr.
 *
 * what  the option that named it, for messages
 * path  "-" = standard input
 *
 * Returns false on a mistake; then there is nothing to close. */
bool cli_ini_open(cli_ini *ini, const char *what, const char *path);

/* Finds the next line that is neither empty nor a comment; its texts live until close. */
enum cli_ini_line cli_ini_next(cli_ini *ini);

/* Says on stderr what is wrong with the line read last. The value is not repeated: it may be a
 * secret. Returns `code`. */
int cli_ini_refuse(const cli_ini *ini, int code, const char *wrong);

/* Wipes the text; allowed after a failed open. */
void cli_ini_close(cli_ini *ini);

#endif
