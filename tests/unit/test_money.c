/* SPDX-License-Identifier: MIT */
/*
 * Prices and budgets as an application gives them: what is refused and by which field, chats that a
 * budget stops, alerts that come as events without keeping anything in flight.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chatmux/money.h"
#include "client/warn.h"
#include "unit/client_world.h"

static cmx_price price;

static int set_up_money(void **state)
{
    (void)set_up(state);
    /* As it would be with room for two prices. */
    static cmx_cost_row rows[2];
    cmx_cost_init(&client->prices, rows, 2);
    price = (cmx_price){.model = "m", .input = 2, .cached_input = 1, .output = 3};
    add_origin();
    return 0;
}

static void expect_price(int status, const char *field)
{
    assert_int_equal(cmx_client_set_price(client, &price, &bad_field), status);
    expect_field(field);
    assert_int_equal(cmx_client_set_price(client, &price, NULL), status);
}

static void test_money_bad_prices_name_their_field(void **state)
{
    (void)state;
    char long_name[CMX_LIMIT_MODEL_BYTES + 2];
    memset(long_name, 'x', sizeof long_name);
    long_name[CMX_LIMIT_MODEL_BYTES + 1] = '\0';
    expect_price(CMX_OK, NULL);
    price.model = NULL;
    expect_price(CMX_ERR_ARGUMENT, "model");
    price.model = "";
    expect_price(CMX_ERR_ARGUMENT, "model");
    price.model = long_name;
    expect_price(CMX_ERR_ARGUMENT, "model");
    long_name[CMX_LIMIT_MODEL_BYTES] = '\0';
    expect_price(CMX_OK, NULL);
    price.model = "third";
    expect_price(CMX_ERR_BUSY, "prices_max");
    price.model = "m";
    price.input = CMX_PRICE_MAX + 1;
    expect_price(CMX_ERR_ARGUMENT, "input");
    price.input = (uint64_t)-1; /* a negative price of somebody's */
    expect_price(CMX_ERR_ARGUMENT, "input");
    price.input = CMX_PRICE_MAX;
    price.cached_input = CMX_PRICE_MAX + 1;
    expect_price(CMX_ERR_ARGUMENT, "cached_input");
    price.cached_input = 0;
    price.output = CMX_PRICE_MAX + 1;
    expect_price(CMX_ERR_ARGUMENT, "output");
    price.output = 0;
    expect_price(CMX_OK, NULL);
}

static void test_money_price_applies_to_a_usage(void **state)
{
    (void)state;
    const cmx_usage usage = {.prompt_tokens = 10, .cached_tokens = 4, .completion_tokens = 5};
    const cmx_usage many = {.prompt_tokens = UINT64_MAX};
    uint64_t amount = 77;
    assert_int_equal(cmx_price_apply(&price, &usage, &amount), CMX_OK);
    assert_int_equal(amount, 6 * 2 + 4 * 1 + 5 * 3);
    assert_int_equal(cmx_price_apply(&price, &many, &amount), CMX_ERR_OVERFLOW);
}

static void expect_budget_alert(uint64_t spent, uint64_t limit)
{
    cmx_event event;
    assert_int_equal(cmx_client_next_event(client, &event), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_ALERT);
    assert_int_equal(event.id, 0);
    assert_null(event.user);
    assert_int_equal(event.alert.kind, CMX_ALERT_BUDGET);
    assert_true(event.alert.firing);
    assert_int_equal(event.alert.value, spent);
    assert_int_equal(event.alert.threshold, limit);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
    assert_int_equal(cmx_client_wait(client, &event, UINT32_MAX), CMX_IDLE);
}

static void spend(uint64_t amount)
{
    client->stats.spending.billed += amount;
    cmx_warn_on_spending(client);
}

static void test_money_budget_stops_chats_and_tells_once(void **state)
{
    (void)state;
    cmx_event event;
    cmx_client_set_budget(client, 100, CMX_BUDGET_STOP);
    spend(99);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
    spend(1);
    assert_int_equal(cmx_client_next_due_ms(client), 0);
    expect_chat(CMX_ERR_BUDGET, "budget"); /* also while the alert waits */
    expect_budget_alert(100, 100);
    expect_chat(CMX_ERR_BUDGET, "budget");
    spend(5);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);

    cmx_client_set_budget(client, 106, CMX_BUDGET_STOP); /* raised: told anew */
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
    (void)start_chat();
    spend(1);
    expect_chat(CMX_ERR_BUDGET, "budget");
    client->live = 0; /* the chat is of no interest here */
    expect_budget_alert(106, 106);
    client->live = 1;
}

static void test_money_budget_that_warns_stops_nothing(void **state)
{
    (void)state;
    spend(7);
    cmx_client_set_budget(client, 7, CMX_BUDGET_WARN);
    expect_budget_alert(7, 7);
    (void)start_chat();
}

static void test_money_no_budget_is_never_used_up(void **state)
{
    (void)state;
    cmx_event event;
    cmx_client_set_budget(client, UINT64_MAX, CMX_BUDGET_STOP);
    spend(UINT64_MAX);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
    (void)start_chat();
}

static void test_money_a_sum_beyond_64_bits_is_above_any_budget(void **state)
{
    (void)state;
    client->stats.spending = (cmx_spending){.billed = UINT64_MAX, .estimated = 9};
    cmx_client_set_budget(client, UINT64_MAX - 1, CMX_BUDGET_STOP);
    expect_budget_alert(UINT64_MAX, UINT64_MAX - 1);
    expect_chat(CMX_ERR_BUDGET, "budget");
}

static void test_money_thresholds_come_as_events(void **state)
{
    (void)state;
    cmx_event event;
    client->warn.watch.limits[CMX_ALERT_ERRORS] = 10;
    client->warn.is_on = true;
    for (int i = 0; i < 19; i++) {
        cmx_warn_on_done(client, CMX_VERDICT_NETWORK);
    }
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
    for (int i = 0; i < 100; i++) {
        cmx_warn_on_done(client, CMX_VERDICT_CANCELLED); /* no errors, but requests */
    }
    assert_int_equal(cmx_client_next_event(client, &event), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_ALERT);
    assert_int_equal(event.alert.kind, CMX_ALERT_ERRORS);
    assert_int_equal(event.alert.value, 159);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
    assert_true(cmx_client_next_due_ms(client) <= CMX_ALERT_STEP_MS); /* it may be over then */

    fake.now_ms += 61000;
    assert_int_equal(cmx_client_tick(client), CMX_OK);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
    fake.now_ms += 30000;
    assert_int_equal(cmx_client_tick(client), CMX_OK);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_OK);
    assert_false(event.alert.firing);
    assert_int_equal(event.alert.value, 0);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_IDLE);
    assert_true(cmx_client_next_due_ms(client) > CMX_ALERT_STEP_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_money_bad_prices_name_their_field, set_up_money,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_money_price_applies_to_a_usage, set_up_money,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_money_budget_stops_chats_and_tells_once, set_up_money,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_money_budget_that_warns_stops_nothing, set_up_money,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_money_no_budget_is_never_used_up, set_up_money,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_money_a_sum_beyond_64_bits_is_above_any_budget,
                                        set_up_money, tear_down),
        cmocka_unit_test_setup_teardown(test_money_thresholds_come_as_events, set_up_money,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
