/* SPDX-License-Identifier: MIT */
/*
 * The gates after 429: closed until the latest time, staggered release, eviction, and a model of
 * the whole table under random use.
 */
#include "policy/gate.h"

#include "base/random.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "unit/expect_panic.h"

enum { ROWS = 3 };

static cmx_gate_row rows[ROWS];
static cmx_gate gate;
static const cmx_gate_key key_a = {1, 0};
static const cmx_gate_key key_b = {2, 0};
static const cmx_gate_key key_c = {1, 1}; /* the model of a at another origin */
static const cmx_gate_key key_d = {3, 0};

static int set_up(void **state)
{
    (void)state;
    cmx_gate_init(&gate, rows, ROWS);
    return 0;
}

/* Starts as many as may start at `now_ms`. */
static unsigned start_all(cmx_gate_key key, uint64_t now_ms)
{
    unsigned count = 0;
    for (; count < 100 && cmx_gate_may_start(&gate, key, now_ms); count++) {
        cmx_gate_on_start(&gate, key, now_ms);
    }
    return count;
}

static void test_gate_without_429_everything_starts(void **state)
{
    (void)state;
    assert_int_equal(start_all(key_a, 0), 100);
    cmx_gate_on_success(&gate, key_a);
    assert_true(cmx_gate_next_due_ms(&gate, 0) == CMX_GATE_NEVER_MS);
    assert_int_equal(gate.count, 0);
}

static void test_gate_closes_one_key_until_the_latest_time(void **state)
{
    (void)state;
    cmx_gate_close_until(&gate, key_a, 5000);
    cmx_gate_close_until(&gate, key_a, 3000); /* an earlier one does not open it */
    assert_false(cmx_gate_may_start(&gate, key_a, 4999));
    assert_true(cmx_gate_may_start(&gate, key_a, 5000));
    cmx_gate_close_until(&gate, key_a, 9000);
    assert_false(cmx_gate_may_start(&gate, key_a, 8999));
    assert_int_equal(start_all(key_b, 0), 100);
    assert_int_equal(start_all(key_c, 0), 100);
    assert_int_equal(gate.count, 1);
}

static void test_gate_lets_one_through_per_distance(void **state)
{
    (void)state;
    cmx_gate_close_until(&gate, key_a, 1000);
    assert_int_equal(start_all(key_a, 999), 0);
    assert_int_equal(start_all(key_a, 1000), 1);
    assert_int_equal(start_all(key_a, 1249), 0);
    assert_int_equal(start_all(key_a, 1250), 1);
    assert_int_equal(start_all(key_a, 9000), 1); /* what was missed is not made up for */
}

static void test_gate_success_halves_the_distance_until_the_gate_is_gone(void **state)
{
    (void)state;
    cmx_gate_close_until(&gate, key_a, 1000);
    cmx_gate_on_success(&gate, key_a); /* sent before the gate closed: says nothing */
    uint64_t now_ms = 1000;
    static const uint32_t distances_ms[] = {250, 125, 62, 31};
    for (size_t i = 0; i < CMX_ARRAY_LEN(distances_ms); i++) {
        assert_int_equal(start_all(key_a, now_ms), 1);
        assert_false(cmx_gate_may_start(&gate, key_a, now_ms + distances_ms[i] - 1));
        now_ms += distances_ms[i];
        assert_true(cmx_gate_may_start(&gate, key_a, now_ms));
        cmx_gate_on_success(&gate, key_a);
    }
    assert_int_equal(gate.count, 0);
    assert_int_equal(start_all(key_a, now_ms), 100);
}

