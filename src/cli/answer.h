/* SPDX-License-Identifier: MIT */
/*
 * Prints a chat's events: text as it comes, tool calls as lines behind it, or each event as a JSON
 * object.
 */
#ifndef CMX_CLI_ANSWER_H
#define CMX_CLI_ANSWER_H

#include "cli/options.h"
#include "cli/session.h"

typedef struct cli_answer {
    const cli_options *options; /* borrowed */
    const cli_session *session; /* borrowed */
    bool terminal;              /* stdout is one: control characters are left out */
    bool text_seen;             /* some text was printed: a line end is due */
    int collected;              /* CMX_OK, or why tool calls are missing */
    char *room;                 /* owned: of `calls` */
    cmx_collect calls;          /* tool calls, for text mode */
} cli_answer;

/* Readies the printing of one answer. Returns 0, or an exit code (not enough memory). */
int cli_answer_open(cli_answer *answer, const cli_options *options, const cli_session *session);
void cli_answer_close(cli_answer *answer);

/* Takes an event other than DONE. */
void cli_answer_event(cli_answer *answer, const cmx_event *event);

/* Prints what belongs to the end. Returns the exit code. */
int cli_answer_done(cli_answer *answer, const cmx_done *done);

#endif
