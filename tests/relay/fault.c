/* SPDX-License-Identifier: MIT */
/*
 * The faults, one row each. A new fault is a row here, and a field in fault.h when it does
 * something that no row did before. In: a model's name. Out: its row. Must not hold state: a fault
 * that counts needs a place of its own.
 */
#include "fault.h"

#include "stats.h"

#include <string.h>

/* RFC 9113, 7: nghttp2's header is for those who send frames */
#define H2_NO_ERROR 0
#define H2_INTERNAL_ERROR 2
#define H2_REFUSED_STREAM 7
#define H2_ENHANCE_YOUR_CALM 11

static const relay_fault faults[] = {
    {.model = "fault-401",
     .status = 401,
     .error_type = "invalid_request_error",
     .error_code = "\"invalid_api_key\"",
     .message = "Incorrect API key provided."},
    {.model = "fault-404",
     .status = 404,
     .error_type = "invalid_request_error",
     .error_code = "\"model_not_found\"",
     .message = "The model `fault-404` does not exist or you do not have access to it."},
    {.model = "fault-429",
     .status = 429,
     .error_type = "requests",
     .error_code = "\"rate_limit_exceeded\"",
     .message = "Rate limit reached for requests per min (RPM): Limit 3, Used 3, Requested 1.",
     .retry_after = true},
    {.model = "fault-500",
     .status = 500,
     .error_type = "server_error",
     .error_code = "null",
     .message = "The server had an error while processing your request. Sorry about that!"},
    {.model = "fault-503",
     .status = 503,
     .error_type = "service_unavailable_error",
     .error_code = "null",
     .message = "The engine is currently overloaded, please try again later.",
     .retry_after = true},
    {.model = "fault-redirect",
     .status = 307,
     .error_type = "invalid_request_error",
     .error_code = "\"moved\"",
     .message = "This endpoint has moved.",
     .redirect = true},
    {.model = "fault-html", .status = 502, .html = true},
    {.model = "fault-hang", .no_head = true},
    {.model = "fault-truncate", .cut = RELAY_CUT_END_STREAM},
    {.model = "fault-reset", .cut = RELAY_CUT_RESET, .reset_code = H2_INTERNAL_ERROR},
    {.model = "fault-reset-mid", .cut = RELAY_CUT_MID, .reset_code = H2_INTERNAL_ERROR},
    {.model = "fault-reset-none", .cut = RELAY_CUT_RESET, .reset_code = H2_NO_ERROR},
    {.model = "fault-reset-head", .deed = RELAY_DEED_RESET, .reset_code = H2_INTERNAL_ERROR},
    {.model = "fault-refuse", .deed = RELAY_DEED_RESET, .reset_code = H2_REFUSED_STREAM},
    {.model = "fault-drop", .cut = RELAY_CUT_DROP},
    {.model = "fault-drop-head", .deed = RELAY_DEED_DROP},
    {.model = "fault-close", .cut = RELAY_CUT_CLOSE},
    {.model = "fault-stall", .cut = RELAY_CUT_STALL},
    {.model = "fault-inband",
     .error_type = "server_error",
     .error_code = "\"internal_error\"",
     .message = "The server had an error while processing your request. Sorry about that!",
     .cut = RELAY_CUT_ERROR_EVENT},
    {.model = "fault-nodone", .no_done = true},
    {.model = "fault-slow", .slow = true},
    {.model = "fault-malformed", .malformed = true},
    {.model = "fault-empty", .head_only = true},
    {.model = "fault-trailers", .trailers = true},
    {.model = "fault-window", .cut = RELAY_CUT_FLOOD},
    {.model = "fault-context",
     .status = 400,
     .error_type = "invalid_request_error",
     .error_code = "\"context_length_exceeded\"",
     .message = "This model's maximum context length is 128000 tokens. However, your messages "
                "resulted in 130012 tokens. Please reduce the length of the messages."},
    {.model = "fault-filter",
     .status = 400,
     .error_type = "invalid_request_error",
     .error_code = "\"content_filter\"",
     .message = "The response was filtered due to the prompt triggering content management "
                "policy. Please modify your prompt and retry."},
    {.model = "fault-flap",
     .flap = true,
     .status = 503,
     .error_type = "service_unavailable_error",
     .error_code = "null",
     .message = "The engine is currently overloaded, please try again later."},
    {.model = "fault-ping", .cut = RELAY_CUT_STALL, .deed = RELAY_DEED_MUTE_PINGS},
    {.model = "fault-mute", .no_head = true, .deed = RELAY_DEED_MUTE},
    {.model = "fault-goaway", .deed = RELAY_DEED_GOAWAY},
    {.model = "fault-goaway-lower", .deed = RELAY_DEED_GOAWAY_LOWER, .reset_code = H2_NO_ERROR},
    {.model = "fault-goaway-repeat", .deed = RELAY_DEED_GOAWAY_REPEAT, .reset_code = H2_NO_ERROR},
    {.model = "fault-goaway-calm",
     .deed = RELAY_DEED_GOAWAY_LOWER,
     .reset_code = H2_ENHANCE_YOUR_CALM},
    {.model = "fault-goaway-pings",
     .deed = RELAY_DEED_GOAWAY_LOWER,
     .reset_code = H2_ENHANCE_YOUR_CALM,
     .debug_data = "too_many_pings"},
    {.model = "fault-max-1", .deed = RELAY_DEED_MAX_ONE},
    {.model = "fault-max-0", .deed = RELAY_DEED_MAX_ZERO},
};

_Static_assert(sizeof faults / sizeof faults[0] <= RELAY_STATS_FAULTS_MAX, "one counter each");

const relay_fault *relay_fault_find(const char *model, size_t model_len)
{
    const size_t once_len = sizeof RELAY_FAULT_ONCE - 1;

    if (model_len > once_len &&
        memcmp(model + model_len - once_len, RELAY_FAULT_ONCE, once_len) == 0) {
        model_len -= once_len;
    }
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (strlen(faults[i].model) == model_len &&
            memcmp(faults[i].model, model, model_len) == 0) {
            return &faults[i];
        }
    }
    return NULL;
}

const relay_fault *relay_fault_at(size_t index)
{
    return index < sizeof faults / sizeof faults[0] ? &faults[index] : NULL;
}

size_t relay_fault_index(const relay_fault *fault)
{
    return (size_t)(fault - faults);
}