static void test_gate_429_after_release_doubles_the_distance_once(void **state)
{
    (void)state;
    uint64_t now_ms = 1000;
    static const uint32_t distances_ms[] = {250, 500, 1000, 2000, 4000, 8000, 8000, 8000};
    for (unsigned i = 0; i < 20; i++) {
        cmx_gate_close_until(&gate, key_a, now_ms); /* a burst of 429s */
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(distances_ms); i++) {
        assert_int_equal(start_all(key_a, now_ms), 1);
        assert_false(cmx_gate_may_start(&gate, key_a, now_ms + distances_ms[i] - 1));
        assert_true(cmx_gate_may_start(&gate, key_a, now_ms + distances_ms[i]));
        for (unsigned j = 0; j < 20; j++) {
            cmx_gate_close_until(&gate, key_a, now_ms + 20000);
        }
        now_ms += 20000;
    }
}

static void test_gate_idle_one_is_dropped(void **state)
{
    (void)state;
    cmx_gate_close_until(&gate, key_a, 1000);
    cmx_gate_close_until(&gate, key_b, 2000);
    assert_true(cmx_gate_next_due_ms(&gate, 1000 + CMX_GATE_IDLE_MS - 1) == CMX_GATE_NEVER_MS);
    assert_int_equal(gate.count, 2);
    (void)cmx_gate_next_due_ms(&gate, 1000 + CMX_GATE_IDLE_MS);
    assert_int_equal(gate.count, 1);
    assert_int_equal(start_all(key_b, 2000 + CMX_GATE_IDLE_MS), 100); /* dropped when first used */
    assert_int_equal(gate.count, 0);
}

static void test_gate_due_is_the_earliest_that_is_closed(void **state)
{
    (void)state;
    cmx_gate_close_until(&gate, key_a, 5000);
    cmx_gate_close_until(&gate, key_b, 3000);
    assert_int_equal(cmx_gate_next_due_ms(&gate, 0), 3000);
    assert_int_equal(cmx_gate_next_due_ms(&gate, 2999), 3000);
    assert_int_equal(cmx_gate_next_due_ms(&gate, 3000), 5000); /* b may start: nothing to await */
    assert_int_equal(start_all(key_b, 3000), 1);
    assert_int_equal(cmx_gate_next_due_ms(&gate, 3000), 3250);
    assert_true(cmx_gate_next_due_ms(&gate, 5000) == CMX_GATE_NEVER_MS);
}

static void test_gate_full_table_drops_what_opens_soonest(void **state)
{
    (void)state;
    cmx_gate_close_until(&gate, key_a, 5000);
    cmx_gate_close_until(&gate, key_b, 3000);
    cmx_gate_close_until(&gate, key_c, 4000);
    cmx_gate_close_until(&gate, key_d, 6000);
    assert_int_equal(gate.count, 3);
    assert_true(cmx_gate_may_start(&gate, key_b, 0));
    assert_false(cmx_gate_may_start(&gate, key_a, 4999));
    assert_false(cmx_gate_may_start(&gate, key_c, 3999));
    assert_false(cmx_gate_may_start(&gate, key_d, 5999));
    cmx_gate_close_until(&gate, key_b, 4000); /* opens no later than any: it is not kept */
    assert_true(cmx_gate_may_start(&gate, key_b, 0));
    assert_false(cmx_gate_may_start(&gate, key_c, 3999));
    assert_int_equal(gate.count, 3);
}

static void test_gate_forgets_an_origin(void **state)
{
    (void)state;
    cmx_gate_close_until(&gate, key_a, 5000);
    cmx_gate_close_until(&gate, key_b, 5000);
    cmx_gate_close_until(&gate, key_c, 5000);
    cmx_gate_forget(&gate, 0);
    assert_int_equal(gate.count, 1);
    assert_true(cmx_gate_may_start(&gate, key_a, 0));
    assert_true(cmx_gate_may_start(&gate, key_b, 0));
    assert_false(cmx_gate_may_start(&gate, key_c, 0));
}

/* Random use: nothing starts before the latest time that its gate was told while the table has
 * room, two starts are never closer than the smallest distance, and the count is right. */
