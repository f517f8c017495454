/* SPDX-License-Identifier: MIT */
/*
 * Money: products and sums that fit or say that they do not, prices by model, what an attempt cost
 * and in which of the two sums it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/cost.h"

enum { ROWS = 3 };

static cmx_cost_row rows[ROWS];
static cmx_cost_table table;

/* gpt-4.1: 2.00, 0.50 and 8.00 dollars per million tokens. */
static const cmx_cost_rates gpt = {2000000, 500000, 8000000};

static int set_up(void **state)
{
    (void)state;
    cmx_cost_init(&table, rows, ROWS);
    return 0;
}

static uint64_t apply(const cmx_cost_rates *rates, cmx_usage usage)
{
    uint64_t amount = 77;
    assert_int_equal(cmx_cost_apply(rates, &usage, &amount), CMX_OK);
    return amount;
}

static void refuse(const cmx_cost_rates *rates, cmx_usage usage)
{
    uint64_t amount = 77;
    assert_int_equal(cmx_cost_apply(rates, &usage, &amount), CMX_ERR_OVERFLOW);
    assert_int_equal(amount, 0);
}

static void test_cost_cached_tokens_are_part_of_the_prompt(void **state)
{
    (void)state;
    assert_int_equal(apply(&gpt, (cmx_usage){.prompt_tokens = 1000, .completion_tokens = 500}),
                     1000 * UINT64_C(2000000) + 500 * UINT64_C(8000000));
    /* Reasoning is part of the completion: not charged again. */
    assert_int_equal(apply(&gpt, (cmx_usage){.prompt_tokens = 1000,
                                             .cached_tokens = 400,
                                             .completion_tokens = 500,
                                             .reasoning_tokens = 300}),
                     600 * UINT64_C(2000000) + 400 * UINT64_C(500000) + 500 * UINT64_C(8000000));
    /* More cached than there were: not believed. */
    assert_int_equal(apply(&gpt, (cmx_usage){.prompt_tokens = 10, .cached_tokens = UINT64_MAX}),
                     10 * UINT64_C(500000));
}

static void test_cost_what_does_not_fit_is_an_error(void **state)
{
    (void)state;
    const cmx_cost_rates one = {1, 1, 1};
    const cmx_cost_rates dear = {CMX_PRICE_MAX, CMX_PRICE_MAX, CMX_PRICE_MAX};
    assert_int_equal(apply(&one, (cmx_usage){.prompt_tokens = UINT64_MAX}), UINT64_MAX);
    assert_int_equal(
        apply(&one, (cmx_usage){.prompt_tokens = UINT64_MAX - 1, .completion_tokens = 1}),
        UINT64_MAX);
    refuse(&one, (cmx_usage){.prompt_tokens = UINT64_MAX, .completion_tokens = 1});
    refuse(&one, (cmx_usage){.prompt_tokens = UINT64_MAX,
                             .cached_tokens = 5,
                             .completion_tokens = UINT64_MAX});
    refuse(&dear, (cmx_usage){.completion_tokens = 18446745});
    assert_int_equal(apply(&dear, (cmx_usage){.completion_tokens = 18446744}),
                     UINT64_C(18446744) * CMX_PRICE_MAX);
    assert_int_equal(apply(&(cmx_cost_rates){0, 0, 0}, (cmx_usage){.prompt_tokens = UINT64_MAX}),
                     0);
}

static cmx_view text(const char *model)
{
    return cmx_view_text(model);
}

