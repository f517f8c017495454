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

enum { TIMEOUT_MS_MIN = 100, TRACE_BYTES_MIN = 1024, AGE_MS_MIN = 1000 };

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
    {FIELD(connection_age_max_ms), 0, 86400000},
    {FIELD(connection_requests_max), 0, 1000000},
    {FIELD(drain_timeout_ms), TIMEOUT_MS_MIN, 86400000},
    {FIELD(dial_backoff_ms), 10, 60000},
    {FIELD(dial_backoff_max_ms), 10, 600000},
    {FIELD(attempt_delay_ms), 10, 10000},
    {FIELD(ping_after_ms), 0, 3600000},
    {FIELD(ping_timeout_ms), TIMEOUT_MS_MIN, 120000},
    {FIELD(ping_idle_ms), 0, 3600000},
    {FIELD(write_timeout_ms), TIMEOUT_MS_MIN, 3600000},
    {FIELD(attempts_max), 1, 10},
    {FIELD(replays_max), 0, 100},
    {FIELD(retry_strict), 0, 1},
    {FIELD(retry_base_ms), 1, 60000},
    {FIELD(retry_max_ms), 1, 600000},
    {FIELD(retry_after_max_ms), 0, 3600000},
    {FIELD(retry_budget_percent), 0, 100},
    {FIELD(paused_streams_max), 0, 64},
    {FIELD(coalesce_ms), 0, 50},
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
    .connection_age_max_ms = 3000000,
    .connection_requests_max = 900,
    .drain_timeout_ms = 300000,
    .dial_backoff_ms = 250,
    .dial_backoff_max_ms = 120000,
    .attempt_delay_ms = 250,
    .ping_after_ms = 15000,
    .ping_timeout_ms = 10000,
    .ping_idle_ms = 10000,
    .write_timeout_ms = 10000,
    .attempts_max = 3,
    .replays_max = 8,
    .retry_strict = 0,
    .retry_base_ms = 500,
    .retry_max_ms = 8000,
    .retry_after_max_ms = 120000,
    .retry_budget_percent = 20,
    .paused_streams_max = 8,
    .coalesce_ms = 0,
};

/* A preset after the published pools: `timeout_ms` is what they wait for any part of an answer. */
typedef struct scale {
    uint32_t connections;
    uint32_t requests;
    uint32_t idle_ms;
    uint32_t timeout_ms;
    uint32_t attempts;
} scale;

static void apply_scale(cmx_config *config, const scale *by)
{
    config->connections_max = by->connections;
    config->requests_max = by->requests;
    config->idle_timeout_ms = by->idle_ms;
    config->head_timeout_ms = by->timeout_ms;
    config->first_token_timeout_ms = by->timeout_ms;
    config->progress_timeout_ms = by->timeout_ms;
    config->attempts_max = by->attempts;
}

static void apply_tiny(cmx_config *config)
{
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
    config->paused_streams_max = 1;
}

void cmx_config_preset(cmx_config *config, enum cmx_preset preset)
{
    static const scale development = {1, 64, 60000, 30000, 2};
    static const scale startup = {2, 128, 45000, 45000, 3};
    static const scale growth = {2, 256, 30000, 60000, 3};
    static const scale enterprise = {4, 1024, 20000, 90000, 4};

    *config = preset_default;
    switch (preset) {
    case CMX_PRESET_DEFAULT:
        return;
    case CMX_PRESET_TINY:
        apply_tiny(config);
        return;
    case CMX_PRESET_DEVELOPMENT:
        apply_scale(config, &development);
        return;
    case CMX_PRESET_STARTUP:
        apply_scale(config, &startup);
        return;
    case CMX_PRESET_GROWTH:
        apply_scale(config, &growth);
        return;
    case CMX_PRESET_ENTERPRISE:
        apply_scale(config, &enterprise);
        return;
    }
    /* A value from outside the enum is served as the default: nothing here can fail. */
}

/* Fields where 0 turns something off, and anything else must make sense. Returns the first that is
 * too small, or NULL. */
static const char *find_too_small(const cmx_config *config)
{
    const struct {
        const char *field;
        uint32_t value;
        uint32_t min;
    } rules[] = {
        {"trace_bytes", config->trace_bytes, TRACE_BYTES_MIN},
        {"total_timeout_ms", config->total_timeout_ms, TIMEOUT_MS_MIN},
        {"connection_age_max_ms", config->connection_age_max_ms, AGE_MS_MIN},
        {"ping_after_ms", config->ping_after_ms, TIMEOUT_MS_MIN},
        {"ping_idle_ms", config->ping_idle_ms, TIMEOUT_MS_MIN},
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(rules); i++) {
        if (rules[i].value > 0 && rules[i].value < rules[i].min) {
            return rules[i].field;
        }
    }
    return NULL;
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
    *bad_field = find_too_small(config);
    if (*bad_field != NULL) {
        return CMX_ERR_CONFIG;
    }
    /* Relations come last: each side is already known to be in range. */
    if (config->streams_hard < config->streams_soft) {
        *bad_field = "streams_hard";
        return CMX_ERR_CONFIG;
    }
    if (config->dial_backoff_max_ms < config->dial_backoff_ms) {
        *bad_field = "dial_backoff_max_ms";
        return CMX_ERR_CONFIG;
    }
    if (config->retry_max_ms < config->retry_base_ms) {
        *bad_field = "retry_max_ms";
        return CMX_ERR_CONFIG;
    }
    if (config->tail_bytes > config->event_bytes_max) {
        *bad_field = "tail_bytes";
        return CMX_ERR_CONFIG;
    }
    *bad_field = NULL;
    return CMX_OK;
}
