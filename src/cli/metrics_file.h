/* SPDX-License-Identifier: MIT */
/*
 * Figures for a textfile collector: written beside the file and renamed, so that nobody reads half
 * of them.
 */
#ifndef CMX_CLI_METRICS_FILE_H
#define CMX_CLI_METRICS_FILE_H

#include "chatmux/chatmux.h"

typedef struct cli_metrics_file {
    const char *path; /* NULL = none is wanted; borrowed */
    char *beside;     /* owned: name of the file that is written */
    char *text;       /* owned */
    size_t capacity;
} cli_metrics_file;

/* Readies it; on a mistake says so on stderr. path NULL = nothing will be written. */
bool cli_metrics_file_open(cli_metrics_file *file, const char *path);

/* Writes the figures of now; on a mistake says so on stderr. Returns whether all is well. */
bool cli_metrics_file_write(cli_metrics_file *file, const cmx_client *client);

/* Frees what is owned; the file stays. Allowed on zeroed memory. */
void cli_metrics_file_close(cli_metrics_file *file);

#endif
