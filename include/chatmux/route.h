/* SPDX-License-Identifier: MIT */
/*
 * Routes: which model at which origin serves a chat that names no model itself. A target is one
 * model at one origin; tiers say for which work it is good, ranks in which order targets are tried,
 * weights how the load is shared among those of one rank. What fails cools down, is probed by one
 * request, and comes back.
 */
#ifndef CHATMUX_ROUTE_H
#define CHATMUX_ROUTE_H

#include "chatmux/client.h"
#include "chatmux/limits.h"

enum {
    CMX_TARGET_RANK_MAX = 7,
    CMX_TARGET_WEIGHT_MAX = 1000000, /* thousandths */
    CMX_TARGET_MODEL_BYTES_MAX = CMX_LIMIT_MODEL_BYTES,
};

/* One model at one origin. Fill with cmx_target_default(), then override. */
typedef struct cmx_target {
    const char *model;     /* UTF-8, 1..128 bytes; copied */
    cmx_origin_id origin;  /* default 0 */
    uint32_t weight_milli; /* share among its rank, in thousandths: 1..1000000; default 1000 */
    uint32_t tiers;        /* 1u << CMX_TIER_LOW and so on, or'ed; default 0 = all */
    uint32_t rank;         /* tried first, 0, to last, 7: default 0 */
} cmx_target;

/* Fills `target` with the defaults named beside its fields; cannot fail. */
void cmx_target_default(cmx_target *target);

/* Adds a target; chats whose `model` is NULL are routed among them by cmx_chat.tier.
 *
 * id         out: for cmx_client_target_state(), from 0 in order of adding, and never given again
 *            when a removed target's place is; may be NULL
 * bad_field  out: what is wrong, a static string; may itself be NULL
 *
 * Returns CMX_OK, or
 *   CMX_ERR_ARGUMENT  no such origin, a field out of range, or the same model at the same origin
 *                     for the same tiers again -> correct the field named
 *   CMX_ERR_UTF8      the model is not UTF-8
 *   CMX_ERR_BUSY      targets_max are in use */
CMX_MUST_CHECK int cmx_client_add_target(cmx_client *client, const cmx_target *target, uint32_t *id,
                                         const char **bad_field);

enum cmx_target_health {
    CMX_TARGET_GOOD,    /* takes chats */
    CMX_TARGET_COOLING, /* failed; takes none until its cool-down is over */
    CMX_TARGET_PROBING, /* the cool-down is over: one chat tries it, or may */
    CMX_TARGET_REMOVED, /* its origin was removed */
};

/* Chats that name its model at its origin themselves count, too. */
typedef struct cmx_target_state {
    enum cmx_target_health health;
    uint64_t cooling_ms; /* until the cool-down is over; 0 = it is not cooling */
    uint64_t started;    /* attempts sent there */
    uint64_t succeeded;  /* of these, whole answers */
    uint64_t failed;     /* of these, failures that are its fault */
    uint64_t cooled;     /* times that it began to cool */
} cmx_target_state;

/* Fills `state`. Returns CMX_OK or CMX_ERR_ARGUMENT (no such target). */
CMX_MUST_CHECK int cmx_client_target_state(const cmx_client *client, uint32_t id,
                                           cmx_target_state *state);

#endif
