/* SPDX-License-Identifier: MIT */
/*
 * Presets and limits of the configuration: each field just inside and just outside its range, its
 * name in the answer, the relations between fields, and that ranges come before relations.
 */
#include "base/base.h"
#include "chatmux/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *name;
    size_t offset;
    uint32_t min;
    uint32_t max;
};

#define ROW(field) #field, offsetof(cmx_config, field)

/* Written out again from the header's comments: the table of config.c must agree with them. */
static const struct row rows[] = {
    {ROW(connections_max), 1, CMX_CONNECTIONS_MAX},
    {ROW(origins_max), 1, CMX_ORIGINS_MAX},
    {ROW(requests_max), 1, CMX_REQUESTS_MAX},
    {ROW(streams_soft), 1, 1024},
    {ROW(streams_hard), 1, 1024},
    {ROW(streams_before_settings), 1, 1024},
    {ROW(stream_window_bytes), 1024, 1048576},
    {ROW(connection_window_bytes), 65535, 16777216},
    {ROW(head_bytes_max), 1024, 65536},
    {ROW(read_bytes), 2048, 262144},
    {ROW(write_bytes), 2048, 65536},
    {ROW(tail_bytes), 128, 4096},
    {ROW(tails_max), 0, CMX_REQUESTS_MAX},
    {ROW(shape_bytes), 0, 1024},
    {ROW(shapes_max), 0, CMX_REQUESTS_MAX},
    {ROW(event_bytes_max), 2048, 1048576},
    {ROW(event_buffers), 1, 64},
    {ROW(malformed_events_max), 0, 1000},
    {ROW(skipped_events_max), 0, 1000},
    {ROW(tool_calls_max), 0, 128},
    {ROW(tool_tables_max), 0, CMX_REQUESTS_MAX},
    {ROW(trace_bytes), 0, 65536},
    {ROW(trust_bytes), 2048, 1048576},
    {ROW(resolve_timeout_ms), 100, 120000},
    {ROW(connect_timeout_ms), 100, 120000},
    {ROW(tls_timeout_ms), 100, 120000},
    {ROW(settings_timeout_ms), 100, 120000},
    {ROW(queue_timeout_ms), 100, 3600000},
    {ROW(head_timeout_ms), 100, 3600000},
    {ROW(first_token_timeout_ms), 100, 3600000},
    {ROW(progress_timeout_ms), 100, 3600000},
    {ROW(total_timeout_ms), 0, 86400000},
    {ROW(idle_timeout_ms), 100, 3600000},
    {ROW(connection_age_max_ms), 0, 86400000},
    {ROW(connection_requests_max), 0, 1000000},
    {ROW(drain_timeout_ms), 100, 86400000},
    {ROW(dial_backoff_ms), 10, 60000},
    {ROW(dial_backoff_max_ms), 10, 600000},
    {ROW(attempt_delay_ms), 10, 10000},
    {ROW(ping_after_ms), 0, 3600000},
    {ROW(ping_timeout_ms), 100, 120000},
    {ROW(ping_idle_ms), 0, 3600000},
    {ROW(write_timeout_ms), 100, 3600000},
    {ROW(attempts_max), 1, 10},
    {ROW(replays_max), 0, 100},
    {ROW(retry_strict), 0, 1},
    {ROW(retry_base_ms), 1, 60000},
    {ROW(retry_max_ms), 1, 600000},
    {ROW(retry_after_max_ms), 0, 3600000},
    {ROW(retry_budget_percent), 0, 100},
    {ROW(paused_streams_max), 0, 64},
    {ROW(coalesce_ms), 0, 50},
    {ROW(targets_max), 0, 64},
    {ROW(prices_max), 0, 256},
    {ROW(models_max), 0, 64},
    {ROW(cooldown_ms), 100, 3600000},
    {ROW(cooldown_failures), 1, 100},
    {ROW(alert_errors), 0, 1000},
    {ROW(alert_retries), 0, 1000},
    {ROW(alert_p99_ms), 0, 3600000},
};

/* Every field in the middle of nothing that another field is compared with. */
static cmx_config roomy(void)
{
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.streams_soft = 1;
    config.streams_hard = 1024;
    config.tail_bytes = 128;
    config.dial_backoff_ms = 10;
    config.dial_backoff_max_ms = 600000;
    config.retry_base_ms = 1;
    config.retry_max_ms = 600000;
    return config;
}

static int check_with(size_t row, uint32_t value, const char **bad_field)
{
    cmx_config config = roomy();
    memcpy((char *)&config + rows[row].offset, &value, sizeof(value));
    *bad_field = "untouched";
    return cmx_config_check(&config, bad_field);
}

static void test_config_every_field_is_tested(void **state)
{
    (void)state;
    assert_int_equal(CMX_ARRAY_LEN(rows) * sizeof(uint32_t), sizeof(cmx_config));
    for (size_t i = 0; i < CMX_ARRAY_LEN(rows); i++) {
        assert_int_equal(rows[i].offset, i * sizeof(uint32_t));
    }
}

