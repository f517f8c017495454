/* SPDX-License-Identifier: MIT */
/*
 * Whether one connection lives, proven by nothing but receiving after sending. A thinking model is
 * silent for minutes, so silence alone proves nothing: it asks for a PING, and only a PING that
 * nothing answers, no byte of any kind, makes the connection suspect and then dead. In: counters of
 * the connection and the time. Out: what to do, and when to look again. It sends nothing itself.
 */
#ifndef CMX_POOL_HEALTH_H
#define CMX_POOL_HEALTH_H

#include "base/base.h"
#include "base/view.h"

enum {
    CMX_HEALTH_PING_IDLE_MS = 15000, /* defaults, see cmx_health_limits */
    CMX_HEALTH_PING_TIMEOUT_MS = 10000,
    CMX_HEALTH_PROBE_IDLE_MS = 30000,
    CMX_HEALTH_PING_IDLE_MAX_MS = 600000, /* doubled no further by too_many_pings */
};

/* Of an origin: what a server thinks of PINGs outlives a connection. */
typedef struct cmx_health_limits {
    uint32_t ping_idle_ms;    /* silence with open streams before a PING: at least 1 */
    uint32_t ping_timeout_ms; /* from the PING until dead, half of it until suspect: at least 2 */
    uint32_t probe_idle_ms;   /* silence after which the first stream is preceded by a PING */
} cmx_health_limits;

enum cmx_health_state {
    CMX_HEALTH_GOOD,
    CMX_HEALTH_SUSPECT, /* no new streams */
    CMX_HEALTH_DEAD,    /* final */
};

enum cmx_health_action {
    CMX_HEALTH_NONE,
    CMX_HEALTH_SEND_PING,    /* submit one now; its time runs from now, also behind a full socket */
    CMX_HEALTH_MARK_SUSPECT, /* it has just become suspect */
    CMX_HEALTH_MARK_DEAD,    /* it has just died: end it and all its streams */
};

/* The connection as it is at a moment. */
typedef struct cmx_health_seen {
    uint64_t now_ms;
    uint64_t unread_ms; /* how long in all input waited for the caller: that time does not count */
    uint64_t rx_bytes;  /* received in all */
    uint64_t pings_acked; /* PING ACKs received in all */
    uint32_t streams;     /* open, with the one that is about to be started */
    bool input_waits; /* received or readable and not pulled yet: no verdict before it is read */
} cmx_health_seen;

typedef struct cmx_health {
    uint64_t heard_ms;    /* last receive; these three on a clock that stands with unread input */
    uint64_t begun_ms;    /* first stream after none: silence before it was not its own */
    uint64_t pinged_ms;   /* when the open PING was asked for */
    uint64_t rx_bytes;    /* as seen last */
    uint64_t pings_acked; /* as seen last */
    uint32_t streams;     /* as seen last */
    bool ping_open;       /* a PING was asked for and nothing was received since */
    uint8_t state;        /* enum cmx_health_state; written only by health.c */
} cmx_health;

/* Starts with a connection that has just proven itself: its SETTINGS came. */
void cmx_health_init(cmx_health *health, const cmx_health_seen *seen);

/* Looks at the connection. To be called after the socket was read, before a stream is started, and
 * when `due_ms` has come.
 *
 * due_ms  out: when to look again at the latest, absolute; UINT64_MAX = when something changes */
enum cmx_health_action cmx_health_step(cmx_health *health, const cmx_health_limits *limits,
                                       const cmx_health_seen *seen, uint64_t *due_ms);

/* Returns whether streams may be started. */
static inline bool cmx_health_usable(const cmx_health *health)
{
    return health->state == CMX_HEALTH_GOOD;
}

/* Returns whether a GOAWAY complains about PINGs: ENHANCE_YOUR_CALM with "too_many_pings". */
bool cmx_health_is_complaint(uint32_t h2_error, cmx_view debug_data);

/* Asks half as often from now on, after a complaint; all connections of the origin do. */
void cmx_health_calm(cmx_health_limits *limits);

#endif
