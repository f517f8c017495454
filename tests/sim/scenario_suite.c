/* SPDX-License-Identifier: MIT */
/*
 * The scenario suite: the 28 rows of "Verdicts" in src/DESIGN.md, told by the stories of
 * suite_http.c (rows 1 to 16, which HTTP/1.1 has as well) and suite_h2.c (17 to 28). Each is played
 * with three times as many seeds as other scenarios.
 */
#include "suite.h"

static const sim_scenario scenarios[] = {
    {"01-429-once", suite_play_429_once, 3},
    {"02-429-always", suite_play_429_always, 3},
    {"03-500-once", suite_play_500_once, 3},
    {"04-503-always", suite_play_503_always, 3},
    {"05-reset-head", suite_play_reset_head, 3},
    {"05-drop-head", suite_play_drop_head, 3},
    {"06-no-head", suite_play_no_head, 3},
    {"07-late-token", suite_play_late_token, 3},
    {"08-cut-end", suite_play_cut_end, 3},
    {"08-cut-reset", suite_play_cut_reset, 3},
    {"08-cut-close", suite_play_cut_close, 3},
    {"09-stall", suite_play_stall, 3},
    {"10-malformed", suite_play_malformed, 3},
    {"11-no-sentinel", suite_play_no_sentinel, 3},
    {"12-context", suite_play_context, 3},
    {"13-filter", suite_play_filter, 3},
    {"14-fallback", suite_play_fallback, 3},
    {"15-flapping", suite_play_flapping, 3},
    {"16-accounting", suite_play_accounting, 3},
    {"17-refused", suite_play_refused, 3},
    {"18-goaway-graceful", suite_play_goaway_graceful, 3},
    {"19-goaway-lower", suite_play_goaway_lower, 3},
    {"19-goaway-repeated", suite_play_goaway_repeated, 3},
    {"20-goaway-calm", suite_play_goaway_calm, 3},
    {"21-streams-max-one", suite_play_streams_max_one, 3},
    {"21-streams-max-back", suite_play_streams_max_back, 3},
    {"21-streams-max-zero", suite_play_streams_max_zero, 3},
    {"22-window", suite_play_window, 3},
    {"23-ping-before", suite_play_ping_before, 3},
    {"23-ping-within", suite_play_ping_within, 3},
    {"24-reset-internal", suite_play_reset_internal, 3},
    {"24-reset-mid", suite_play_reset_mid, 3},
    {"25-reset-none", suite_play_reset_none, 3},
    {"26-end-stream", suite_play_end_stream, 3},
    {"27-head-only", suite_play_head_only, 3},
    {"28-trailers", suite_play_trailers, 3},
    {NULL, NULL, 0},
};

const sim_family sim_family_suite = {"suite", scenarios};
