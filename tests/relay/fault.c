/* SPDX-License-Identifier: MIT */
/*
 * The faults, one row each. A new fault is a row here, and a field in fault.h when it does
 * something that no row did before. In: a model's name. Out: its row. Must not hold state: a fault
 * that counts needs a place of its own.
 */
#include "fault.h"

#include <string.h>

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
    {.model = "fault-html", .status = 502, .html = true},
    {.model = "fault-hang", .no_head = true},
    {.model = "fault-truncate", .cut = RELAY_CUT_END_STREAM},
    {.model = "fault-reset", .cut = RELAY_CUT_RESET},
    {.model = "fault-stall", .cut = RELAY_CUT_STALL},
    {.model = "fault-inband",
     .error_type = "server_error",
     .error_code = "\"internal_error\"",
     .message = "The server had an error while processing your request. Sorry about that!",
     .cut = RELAY_CUT_ERROR_EVENT},
    {.model = "fault-nodone", .no_done = true},
};

const relay_fault *relay_fault_find(const char *model, size_t model_len)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (strlen(faults[i].model) == model_len &&
            memcmp(faults[i].model, model, model_len) == 0) {
            return &faults[i];
        }
    }
    return NULL;
}
