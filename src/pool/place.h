/* SPDX-License-Identifier: MIT */
/*
 * Where a waiting request goes: a pure decision over what the connections of its origin look like
 * now. Least load first, then a spare one, then a new connection, then wait. Dials are coalesced: a
 * burst of requests opens as many connections as it needs, not as many as it has requests.
 */
#ifndef CMX_POOL_PLACE_H
#define CMX_POOL_PLACE_H

#include "base/base.h"

enum cmx_place_choice {
    CMX_PLACE_STREAM, /* start a stream on connection `index` */
    CMX_PLACE_DIAL,   /* open another connection, then decide again */
    CMX_PLACE_WAIT,   /* everything that may be used is used */
};

/* One connection as the decision sees it. */
typedef struct cmx_place_conn {
    bool usable;     /* streams can be started */
    bool dialing;    /* not usable, but it will be soon */
    bool spare;      /* only if no other one has room */
    uint32_t active; /* streams on it */
    uint32_t room;   /* streams the peer would still accept now */
} cmx_place_conn;

typedef struct cmx_place_limits {
    uint32_t streams_soft; /* what a dialing connection is expected to take: at least 1 */
    uint32_t streams_hard; /* most per connection */
    uint32_t waiting;      /* requests of the origin that wait, this one included: at least 1 */
    bool may_dial;         /* the origin's cap and the table leave room for one more */
} cmx_place_limits;

/* Decides for the oldest waiting request of one origin.
 *
 * conns  of that origin only
 * index  out: position in `conns`, only with CMX_PLACE_STREAM */
enum cmx_place_choice cmx_place_choose(const cmx_place_conn *conns, uint32_t count,
                                       const cmx_place_limits *limits, uint32_t *index);

#endif
