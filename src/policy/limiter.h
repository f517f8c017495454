/* SPDX-License-Identifier: MIT */
/*
 * What one origin may be asked: spacing, requests at once, a reservoir that is refilled, a high
 * water mark for those that wait, and buckets for requests and tokens per minute. The words and
 * their meaning are those of Bottleneck 2.19. In: limits, costs, ends, what a server says, the
 * time. Out: admitted, or when to ask again. It holds no queue and does not know who waits: ask
 * for the oldest and stop at the first CMX_AGAIN, then nobody starves and nothing is wasted.
 *
 * Where it differs from Bottleneck on purpose: a request that sleeps before a retry has ended here
 * and is admitted again, spacing included; a blocked limiter unblocks after its penalty even if
 * requests keep coming; the reservoir's window begins with the first request in it.
 */
#ifndef CMX_POLICY_LIMITER_H
#define CMX_POLICY_LIMITER_H

#include "chatmux/client.h"
#include "policy/bucket.h"

/* Why a request waits. */
enum cmx_limiter_reason {
    CMX_LIMITER_FREE, /* it does not */
    CMX_LIMITER_BLOCKED,
    CMX_LIMITER_MIN_TIME,
    CMX_LIMITER_CONCURRENCY,
    CMX_LIMITER_RESERVOIR,
    CMX_LIMITER_REQUESTS,
    CMX_LIMITER_TOKENS,
};

typedef struct cmx_limiter {
    uint64_t next_ms;          /* no admission before: spacing */
    uint64_t blocked_until_ms; /* by the strategy BLOCK */
    uint64_t refresh_ms;       /* end of the reservoir's window; 0 = none has begun */
    uint32_t reservoir;        /* left in the window */
    uint32_t running;          /* admitted and not ended */
    cmx_rate_limits limits;
    cmx_bucket requests;
    cmx_bucket tokens;
} cmx_limiter;

/* What can be seen of a limiter at a moment. */
typedef struct cmx_limiter_state {
    uint32_t running;
    uint32_t reservoir;    /* left; UINT32_MAX = no reservoir */
    uint64_t refresh_ms;   /* until the reservoir is refilled; 0 = no window has begun */
    uint64_t blocked_ms;   /* until the penalty is over; 0 = not blocked */
    int64_t requests_left; /* INT64_MAX = no limit is known */
    int64_t tokens_left;   /* negative = debt; INT64_MAX = no limit is known */
} cmx_limiter_state;

/* What happens to a request that comes to wait. */
enum cmx_limiter_decision {
    CMX_LIMITER_ACCEPT,      /* let it wait, or ask for it now */
    CMX_LIMITER_DROP_OLDEST, /* end the oldest that waits, then let it wait */
    CMX_LIMITER_REFUSE,      /* end it */
    CMX_LIMITER_REFUSE_ALL,  /* end it and all that wait */
};

/* What a server's head says about one of its limits. */
typedef struct cmx_limiter_said {
    bool known;
    uint32_t remaining;
    uint64_t reset_ms; /* from now; 0 = not told */
} cmx_limiter_said;

/* Checks what belongs together.
 *
 * bad_field  out: name of the first field that is wrong, a static string; NULL on CMX_OK
 *
 * Returns CMX_OK, or CMX_ERR_CONFIG. */
CMX_MUST_CHECK int cmx_limiter_check_limits(const cmx_rate_limits *limits, const char **bad_field);

/* Starts with everything free. `limits` passed the check and is copied. */
void cmx_limiter_init(cmx_limiter *limiter, const cmx_rate_limits *limits, uint64_t now_ms);

/* Decides about a new request, before it waits.
 *
 * queued  how many wait already, without those that sleep before a retry */
enum cmx_limiter_decision cmx_limiter_enqueue(cmx_limiter *limiter, uint32_t queued,
                                              uint32_t cost_tokens, uint64_t now_ms);

/* Returns for what the request would wait longest, and how long. Only for a cost that can fit.
 *
 * wait_ms  out: 0 = not at all, UINT64_MAX = until a request ends */
enum cmx_limiter_reason cmx_limiter_why(const cmx_limiter *limiter, uint32_t cost_tokens,
                                        uint64_t now_ms, uint64_t *wait_ms);

/* Admits a request: it counts as running until cmx_limiter_end() or cmx_limiter_undo().
 *
 * cost_tokens  what the server will charge at once: estimated prompt and max_tokens
 * wait_ms      out: 0, or with CMX_AGAIN when to ask again; UINT64_MAX = when a request has ended
 *
 * Returns CMX_OK, CMX_AGAIN, or CMX_ERR_RATE (it costs more than ever fits). */
CMX_MUST_CHECK int cmx_limiter_admit(cmx_limiter *limiter, uint32_t cost_tokens, uint64_t now_ms,
                                     uint64_t *wait_ms);

/* Ends an attempt, also one that is to be retried later: nobody holds a place while asleep.
 *
 * reserved_tokens  the cost it was admitted with
 * used_tokens      as the answer says; the cost again if that is not known: servers charge failures
 */
void cmx_limiter_end(cmx_limiter *limiter, uint32_t reserved_tokens, uint32_t used_tokens,
                     uint64_t now_ms);

/* Ends an attempt that the server provably did not process: everything is given back but the
 * spacing.
 *
 * admitted_ms  when it was admitted: a reservoir refilled since is not raised above its amount */
void cmx_limiter_undo(cmx_limiter *limiter, uint32_t reserved_tokens, uint64_t admitted_ms,
                      uint64_t now_ms);

/* Takes the server's word, which counts even where no limit of our own is set. */
void cmx_limiter_on_headers(cmx_limiter *limiter, const cmx_limiter_said *requests,
                            const cmx_limiter_said *tokens, uint64_t now_ms);

/* Tells what is left of each limit. */
void cmx_limiter_look(const cmx_limiter *limiter, uint64_t now_ms, cmx_limiter_state *state);

#endif