static void test_gate_holds_under_random_use(void **state)
{
    (void)state;
    cmx_random random;
    cmx_random_seed(&random, 10);
    for (unsigned run = 0; run < 200; run++) {
        cmx_gate_init(&gate, rows, ROWS);
        const cmx_gate_key keys[ROWS] = {key_a, key_b, key_c};
        uint64_t closed_ms[ROWS] = {0};
        uint64_t now_ms = 0;
        for (unsigned i = 0; i < 500; i++) {
            now_ms += cmx_random_below(&random, 300);
            uint32_t which = cmx_random_below(&random, ROWS);
            uint32_t what = cmx_random_below(&random, 10);
            if (what == 0) {
                uint64_t until_ms = now_ms + cmx_random_below(&random, 3000);
                cmx_gate_close_until(&gate, keys[which], until_ms);
                closed_ms[which] = until_ms > closed_ms[which] ? until_ms : closed_ms[which];
            } else if (what < 4) {
                cmx_gate_on_success(&gate, keys[which]);
            } else if (cmx_gate_may_start(&gate, keys[which], now_ms)) {
                assert_true(now_ms >= closed_ms[which]);
                cmx_gate_on_start(&gate, keys[which], now_ms);
            }
            uint64_t due_ms = cmx_gate_next_due_ms(&gate, now_ms);
            assert_true(due_ms > now_ms);
            unsigned used = 0;
            for (unsigned j = 0; j < ROWS; j++) {
                used += rows[j].spacing_ms != 0;
                assert_true(rows[j].spacing_ms == 0 ||
                            (rows[j].spacing_ms >= CMX_GATE_SPACING_MIN_MS &&
                             rows[j].spacing_ms <= CMX_GATE_SPACING_MAX_MS));
            }
            assert_int_equal(used, gate.count);
        }
    }
}

/* A thousand requests wait at one gate: nobody starves, and the server is not run over. */
static void test_gate_a_crowd_gets_through(void **state)
{
    (void)state;
    cmx_gate_close_until(&gate, key_a, 2000);
    unsigned waiting = 1000;
    uint64_t now_ms = 0;
    unsigned in_first_second = 0;
    while (waiting > 0 && now_ms < 10000) {
        if (cmx_gate_may_start(&gate, key_a, now_ms)) {
            cmx_gate_on_start(&gate, key_a, now_ms);
            cmx_gate_on_success(&gate, key_a); /* accepted at once */
            waiting--;
            in_first_second += now_ms < 2250;
        } else {
            uint64_t due_ms = cmx_gate_next_due_ms(&gate, now_ms);
            assert_true(due_ms > now_ms && due_ms != CMX_GATE_NEVER_MS);
            now_ms = due_ms;
        }
    }
    assert_int_equal(waiting, 0);
    assert_int_equal(in_first_second, 1);
}

static void start_too_early(void *ctx)
{
    (void)ctx;
    cmx_gate_close_until(&gate, key_a, 1000);
    cmx_gate_on_start(&gate, key_a, 999);
}

static void test_gate_start_that_was_not_allowed_is_our_mistake(void **state)
{
    (void)state;
    expect_panic(start_too_early, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_gate_without_429_everything_starts, set_up),
        cmocka_unit_test_setup(test_gate_closes_one_key_until_the_latest_time, set_up),
        cmocka_unit_test_setup(test_gate_lets_one_through_per_distance, set_up),
        cmocka_unit_test_setup(test_gate_success_halves_the_distance_until_the_gate_is_gone,
                               set_up),
        cmocka_unit_test_setup(test_gate_429_after_release_doubles_the_distance_once, set_up),
        cmocka_unit_test_setup(test_gate_idle_one_is_dropped, set_up),
        cmocka_unit_test_setup(test_gate_due_is_the_earliest_that_is_closed, set_up),
        cmocka_unit_test_setup(test_gate_full_table_drops_what_opens_soonest, set_up),
        cmocka_unit_test_setup(test_gate_forgets_an_origin, set_up),
        cmocka_unit_test_setup(test_gate_holds_under_random_use, set_up),
        cmocka_unit_test_setup(test_gate_a_crowd_gets_through, set_up),
        cmocka_unit_test_setup(test_gate_start_that_was_not_allowed_is_our_mistake, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
