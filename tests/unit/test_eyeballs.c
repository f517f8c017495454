/* SPDX-License-Identifier: MIT */
/*
 * The order of addresses and the race, with exact times, and as a property from fixed seeds: every
 * address is tried once unless one connects, never more at once than allowed, and it always ends.
 */
#include "wire/eyeballs.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/expect_panic.h"

static const cmx_eyeballs_limits limits = {
    .delay_ms = CMX_EYEBALLS_DELAY_MS, .timeout_ms = 5000, .racing_max = 2};

/* "6a 4b": family and mark of each address; the mark ends up in the port. */
static uint32_t read_addresses(const char *text, cmx_address *out)
{
    uint32_t count = 0;
    for (; text[0] != '\0'; text += text[2] == ' ' ? 3 : 2) {
        out[count++] = (cmx_address){.family = (uint8_t)(text[0] - '0'), .port = (uint8_t)text[1]};
    }
    return count;
}

static void expect_order(const char *before, uint8_t family_first, const char *after)
{
    cmx_address got[CMX_EYEBALLS_ADDRESSES_MAX];
    cmx_address want[CMX_EYEBALLS_ADDRESSES_MAX];
    uint32_t count = read_addresses(before, got);
    assert_int_equal(read_addresses(after, want), count);
    cmx_eyeballs_order(got, count, family_first);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(got[i].family, want[i].family);
        assert_int_equal(got[i].port, want[i].port);
    }
}

static void test_eyeballs_families_take_turns_in_the_resolver_order(void **state)
{
    (void)state;
    expect_order("", 0, "");
    expect_order("4a", 0, "4a");
    expect_order("6a", 4, "6a");
    expect_order("4a 6b", 0, "6b 4a");
    expect_order("4a 6b", 4, "4a 6b");
    expect_order("6a 6b 6c 4d 4e", 0, "6a 4d 6b 4e 6c");
    expect_order("6a 6b 6c 4d 4e", 4, "4d 6a 4e 6b 6c");
    expect_order("4a 4b 4c 4d 6e", 6, "6e 4a 4b 4c 4d");
    expect_order("4a 4b 4c 4d 4e 4f 4g 6h", 0, "6h 4a 4b 4c 4d 4e 4f 4g");
}

typedef struct race {
    cmx_eyeballs eyeballs;
    uint32_t index;
    uint64_t due_ms;
} race;

static race race_of(uint32_t count)
{
    race r = {.index = 99};
    cmx_eyeballs_init(&r.eyeballs, count);
    return r;
}

static enum cmx_eyeballs_action step(race *r, uint64_t now_ms)
{
    return cmx_eyeballs_step(&r->eyeballs, &limits, now_ms, &r->index, &r->due_ms);
}

static void expect_start(race *r, uint64_t now_ms, uint32_t index)
{
    assert_int_equal(step(r, now_ms), CMX_EYEBALLS_START);
    assert_int_equal(r->index, index);
    assert_true(cmx_eyeballs_racing(&r->eyeballs, index));
}

static void expect_wait(race *r, uint64_t now_ms, uint64_t due_ms)
{
    assert_int_equal(step(r, now_ms), CMX_EYEBALLS_WAIT);
    assert_int_equal(r->due_ms, due_ms);
}

static void expect_expiry(race *r, uint64_t now_ms, uint32_t index)
{
    assert_int_equal(step(r, now_ms), CMX_EYEBALLS_EXPIRE);
    assert_int_equal(r->index, index);
    assert_false(cmx_eyeballs_racing(&r->eyeballs, index));
}

static void test_eyeballs_no_address_gives_up(void **state)
{
    (void)state;
    race r = race_of(0);
    assert_int_equal(step(&r, 0), CMX_EYEBALLS_GIVE_UP);
}

static void test_eyeballs_second_joins_after_the_delay(void **state)
{
    (void)state;
    race r = race_of(4);
    expect_start(&r, 1000, 0);
    expect_wait(&r, 1000, 1250);
    expect_wait(&r, 1249, 1250);
    expect_start(&r, 1250, 1);
    expect_wait(&r, 1250, 6000); /* two race: the next thing is that the first is too slow */
    expect_wait(&r, 5999, 6000);
    expect_expiry(&r, 6000, 0);
    expect_start(&r, 6000, 2); /* a failure: at once */
    expect_wait(&r, 6000, 6250);
    expect_expiry(&r, 6250, 1);
    expect_start(&r, 6250, 3);
    expect_wait(&r, 6250, 11000);
}

static void test_eyeballs_failure_starts_the_next_at_once(void **state)
{
    (void)state;
    race r = race_of(3);
    expect_start(&r, 0, 0);
    cmx_eyeballs_on_failure(&r.eyeballs, 0);
    expect_start(&r, 10, 1);
    expect_wait(&r, 10, 260); /* the delay counts from the last start */
    expect_start(&r, 260, 2);
    cmx_eyeballs_on_failure(&r.eyeballs, 1);
    expect_wait(&r, 270, 5260);
    cmx_eyeballs_on_failure(&r.eyeballs, 2);
    assert_int_equal(step(&r, 280), CMX_EYEBALLS_GIVE_UP);
}

static void test_eyeballs_failure_starts_the_next_beside_one_that_races(void **state)
{
    (void)state;
    race r = race_of(3);
    expect_start(&r, 0, 0);
    expect_start(&r, 250, 1);
    cmx_eyeballs_on_failure(&r.eyeballs, 0);
    expect_start(&r, 260, 2); /* not at 500 */
    expect_wait(&r, 260, 5250);
}

