/* SPDX-License-Identifier: MIT */
/*
 * Requests below chats: any path of an origin, the answer as bytes. Also the types that requests
 * and chats share: ids, borrowed text, the summary of an ended request.
 */
#ifndef CHATMUX_REQUEST_H
#define CHATMUX_REQUEST_H

#include "chatmux/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names a request or chat from its start to its DONE event; never used twice. 0 is never given. */
typedef uint64_t cmx_id;

/* Names an origin of the client. */
typedef uint32_t cmx_origin_id;

/* Bytes lent to the caller or borrowed from it; not NUL-terminated. */
typedef struct cmx_text {
    const char *data; /* may be NULL when len is 0 */
    size_t len;       /* bytes */
} cmx_text;

/* A header field to be sent beside chatmux's own. */
typedef struct cmx_header {
    const char *name;  /* lower case, RFC 9110 token; not one that chatmux sends itself */
    const char *value; /* visible ASCII, spaces and tabs inside */
} cmx_header;

enum cmx_method {
    CMX_METHOD_GET,
    CMX_METHOD_POST,
    CMX_METHOD_DELETE,
};

/* Limits of one request, in milliseconds; 0 = as configured. */
typedef struct cmx_time_limits {
    uint32_t queue_timeout_ms;       /* accepted until sent */
    uint32_t head_timeout_ms;        /* sent until the response head */
    uint32_t first_token_timeout_ms; /* sent until the first token */
    uint32_t progress_timeout_ms;    /* between two tokens */
    uint32_t total_timeout_ms;       /* accepted until DONE, retries included */
    uint32_t attempts_max;           /* sendings, 1..10 */
} cmx_time_limits;

/* A plain request. Fill with cmx_request_default(), then override. */
typedef struct cmx_request {
    cmx_origin_id origin;     /* default 0: the first one added */
    enum cmx_method method;   /* default GET */
    const char *path;         /* appended to the base URL: "/models"; borrowed until DONE */
    const char *content_type; /* at most 128 bytes; borrowed until DONE; NULL = application/json */
    const void *body;         /* borrowed until DONE; NULL = none */
    size_t body_len;          /* bytes of body */
    cmx_time_limits limits;   /* copied; default all 0 */
    void *user;               /* handed back with every event */
} cmx_request;

/* Fills `request` with the defaults named beside its fields; cannot fail. */
void cmx_request_default(cmx_request *request);

/* The one truthful end of a request. */
enum cmx_verdict {
    CMX_VERDICT_DONE,             /* complete: finish_reason (or a plain 2xx answer) and its end */
    CMX_VERDICT_DONE_NO_SENTINEL, /* complete: finish_reason came, `[DONE]` did not */
    CMX_VERDICT_EMPTY,            /* ended well-formed without any content or finish_reason */
    CMX_VERDICT_TRUNCATED,        /* content came, its end did not: what was delivered is partial */
    CMX_VERDICT_ERROR_INBAND,     /* the server reported an error inside a 200 answer */
    CMX_VERDICT_ERROR_HTTP,       /* the server answered with a status outside 200..299 */
    CMX_VERDICT_STALLED,          /* content came, then none for progress_timeout_ms */
    CMX_VERDICT_TIMEOUT,          /* a clock ran out before any content, or the total one */
    CMX_VERDICT_CANCELLED,        /* cmx_client_cancel() */
    CMX_VERDICT_LIMIT,            /* a limit of the configuration or the caller's buffer */
    CMX_VERDICT_NETWORK,          /* no answer: DNS, TCP, TLS or HTTP/2 failed; see the error */
};
enum { CMX_VERDICT_COUNT = CMX_VERDICT_NETWORK + 1 };

/* Returns true for the two verdicts that mean the answer is whole. */
bool cmx_verdict_complete(enum cmx_verdict verdict);

/* Returns the verdict's name, such as "TRUNCATED"; a static string, never NULL. */
const char *cmx_verdict_name(enum cmx_verdict verdict);

/* Tokens that the server counted. */
typedef struct cmx_usage {
    uint64_t prompt_tokens;     /* includes cached_tokens */
    uint64_t completion_tokens; /* includes reasoning_tokens */
    uint64_t total_tokens;
    uint64_t cached_tokens;
    uint64_t reasoning_tokens;
    uint64_t cost; /* picodollars, where the server bills by itself (`usage.cost`) */
    bool has_cost; /* `cost` came */
} cmx_usage;

/* What a chat cost, in picodollars, all its attempts: see money.h. */
enum cmx_cost_kind {
    CMX_COST_UNKNOWN,   /* the model has no price, or nothing was processed: `amount` is 0 */
    CMX_COST_PRICED,    /* usage times price */
    CMX_COST_BILLED,    /* as the server says itself */
    CMX_COST_ESTIMATED, /* tokens came and no usage: by the bytes of prompt and answer */
    CMX_COST_OVERFLOW,  /* more than 64 bits hold: `amount` is 0 */
};

typedef struct cmx_cost {
    enum cmx_cost_kind kind;
    uint64_t amount;
} cmx_cost;

/* Milliseconds on the port's clock since the request was accepted; CMX_TIME_NEVER = did not
 * happen. */
#define CMX_TIME_NEVER UINT64_MAX
typedef struct cmx_times {
    uint64_t sent_ms;        /* left the queue onto a connection */
    uint64_t head_ms;        /* response head */
    uint64_t first_token_ms; /* first content, reasoning or refusal byte (or body byte) */
    uint64_t last_token_ms;
    uint64_t done_ms;
} cmx_times;

/* Everything about an ended request. Texts are lent until the event dies. */
typedef struct cmx_done {
    enum cmx_verdict verdict;
    int error;              /* CMX_OK if complete, else the cause */
    uint32_t http_status;   /* 0 = no response head came */
    uint32_t h2_error;      /* code of RST_STREAM or GOAWAY (RFC 9113, 7); 0 = none */
    int32_t tls_error;      /* the TLS library's number behind a TLS error, for logs */
    uint32_t attempts;      /* times it was sent and answered or perhaps processed */
    uint32_t replays;       /* times it was sent again because it provably was not processed */
    cmx_text message;       /* the server's error message, or where it redirects to, at most 192
                               bytes */
    cmx_text finish_reason; /* as sent, at most 32 bytes; empty = none came */
    cmx_text model;         /* as the server names it, at most 64 bytes */
    cmx_text request_id;    /* x-request-id or the completion's id, at most 64 bytes */
    bool has_usage;         /* `usage` came from the server */
    cmx_usage usage;
    cmx_cost cost;
    cmx_origin_id origin; /* of the last attempt */
    cmx_text asked_model; /* that the last attempt named, its target's if it was routed; empty for
                             plain requests, and for cancelled chats that named it themselves: it
                             is not borrowed any more */
    cmx_times times;
    uint64_t deltas;     /* DELTA or DATA events delivered */
    uint64_t bytes;      /* text or body bytes delivered */
    uint32_t tool_calls; /* tool calls of the answer, all choices */
    uint32_t malformed;  /* events that were not JSON, skipped within malformed_events_max */
    uint32_t skipped;    /* events that did not fit, skipped within skipped_events_max */
    uint32_t replaced;   /* bytes or halves of characters that became U+FFFD */
} cmx_done;

#endif
