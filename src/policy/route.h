/* SPDX-License-Identifier: MIT */
/*
 * Which target takes the next chat, and what becomes of one that fails: weights, ranks, tiers, the
 * cool-down and the probe after it. Time and chance come in. It knows no origin and no model: a row
 * is a number, and so is who asks.
 *
 * Among the available rows of a tier those of the lowest rank count; they take turns as nginx's
 * smooth weighted round robin has it, so shares are exact and never come in runs. Each tier counts
 * for itself.
 *
 *   GOOD      cools down after `failures_max` failures in a row, or after one that says enough
 *   COOLING   takes nothing until max(the end it had, now + max(cool-down, what the server asked))
 *   due       one asker gets it, the probe; success makes it GOOD, failure cools it again, twice as
 *             long; anything else leaves it due
 */
#ifndef CMX_POLICY_ROUTE_H
#define CMX_POLICY_ROUTE_H

#include "chatmux/chat.h"
#include "policy/retry.h"

#define CMX_ROUTE_NONE UINT32_MAX   /* no row */
#define CMX_ROUTE_NOBODY UINT16_MAX /* asks */
#define CMX_ROUTE_NEVER_MS UINT64_MAX

enum {
    CMX_ROUTE_ROWS_MAX = 64, /* a row is a bit in a mask */
    CMX_ROUTE_TIERS = CMX_TIER_HIGH + 1,
    CMX_ROUTE_TIERS_ALL = (1 << CMX_ROUTE_TIERS) - 1,
    CMX_ROUTE_COOLDOWN_MAX_MS = 120000, /* doubling ends here, or at a longer first one */
};

/* What an attempt says of its target. */
enum cmx_route_news {
    CMX_ROUTE_NEWS_NONE, /* nothing: the request's own fault, or the caller's will */
    CMX_ROUTE_NEWS_GOOD, /* a whole answer */
    CMX_ROUTE_NEWS_BAD,  /* a failure that may have been chance */
    CMX_ROUTE_NEWS_DOWN, /* a failure that others would meet, too */
};

/* An attempt that ended. */
typedef struct cmx_route_report {
    uint16_t who; /* CMX_ROUTE_NOBODY = it was not sent there by a pick */
    enum cmx_route_news news;
    uint64_t after_ms; /* what the server asked for, bounded by the caller; 0 = nothing */
} cmx_route_report;

typedef struct cmx_route_row {
    int64_t current[CMX_ROUTE_TIERS]; /* of the round robin: who is highest is next */
    uint64_t until_ms;                /* of the cool-down; valid unless good */
    uint64_t succeeded;
    uint64_t failed;
    uint64_t cooled;
    uint32_t weight;
    uint32_t cooldown_ms; /* the latest; 0 = good since */
    uint16_t failures;    /* in a row */
    uint16_t probe;       /* who tries it, or CMX_ROUTE_NOBODY */
    uint8_t tiers;        /* bit per enum cmx_tier */
    uint8_t rank;
    bool in_use; /* it can be picked; else nothing else counts */
    bool is_good;
} cmx_route_row;

typedef struct cmx_route {
    cmx_route_row *rows; /* borrowed */
    uint32_t capacity;   /* 0..CMX_ROUTE_ROWS_MAX */
    uint32_t cooldown_ms;
    uint32_t failures_max;
    uint32_t opened; /* rows from here on were never in use */
} cmx_route;

/* Readies a table of `capacity` zeroed rows. */
void cmx_route_init(cmx_route *route, cmx_route_row *rows, uint32_t capacity, uint32_t cooldown_ms,
                    uint32_t failures_max);

/* Takes a row into use.
 *
 * like    weight, tiers and rank of it count
 * random  any 32 bits: where in the round it begins, so that a fleet does not march in step */
void cmx_route_open(cmx_route *route, uint32_t row, const cmx_route_row *like, uint32_t random);

/* Takes a row out of use. */
void cmx_route_close(cmx_route *route, uint32_t row);

/* What was wrong with a row may be over: its cool-down ends now, a probe tells. */
void cmx_route_forgive(cmx_route *route, uint32_t row, uint64_t now_ms);

/* Picks a row for one chat. If it is due, `who` is its probe.
 *
 * allowed  bit per row
 *
 * Returns the row, or CMX_ROUTE_NONE: none of them is available. */
uint32_t cmx_route_pick(cmx_route *route, enum cmx_tier tier, uint64_t allowed, uint16_t who,
                        uint64_t now_ms);

/* Returns when one of the rows can be picked next: `now_ms` = now, CMX_ROUTE_NEVER_MS = when a
 * probe is over, or there is none.
 *
 * row  out: which it is: of those that are probed the first, if there is no other; CMX_ROUTE_NONE
 */
uint64_t cmx_route_due_ms(const cmx_route *route, enum cmx_tier tier, uint64_t allowed,
                          uint64_t now_ms, uint32_t *row);

/* Returns the rows of a tier, bit per row. */
uint64_t cmx_route_rows(const cmx_route *route, enum cmx_tier tier);

/* Returns whether `who` may be sent to a row that it picked before: it is good, or its probe. */
bool cmx_route_serves(const cmx_route *route, uint32_t row, uint16_t who);

/* What came of an attempt at a row. Returns true if it cools down from now on, and did not before.
 */
bool cmx_route_note(cmx_route *route, uint32_t row, const cmx_route_report *report,
                    uint64_t now_ms);

/* The probe, if `who` is it, got a token: proof enough, however long the answer takes. Returns
 * whether that made the row good. */
bool cmx_route_prove(cmx_route *route, uint32_t row, uint16_t who);

/* `who` does not go there after all: another one may probe. Returns whether it was the probe. */
bool cmx_route_release(cmx_route *route, uint32_t row, uint16_t who);

/* Says what an attempt that ended with something else than a whole answer says of its target.
 *
 * undialed  no connection could be made */
enum cmx_route_news cmx_route_judge(const cmx_retry_outcome *outcome, bool undialed);

#endif
