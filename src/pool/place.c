/* SPDX-License-Identifier: MIT */
/*
 * The placement rule. See place.h.
 */
#include "pool/place.h"

static bool is_better(const cmx_place_conn *conn, const cmx_place_conn *than)
{
    return conn->spare == than->spare ? conn->active < than->active : than->spare;
}

enum cmx_place_choice cmx_place_choose(const cmx_place_conn *conns, uint32_t count,
                                       const cmx_place_limits *limits, uint32_t *index)
{
    CMX_ASSERT(limits->waiting > 0);
    const cmx_place_conn *best = NULL;
    uint64_t expected = 0; /* 64 bits: a soft limit times a table cannot wrap */

    for (uint32_t i = 0; i < count; i++) {
        const cmx_place_conn *conn = &conns[i];
        if (conn->dialing) {
            expected += limits->streams_soft;
        }
        if (!conn->usable || conn->room == 0 || conn->active >= limits->streams_hard) {
            continue;
        }
        if (best == NULL || is_better(conn, best)) {
            best = conn;
            *index = i;
        }
    }
    if (best != NULL) {
        return CMX_PLACE_STREAM;
    }
    if (limits->may_dial && limits->waiting > expected) {
        return CMX_PLACE_DIAL;
    }
    return CMX_PLACE_WAIT;
}