static void test_cost_prices_are_found_by_the_whole_name(void **state)
{
    (void)state;
    assert_null(cmx_cost_find(&table, text("gpt-4.1")));
    assert_int_equal(cmx_cost_set(&table, text("gpt-4.1"), &gpt), CMX_OK);
    assert_int_equal(cmx_cost_set(&table, text("gpt-4.1-mini"), &(cmx_cost_rates){1, 2, 3}),
                     CMX_OK);
    assert_int_equal(cmx_cost_find(&table, text("gpt-4.1"))->output, 8000000);
    assert_int_equal(cmx_cost_find(&table, text("gpt-4.1-mini"))->cached_input, 2);
    assert_null(cmx_cost_find(&table, text("gpt-4")));
    assert_null(cmx_cost_find(&table, text("")));

    /* A new price takes the row of the old one. */
    assert_int_equal(cmx_cost_set(&table, text("gpt-4.1"), &(cmx_cost_rates){4, 5, 6}), CMX_OK);
    assert_int_equal(cmx_cost_find(&table, text("gpt-4.1"))->output, 6);
    assert_int_equal(cmx_cost_set(&table, text("c"), &gpt), CMX_OK);
    assert_int_equal(cmx_cost_set(&table, text("d"), &gpt), CMX_ERR_BUSY);
    assert_int_equal(cmx_cost_set(&table, text("c"), &(cmx_cost_rates){7, 7, 7}), CMX_OK);
    assert_int_equal(table.count, ROWS);
}

static void test_cost_table_of_no_rows_has_no_prices(void **state)
{
    (void)state;
    cmx_cost_init(&table, NULL, 0);
    assert_null(cmx_cost_find(&table, text("m")));
    assert_int_equal(cmx_cost_set(&table, text("m"), &gpt), CMX_ERR_BUSY);
}

static void expect(const cmx_cost_facts *facts, enum cmx_cost_kind kind, uint64_t amount,
                   bool is_unpriced)
{
    bool unpriced = !is_unpriced;
    cmx_cost cost = cmx_cost_judge(facts, &unpriced);
    assert_int_equal(cost.kind, kind);
    assert_int_equal(cost.amount, amount);
    assert_int_equal(unpriced, is_unpriced);
}

static void test_cost_kind_follows_from_what_came(void **state)
{
    (void)state;
    const cmx_usage usage = {.prompt_tokens = 8, .completion_tokens = 2};
    const cmx_usage billed = {.prompt_tokens = 8, .cost = 123, .has_cost = true};
    const cmx_usage absurd = {.cost = UINT64_MAX, .has_cost = true};
    const cmx_usage many = {.prompt_tokens = UINT64_MAX};
    cmx_cost_facts facts = {.rates = &gpt, .sent_bytes = 101, .delivered_bytes = 9};

    expect(&facts, CMX_COST_UNKNOWN, 0, false); /* nothing came: nothing is charged */
    facts.delivered = true;
    expect(&facts, CMX_COST_ESTIMATED, 26 * UINT64_C(2000000) + 3 * UINT64_C(8000000), false);
    facts.usage = &usage;
    expect(&facts, CMX_COST_PRICED, 8 * UINT64_C(2000000) + 2 * UINT64_C(8000000), false);
    facts.usage = &billed;
    expect(&facts, CMX_COST_BILLED, 123, false);
    facts.usage = &absurd;
    expect(&facts, CMX_COST_OVERFLOW, 0, false);
    facts.usage = &many;
    expect(&facts, CMX_COST_OVERFLOW, 0, false);

    facts.rates = NULL;
    facts.usage = &billed; /* the server's word needs no price */
    expect(&facts, CMX_COST_BILLED, 123, false);
    facts.usage = &usage;
    expect(&facts, CMX_COST_UNKNOWN, 0, true);
    facts.usage = NULL;
    expect(&facts, CMX_COST_UNKNOWN, 0, true);
    facts.delivered = false;
    expect(&facts, CMX_COST_UNKNOWN, 0, false);
}

static void expect_joined(cmx_cost first, cmx_cost second, enum cmx_cost_kind kind, uint64_t amount)
{
    cmx_cost joined = cmx_cost_join(first, second);
    assert_int_equal(joined.kind, kind);
    assert_int_equal(joined.amount, amount);
}

