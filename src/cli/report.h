/* SPDX-License-Identifier: MIT */
/*
 * What the command line prints: answers, ends, JSON. Model output is foreign text: on a terminal
 * its control characters are not passed on.
 */
#ifndef CMX_CLI_REPORT_H
#define CMX_CLI_REPORT_H

#include "cli/options.h"
#include "cli/out.h"

/* Writes model output; with `filter` without control characters other than line feed and tab. */
void cli_report_text(cli_out *out, cmx_text text, bool filter);

/* Writes bytes as a JSON string, quotes included; they are valid UTF-8. */
void cli_report_json(cli_out *out, cmx_text text);

/* Writes picodollars as dollars, all digits. */
void cli_report_dollars(cli_out *out, uint64_t amount);

/* Says on stderr how a request ended, if not well.
 *
 * relay  that the last attempt was made at, as in all below */
void cli_report_failure(const cli_relay *relay, const cmx_done *done);

/* Says on stderr in one line how a request ended: verdict, status, id, model, usage, cost, times,
 * and what was skipped or replaced. */
void cli_report_summary(const cli_relay *relay, const cmx_done *done);

/* Says on stderr that a request is sent again, why, when, and where if that is another relay.
 *
 * next  where it is sent */
void cli_report_retry(const cli_relay *relay, const cli_relay *next, const cmx_retry *retry);

/* Prints a DONE event as one JSON object to standard output. */
void cli_report_done_json(const cli_relay *relay, const cmx_done *done);

/* Flushes stdout and says on stderr if anything written to it was lost.
 *
 * Returns `code`, or CLI_EXIT_FAILED if something was lost. */
int cli_report_flush(int code);

/* Returns the exit code that an end stands for. */
int cli_report_exit(const cmx_done *done);

#endif
