/* SPDX-License-Identifier: MIT */
/*
 * Presets and limits of the configuration. One table is the documentation, the check and what the
 * tests go through; a field without a row does not compile.
 */
#include "chatmux/config.h"

#include "base/base.h"

#include <string.h>

typedef struct limit {
    uint32_t min;
    uint32_t max;
} limit;

enum {
    TIMEOUT_MS_MIN = 100,
    TRACE_BYTES_MIN = 2 * CMX_LIMIT_LINE_BYTES, /* what cmx_lines asks for */
    AGE_MS_MIN = 1000
};

/* Every field in the order of cmx_config, which is an array of numbers to the check. */
/* clang-format off */
#define FIELDS(X) \
    X(connections_max, 1, CMX_CONNECTIONS_MAX) \
    X(origins_max, 1, CMX_ORIGINS_MAX) \
    X(requests_max, 1, CMX_REQUESTS_MAX) \
    X(streams_soft, 1, 1024) \
    X(streams_hard, 1, 1024) \
    X(streams_before_settings, 1, 1024) \
    X(stream_window_bytes, 1024, 1048576) \
    X(connection_window_bytes, 65535, 16777216) \
    X(head_bytes_max, 1024, 65536) \
    X(read_bytes, 2048, 262144) \
    X(write_bytes, 2048, 65536) \
    X(tail_bytes, 128, 4096) \
    X(tails_max, 0, CMX_REQUESTS_MAX) \
    X(shape_bytes, 0, 1024) \
    X(shapes_max, 0, CMX_REQUESTS_MAX) \
    X(event_bytes_max, 2048, 1048576) \
    X(event_buffers, 1, 64) \
    X(malformed_events_max, 0, 1000) \
    X(skipped_events_max, 0, 1000) \
    X(tool_calls_max, 0, 128) \
    X(tool_tables_max, 0, CMX_REQUESTS_MAX) \
    X(trace_bytes, 0, 65536) \
    X(trust_bytes, 2048, 1048576) \
    X(resolve_timeout_ms, TIMEOUT_MS_MIN, 120000) \
    X(connect_timeout_ms, TIMEOUT_MS_MIN, 120000) \
    X(tls_timeout_ms, TIMEOUT_MS_MIN, 120000) \
    X(settings_timeout_ms, TIMEOUT_MS_MIN, 120000) \
    X(queue_timeout_ms, TIMEOUT_MS_MIN, 3600000) \
    X(head_timeout_ms, TIMEOUT_MS_MIN, 3600000) \
    X(first_token_timeout_ms, TIMEOUT_MS_MIN, 3600000) \
    X(progress_timeout_ms, TIMEOUT_MS_MIN, 3600000) \
    X(total_timeout_ms, 0, 86400000) \
    X(idle_timeout_ms, TIMEOUT_MS_MIN, 3600000) \
    X(connection_age_max_ms, 0, 86400000) \
    X(connection_requests_max, 0, 1000000) \
    X(drain_timeout_ms, TIMEOUT_MS_MIN, 86400000) \
    X(dial_backoff_ms, 10, 60000) \
    X(dial_backoff_max_ms, 10, 600000) \
    X(attempt_delay_ms, 10, 10000) \
    X(ping_after_ms, 0, 3600000) \
    X(ping_timeout_ms, TIMEOUT_MS_MIN, 120000) \
    X(ping_idle_ms, 0, 3600000) \
    X(write_timeout_ms, TIMEOUT_MS_MIN, 3600000) \
    X(attempts_max, 1, 10) \
    X(replays_max, 0, 100) \
    X(retry_strict, 0, 1) \
    X(retry_base_ms, 1, 60000) \
    X(retry_max_ms, 1, 600000) \
    X(retry_after_max_ms, 0, 3600000) \
    X(retry_budget_percent, 0, 100) \
    X(paused_streams_max, 0, 64) \
    X(coalesce_ms, 0, 50) \
    X(targets_max, 0, 64) \
    X(prices_max, 0, 256) \
    X(models_max, 0, 64) \
    X(cooldown_ms, TIMEOUT_MS_MIN, 3600000) \
    X(cooldown_failures, 1, 100) \
    X(alert_errors, 0, 1000) \
    X(alert_retries, 0, 1000) \
    X(alert_p99_ms, 0, 3600000)
/* clang-format on */

#define FIELD_INDEX(name, min, max) INDEX_##name,
#define FIELD_LIMIT(name, min, max) {min, max},
#define FIELD_NAME(name, min, max) #name "\0"
#define FIELD_PLACE(name, min, max)                                               \
    _Static_assert(offsetof(cmx_config, name) == INDEX_##name * sizeof(uint32_t), \
                   "fields are listed in the order of cmx_config");

enum { FIELDS(FIELD_INDEX) FIELD_COUNT };
static const limit limits[] = {FIELDS(FIELD_LIMIT)};
static const char names[] = FIELDS(FIELD_NAME); /* one after the other: no pointers to keep */
FIELDS(FIELD_PLACE)
_Static_assert(sizeof(cmx_config) == FIELD_COUNT * sizeof(uint32_t),
               "every field of cmx_config is listed");
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
    .targets_max = 8,
    .prices_max = 16,
    .models_max = 4,
    .cooldown_ms = 5000,
    .cooldown_failures = 3,
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
    config->stream_window_bytes = 1024;
    config->head_bytes_max = 4096;
    config->read_bytes = 2048;
    config->write_bytes = 2048;
    config->tail_bytes = 512;
    config->tails_max = 8;
    config->shape_bytes = 256;
    config->shapes_max = 2;
    config->event_bytes_max = 4096;
    config->event_buffers = 1;
    config->tool_tables_max = 2;
    config->tool_calls_max = 8;
    config->trust_bytes = 3072;
    config->paused_streams_max = 1;
    config->targets_max = 0;
    config->prices_max = 0;
    config->models_max = 0;
}

static void fill_preset(cmx_config *config, enum cmx_preset preset)
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

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void cmx_config_preset(cmx_config *config, enum cmx_preset preset)
{
    fill_preset(config, preset);
    /* A library may be built for less than a preset asks for. */
    config->connections_max = lesser(config->connections_max, CMX_CONNECTIONS_MAX);
    config->origins_max = lesser(config->origins_max, CMX_ORIGINS_MAX);
    config->requests_max = lesser(config->requests_max, CMX_REQUESTS_MAX);
    config->tails_max = lesser(config->tails_max, CMX_REQUESTS_MAX);
    config->shapes_max = lesser(config->shapes_max, CMX_REQUESTS_MAX);
    config->tool_tables_max = lesser(config->tool_tables_max, CMX_REQUESTS_MAX);
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
    const char *name = names;

    for (size_t i = 0; i < FIELD_COUNT; i++, name += strlen(name) + 1) {
        uint32_t value;
        memcpy(&value, base + i * sizeof value, sizeof value);
        if (value < limits[i].min || value > limits[i].max) {
            *bad_field = name;
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