static void test_cost_attempts_are_joined(void **state)
{
    (void)state;
    const cmx_cost none = {CMX_COST_UNKNOWN, 0};
    const cmx_cost priced = {CMX_COST_PRICED, 5};
    const cmx_cost billed = {CMX_COST_BILLED, 7};
    const cmx_cost guessed = {CMX_COST_ESTIMATED, 9};
    const cmx_cost largest = {CMX_COST_BILLED, UINT64_MAX - 5};
    const cmx_cost overflow = {CMX_COST_OVERFLOW, 0};
    expect_joined(none, none, CMX_COST_UNKNOWN, 0);
    expect_joined(none, billed, CMX_COST_BILLED, 7);
    expect_joined(priced, none, CMX_COST_PRICED, 5);
    expect_joined(priced, billed, CMX_COST_BILLED, 12);
    expect_joined(guessed, billed, CMX_COST_ESTIMATED, 16);
    expect_joined(billed, guessed, CMX_COST_ESTIMATED, 16);
    expect_joined(largest, priced, CMX_COST_PRICED, UINT64_MAX);
    expect_joined(largest, billed, CMX_COST_OVERFLOW, 0);
    expect_joined(overflow, billed, CMX_COST_OVERFLOW, 0);
    expect_joined(billed, overflow, CMX_COST_OVERFLOW, 0);
    expect_joined(overflow, none, CMX_COST_OVERFLOW, 0);
}

static void test_cost_amount_is_in_exactly_one_sum(void **state)
{
    (void)state;
    cmx_spending spending = {.billed = 0};
    cmx_cost_spend(&spending, &(cmx_cost){CMX_COST_PRICED, 5}, false);
    cmx_cost_spend(&spending, &(cmx_cost){CMX_COST_BILLED, 7}, false);
    cmx_cost_spend(&spending, &(cmx_cost){CMX_COST_ESTIMATED, 9}, false);
    cmx_cost_spend(&spending, &(cmx_cost){CMX_COST_UNKNOWN, 0}, true);
    cmx_cost_spend(&spending, &(cmx_cost){CMX_COST_UNKNOWN, 0}, false);
    assert_int_equal(spending.billed, 12);
    assert_int_equal(spending.estimated, 9);
    assert_int_equal(spending.unpriced, 1);
    assert_false(spending.overflow);
    assert_int_equal(cmx_cost_spent(&spending), 21);

    cmx_cost_spend(&spending, &(cmx_cost){CMX_COST_BILLED, UINT64_MAX - 12}, false);
    assert_false(spending.overflow);
    assert_int_equal(cmx_cost_spent(&spending), UINT64_MAX);
    cmx_cost_spend(&spending, &(cmx_cost){CMX_COST_BILLED, 1}, false);
    assert_true(spending.overflow);
    assert_int_equal(spending.billed, UINT64_MAX);
    cmx_cost_spend(&spending, &(cmx_cost){CMX_COST_ESTIMATED, 1}, false);
    assert_int_equal(spending.estimated, 10);
}

static void test_cost_overflow_of_one_chat_is_marked(void **state)
{
    (void)state;
    cmx_spending spending = {.billed = 3};
    cmx_cost_spend(&spending, &(cmx_cost){CMX_COST_OVERFLOW, 0}, false);
    assert_true(spending.overflow);
    assert_int_equal(spending.billed, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_cost_cached_tokens_are_part_of_the_prompt, set_up),
        cmocka_unit_test_setup(test_cost_what_does_not_fit_is_an_error, set_up),
        cmocka_unit_test_setup(test_cost_prices_are_found_by_the_whole_name, set_up),
        cmocka_unit_test_setup(test_cost_table_of_no_rows_has_no_prices, set_up),
        cmocka_unit_test_setup(test_cost_kind_follows_from_what_came, set_up),
        cmocka_unit_test_setup(test_cost_attempts_are_joined, set_up),
        cmocka_unit_test_setup(test_cost_amount_is_in_exactly_one_sum, set_up),
        cmocka_unit_test_setup(test_cost_overflow_of_one_chat_is_marked, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
