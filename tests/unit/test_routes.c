/* SPDX-License-Identifier: MIT */
/*
 * Targets as a caller adds them, well and badly, and chats that are routed among them: what starts,
 * what is refused, what ids name.
 */
#include "chatmux/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "unit/client_world.h"

enum { TARGETS = 4 };

static cmx_target target;

static void open_client(uint32_t targets_max)
{
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_TINY);
    config.connections_max = 2;
    config.origins_max = 2;
    config.requests_max = 4;
    config.targets_max = targets_max;
    assert_true(cmx_client_bytes(&config) <= sizeof(memory));
    assert_int_equal(cmx_client_init(&client, memory, sizeof(memory), &config, &fake.table, NULL),
                     CMX_OK);
}

static int set_up_targets(void **state)
{
    (void)set_up(state);
    cmx_client_deinit(client);
    open_client(TARGETS);
    add_origin();
    cmx_target_default(&target);
    target.model = "m1";
    chat.model = NULL;
    return 0;
}

static void expect_target(int status, const char *field)
{
    uint32_t id = 77;
    assert_int_equal(cmx_client_add_target(client, &target, &id, &bad_field), status);
    expect_field(field);
    assert_int_equal(cmx_client_add_target(client, &target, NULL, NULL), status);
    assert_int_equal(id, 77); /* untouched by a failure */
}

static uint32_t add_target(const char *model)
{
    uint32_t id = 77;
    target.model = model;
    assert_int_equal(cmx_client_add_target(client, &target, &id, &bad_field), CMX_OK);
    expect_field(NULL);
    return id;
}

static void test_routes_add_target_names_what_is_wrong(void **state)
{
    (void)state;
    char model[CMX_TARGET_MODEL_BYTES_MAX + 2];
    const char *const bad_utf8[] = {"\xff", "m\xc3", "\xed\xa0\x80"};
    const uint32_t bad_weights[] = {0, CMX_TARGET_WEIGHT_MAX + 1, UINT32_MAX};
    const cmx_target good = target;
    memset(model, 'm', sizeof model);
    model[sizeof model - 1] = '\0';

    target.model = NULL;
    expect_target(CMX_ERR_ARGUMENT, "model");
    target.model = "";
    expect_target(CMX_ERR_ARGUMENT, "model");
    target.model = model;
    expect_target(CMX_ERR_ARGUMENT, "model");
    for (size_t i = 0; i < 3; i++) {
        target.model = bad_utf8[i];
        expect_target(CMX_ERR_UTF8, "model");
    }
    for (size_t i = 0; i < 3; i++) {
        target = good;
        target.weight_milli = bad_weights[i];
        expect_target(CMX_ERR_ARGUMENT, "weight_milli");
    }
    target = good;
    target.origin = 1;
    expect_target(CMX_ERR_ARGUMENT, "origin");
    target = good;
    target.tiers = 1u << (CMX_TIER_HIGH + 1);
    expect_target(CMX_ERR_ARGUMENT, "tiers");
    target = good;
    target.rank = CMX_TARGET_RANK_MAX + 1;
    expect_target(CMX_ERR_ARGUMENT, "rank");
    target = good;
    model[CMX_TARGET_MODEL_BYTES_MAX] = '\0';
    assert_int_equal(add_target(model), 0);
}

static void test_routes_the_same_target_again_is_refused_but_for_other_tiers(void **state)
{
    (void)state;
    assert_int_equal(add_target("m1"), 0);
    expect_target(CMX_ERR_ARGUMENT, "model");
    target.weight_milli = 5;
    target.rank = 3;
    expect_target(CMX_ERR_ARGUMENT, "model");
    target.tiers = 1u << CMX_TIER_LOW;
    assert_int_equal(add_target("m1"), 1);
    expect_target(CMX_ERR_ARGUMENT, "model");
}

static void test_routes_table_full_is_busy(void **state)
{
    (void)state;
    static const char *const models[TARGETS] = {"a", "b", "c", "d"};
    for (uint32_t i = 0; i < TARGETS; i++) {
        assert_int_equal(add_target(models[i]), i);
    }
    target.model = "e";
    expect_target(CMX_ERR_BUSY, "targets_max");
}

static void test_routes_without_any_room_nothing_can_be_added_or_routed(void **state)
{
    (void)state;
    cmx_target_state seen;
    cmx_client_deinit(client);
    open_client(0);
    add_origin();
    expect_target(CMX_ERR_BUSY, "targets_max");
    expect_chat(CMX_ERR_ARGUMENT, "model");
    assert_int_equal(cmx_client_target_state(client, 0, &seen), CMX_ERR_ARGUMENT);
    chat.model = "m";
    (void)start_chat();
}

