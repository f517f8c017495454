/* SPDX-License-Identifier: MIT */
/*
 * Presets and limits of the configuration. One table is the documentation, the check and what the
 * tests go through; a field without a row does not compile.
 */
#include "chatmux/config.h"

#include "base/words.h"

#include <string.h>

enum {
    TIMEOUT_MS_MIN = 100,
    TRACE_BYTES_MIN = 2 * CMX_LIMIT_LINE_BYTES, /* what cmx_lines asks for */
    AGE_MS_MIN = 1000,
    MS_PER_S = 1000
};

/* Every field in the order of cmx_config, which is an array of numbers to what follows: its range,
 * and its value in CMX_PRESET_DEFAULT. */
/* clang-format off */
#define FIELDS(X) \
    X(connections_max, 1, CMX_CONNECTIONS_MAX, 4) \
    X(origins_max, 1, CMX_ORIGINS_MAX, 4) \
    X(requests_max, 1, CMX_REQUESTS_MAX, 256) \
    X(streams_soft, 1, 1024, 8) \
    X(streams_hard, 1, 1024, 256) \
    X(streams_before_settings, 1, 1024, 8) \
    X(stream_window_bytes, 1024, 1048576, 16384) \
    X(connection_window_bytes, 65535, 16777216, 65535) \
    X(head_bytes_max, 1024, 65536, 16384) \
    X(read_bytes, 2048, 262144, 16384) \
    X(write_bytes, 2048, 65536, 16384) \
    X(tail_bytes, 128, 4096, 1024) \
    X(tails_max, 0, CMX_REQUESTS_MAX, 0) \
    X(shape_bytes, 0, 1024, 384) \
    X(shapes_max, 0, CMX_REQUESTS_MAX, 0) \
    X(event_bytes_max, 2048, 1048576, 16384) \
    X(event_buffers, 1, 64, 16) \
    X(malformed_events_max, 0, 1000, 3) \
    X(skipped_events_max, 0, 1000, 0) \
    X(tool_calls_max, 0, 128, 16) \
    X(tool_tables_max, 0, CMX_REQUESTS_MAX, 0) \
    X(trace_bytes, 0, 65536, 0) \
    X(trust_bytes, 2048, 1048576, 128 * 1024) \
    X(resolve_timeout_ms, TIMEOUT_MS_MIN, 120000, 5000) \
    X(connect_timeout_ms, TIMEOUT_MS_MIN, 120000, 5000) \
    X(tls_timeout_ms, TIMEOUT_MS_MIN, 120000, 8000) \
    X(settings_timeout_ms, TIMEOUT_MS_MIN, 120000, 5000) \
    X(queue_timeout_ms, TIMEOUT_MS_MIN, 3600000, 10000) \
    X(head_timeout_ms, TIMEOUT_MS_MIN, 3600000, 60000) \
    X(first_token_timeout_ms, TIMEOUT_MS_MIN, 3600000, 180000) \
    X(progress_timeout_ms, TIMEOUT_MS_MIN, 3600000, 60000) \
    X(total_timeout_ms, 0, 86400000, 0) \
    X(idle_timeout_ms, TIMEOUT_MS_MIN, 3600000, 55000) \
    X(connection_age_max_ms, 0, 86400000, 3000000) \
    X(connection_requests_max, 0, 1000000, 900) \
    X(drain_timeout_ms, TIMEOUT_MS_MIN, 86400000, 300000) \
    X(dial_backoff_ms, 10, 60000, 250) \
    X(dial_backoff_max_ms, 10, 600000, 120000) \
    X(attempt_delay_ms, 10, 10000, 250) \
    X(ping_after_ms, 0, 3600000, 15000) \
    X(ping_timeout_ms, TIMEOUT_MS_MIN, 120000, 10000) \
    X(ping_idle_ms, 0, 3600000, 10000) \
    X(write_timeout_ms, TIMEOUT_MS_MIN, 3600000, 10000) \
    X(attempts_max, 1, 10, 3) \
    X(replays_max, 0, 100, 8) \
    X(retry_strict, 0, 1, 0) \
    X(retry_base_ms, 1, 60000, 500) \
    X(retry_max_ms, 1, 600000, 8000) \
    X(retry_after_max_ms, 0, 3600000, 120000) \
    X(retry_budget_percent, 0, 100, 20) \
    X(paused_streams_max, 0, 64, 8) \
    X(coalesce_ms, 0, 50, 0) \
    X(targets_max, 0, 64, 8) \
    X(prices_max, 0, 256, 16) \
    X(models_max, 0, 64, 4) \
    X(cooldown_ms, TIMEOUT_MS_MIN, 3600000, 5000) \
    X(cooldown_failures, 1, 100, 3) \
    X(alert_errors, 0, 1000, 0) \
    X(alert_retries, 0, 1000, 0) \
    X(alert_p99_ms, 0, 3600000, 0)
/* clang-format on */

#define FIELD_INDEX(name, min, max, value) INDEX_##name,
#define FIELD_MIN(name, min, max, value) min,
#define FIELD_MAX(name, min, max, value) max,
#define FIELD_DEFAULT(name, min, max, value) value,
#define FIELD_NAME(name, min, max, value) #name "\0"
#define FIELD_PLACE(name, min, max, value)                                        \
    _Static_assert(offsetof(cmx_config, name) == INDEX_##name * sizeof(uint32_t), \
                   "fields are listed in the order of cmx_config");

enum { FIELDS(FIELD_INDEX) FIELD_COUNT };
static const uint16_t mins[] = {FIELDS(FIELD_MIN)};
static const uint32_t maxs[] = {FIELDS(FIELD_MAX)};
static const uint32_t defaults[] = {FIELDS(FIELD_DEFAULT)};
static const char names[] = FIELDS(FIELD_NAME); /* one after the other: no pointers to keep */
FIELDS(FIELD_PLACE)
_Static_assert(sizeof(cmx_config) == FIELD_COUNT * sizeof(uint32_t),
               "every field of cmx_config is listed");
