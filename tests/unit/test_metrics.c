/* SPDX-License-Identifier: MIT */
/*
 * The exposition of a client: complete or not at all at every capacity, each family declared once,
 * histograms that add up, names of models that need escapes, ten thousand of them bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/account.h"
#include "unit/fake_port.h"

#include <stdio.h>
#include <stdlib.h>

enum { MODELS = 4, ROOM = 256 * 1024 };

CMX_BLOCK(memory, 1024 * 1024);
static cmx_client *client;
static cmx_config config;
static char text[ROOM];
static char again[ROOM];

static void begin(uint32_t models)
{
    const char *bad_field = NULL;
    fake_port_reset();
    cmx_config_preset(&config, CMX_PRESET_TINY);
    config.models_max = models;
    config.prices_max = 2;
    assert_true(cmx_client_bytes(&config) <= sizeof memory);
    assert_int_equal(
        cmx_client_init(&client, memory, sizeof memory, &config, &fake.table, &bad_field), CMX_OK);
    cmx_origin origin;
    cmx_origin_id id = 77;
    cmx_origin_default(&origin);
    origin.base_url = "http://127.0.0.1:8080/v1";
    origin.auth = CMX_AUTH_NONE;
    assert_int_equal(cmx_client_add_origin(client, &origin, &id, NULL), CMX_OK);
}

static int set_up(void **state)
{
    (void)state;
    begin(MODELS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cmx_client_deinit(client);
    fake_port_deinit();
    return 0;
}

/* A chat that ended, as client/account would note it. */
static void note(const char *model, enum cmx_verdict verdict, uint64_t total_us)
{
    cmx_meter_row *row = cmx_meter_row_of(&client->meter, cmx_view_text(model));
    const cmx_meter_times times = {total_us, 3000, CMX_METER_NOT_MEASURED};
    const cmx_usage usage = {.prompt_tokens = 17, .cached_tokens = 5, .completion_tokens = 4};
    const cmx_cost cost = {CMX_COST_BILLED, 12300000};
    cmx_meter_add_end(row, verdict, &times);
    cmx_meter_add_usage(row, &usage);
    cmx_cost_spend(&row->spending, &cost, false);
    cmx_cost_spend(cmx_meter_spending(&client->meter, row, 0), &cost, false);
    cmx_cost_spend(&client->stats.spending, &cost, false);
    client->stats.verdicts[verdict]++;
    client->stats.done++;
}

static size_t write(enum cmx_metrics_names names)
{
    size_t len = 0;
    assert_int_equal(cmx_client_metrics(client, names, text, sizeof text, &len), CMX_OK);
    assert_int_equal(strlen(text), len);
    assert_int_equal(text[len - 1], '\n');
    return len;
}

static void expect_line(const char *line)
{
    char wanted[512];
    (void)snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (strstr(text, wanted) == NULL) {
        fail_msg("not in the text: %s", line);
    }
}

static void test_metrics_are_complete_or_nothing_at_every_capacity(void **state)
{
    (void)state;
    note("gpt-4.1", CMX_VERDICT_DONE, 10000);
    size_t len = write(CMX_METRICS_RELAY);
    for (size_t capacity = 0; capacity <= len + 1; capacity++) {
        size_t needed = 0;
        again[capacity] = '#';
        int rc = cmx_client_metrics(client, CMX_METRICS_RELAY, capacity == 0 ? NULL : again,
                                    capacity, &needed);
        assert_int_equal(rc, capacity <= len ? CMX_ERR_BUFFER_SMALL : CMX_OK);
        assert_int_equal(needed, len);
        assert_int_equal(again[capacity], '#');
        if (capacity > 0 && capacity <= len) {
            assert_int_equal(again[0], '\0');
        }
    }
    assert_string_equal(again, text);
}

static void test_metrics_say_what_was_counted(void **state)
{
    (void)state;
    note("gpt-4.1", CMX_VERDICT_DONE, 10000);
    note("gpt-4.1", CMX_VERDICT_TRUNCATED, 10001);
    client->stats.verdicts[CMX_VERDICT_TIMEOUT] = 2; /* of plain requests */
    client->stats.retry_reasons[CMX_RETRY_RATE_LIMIT] = 3;
    (void)write(CMX_METRICS_RELAY);
    expect_line("ai_relay_requests_total{model=\"gpt-4.1\",status=\"done\"} 1");
    expect_line("ai_relay_requests_total{model=\"gpt-4.1\",status=\"truncated\"} 1");
    expect_line("ai_relay_requests_total{model=\"\",status=\"timeout\"} 2");
    expect_line("ai_relay_requests_total{model=\"\",status=\"done\"} 0");
    expect_line("ai_relay_request_duration_seconds_bucket{model=\"gpt-4.1\",le=\"0.01\"} 1");
    expect_line("ai_relay_request_duration_seconds_bucket{model=\"gpt-4.1\",le=\"0.02\"} 2");
    expect_line("ai_relay_request_duration_seconds_bucket{model=\"gpt-4.1\",le=\"655.36\"} 2");
    expect_line("ai_relay_request_duration_seconds_bucket{model=\"gpt-4.1\",le=\"+Inf\"} 2");
    expect_line("ai_relay_request_duration_seconds_sum{model=\"gpt-4.1\"} 0.020001");
    expect_line("ai_relay_request_duration_seconds_count{model=\"gpt-4.1\"} 2");
    expect_line("ai_relay_time_to_first_token_seconds_count{model=\"gpt-4.1\"} 2");
    expect_line("ai_relay_time_per_output_token_seconds_count{model=\"gpt-4.1\"} 0");
    expect_line("ai_relay_tokens_total{model=\"gpt-4.1\",type=\"cached\"} 10");
    expect_line("ai_relay_cost_dollars_total{model=\"gpt-4.1\",origin=\"0\",kind=\"billed\"} "
                "0.0000246");
    expect_line("ai_relay_spent_dollars_total{kind=\"estimated\"} 0");
    expect_line("ai_relay_retry_attempts_total{reason=\"rate_limit\"} 3");
    expect_line("ai_relay_connection_pool_size{state=\"error\"} 0");
    expect_line("ai_relay_queue_size{reason=\"targets\"} 0");
    assert_null(strstr(text, "gen_ai"));
}

