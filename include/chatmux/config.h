/* SPDX-License-Identifier: MIT */
/*
 * What can be configured and how much memory it costs. Fill a cmx_config with cmx_config_preset(),
 * override fields, ask cmx_client_bytes() for the size of the block. Every field has its unit, its
 * range and its effect on memory beside it; a value outside its range is CMX_ERR_CONFIG with the
 * field's name.
 */
#ifndef CHATMUX_CONFIG_H
#define CHATMUX_CONFIG_H

#include "chatmux/error.h"
#include "chatmux/limits.h"

#include <stddef.h>
#include <stdint.h>

/* Compile-time ceilings of the fields below, see limits.h. */
enum {
    CMX_CONNECTIONS_MAX = CMX_LIMIT_CONNECTIONS,
    CMX_ORIGINS_MAX = CMX_LIMIT_ORIGINS,
    CMX_REQUESTS_MAX = CMX_LIMIT_REQUESTS,
};

typedef struct cmx_config {
    uint32_t connections_max; /* connections open at once, all origins: 1..16; about 130 KiB each */
    uint32_t origins_max;     /* rows of the table of origins: 1..16; about 5.5 KiB each */
    uint32_t requests_max;    /* requests queued or in flight: 1..4096; about 3.5 KiB each */

    uint32_t streams_soft;            /* fill connections evenly up to this many: 1..1024 */
    uint32_t streams_hard;            /* never more than this per connection: streams_soft..1024 */
    uint32_t streams_before_settings; /* assumed until the server's SETTINGS came: 1..1024 */

    uint32_t stream_window_bytes;     /* HTTP/2 INITIAL_WINDOW_SIZE offered: 1024..1048576 */
    uint32_t connection_window_bytes; /* HTTP/2 connection window: 65535..16777216 */
    uint32_t head_bytes_max;          /* response head, RFC 9113 6.5.2 counting: 1024..65536 */
    uint32_t read_bytes;              /* TLS bytes received at once, per connection: 2048..262144 */
    uint32_t write_bytes;             /* TLS bytes sent at once, per connection: 2048..65536 */
    uint32_t tail_bytes;              /* of an event split over frames: 128..4096, at most
                                         event_bytes_max */
    uint32_t tails_max;               /* so many, shared by the requests whose event is split now;
                                         then event_buffers serve: 0 = one each, ..4096 */
    uint32_t shape_bytes;             /* of what stays the same in its events: 0..1024; saves CPU */
    uint32_t shapes_max;              /* so many, for the requests that come first; the others'
                                         events are parsed in full: 0 = one each, ..4096 */
    uint32_t event_bytes_max;         /* one event or error body: 2048..1048576 */
    uint32_t event_buffers;           /* assembly buffers of event_bytes_max, shared: 1..64 */
    uint32_t malformed_events_max;    /* of an answer, skipped and counted: 0..1000 */
    uint32_t skipped_events_max;      /* larger than event_bytes_max or without a free buffer, of an
                                         answer, skipped and counted: 0..1000; 0 = the first one
                                         ends it with verdict LIMIT */
    uint32_t tool_calls_max;          /* of an answer: 0..128; 16 bytes each */
    uint32_t tool_tables_max;         /* so many answers at once may have tool calls; one more ends
                                         with verdict LIMIT: 0 = all of them, ..4096 */
    uint32_t trace_bytes;             /* for cmx_client_trace(): 0 = off, 1024..65536, two lines */
    uint32_t trust_bytes;             /* for CA certificates, about 575 each: 2048..1048576 */

    uint32_t resolve_timeout_ms;     /* host name to address: 100..120000 */
    uint32_t connect_timeout_ms;     /* TCP, each address; a proxy's answer: 100..120000 */
    uint32_t tls_timeout_ms;         /* TLS handshake: 100..120000 */
    uint32_t settings_timeout_ms;    /* until the server's SETTINGS: 100..120000 */
    uint32_t queue_timeout_ms;       /* accepted until sent: 100..3600000 */
    uint32_t head_timeout_ms;        /* sent until the response head: 100..3600000 */
    uint32_t first_token_timeout_ms; /* sent until the first token: 100..3600000 */
    uint32_t progress_timeout_ms;    /* between two tokens; comments do not count: 100..3600000 */
    uint32_t total_timeout_ms;       /* accepted until DONE: 0 = no limit, else 100..86400000 */
    uint32_t idle_timeout_ms;        /* a connection without streams is closed: 100..3600000 */

    /* Life of a connection. Replaced ones drain: no new streams, those open finish. */
    uint32_t connection_age_max_ms;   /* replaced at this age +-10 %: 0 = never, 1000..86400000 */
    uint32_t connection_requests_max; /* replaced after as many requests: 0 = never..1000000 */
    uint32_t drain_timeout_ms;        /* a draining one is closed at the latest: 100..86400000 */
    uint32_t dial_backoff_ms;         /* after a failed dial wait 0..this, drawn; doubled after each
                                         further one: 10..60000 */
    uint32_t dial_backoff_max_ms;     /* at most, or half of queue_timeout_ms if that is less:
                                         dial_backoff_ms..600000 */
    uint32_t attempt_delay_ms;        /* between two addresses of one host, RFC 8305: 10..10000 */
    uint32_t ping_after_ms;           /* silence while streams are open, then PING: 0 = never,
                                         100..3600000 */
    uint32_t ping_timeout_ms;         /* no answer to it: the connection is dead: 100..120000 */
    uint32_t ping_idle_ms;            /* PING ahead of a request after so much idling: 0 = never,
                                         100..3600000 */
    uint32_t write_timeout_ms;        /* sent bytes are not taken by the peer: 100..3600000 */

    /* Retry, DESIGN of policy/retry: only requests of which no token was delivered. */
    uint32_t attempts_max;         /* sendings that may have been processed, in all: 1..10 */
    uint32_t replays_max;          /* sendings after one that provably was not: 0..100 */
    uint32_t retry_strict;         /* 1 = never repeat what may have been processed: 0..1 */
    uint32_t retry_base_ms;        /* exponential back-off with full jitter: 1..60000 */
    uint32_t retry_max_ms;         /* at most: retry_base_ms..600000 */
    uint32_t retry_after_max_ms;   /* a longer Retry-After ends the request: 0..3600000 */
    uint32_t retry_budget_percent; /* of an origin's requests that may be retries: 0..100 */

    uint32_t paused_streams_max; /* by cmx_client_pause(): 0..64; stream_window_bytes each */
    uint32_t coalesce_ms;        /* a busy socket is left alone for up to so long, so that many
                                    streams' tokens come at one wake-up; after silence it is read
                                    at once: 0..50; src/DESIGN.md has its gain and cost */

    /* Routes, money and figures; 0 rows cost nothing, and then there is none of it. */
    uint32_t targets_max; /* cmx_client_add_target(): 0..64 */
    uint32_t prices_max;  /* cmx_client_set_price(): 0..256 */
    uint32_t models_max;  /* with counters and histograms of their own, further ones share the last
                             row: 0..64; about 3 KiB each */
    uint32_t cooldown_ms; /* a target that failed takes no chats for so long, doubled while its
                             probes fail; a longer Retry-After counts: 100..3600000 */
    uint32_t cooldown_failures; /* in a row, then it cools down: 1..100 */
    uint32_t alert_errors;      /* of the last minute's requests, in thousandths, from 20 requests
                                   on: 0 = no such alert, ..1000 */
    uint32_t alert_retries;     /* likewise; 30 are 3 % */
    uint32_t alert_p99_ms;      /* of the time from sent to head: 0 = no such alert, ..3600000 */
} cmx_config;

