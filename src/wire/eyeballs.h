/* SPDX-License-Identifier: MIT */
/*
 * Which of a host's addresses to try when: Happy Eyeballs (RFC 8305, 4 and 5). Families take turns,
 * a try that does not connect soon is joined by the next one, the first that connects wins. In: the
 * addresses, the time, which tries failed. Out: start this one, end that one, wait, give up. It
 * opens no socket and does not know TLS: the race is for TCP alone.
 */
#ifndef CMX_WIRE_EYEBALLS_H
#define CMX_WIRE_EYEBALLS_H

#include "base/base.h"

#include "chatmux/limits.h"
#include "chatmux/port.h"

enum {
    CMX_EYEBALLS_ADDRESSES_MAX = CMX_LIMIT_ADDRESSES, /* that race */
    CMX_EYEBALLS_SORTED_MAX = 16, /* that are sorted, so that those which race have both families */
    CMX_EYEBALLS_RACING_MAX = 2,  /* default: sockets at once, per dial */
    CMX_EYEBALLS_DELAY_MS = 250,  /* default: RFC 8305, 8 */
    CMX_EYEBALLS_DELAY_MIN_MS = 10, /* RFC 8305, 8; anything else is moved into this range */
    CMX_EYEBALLS_DELAY_MAX_MS = 10000,
};

typedef struct cmx_eyeballs_limits {
    uint32_t delay_ms;   /* between two starts while none has failed */
    uint32_t timeout_ms; /* of each address: at least 1 */
    uint32_t racing_max; /* tries under way at once: at least 1 */
} cmx_eyeballs_limits;

enum cmx_eyeballs_action {
    CMX_EYEBALLS_START,   /* connect to address `index`; it counts as started now */
    CMX_EYEBALLS_EXPIRE,  /* address `index` took too long: close its socket, it has failed */
    CMX_EYEBALLS_WAIT,    /* until `due_ms`, or until a try connects or fails */
    CMX_EYEBALLS_GIVE_UP, /* every address has failed */
};

enum cmx_eyeballs_try {
    CMX_EYEBALLS_UNTRIED,
    CMX_EYEBALLS_RACING,
    CMX_EYEBALLS_FAILED,
};

typedef struct cmx_eyeballs {
    uint64_t started_ms[CMX_EYEBALLS_ADDRESSES_MAX];
    uint8_t tries[CMX_EYEBALLS_ADDRESSES_MAX]; /* enum cmx_eyeballs_try */
    uint8_t count;                             /* addresses */
    uint8_t next;                              /* the first that is untried */
    bool hurry;                                /* nothing started yet, or one failed since */
} cmx_eyeballs;

/* Sorts 0..CMX_EYEBALLS_SORTED_MAX of them in place: families take turns, within a family the
 * resolver's order stays.
 *
 * family_first  4 or 6: which family begins, such as that of the last winner; 0 = 6 */
void cmx_eyeballs_order(cmx_address *addresses, uint32_t count, uint8_t family_first);

/* Starts over with `count` addresses: 0..8. */
void cmx_eyeballs_init(cmx_eyeballs *eyeballs, uint32_t count);

/* Decides one thing; call it again until it says WAIT or GIVE_UP.
 *
 * index   out: of the address, only with START and EXPIRE
 * due_ms  out: absolute, only with WAIT */
enum cmx_eyeballs_action cmx_eyeballs_step(cmx_eyeballs *eyeballs,
                                           const cmx_eyeballs_limits *limits, uint64_t now_ms,
                                           uint32_t *index, uint64_t *due_ms);

/* The try of address `index` failed, at once or later: the next one need not wait. */
void cmx_eyeballs_on_failure(cmx_eyeballs *eyeballs, uint32_t index);

/* Returns whether the try of address `index` is under way: when one has won, those others are to
 * be closed. */
static inline bool cmx_eyeballs_racing(const cmx_eyeballs *eyeballs, uint32_t index)
{
    return eyeballs->tries[index] == CMX_EYEBALLS_RACING;
}

#endif