static void test_routes_a_chat_without_a_target_is_refused(void **state)
{
    (void)state;
    expect_chat(CMX_ERR_ARGUMENT, "model"); /* no targets */
    target.tiers = 1u << CMX_TIER_LOW | 1u << CMX_TIER_MEDIUM;
    (void)add_target("m1");
    chat.tier = CMX_TIER_HIGH;
    expect_chat(CMX_ERR_ARGUMENT, "model");
    chat.tier = (enum cmx_tier)(CMX_TIER_HIGH + 1);
    expect_chat(CMX_ERR_ARGUMENT, "tier");
    chat.tier = (enum cmx_tier)UINT32_MAX;
    expect_chat(CMX_ERR_ARGUMENT, "tier");
    chat.tier = CMX_TIER_LOW;
    chat.origin = 12345; /* does not count */
    (void)start_chat();
    chat.tier = CMX_TIER_ANY;
    (void)start_chat();
}

static void test_routes_check_accepts_no_model_and_still_finds_the_rest(void **state)
{
    (void)state;
    cmx_chat_fault fault;
    assert_int_equal(cmx_chat_check(&chat, &fault), CMX_OK);
    chat.temperature_milli = 2001;
    assert_int_equal(cmx_chat_check(&chat, &fault), CMX_ERR_ARGUMENT);
    assert_string_equal(fault.field, "temperature_milli");
    (void)add_target("m1");
    expect_chat(CMX_ERR_ARGUMENT, "temperature_milli");
}

static void test_routes_done_names_origin_and_model(void **state)
{
    (void)state;
    cmx_event event;
    (void)add_target("m1");
    cmx_id routed = start_chat();
    chat.model = "m2";
    cmx_id unrouted = start_chat();
    assert_int_equal(cmx_client_cancel(client, routed), CMX_OK);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_DONE);
    assert_int_equal(event.done.origin, 0);
    assert_int_equal(event.done.asked_model.len, 2);
    assert_memory_equal(event.done.asked_model.data, "m1", 2);
    assert_int_equal(cmx_client_cancel(client, unrouted), CMX_OK);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_DONE);
    assert_int_equal(event.done.asked_model.len, 0); /* the caller may have freed it */
}

static void test_routes_state_tells_of_a_new_target_and_refuses_other_ids(void **state)
{
    (void)state;
    cmx_target_state seen;
    uint32_t id = add_target("m1");
    assert_int_equal(cmx_client_target_state(client, id, &seen), CMX_OK);
    assert_int_equal(seen.health, CMX_TARGET_GOOD);
    assert_int_equal(seen.cooling_ms, 0);
    assert_int_equal(seen.started + seen.succeeded + seen.failed + seen.cooled, 0);
    assert_int_equal(cmx_client_target_state(client, 1, &seen), CMX_ERR_ARGUMENT);
    assert_int_equal(cmx_client_target_state(client, TARGETS, &seen), CMX_ERR_ARGUMENT);
    assert_int_equal(cmx_client_target_state(client, 1u << 8, &seen), CMX_ERR_ARGUMENT);
    assert_int_equal(cmx_client_target_state(client, UINT32_MAX, &seen), CMX_ERR_ARGUMENT);
}

static void test_routes_removed_origin_takes_its_targets_and_rows_come_back(void **state)
{
    (void)state;
    cmx_target_state seen;
    for (uint32_t round = 0; round < 3; round++) {
        cmx_origin_id other = 0;
        assert_int_equal(cmx_client_add_origin(client, &origin, &other, NULL), CMX_OK);
        target.origin = other;
        uint32_t ids[TARGETS];
        static const char *const models[TARGETS] = {"a", "b", "c", "d"};
        for (uint32_t i = 0; i < TARGETS; i++) {
            ids[i] = add_target(models[i]);
            assert_int_equal(ids[i], round << 8 | i);
        }
        assert_int_equal(cmx_client_remove_origin(client, other), CMX_OK);
        for (uint32_t i = 0; i < TARGETS; i++) {
            assert_int_equal(cmx_client_target_state(client, ids[i], &seen), CMX_OK);
            assert_int_equal(seen.health, CMX_TARGET_REMOVED);
        }
        target.model = "a";
        expect_target(CMX_ERR_ARGUMENT, "origin");
        expect_chat(CMX_ERR_ARGUMENT, "model");
    }
    assert_int_equal(cmx_client_target_state(client, 0, &seen), CMX_ERR_ARGUMENT); /* used again */
}

