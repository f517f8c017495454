/* SPDX-License-Identifier: MIT */
/*
 * The pool's tables: origins, connections, slots, and who has whose turn. Only types; what is done
 * with them is in assign.c (placing), life.c (health, wear), ending.c, origins.c and pool.c.
 */
#ifndef CMX_POOL_TABLES_H
#define CMX_POOL_TABLES_H

#include "policy/bucket.h"
#include "pool/expiry.h"
#include "pool/health.h"
#include "pool/origin.h"
#include "pool/slot.h"
#include "wire/conn.h"

#include "chatmux/limits.h"

enum {
    /* Of one connection before others get a turn. */
    CMX_POOL_ITEMS_PER_TURN = CMX_LIMIT_ITEMS_PER_TURN,
    /* Of a request's path, without the origin's prefix. */
    CMX_POOL_PATH_BYTES_MAX = CMX_LIMIT_PATH_BYTES,

    /* RST_STREAM that one connection may send before it is replaced: so many at once, so many more
     * a minute. Below the limits against floods that servers are known to have, of which 200 in
     * 30 s is the lowest; such a limit ends a connection with all its streams. */
    CMX_POOL_RESETS_MAX = CMX_LIMIT_RESETS,
    CMX_POOL_RESETS_PER_MIN = CMX_LIMIT_RESETS_PER_MIN,
};

/* Why a connection serves on only until another one is open. */
enum cmx_pool_retire {
    CMX_POOL_RETIRE_NONE,    /* it does not */
    CMX_POOL_RETIRE_WORN,    /* age, requests or resets; ends when it idles, if that is sooner */
    CMX_POOL_RETIRE_NETWORK, /* the network changed; also an idle one is replaced first */
};

/* What the pool knows of a connection beside the wire. */
typedef struct cmx_pool_life {
    uint8_t retire;         /* enum cmx_pool_retire */
    bool is_open;           /* health and age count */
    bool is_proven;         /* an answer was completed on it */
    uint32_t requests;      /* started on it */
    uint32_t resets_seen;   /* of those that the wire counted, taken from `resets` */
    uint64_t opened_ms;     /* SETTINGS came; this, `retire_ms` and the last two with `is_open` */
    uint64_t retire_ms;     /* too old from then; UINT64_MAX = never */
    uint64_t idle_since_ms; /* without streams; UINT64_MAX = it has some */
    uint64_t drain_due_ms;  /* it is closed then, drained or not; UINT64_MAX = not draining */
    uint64_t health_due_ms; /* when to look at its health again */
    cmx_health health;
    cmx_bucket resets; /* RST_STREAM that may still be sent */
} cmx_pool_life;

/* Tables and sizes that the client carved. */
typedef struct cmx_pool_tables {
    cmx_conn *conns; /* zeroed rows */
    uint32_t conn_count;
    cmx_pool_life *lives;    /* conn_count zeroed rows, same index */
    uint8_t *conn_memory;    /* conn_count * cmx_conn_memory_bytes() */
    cmx_origin_row *origins; /* zeroed rows */
    uint32_t origin_count;
    cmx_slot *slots; /* zeroed rows */
    uint16_t slot_count;
    cmx_port_ready *ready; /* cmx_pool_sockets_max() of them */
} cmx_pool_tables;

/* Returns how many sockets that many connections have at most: all may be dialing at once. */
static inline uint32_t cmx_pool_sockets_max(uint32_t conn_count)
{
    return conn_count * CMX_CONN_RACING_MAX;
}

/* What is often looked at comes first: CPUs have shorter instructions for what is near. */
typedef struct cmx_pool {
    cmx_pool_tables tables;
    bool changed;       /* something happened that may let a waiting request start */
    uint16_t lent_slot; /* whose chunk is lent, or CMX_SLOT_NONE */
    uint32_t turn;      /* connection whose turn it is to be pulled */
    size_t ready_count; /* of tables.ready: reported and not yet told to the connections */
    cmx_slots slots;
    uint32_t turn_items; /* items it gave in this turn */
    cmx_random random;   /* spreads dials and replacements in time */
    cmx_backoff_limits backoff;
    cmx_expiry_limits expiry;
    cmx_conn_env env;          /* shared by the connections */
    uint64_t pings;            /* sent */
    uint64_t connections_dead; /* ended for silence or because they took nothing */
} cmx_pool;

#endif