static void test_metrics_have_names_of_opentelemetry_too(void **state)
{
    (void)state;
    note("gpt-4.1", CMX_VERDICT_DONE, 10000);
    (void)write(CMX_METRICS_GEN_AI);
    expect_line("gen_ai_client_operation_duration_seconds_count{gen_ai_operation_name=\"chat\","
                "gen_ai_request_model=\"gpt-4.1\"} 1");
    expect_line("gen_ai_client_token_usage_bucket{gen_ai_operation_name=\"chat\","
                "gen_ai_request_model=\"gpt-4.1\",gen_ai_token_type=\"input\",le=\"16\"} 0");
    expect_line("gen_ai_client_token_usage_bucket{gen_ai_operation_name=\"chat\","
                "gen_ai_request_model=\"gpt-4.1\",gen_ai_token_type=\"input\",le=\"64\"} 1");
    expect_line("gen_ai_client_token_usage_sum{gen_ai_operation_name=\"chat\","
                "gen_ai_request_model=\"gpt-4.1\",gen_ai_token_type=\"output\"} 4");
    expect_line("ai_relay_requests_total{gen_ai_request_model=\"gpt-4.1\",status=\"done\"} 1");
    assert_null(strstr(text, "ai_relay_request_duration"));
    assert_null(strstr(text, ",model="));
}

static void test_metrics_escape_what_a_model_is_called(void **state)
{
    (void)state;
    note("a\"b\\c", CMX_VERDICT_DONE, 10000);
    (void)write(CMX_METRICS_RELAY);
    expect_line("ai_relay_requests_total{model=\"a\\\"b\\\\c\",status=\"done\"} 1");
}

/* No series twice, every family declared before its samples, once. */
static void test_metrics_of_ten_thousand_models_are_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++) {
        char model[32];
        (void)snprintf(model, sizeof model, "model-%d", i);
        note(model, CMX_VERDICT_DONE, 10000);
    }
    size_t len = write(CMX_METRICS_RELAY);
    assert_true(len < 48 * 1024);
    expect_line("ai_relay_requests_total{model=\"other\",status=\"done\"} 9997");

    static const char *lines[4096];
    size_t count = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        for (size_t i = 0; i < count; i++) {
            size_t name_len = strlen(line);
            while (line[0] != '#' && name_len > 0 && line[name_len] != ' ') {
                name_len--; /* a sample is the same whatever its value */
            }
            if (strncmp(lines[i], line, name_len) == 0 &&
                (line[0] != '#' || lines[i][name_len] == '\0')) {
                fail_msg("twice: %s", line);
            }
        }
        assert_true(count < CMX_ARRAY_LEN(lines));
        lines[count++] = line;
    }
}

static void test_metrics_without_models_still_count_requests(void **state)
{
    (void)state;
    begin(0);
    client->stats.verdicts[CMX_VERDICT_DONE] = 7;
    (void)write(CMX_METRICS_RELAY);
    expect_line("ai_relay_requests_total{model=\"\",status=\"done\"} 7");
    assert_null(strstr(text, "response_head_seconds_bucket"));
    cmx_model_stats stats;
    assert_int_equal(cmx_client_model_stats(client, 0, &stats), CMX_ERR_ARGUMENT);
}

static void test_metrics_rows_and_origins_that_are_not_there_are_refused(void **state)
{
    (void)state;
    cmx_model_stats stats;
    cmx_spending spending;
    note("a", CMX_VERDICT_DONE, 10000);
    assert_int_equal(cmx_client_model_stats(client, 0, &stats), CMX_OK);
    assert_int_equal(stats.model.len, 1);
    assert_int_equal(stats.spending.billed, 12300000);
    assert_int_equal(stats.total.count, 1);
    assert_int_equal(stats.total.mean_us, 10000);
    assert_in_range(stats.total.p99_us, 9300, 10700);
    assert_int_equal(cmx_client_model_stats(client, 1, &stats), CMX_ERR_ARGUMENT);
    assert_int_equal(cmx_client_model_stats(client, MODELS, &stats), CMX_ERR_ARGUMENT);
    assert_int_equal(cmx_client_model_spending(client, 0, 0, &spending), CMX_OK);
    assert_int_equal(spending.billed, 12300000);
    assert_int_equal(cmx_client_model_spending(client, 0, 1, &spending), CMX_ERR_ARGUMENT);
    assert_int_equal(cmx_client_model_spending(client, 1, 0, &spending), CMX_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_metrics_are_complete_or_nothing_at_every_capacity,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_metrics_say_what_was_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_metrics_have_names_of_opentelemetry_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_metrics_escape_what_a_model_is_called, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_metrics_of_ten_thousand_models_are_bounded, set_up,
                                        tear_down),
        cmocka_unit_test_teardown(test_metrics_without_models_still_count_requests, tear_down),
        cmocka_unit_test_setup_teardown(
            test_metrics_rows_and_origins_that_are_not_there_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