static void test_config_presets_are_valid(void **state)
{
    (void)state;
    const enum cmx_preset presets[] = {CMX_PRESET_TINY, CMX_PRESET_DEFAULT, (enum cmx_preset)77};
    for (size_t i = 0; i < CMX_ARRAY_LEN(presets); i++) {
        cmx_config config;
        const char *bad_field = "untouched";
        memset(&config, 0xa5, sizeof(config));
        cmx_config_preset(&config, presets[i]);
        assert_int_equal(cmx_config_check(&config, &bad_field), CMX_OK);
        assert_null(bad_field);
    }
}

static void test_config_values_outside_a_range_name_the_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(rows); i++) {
        const char *bad_field;
        if (rows[i].min > 0) {
            assert_int_equal(check_with(i, rows[i].min - 1, &bad_field), CMX_ERR_CONFIG);
            assert_string_equal(bad_field, rows[i].name);
        }
        assert_int_equal(check_with(i, rows[i].max + 1, &bad_field), CMX_ERR_CONFIG);
        assert_string_equal(bad_field, rows[i].name);
        assert_int_equal(check_with(i, UINT32_MAX, &bad_field), CMX_ERR_CONFIG);
        assert_string_equal(bad_field, rows[i].name);
    }
}

static void test_config_edges_of_a_range_are_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(rows); i++) {
        const char *bad_field;
        assert_int_equal(check_with(i, rows[i].min, &bad_field), CMX_OK);
        assert_null(bad_field);
        if (strcmp(rows[i].name, "tail_bytes") != 0) { /* bounded by event_bytes_max, below */
            assert_int_equal(check_with(i, rows[i].max, &bad_field), CMX_OK);
        }
    }
}

static void test_config_total_timeout_below_100_is_refused_unless_0(void **state)
{
    (void)state;
    cmx_config config = roomy();
    const char *bad_field = NULL;
    config.total_timeout_ms = 99;
    assert_int_equal(cmx_config_check(&config, &bad_field), CMX_ERR_CONFIG);
    assert_string_equal(bad_field, "total_timeout_ms");
    config.total_timeout_ms = 100;
    assert_int_equal(cmx_config_check(&config, &bad_field), CMX_OK);
}

static void test_config_trace_below_1024_is_refused_unless_0(void **state)
{
    (void)state;
    cmx_config config = roomy();
    const char *bad_field = NULL;
    config.trace_bytes = 1;
    assert_int_equal(cmx_config_check(&config, &bad_field), CMX_ERR_CONFIG);
    assert_string_equal(bad_field, "trace_bytes");
    config.trace_bytes = 2 * CMX_LIMIT_LINE_BYTES - 1;
    assert_int_equal(cmx_config_check(&config, &bad_field), CMX_ERR_CONFIG);
    config.trace_bytes = 2 * CMX_LIMIT_LINE_BYTES;
    assert_int_equal(cmx_config_check(&config, &bad_field), CMX_OK);
}

static void test_config_hard_limit_below_the_soft_one_is_refused(void **state)
{
    (void)state;
    cmx_config config = roomy();
    const char *bad_field = NULL;
    config.streams_soft = 9;
    config.streams_hard = 8;
    assert_int_equal(cmx_config_check(&config, &bad_field), CMX_ERR_CONFIG);
    assert_string_equal(bad_field, "streams_hard");
    config.streams_hard = 9;
    assert_int_equal(cmx_config_check(&config, &bad_field), CMX_OK);
}

static void test_config_tail_larger_than_an_event_is_refused(void **state)
{
    (void)state;
    cmx_config config = roomy();
    const char *bad_field = NULL;
    config.event_bytes_max = 2048;
    config.tail_bytes = 2049;
    assert_int_equal(cmx_config_check(&config, &bad_field), CMX_ERR_CONFIG);
    assert_string_equal(bad_field, "tail_bytes");
    config.tail_bytes = 2048;
    assert_int_equal(cmx_config_check(&config, &bad_field), CMX_OK);
}

static void test_config_ranges_come_before_relations(void **state)
{
    (void)state;
    cmx_config config = roomy();
    const char *bad_field = NULL;
    config.streams_soft = 1000;
    config.streams_hard = 8;
    config.idle_timeout_ms = 0;
    assert_int_equal(cmx_config_check(&config, &bad_field), CMX_ERR_CONFIG);
    assert_string_equal(bad_field, "idle_timeout_ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_every_field_is_tested),
        cmocka_unit_test(test_config_presets_are_valid),
        cmocka_unit_test(test_config_values_outside_a_range_name_the_field),
        cmocka_unit_test(test_config_edges_of_a_range_are_valid),
        cmocka_unit_test(test_config_total_timeout_below_100_is_refused_unless_0),
        cmocka_unit_test(test_config_trace_below_1024_is_refused_unless_0),
        cmocka_unit_test(test_config_hard_limit_below_the_soft_one_is_refused),
        cmocka_unit_test(test_config_tail_larger_than_an_event_is_refused),
        cmocka_unit_test(test_config_ranges_come_before_relations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