/* Nothing waits for an origin that is being removed, if another one can take it. */
static void test_routes_removing_an_origin_sends_its_calls_on(void **state)
{
    (void)state;
    cmx_event event;
    cmx_origin_id other = 0;
    assert_int_equal(cmx_client_add_origin(client, &origin, &other, NULL), CMX_OK);
    (void)add_target("first");
    cmx_id id = start_chat();
    target.origin = other;
    (void)add_target("second");
    assert_int_equal(cmx_client_remove_origin(client, 0), CMX_OK);
    assert_int_equal(cmx_client_cancel(client, id), CMX_OK);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_OK);
    assert_int_equal(event.done.origin, other);
    assert_memory_equal(event.done.asked_model.data, "second", 6);
}

static void test_routes_nowhere_to_go_keeps_the_origin_until_the_end(void **state)
{
    (void)state;
    (void)add_target("first");
    cmx_id id = start_chat();
    assert_int_equal(cmx_client_remove_origin(client, 0), CMX_AGAIN);
    assert_int_equal(cmx_client_waiting(client, id), CMX_WAITING_RATE_LIMIT);
    assert_int_equal(cmx_client_tick(client), CMX_OK);
    assert_int_equal(cmx_client_waiting(client, id), CMX_WAITING_TARGETS);
    assert_int_equal(cmx_client_cancel(client, id), CMX_OK);
    assert_int_equal(cmx_client_remove_origin(client, 0), CMX_AGAIN); /* DONE is not delivered */
    cmx_event event;
    assert_int_equal(cmx_client_next_event(client, &event), CMX_OK);
    assert_int_equal(event.kind, CMX_EVENT_DONE);
    assert_int_equal(cmx_client_remove_origin(client, 0), CMX_OK);
}

static void test_routes_a_cost_that_no_target_grants_is_refused(void **state)
{
    (void)state;
    const cmx_rate_limits few = {.tokens_per_min = 10};
    cmx_origin_id other = 0;
    origin.rate_limits = &few;
    assert_int_equal(cmx_client_add_origin(client, &origin, &other, NULL), CMX_OK);
    target.origin = other;
    (void)add_target("m1");
    expect_chat(CMX_ERR_RATE, "tokens_per_min");
    target.origin = 0;
    target.rank = 7;
    (void)add_target("m2");
    cmx_id id = start_chat();
    cmx_event event;
    assert_int_equal(cmx_client_cancel(client, id), CMX_OK);
    assert_int_equal(cmx_client_next_event(client, &event), CMX_OK);
    assert_int_equal(event.done.origin, 0);
}

static void test_routes_high_water_of_one_origin_leaves_the_other(void **state)
{
    (void)state;
    const cmx_rate_limits one = {.max_concurrent = 1, .high_water = 1};
    cmx_origin_id other = 0;
    origin.rate_limits = &one;
    assert_int_equal(cmx_client_add_origin(client, &origin, &other, NULL), CMX_OK);
    target.origin = other;
    (void)add_target("limited");
    (void)start_chat();
    (void)start_chat(); /* waits */
    expect_chat(CMX_ERR_BUSY, "high_water");
    target.origin = 0;
    target.rank = 7;
    (void)add_target("spare");
    (void)start_chat();
    cmx_limit_state limits;
    assert_int_equal(cmx_client_limits(client, 0, &limits), CMX_OK);
    assert_int_equal(limits.running, 1);
    assert_int_equal(cmx_client_limits(client, other, &limits), CMX_OK);
    assert_int_equal(limits.running, 1);
    assert_int_equal(limits.queued, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_targets, tear_down)
        TEST(test_routes_add_target_names_what_is_wrong),
        TEST(test_routes_the_same_target_again_is_refused_but_for_other_tiers),
        TEST(test_routes_table_full_is_busy),
        TEST(test_routes_without_any_room_nothing_can_be_added_or_routed),
        TEST(test_routes_a_chat_without_a_target_is_refused),
        TEST(test_routes_check_accepts_no_model_and_still_finds_the_rest),
        TEST(test_routes_done_names_origin_and_model),
        TEST(test_routes_state_tells_of_a_new_target_and_refuses_other_ids),
        TEST(test_routes_removed_origin_takes_its_targets_and_rows_come_back),
        TEST(test_routes_removing_an_origin_sends_its_calls_on),
        TEST(test_routes_nowhere_to_go_keeps_the_origin_until_the_end),
        TEST(test_routes_a_cost_that_no_target_grants_is_refused),
        TEST(test_routes_high_water_of_one_origin_leaves_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