/* The largest table of slots is addressed with 16 bits, one value of which means none. */
_Static_assert(CMX_REQUESTS_MAX + 1 < UINT16_MAX, "indices fit");

/* A field and a number for it. */
typedef struct setting {
    uint16_t field;
    uint16_t value;
} setting;

/* Where CMX_PRESET_TINY is not as the default. */
static const setting tiny[] = {
    {INDEX_connections_max, 1},
    {INDEX_origins_max, 1},
    {INDEX_requests_max, 8},
    {INDEX_streams_hard, 8},
    {INDEX_stream_window_bytes, 1024},
    {INDEX_head_bytes_max, 4096},
    {INDEX_read_bytes, 2048},
    {INDEX_write_bytes, 2048},
    {INDEX_tail_bytes, 512},
    {INDEX_tails_max, 8},
    {INDEX_shape_bytes, 256},
    {INDEX_shapes_max, 2},
    {INDEX_event_bytes_max, 4096},
    {INDEX_event_buffers, 1},
    {INDEX_tool_tables_max, 2},
    {INDEX_tool_calls_max, 8},
    {INDEX_trust_bytes, 3072},
    {INDEX_paused_streams_max, 1},
    {INDEX_targets_max, 0},
    {INDEX_prices_max, 0},
    {INDEX_models_max, 0},
};

/* A preset after the published pools: `timeout_s` is what they wait for any part of an answer. */
typedef struct scale {
    uint8_t connections; /* 0 = it is none of these */
    uint8_t idle_s;
    uint8_t timeout_s;
    uint8_t attempts;
    uint16_t requests;
} scale;

static const scale scales[] = {
    [CMX_PRESET_DEVELOPMENT] = {1, 60, 30, 2, 64},
    [CMX_PRESET_STARTUP] = {2, 45, 45, 3, 128},
    [CMX_PRESET_GROWTH] = {2, 30, 60, 3, 256},
    [CMX_PRESET_ENTERPRISE] = {4, 20, 90, 4, 1024},
};

static void apply_scale(uint32_t values[FIELD_COUNT], const scale *by)
{
    values[INDEX_connections_max] = by->connections;
    values[INDEX_requests_max] = by->requests;
    values[INDEX_idle_timeout_ms] = by->idle_s * MS_PER_S;
    values[INDEX_head_timeout_ms] = by->timeout_s * MS_PER_S;
    values[INDEX_first_token_timeout_ms] = by->timeout_s * MS_PER_S;
    values[INDEX_progress_timeout_ms] = by->timeout_s * MS_PER_S;
    values[INDEX_attempts_max] = by->attempts;
}

static void apply_tiny(uint32_t values[FIELD_COUNT])
{
    for (size_t i = 0; i < CMX_ARRAY_LEN(tiny); i++) {
        values[tiny[i].field] = tiny[i].value;
    }
}

void cmx_config_preset(cmx_config *config, enum cmx_preset preset)
{
    uint32_t values[FIELD_COUNT];
    memcpy(values, defaults, sizeof values);
    /* A value from outside the enum is served as the default: nothing here can fail. */
    if (preset == CMX_PRESET_TINY) {
        apply_tiny(values);
    } else if ((size_t)preset < CMX_ARRAY_LEN(scales) && scales[preset].connections > 0) {
        apply_scale(values, &scales[preset]);
    }
    /* A library may be built for less than a preset asks for. */
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        values[i] = values[i] < maxs[i] ? values[i] : maxs[i];
    }
    memcpy(config, values, sizeof values);
}

static int fail(const char **bad_field, size_t field)
{
    *bad_field = cmx_words_at(names, field);
    return CMX_ERR_CONFIG;
}

/* Fields where 0 turns something off, and anything else must make sense. */
static const setting least[] = {
    {INDEX_trace_bytes, TRACE_BYTES_MIN},      {INDEX_total_timeout_ms, TIMEOUT_MS_MIN},
    {INDEX_connection_age_max_ms, AGE_MS_MIN}, {INDEX_ping_after_ms, TIMEOUT_MS_MIN},
    {INDEX_ping_idle_ms, TIMEOUT_MS_MIN},
};

/* Of two fields that belong together: which one must not be less, and which one is told then. */
typedef struct relation {
    uint8_t lesser;
    uint8_t greater;
    uint8_t told;
} relation;

static const relation relations[] = {
    {INDEX_streams_soft, INDEX_streams_hard, INDEX_streams_hard},
    {INDEX_dial_backoff_ms, INDEX_dial_backoff_max_ms, INDEX_dial_backoff_max_ms},
    {INDEX_retry_base_ms, INDEX_retry_max_ms, INDEX_retry_max_ms},
    {INDEX_tail_bytes, INDEX_event_bytes_max, INDEX_tail_bytes},
};

int cmx_config_check(const cmx_config *config, const char **bad_field)
{
    uint32_t values[FIELD_COUNT];
    memcpy(values, config, sizeof values);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (values[i] < mins[i] || values[i] > maxs[i]) {
            return fail(bad_field, i);
        }
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(least); i++) {
        uint32_t value = values[least[i].field];
        if (value > 0 && value < least[i].value) {
            return fail(bad_field, least[i].field);
        }
    }
    /* Relations come last: each side is already known to be in range. */
    for (size_t i = 0; i < CMX_ARRAY_LEN(relations); i++) {
        if (values[relations[i].greater] < values[relations[i].lesser]) {
            return fail(bad_field, relations[i].told);
        }
    }
    *bad_field = NULL;
    return CMX_OK;
}
