/* SPDX-License-Identifier: MIT */
/*
 * One row of the table of origins (relays): where it is, what it trusts, what authorises requests.
 * Filled by the client when an origin is added, read by the pool. It holds the key.
 */
#ifndef CMX_POOL_ORIGIN_H
#define CMX_POOL_ORIGIN_H

#include "base/view.h"
#include "pool/backoff.h"
#include "pool/health.h"
#include "wire/conn.h"
#include "wire/tls.h"

#include "chatmux/limits.h"

enum {
    CMX_ORIGIN_KEY_BYTES_MAX = CMX_LIMIT_KEY_BYTES,
    CMX_ORIGIN_AUTH_HEADER_BYTES_MAX = CMX_LIMIT_AUTH_HEADER_BYTES,
    CMX_ORIGIN_AUTH_PREFIX_BYTES = 7, /* "Bearer " */
    CMX_ORIGIN_PROXY_KEY_BYTES_MAX = CMX_LIMIT_PROXY_KEY_BYTES,
    CMX_ORIGIN_PROXY_VALUE_BYTES = (CMX_LIMIT_PROXY_KEY_BYTES + 2) / 3 * 4, /* those in base64 */
    CMX_ORIGIN_HEADERS_MAX = CMX_LIMIT_ORIGIN_HEADERS,
    CMX_ORIGIN_HEADER_BYTES_MAX =
        CMX_LIMIT_ORIGIN_HEADER_BYTES, /* names and values of all of them */
};

/* A field that goes with every request of the origin. */
typedef struct cmx_origin_field {
    uint16_t name_len;  /* bytes; the name lies in header_text behind the field before */
    uint16_t value_len; /* bytes; the value lies behind the name */
    bool secret;        /* never put into a compression table, not shown in a trace */
} cmx_origin_field;

/* What is often looked at comes first, as in cmx_conn_target. */
typedef struct cmx_origin_row {
    uint32_t connections_max; /* at most this many at once */
    uint32_t connections;     /* open or dialing now; written only by the pool */
    uint32_t generation;      /* part of the id; grows when the row becomes free */
    bool in_use;              /* an id names it; else nothing else counts */
    bool leaving;             /* no new requests: it is being removed */
    bool streams_known;       /* `streams_learned` counts */
    uint32_t streams_learned; /* MAX_CONCURRENT_STREAMS that the server announced last */
    uint32_t warm;            /* connections wanted without requests; 0 = none */
    cmx_backoff backoff;      /* of its dials; due_ms is 0 as soon as it passed */
    cmx_health_limits health; /* of its connections: complaints are remembered */
    uint32_t auth_name_len;   /* bytes; 0 = no key is sent */
    uint32_t auth_value_len;  /* bytes */
    uint32_t query_len;       /* bytes; 0 = none */
    cmx_tls_context trust;    /* target.trust points here for https */
    cmx_conn_target target;   /* borrowed by its connections */
    uint32_t header_count;
    cmx_origin_field headers[CMX_ORIGIN_HEADERS_MAX];
    char header_text[CMX_ORIGIN_HEADER_BYTES_MAX];
    char query[CMX_URL_QUERY_BYTES_MAX]; /* appended to every path */
    char auth_name[CMX_ORIGIN_AUTH_HEADER_BYTES_MAX];
    char auth_value[CMX_ORIGIN_AUTH_PREFIX_BYTES + CMX_ORIGIN_KEY_BYTES_MAX]; /* secret */
    char proxy_value[CMX_ORIGIN_PROXY_VALUE_BYTES]; /* target.proxy.credentials: secret */
} cmx_origin_row;

#endif
