/* SPDX-License-Identifier: MIT */
/*
 * The pool's tables: origins, connections, slots, and who has whose turn. Only types; what is done
 * with them is in assign.c (placing) and pool.c (everything else).
 */
#ifndef CMX_POOL_TABLES_H
#define CMX_POOL_TABLES_H

#include "pool/origin.h"
#include "pool/slot.h"
#include "wire/conn.h"

enum {
    CMX_POOL_ITEMS_PER_TURN = 256, /* of one connection before others get a turn */
    CMX_POOL_PATH_BYTES_MAX = 512, /* of a request's path, without the origin's prefix */
    CMX_POOL_DIAL_PAUSE_MS = 1000, /* after a dial failed, or the server said why it leaves */
};

/* Tables and sizes that the client carved. */
typedef struct cmx_pool_tables {
    cmx_conn *conns; /* zeroed rows */
    uint32_t conn_count;
    uint8_t *conn_memory;    /* conn_count * cmx_conn_memory_bytes() */
    cmx_origin_row *origins; /* zeroed rows */
    uint32_t origin_count;
    cmx_slot *slots; /* zeroed rows */
    uint16_t slot_count;
    cmx_port_ready *ready; /* conn_count of them */
} cmx_pool_tables;

typedef struct cmx_pool {
    cmx_conn_env env; /* shared by the connections */
    cmx_pool_tables tables;
    cmx_slots slots;
    uint32_t turn;       /* connection whose turn it is to be pulled */
    uint32_t turn_items; /* items it gave in this turn */
    size_t ready_count;  /* of tables.ready: reported and not yet told to the connections */
    uint16_t lent_slot;  /* whose chunk is lent, or CMX_SLOT_NONE */
    bool changed;        /* something happened that may let a waiting request start */
} cmx_pool;

#endif
