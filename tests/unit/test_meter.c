/* SPDX-License-Identifier: MIT */
/*
 * The table of models: rows in order of first use, a last row for all others, names that are made
 * safe to show, tokens and times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/cost.h"
#include "policy/meter.h"

#include <stdio.h>

enum { ROWS = 4, ORIGINS = 3 };

static cmx_meter_row rows[ROWS];
static cmx_spending spendings[ROWS * ORIGINS];
static cmx_meter meter;

static int set_up(void **state)
{
    (void)state;
    memset(rows, 0, sizeof rows);
    memset(spendings, 0, sizeof spendings);
    cmx_meter_init(&meter, rows, spendings, ROWS, ORIGINS);
    return 0;
}

static cmx_meter_row *row_of(const char *model)
{
    return cmx_meter_row_of(&meter, cmx_view_text(model));
}

static void expect_name(const cmx_meter_row *row, const char *name)
{
    assert_int_equal(row->model_len, strlen(name));
    assert_memory_equal(row->model, name, row->model_len);
}

static void test_meter_rows_come_in_order_of_first_use(void **state)
{
    (void)state;
    assert_ptr_equal(row_of("a"), &rows[0]);
    assert_ptr_equal(row_of("b"), &rows[1]);
    assert_ptr_equal(row_of("a"), &rows[0]);
    assert_ptr_equal(cmx_meter_row_at(&meter, 1), &rows[1]);
    assert_null(cmx_meter_row_at(&meter, 2)); /* not used yet, nor is the last one */
    assert_null(cmx_meter_row_at(&meter, 3));
    assert_null(cmx_meter_row_at(&meter, ROWS));
    assert_null(cmx_meter_row_at(&meter, UINT32_MAX));
}

static void test_meter_ten_thousand_names_share_the_last_row(void **state)
{
    (void)state;
    const cmx_meter_times times = {5000, CMX_METER_NOT_MEASURED, CMX_METER_NOT_MEASURED};
    for (int i = 0; i < 10000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "model-%d", i);
        cmx_meter_add_end(row_of(name), CMX_VERDICT_DONE, &times);
    }
    assert_int_equal(meter.count, ROWS - 1);
    expect_name(&rows[2], "model-2");
    expect_name(&rows[3], "other");
    assert_int_equal(rows[0].verdicts[CMX_VERDICT_DONE], 1);
    assert_int_equal(rows[3].verdicts[CMX_VERDICT_DONE], 10000 - (ROWS - 1));
    assert_int_equal(rows[3].total.count, 10000 - (ROWS - 1));
    assert_int_equal(rows[3].first_token.count, 0);
}

static void test_meter_model_named_other_is_no_second_other(void **state)
{
    (void)state;
    assert_ptr_equal(row_of("other"), &rows[ROWS - 1]);
    assert_int_equal(meter.count, 0);
    expect_name(&rows[ROWS - 1], "other");
    assert_ptr_equal(row_of(""), &rows[ROWS - 1]);
}

static void test_meter_names_are_cut_between_characters_and_made_one_line(void **state)
{
    (void)state;
    char name[CMX_METER_MODEL_BYTES_MAX + 8];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memcpy(name + CMX_METER_MODEL_BYTES_MAX - 1, "\xc3\xa9", 2); /* e with an accent, astride */
    cmx_meter_row *row = row_of(name);
    assert_int_equal(row->model_len, CMX_METER_MODEL_BYTES_MAX - 1);
    name[CMX_METER_MODEL_BYTES_MAX + 2] = 'y'; /* behind the cut: the same row */
    assert_ptr_equal(row_of(name), row);
    expect_name(row_of("a\nb\tc"), "a b c");
    expect_name(row_of("bad\xff"), "bad\xef\xbf\xbd");
}

static void test_meter_of_no_rows_counts_nothing(void **state)
{
    (void)state;
    cmx_meter_init(&meter, NULL, NULL, 0, ORIGINS);
    assert_null(row_of("a"));
    assert_null(cmx_meter_row_at(&meter, 0));
    cmx_meter_forget_origin(&meter, 1);
}

static void test_meter_of_one_row_has_only_others(void **state)
{
    (void)state;
    cmx_meter_init(&meter, rows, spendings, 1, ORIGINS);
    assert_ptr_equal(row_of("a"), &rows[0]);
    assert_ptr_equal(row_of("b"), &rows[0]);
    expect_name(&rows[0], "other");
}

static void test_meter_usage_is_counted_once(void **state)
{
    (void)state;
    cmx_meter_row *row = row_of("a");
    const cmx_usage usage = {
        .prompt_tokens = 17, .cached_tokens = 400, .completion_tokens = 4, .reasoning_tokens = 3};
    cmx_meter_add_usage(row, &usage);
    cmx_meter_add_usage(row, &(cmx_usage){.prompt_tokens = UINT64_MAX});
    assert_int_equal(row->prompt_tokens, UINT64_MAX); /* a sum ends, it does not begin anew */
    assert_int_equal(row->cached_tokens, 17);
    assert_int_equal(row->completion_tokens, 4);
    assert_int_equal(row->reasoning_tokens, 3);
    assert_int_equal(row->inputs.counts[3], 1); /* 16 < 17 <= 64 */
    assert_int_equal(row->inputs.counts[CMX_METER_TOKEN_BOUNDS], 1);
    assert_int_equal(row->outputs.counts[1], 1); /* 1 < 4 <= 4 */
    assert_int_equal(row->outputs.counts[0], 1);
}

static void test_meter_another_origin_has_spent_nothing(void **state)
{
    (void)state;
    const cmx_cost cost = {CMX_COST_BILLED, 5};
    for (uint32_t i = 0; i < ORIGINS; i++) {
        cmx_cost_spend(cmx_meter_spending(&meter, row_of("a"), i), &cost, false);
        cmx_cost_spend(cmx_meter_spending(&meter, row_of("b"), i), &cost, false);
    }
    cmx_meter_forget_origin(&meter, 1);
    for (uint32_t i = 0; i < ORIGINS; i++) {
        uint64_t left = i == 1 ? 0 : 5;
        assert_int_equal(cmx_meter_spending(&meter, &rows[0], i)->billed, left);
        assert_int_equal(cmx_meter_spending(&meter, &rows[1], i)->billed, left);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_meter_rows_come_in_order_of_first_use, set_up),
        cmocka_unit_test_setup(test_meter_ten_thousand_names_share_the_last_row, set_up),
        cmocka_unit_test_setup(test_meter_model_named_other_is_no_second_other, set_up),
        cmocka_unit_test_setup(test_meter_names_are_cut_between_characters_and_made_one_line,
                               set_up),
        cmocka_unit_test_setup(test_meter_of_no_rows_counts_nothing, set_up),
        cmocka_unit_test_setup(test_meter_of_one_row_has_only_others, set_up),
        cmocka_unit_test_setup(test_meter_usage_is_counted_once, set_up),
        cmocka_unit_test_setup(test_meter_another_origin_has_spent_nothing, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
