/* SPDX-License-Identifier: MIT */
/*
 * One row of the table of origins (relays): where it is, what it trusts, what authorises requests.
 * Filled by the client when an origin is added, read by the pool. It holds the key.
 */
#ifndef CMX_POOL_ORIGIN_H
#define CMX_POOL_ORIGIN_H

#include "base/view.h"
#include "wire/conn.h"
#include "wire/tls.h"

enum {
    CMX_ORIGIN_KEY_BYTES_MAX = 512,
    CMX_ORIGIN_AUTH_HEADER_BYTES_MAX = 32,
    CMX_ORIGIN_AUTH_PREFIX_BYTES = 7, /* "Bearer " */
};

typedef struct cmx_origin_row {
    cmx_conn_target target;   /* borrowed by its connections */
    cmx_tls_context trust;    /* target.trust points here for https */
    uint32_t connections_max; /* at most this many at once */
    uint32_t connections;     /* open or dialing now; written only by the pool */
    uint64_t dial_after_ms;   /* no dial before; 0 = at once; written only by the pool */
    uint32_t auth_name_len;   /* bytes; 0 = no key is sent */
    uint32_t auth_value_len;  /* bytes */
    char auth_name[CMX_ORIGIN_AUTH_HEADER_BYTES_MAX];
    char auth_value[CMX_ORIGIN_AUTH_PREFIX_BYTES + CMX_ORIGIN_KEY_BYTES_MAX]; /* secret */
} cmx_origin_row;

#endif