static void test_eyeballs_all_refused_is_told_without_waiting(void **state)
{
    (void)state;
    race r = race_of(8);
    for (uint32_t i = 0; i < 8; i++) {
        expect_start(&r, 5, i);
        cmx_eyeballs_on_failure(&r.eyeballs, i);
    }
    assert_int_equal(step(&r, 5), CMX_EYEBALLS_GIVE_UP);
}

static void test_eyeballs_one_at_a_time_is_no_race(void **state)
{
    (void)state;
    const cmx_eyeballs_limits alone = {.delay_ms = 250, .timeout_ms = 5000, .racing_max = 1};
    race r = race_of(2);
    assert_int_equal(cmx_eyeballs_step(&r.eyeballs, &alone, 0, &r.index, &r.due_ms),
                     CMX_EYEBALLS_START);
    assert_int_equal(cmx_eyeballs_step(&r.eyeballs, &alone, 4999, &r.index, &r.due_ms),
                     CMX_EYEBALLS_WAIT);
    assert_int_equal(r.due_ms, 5000);
    assert_int_equal(cmx_eyeballs_step(&r.eyeballs, &alone, 5000, &r.index, &r.due_ms),
                     CMX_EYEBALLS_EXPIRE);
    assert_int_equal(cmx_eyeballs_step(&r.eyeballs, &alone, 5000, &r.index, &r.due_ms),
                     CMX_EYEBALLS_START);
    assert_int_equal(r.index, 1);
}

static void test_eyeballs_delay_is_kept_in_its_range(void **state)
{
    (void)state;
    static const struct {
        uint32_t delay_ms;
        uint64_t due_ms;
    } cases[] = {{0, 10}, {9, 10}, {10, 10}, {10000, 10000}, {10001, 10000}, {UINT32_MAX, 10000}};
    for (size_t i = 0; i < CMX_ARRAY_LEN(cases); i++) {
        const cmx_eyeballs_limits odd = {cases[i].delay_ms, 20000, 2};
        race r = race_of(2);
        assert_int_equal(cmx_eyeballs_step(&r.eyeballs, &odd, 0, &r.index, &r.due_ms),
                         CMX_EYEBALLS_START);
        assert_int_equal(cmx_eyeballs_step(&r.eyeballs, &odd, 0, &r.index, &r.due_ms),
                         CMX_EYEBALLS_WAIT);
        assert_int_equal(r.due_ms, cases[i].due_ms);
    }
}

static void fail_untried(void *ctx)
{
    cmx_eyeballs_on_failure(ctx, 1);
}

static void test_eyeballs_failure_of_what_does_not_race_panics(void **state)
{
    (void)state;
    race r = race_of(2);
    expect_start(&r, 0, 0);
    expect_panic(fail_untried, &r.eyeballs);
}

static uint32_t count_racing(const race *r)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->eyeballs.count; i++) {
        count += cmx_eyeballs_racing(&r->eyeballs, i);
    }
    return count;
}

/* Fails the tries that have had their time. `ends_ms` 0 = does not race. */
static void fail_due(race *r, uint64_t *ends_ms, uint64_t now_ms)
{
    for (uint32_t i = 0; i < r->eyeballs.count; i++) {
        if (cmx_eyeballs_racing(&r->eyeballs, i) && now_ms >= ends_ms[i]) {
            cmx_eyeballs_on_failure(&r->eyeballs, i);
        }
    }
}

static void test_eyeballs_every_address_is_tried_once_and_it_ends(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        cmx_random random;
        cmx_random_seed(&random, seed);
        uint32_t count = cmx_random_below(&random, CMX_EYEBALLS_ADDRESSES_MAX + 1);
        const cmx_eyeballs_limits some = {cmx_random_below(&random, 3000),
                                          1 + cmx_random_below(&random, 6000),
                                          1 + cmx_random_below(&random, 4)};
        race r = race_of(count);
        uint64_t ends_ms[CMX_EYEBALLS_ADDRESSES_MAX] = {0};
        uint32_t started = 0;
        uint64_t now_ms = seed;
        enum cmx_eyeballs_action action = CMX_EYEBALLS_WAIT;
        for (int turns = 0; action != CMX_EYEBALLS_GIVE_UP; turns++) {
            assert_true(turns < 1000);
            action = cmx_eyeballs_step(&r.eyeballs, &some, now_ms, &r.index, &r.due_ms);
            assert_true(count_racing(&r) <= some.racing_max);
            if (action == CMX_EYEBALLS_START) {
                assert_int_equal(r.index, started++);
                ends_ms[r.index] = now_ms + cmx_random_below(&random, 8000);
            } else if (action == CMX_EYEBALLS_WAIT) {
                assert_true(r.due_ms > now_ms);
                now_ms += 1 + cmx_random_below(&random, (uint32_t)(r.due_ms - now_ms));
                fail_due(&r, ends_ms, now_ms);
            }
        }
        assert_int_equal(started, count);
        assert_int_equal(count_racing(&r), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eyeballs_families_take_turns_in_the_resolver_order),
        cmocka_unit_test(test_eyeballs_no_address_gives_up),
        cmocka_unit_test(test_eyeballs_second_joins_after_the_delay),
        cmocka_unit_test(test_eyeballs_failure_starts_the_next_at_once),
        cmocka_unit_test(test_eyeballs_failure_starts_the_next_beside_one_that_races),
        cmocka_unit_test(test_eyeballs_all_refused_is_told_without_waiting),
        cmocka_unit_test(test_eyeballs_one_at_a_time_is_no_race),
        cmocka_unit_test(test_eyeballs_delay_is_kept_in_its_range),
        cmocka_unit_test(test_eyeballs_failure_of_what_does_not_race_panics),
        cmocka_unit_test(test_eyeballs_every_address_is_tried_once_and_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
