/* SPDX-License-Identifier: MIT */
/*
 * Presets and limits of the configuration. One table is the documentation, the check and what the
 * tests go through; a field without a row does not compile.
 */
#include "chatmux/config.h"

#include "base/base.h"

#include <string.h>

typedef struct limit {
    const char *field;
    size_t offset;
    uint32_t min;
    uint32_t max;
} limit;

enum { TIMEOUT_MS_MIN = 100, TRACE_BYTES_MIN = 1024 };

#define FIELD(name) #name, offsetof(cmx_config, name)

/* clang-format off */
static const limit limits[] = {
    {FIELD(connections_max), 1, CMX_CONNECTIONS_MAX},
    {FIELD(origins_max), 1, CMX_ORIGINS_MAX},
    {FIELD(requests_max), 1, CMX_REQUESTS_MAX},
    {FIELD(streams_soft), 1, 1024},
    {FIELD(streams_hard), 1, 1024},
    {FIELD(streams_before_settings), 1, 1024},
    {FIELD(stream_window_bytes), 1024, 1048576},
    {FIELD(connection_window_bytes), 65535, 16777216},
    {FIELD(head_bytes_max), 1024, 65536},
    {FIELD(read_bytes), 4096, 262144},
    {FIELD(write_bytes), 4096, 65536},
    {FIELD(tail_bytes), 128, 4096},
    {FIELD(shape_bytes), 0, 1024},
    {FIELD(event_bytes_max), 2048, 1048576},
    {FIELD(event_buffers), 1, 64},
    {FIELD(malformed_events_max), 0, 1000},
    {FIELD(skipped_events_max), 0, 1000},
    {FIELD(tool_calls_max), 0, 128},
    {FIELD(trace_bytes), 0, 65536},
    {FIELD(trust_bytes), 4096, 1048576},
    {FIELD(resolve_timeout_ms), TIMEOUT_MS_MIN, 120000},
    {FIELD(connect_timeout_ms), TIMEOUT_MS_MIN, 120000},
    {FIELD(tls_timeout_ms), TIMEOUT_MS_MIN, 120000},
    {FIELD(settings_timeout_ms), TIMEOUT_MS_MIN, 120000},
    {FIELD(queue_timeout_ms), TIMEOUT_MS_MIN, 3600000},
    {FIELD(head_timeout_ms), TIMEOUT_MS_MIN, 3600000},
    {FIELD(first_token_timeout_ms), TIMEOUT_MS_MIN, 3600000},
    {FIELD(progress_timeout_ms), TIMEOUT_MS_MIN, 3600000},
    {FIELD(total_timeout_ms), 0, 86400000},
    {FIELD(idle_timeout_ms), TIMEOUT_MS_MIN, 3600000},
};
/* clang-format on */

_Static_assert(sizeof(cmx_config) == CMX_ARRAY_LEN(limits) * sizeof(uint32_t),
               "every field of cmx_config needs a row in limits");
/* The largest table of slots is addressed with 16 bits, one value of which means none. */
_Static_assert(CMX_REQUESTS_MAX + 1 < UINT16_MAX, "indices fit");

static const cmx_config preset_default = {
    .connections_max = 4,
    .origins_max = 4,
    .requests_max = 256,
    .streams_soft = 8,
    .streams_hard = 256,
    .streams_before_settings = 8,
    .stream_window_bytes = 16384,
    .connection_window_bytes = 65535,
    .head_bytes_max = 16384,
    .read_bytes = 16384,
    .write_bytes = 16384,
    .tail_bytes = 1024,
    .shape_bytes = 384,
    .event_bytes_max = 16384,
    .event_buffers = 16,
    .malformed_events_max = 3,
    .skipped_events_max = 0,
    .tool_calls_max = 16,
    .trace_bytes = 0,
    .trust_bytes = 128 * 1024,
    .resolve_timeout_ms = 5000,
    .connect_timeout_ms = 5000,
    .tls_timeout_ms = 8000,
    .settings_timeout_ms = 5000,
    .queue_timeout_ms = 10000,
    .head_timeout_ms = 60000,
    .first_token_timeout_ms = 180000,
    .progress_timeout_ms = 60000,
    .total_timeout_ms = 0,
    .idle_timeout_ms = 55000,
};

void cmx_config_preset(cmx_config *config, enum cmx_preset preset)
{
    *config = preset_default;
    switch (preset) {
    case CMX_PRESET_DEFAULT:
        return;
    case CMX_PRESET_TINY:
        config->connections_max = 1;
        config->origins_max = 1;
        config->requests_max = 8;
        config->streams_hard = 8;
        config->stream_window_bytes = 2048;
        config->head_bytes_max = 4096;
        config->read_bytes = 4096;
        config->write_bytes = 4096;
        config->tail_bytes = 512;
        config->event_bytes_max = 4096;
        config->event_buffers = 2;
        config->tool_calls_max = 8;
        config->trust_bytes = 4096;
        return;
    }
    /* A value from outside the enum is served as the default: nothing here can fail. */
}

int cmx_config_check(const cmx_config *config, const char **bad_field)
{
    const unsigned char *base = (const unsigned char *)config;

    for (size_t i = 0; i < CMX_ARRAY_LEN(limits); i++) {
        uint32_t value;
        memcpy(&value, base + limits[i].offset, sizeof value);
        if (value < limits[i].min || value > limits[i].max) {
            *bad_field = limits[i].field;
            return CMX_ERR_CONFIG;
        }
    }
    if (config->total_timeout_ms > 0 && config->total_timeout_ms < TIMEOUT_MS_MIN) {
        *bad_field = "total_timeout_ms"; /* 0 is no limit */
        return CMX_ERR_CONFIG;
    }
    if (config->trace_bytes > 0 && config->trace_bytes < TRACE_BYTES_MIN) {
        *bad_field = "trace_bytes"; /* 0 is off */
        return CMX_ERR_CONFIG;
    }
    /* Relations come last: each side is already known to be in range. */
    if (config->streams_hard < config->streams_soft) {
        *bad_field = "streams_hard";
        return CMX_ERR_CONFIG;
    }
    if (config->tail_bytes > config->event_bytes_max) {
        *bad_field = "tail_bytes";
        return CMX_ERR_CONFIG;
    }
    *bad_field = NULL;
    return CMX_OK;
}
