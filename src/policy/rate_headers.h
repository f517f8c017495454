/* SPDX-License-Identifier: MIT */
/*
 * What a server says about its rate limits, in the spellings of OpenAI, Azure, Anthropic,
 * OpenRouter and the IETF drafts: response headers in, one by one and in any order, one compact
 * state out. It limits nothing and reads no clock.
 */
#ifndef CMX_POLICY_RATE_HEADERS_H
#define CMX_POLICY_RATE_HEADERS_H

#include "base/view.h"

/* What is counted. */
enum cmx_rate_headers_kind {
    CMX_RATE_HEADERS_REQUESTS,
    CMX_RATE_HEADERS_TOKENS,        /* of both directions */
    CMX_RATE_HEADERS_INPUT_TOKENS,  /* Anthropic's only */
    CMX_RATE_HEADERS_OUTPUT_TOKENS, /* Anthropic's only */
    CMX_RATE_HEADERS_KINDS
};

/* Bits of `known`. */
enum {
    CMX_RATE_HEADERS_LIMIT = 1,
    CMX_RATE_HEADERS_REMAINING = 2,
    CMX_RATE_HEADERS_RESET = 4,
};

/* Counts above UINT32_MAX are UINT32_MAX. */
typedef struct cmx_rate_headers_quota {
    uint32_t limit;     /* allowed per window; never 0 when known */
    uint32_t remaining; /* still allowed now */
    uint32_t reset_ms;  /* from when the header was fed until `remaining` is whole again */
} cmx_rate_headers_quota;

/* All zero = nothing was said. One may exist per stream. */
typedef struct cmx_rate_headers {
    cmx_rate_headers_quota quotas[CMX_RATE_HEADERS_KINDS];
    uint32_t window_ms;                    /* of the limit of requests; 0 = not known */
    uint8_t known[CMX_RATE_HEADERS_KINDS]; /* which members of the quota are valid */
    uint8_t rank;                          /* of the spelling behind the quota of requests */
    uint16_t policy;                       /* whose limit it is, and */
    uint16_t service;                      /* whose remaining it is: 0 or a hash of the name */
} cmx_rate_headers;

/* Returns whether feeding this header could change anything, by its first bytes only. `name` is in
 * lower case. */
bool cmx_rate_headers_wants(cmx_view name);

/* Takes one response header into account; all others are ignored, and so is a value that cannot be
 * understood: "-1", a limit of 0 (with which nothing could ever be sent), a date where the clock
 * is not known.
 *
 * Requests have three ranks of spelling, and members of two ranks never mix: a name that says
 * "requests" wins over x-ratelimit-limit and the like, those over the IETF's. Of an IETF list the
 * item with the least `r` counts; limit and window are those of the policy of the same name, or of
 * the first if RateLimit-Policy came first, until RateLimit names another.
 *
 * name         in lower case, as HTTP/2 has it
 * now_unix_ms  since 1970, for dates; 0 = not known */
void cmx_rate_headers_feed(cmx_rate_headers *headers, cmx_view name, cmx_view value,
                           int64_t now_unix_ms);

#endif