/* Starting points, named after scale. The published pools of 10, 25, 50 and 100 connections are
 * served here by streams over few of them. */
enum cmx_preset {
    CMX_PRESET_TINY,        /* 1 connection, 8 requests, a few pinned roots */
    CMX_PRESET_DEFAULT,     /* 4 connections, 256 requests, a full CA bundle */
    CMX_PRESET_DEVELOPMENT, /* 10 at a time: 1 connection, idle 60 s, 30 s, 2 attempts */
    CMX_PRESET_STARTUP,     /* 25: 2 connections, idle 45 s, 45 s, 3 attempts */
    CMX_PRESET_GROWTH,      /* 50: 2 connections, idle 30 s, 60 s, 3 attempts */
    CMX_PRESET_ENTERPRISE,  /* 200: 4 connections, idle 20 s, 90 s, 4 attempts */
};

/* Fills every field of `config` with the values of a preset; cannot fail.
 *
 * config  out: may then be changed field by field */
void cmx_config_preset(cmx_config *config, enum cmx_preset preset);

/* Checks every field, ranges first, relations second.
 *
 * bad_field  out: name of the first field that is wrong, a static string; NULL on CMX_OK
 *
 * Returns CMX_OK, or CMX_ERR_CONFIG -> change the field named. */
CMX_MUST_CHECK int cmx_config_check(const cmx_config *config, const char **bad_field);

/* Returns the bytes of the block that cmx_client_init() needs for `config`: exact, any less is
 * refused. Returns 0 if the configuration is not valid; cmx_config_check() says why. */
size_t cmx_client_bytes(const cmx_config *config);

/* Alignment of the block in bytes. */
#define CMX_BLOCK_ALIGN 16

/* Declares a static array that is aligned as cmx_client_init() wants it; chatmux/block.h has the
 * bytes as a constant. */
#define CMX_BLOCK(name, bytes) static _Alignas(CMX_BLOCK_ALIGN) unsigned char name[bytes]

#endif
