/* SPDX-License-Identifier: MIT */
/*
 * What can be seen of a client: counters, times, the state now; by model; and all of it as text
 * for Prometheus. Nothing here changes anything.
 */
#ifndef CHATMUX_STATS_H
#define CHATMUX_STATS_H

#include "chatmux/money.h"
#include "chatmux/route.h"

/* Times in microseconds, from a histogram: quantiles are off by at most 7 % or 1 ms. */
typedef struct cmx_quantiles {
    uint64_t count; /* 0 = nothing was measured, and all below are 0 */
    uint64_t mean_us;
    uint64_t p50_us;
    uint64_t p90_us;
    uint64_t p99_us;
} cmx_quantiles;

/* Counters since init, and the state now. */
typedef struct cmx_stats {
    uint32_t connections;       /* open or opening now */
    uint32_t streams;           /* requests on a connection now */
    uint32_t queued;            /* requests waiting for one now */
    uint64_t connections_total; /* sockets that were opened */
    uint64_t handshakes;        /* TLS handshakes that succeeded */
    uint64_t requests;          /* accepted */
    uint64_t done;              /* DONE events, any verdict */
    uint64_t timeouts;          /* of these, verdict TIMEOUT or STALLED */
    uint64_t retries;           /* attempts and replays after the first */
    uint64_t pings;             /* PING frames sent */
    uint64_t connections_dead;  /* ended because a PING was not answered or nothing could be sent */
    uint32_t paused;            /* requests paused now */
    uint64_t malformed_events;  /* skipped because they were not JSON */
    uint64_t skipped_events;    /* skipped because they were too large or no buffer was free */
    uint64_t buffers_refused;   /* times that no assembly buffer was free */
    uint32_t buffers_peak;      /* most assembly buffers ever in use, of event_buffers */
    uint64_t bytes_received;    /* from sockets, TLS included */
    uint64_t bytes_sent;        /* to sockets, TLS included */
    uint64_t memory_bytes;      /* of the block */
    uint64_t library_bytes;     /* of these, now in use by nghttp2 and wolfSSL */
    uint64_t library_peak;      /* most of them ever in use */
    uint64_t library_capacity;  /* reserved for them */
    uint64_t library_largest;   /* largest piece of it that is free now */

    uint32_t connections_active;         /* open, with streams */
    uint32_t connections_idle;           /* open, without */
    uint32_t connections_draining;       /* take no new streams */
    uint32_t connections_opening;        /* being dialed */
    uint32_t origins_failing;            /* whose last dial failed, or lost its connection young */
    uint32_t waiting[CMX_WAITING_COUNT]; /* requests now, by enum cmx_waiting */
    uint64_t verdicts[CMX_VERDICT_COUNT];
    uint64_t retry_reasons[CMX_RETRY_REASON_COUNT];
    uint32_t done_per_min;  /* in the last minute; so long after init: what came so far */
    uint64_t prompt_tokens; /* that servers counted; likewise the next three */
    uint64_t cached_tokens; /* of prompt_tokens */
    uint64_t completion_tokens;
    uint64_t reasoning_tokens; /* of completion_tokens */
    cmx_quantiles total;       /* accepted until the end, chats and plain requests */
    cmx_quantiles head;        /* sent until the response head: what the relay takes */
    cmx_quantiles first_token; /* sent until the first token, streams only */
    cmx_quantiles per_token;   /* between two tokens of an answer, its mean; streams only */
    cmx_spending spending;
    cmx_limit_state limits; /* of all origins: running and queued in sum, of what is left the least,
                               of waits the longest; cmx_client_limits() has each */
} cmx_stats;

/* Fills `stats`; cannot fail. Quantiles are 0 where models_max is 0. */
void cmx_client_stats(const cmx_client *client, cmx_stats *stats);

/* One row of the table of models. */
typedef struct cmx_model_stats {
    cmx_text model; /* as requests name it, cut to 64 bytes; "other" in the last row, for all that
                       found no room; lent until deinit */
    uint64_t verdicts[CMX_VERDICT_COUNT];
    uint64_t retries;
    uint64_t prompt_tokens;
    uint64_t cached_tokens;
    uint64_t completion_tokens;
    uint64_t reasoning_tokens;
    cmx_quantiles total;
    cmx_quantiles first_token;
    cmx_quantiles per_token;
    cmx_spending spending; /* all origins */
} cmx_model_stats;

/* Fills `stats` with a row of the table of models, 0 .. in order of first use; the last one counts
 * what found no row. Returns CMX_OK or CMX_ERR_ARGUMENT (no such row, or not used yet). */
CMX_MUST_CHECK int cmx_client_model_stats(const cmx_client *client, uint32_t row,
                                          cmx_model_stats *stats);

/* Fills `spending` with what a model of the table cost at one origin. Returns CMX_OK or
 * CMX_ERR_ARGUMENT (no such row or origin). */
CMX_MUST_CHECK int cmx_client_model_spending(const cmx_client *client, uint32_t row,
                                             cmx_origin_id origin, cmx_spending *spending);

/* Names of metrics. */
enum cmx_metrics_names {
    CMX_METRICS_RELAY,  /* ai_relay_requests_total and so on */
    CMX_METRICS_GEN_AI, /* OpenTelemetry's: gen_ai_client_operation_duration_seconds and so on */
};

/* Writes all of it in Prometheus' text format 0.0.4: complete, or not at all.
 *
 * buffer    out: text, ends with a line feed and a NUL; may be NULL with capacity 0
 * capacity  bytes of buffer
 * len       out: bytes of the text without the NUL; on CMX_ERR_BUFFER_SMALL what would be needed
 *
 * Returns CMX_OK, or CMX_ERR_BUFFER_SMALL -> give *len + 1 bytes. */
CMX_MUST_CHECK int cmx_client_metrics(const cmx_client *client, enum cmx_metrics_names names,
                                      char *buffer, size_t capacity, size_t *len);

#endif
