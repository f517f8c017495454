/* SPDX-License-Identifier: MIT */
/*
 * What the stories of the scenario suite share: the 28 rows of "Verdicts" in src/DESIGN.md, each
 * told by one story or several. In: a row, what the server does, what must come of it. Out: the
 * usual failure of the run, and a line in a table. Numbers come from src/DESIGN.md; they are not
 * decided here.
 */
#ifndef SIM_SUITE_H
#define SIM_SUITE_H

#include "run.h"

enum {
    SUITE_ROWS = 28,
    SUITE_TOTAL_MS = 100000, /* limit of each request: none may live a tick longer */
    SUITE_TOKEN_BYTES = 8,   /* two units of text each, see server.h */
};

/* What must come of a request. Zero: nothing of the kind, or 0. */
typedef struct suite_end {
    enum cmx_verdict verdict;
    int error;
    int error_too; /* right as well; 0 = no other */
    uint32_t http_status;
    uint32_t h2_error;
    uint32_t attempts;
    uint32_t replays;
    enum cmx_retry_reason reason; /* of each RETRY event, which are as many as were sent again */
    uint32_t tokens_least;        /* delivered before an answer broke off; a whole one is whole */
    uint32_t tokens_most;
    uint32_t malformed;
    uint64_t least_ms; /* from its start to DONE */
    uint64_t most_ms;  /* where the network takes no time */
} suite_end;

/* Begins the story of a row of the table; two stories of a row have different titles. */
void suite_begin(sim_run *run, uint32_t number, const char *title);

/* Opens the client, tells the server what to do wrong, sends it one chat and judges its end. */
sim_chat *suite_play_one(sim_run *run, const sim_script *script, const suite_end *end);

/* Judges the end of one chat and puts it into the table. */
void suite_expect(sim_run *run, const sim_chat *chat, const suite_end *end);

/* Returns the longest wait after a connection was lost that had answered nothing yet: the next dial
 * waits as after a failed one, and at the same time the request as after a failed attempt. */
uint32_t suite_lost_wait_ms(const sim_run *run);

/* Lets the time pass, whether anything is in flight or not. */
void suite_pass(sim_run *run, uint64_t ms);

/* Lets everything end, which it must within its limit. */
void suite_finish(sim_run *run);

/* Shows that the client still works, closes it, and writes down whether all of it went well. */
void suite_end_story(sim_run *run);

/* The stories. */
void suite_play_429_once(sim_run *run);
void suite_play_429_always(sim_run *run);
void suite_play_500_once(sim_run *run);
void suite_play_503_always(sim_run *run);
void suite_play_reset_head(sim_run *run);
void suite_play_drop_head(sim_run *run);
void suite_play_no_head(sim_run *run);
void suite_play_late_token(sim_run *run);
void suite_play_cut_end(sim_run *run);
void suite_play_cut_reset(sim_run *run);
void suite_play_cut_close(sim_run *run);
void suite_play_stall(sim_run *run);
void suite_play_malformed(sim_run *run);
void suite_play_no_sentinel(sim_run *run);
void suite_play_context(sim_run *run);
void suite_play_filter(sim_run *run);
void suite_play_fallback(sim_run *run);
void suite_play_flapping(sim_run *run);
void suite_play_accounting(sim_run *run);

void suite_play_refused(sim_run *run);
void suite_play_goaway_graceful(sim_run *run);
void suite_play_goaway_lower(sim_run *run);
void suite_play_goaway_repeated(sim_run *run);
void suite_play_goaway_calm(sim_run *run);
void suite_play_streams_max_one(sim_run *run);
void suite_play_streams_max_back(sim_run *run);
void suite_play_streams_max_zero(sim_run *run);
void suite_play_window(sim_run *run);
void suite_play_ping_before(sim_run *run);
void suite_play_ping_within(sim_run *run);
void suite_play_reset_internal(sim_run *run);
void suite_play_reset_mid(sim_run *run);
void suite_play_reset_none(sim_run *run);
void suite_play_end_stream(sim_run *run);
void suite_play_head_only(sim_run *run);
void suite_play_trailers(sim_run *run);

#endif
