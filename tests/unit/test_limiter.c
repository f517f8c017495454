/* SPDX-License-Identifier: MIT */
/*
 * Each of Bottleneck's terms alone with exact figures, the high-water strategies, what a server
 * says, and as properties from fixed seeds: a queue asked oldest first is served whole, in order,
 * and within its limits.
 */
#include "policy/limiter.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/expect_panic.h"

#define T0 UINT64_C(5000)

static cmx_limiter limiter_of(cmx_rate_limits limits)
{
    cmx_limiter limiter;
    const char *bad = NULL;
    assert_int_equal(cmx_limiter_check_limits(&limits, &bad), CMX_OK);
    assert_null(bad);
    cmx_limiter_init(&limiter, &limits, T0);
    return limiter;
}

static int admit(cmx_limiter *limiter, uint32_t cost, uint64_t now_ms)
{
    uint64_t wait_ms = 0;
    return cmx_limiter_admit(limiter, cost, now_ms, &wait_ms);
}

static void expect_wait(cmx_limiter *limiter, uint32_t cost, uint64_t now_ms,
                        enum cmx_limiter_reason reason, uint64_t expected_ms)
{
    uint64_t wait_ms = 0;
    assert_int_equal(cmx_limiter_why(limiter, cost, now_ms, &wait_ms), reason);
    assert_true(wait_ms == expected_ms);
    wait_ms = 0;
    assert_int_equal(cmx_limiter_admit(limiter, cost, now_ms, &wait_ms), CMX_AGAIN);
    assert_true(wait_ms == expected_ms);
}

static void test_limiter_without_limits_admits_everything(void **state)
{
    (void)state;
    cmx_limiter limiter = limiter_of((cmx_rate_limits){0});
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(admit(&limiter, UINT32_MAX, T0), CMX_OK);
    }
    cmx_limiter_state seen;
    cmx_limiter_look(&limiter, T0, &seen);
    assert_int_equal(seen.running, 1000);
    assert_true(seen.reservoir == UINT32_MAX);
    assert_true(seen.requests_left == INT64_MAX && seen.tokens_left == INT64_MAX);
}

static void test_limiter_min_time_spaces_admissions(void **state)
{
    (void)state;
    cmx_limiter limiter = limiter_of((cmx_rate_limits){.min_time_ms = 100});
    assert_int_equal(admit(&limiter, 0, T0), CMX_OK);
    expect_wait(&limiter, 0, T0, CMX_LIMITER_MIN_TIME, 100);
    expect_wait(&limiter, 0, T0 + 99, CMX_LIMITER_MIN_TIME, 1);
    assert_int_equal(admit(&limiter, 0, T0 + 150), CMX_OK);
    expect_wait(&limiter, 0, T0 + 200, CMX_LIMITER_MIN_TIME, 50); /* from the last, not the grid */
}

static void test_limiter_concurrency_waits_for_an_end(void **state)
{
    (void)state;
    cmx_limiter limiter = limiter_of((cmx_rate_limits){.max_concurrent = 2, .min_time_ms = 10});
    assert_int_equal(admit(&limiter, 0, T0), CMX_OK);
    assert_int_equal(admit(&limiter, 0, T0 + 10), CMX_OK);
    expect_wait(&limiter, 0, T0 + 11, CMX_LIMITER_CONCURRENCY, UINT64_MAX);
    cmx_limiter_end(&limiter, 0, 0, T0 + 30);
    assert_int_equal(admit(&limiter, 0, T0 + 30), CMX_OK);
}

static void test_limiter_retry_gives_its_place_back_while_asleep(void **state)
{
    (void)state;
    cmx_limiter limiter = limiter_of((cmx_rate_limits){.max_concurrent = 1, .min_time_ms = 50});
    assert_int_equal(admit(&limiter, 0, T0), CMX_OK);
    cmx_limiter_end(&limiter, 0, 0, T0 + 10); /* failed, sleeps before its retry */
    expect_wait(&limiter, 0, T0 + 10, CMX_LIMITER_MIN_TIME, 40);
    assert_int_equal(admit(&limiter, 0, T0 + 50), CMX_OK); /* somebody else meanwhile */
    expect_wait(&limiter, 0, T0 + 60, CMX_LIMITER_CONCURRENCY, UINT64_MAX); /* the retry queues */
}

static void test_limiter_reservoir_is_set_not_added_to(void **state)
{
    (void)state;
    cmx_limiter limiter = limiter_of(
        (cmx_rate_limits){.reservoir = 3, .refresh_amount = 2, .refresh_interval_ms = 1000});
    assert_int_equal(admit(&limiter, 0, T0 + 400), CMX_OK); /* its window begins here */
    assert_int_equal(admit(&limiter, 0, T0 + 500), CMX_OK);
    cmx_limiter_state seen;
    cmx_limiter_look(&limiter, T0 + 500, &seen);
    assert_int_equal(seen.reservoir, 1);
    assert_int_equal(seen.refresh_ms, 900);
    cmx_limiter_look(&limiter, T0 + 1400, &seen);
    assert_int_equal(seen.reservoir, 2); /* not 1 + 2 */
    assert_int_equal(admit(&limiter, 0, T0 + 5000), CMX_OK);
    assert_int_equal(admit(&limiter, 0, T0 + 5999), CMX_OK);
    expect_wait(&limiter, 0, T0 + 5999, CMX_LIMITER_RESERVOIR, 1);
    assert_int_equal(admit(&limiter, 0, T0 + 6000), CMX_OK);
}

static void test_limiter_reservoir_edge_is_twice_the_amount_at_most(void **state)
{
    (void)state;
    cmx_limiter limiter = limiter_of(
        (cmx_rate_limits){.reservoir = 5, .refresh_amount = 5, .refresh_interval_ms = 1000});
    uint32_t granted = 0;
    assert_int_equal(admit(&limiter, 0, T0), CMX_OK);
    for (uint64_t now_ms = T0 + 990; now_ms < T0 + 1990; now_ms++) {
        granted += admit(&limiter, 0, now_ms) == CMX_OK;
    }
    assert_int_equal(granted, 4 + 5);
}

static void test_limiter_requests_per_minute_with_burst(void **state)
{
    (void)state;
    cmx_limiter limiter =
        limiter_of((cmx_rate_limits){.requests_per_min = 60, .requests_burst = 2});
    assert_int_equal(admit(&limiter, 0, T0), CMX_OK);
    assert_int_equal(admit(&limiter, 0, T0), CMX_OK);
    expect_wait(&limiter, 0, T0, CMX_LIMITER_REQUESTS, 1000);
}

static void test_limiter_spread_keeps_every_second_within_its_share(void **state)
{
    (void)state;
    cmx_limiter limiter = limiter_of(
        (cmx_rate_limits){.requests_per_min = 300, .requests_burst = 300, .spread = true});
    uint64_t at_ms[60];
    uint64_t now_ms = T0;
    for (size_t i = 0; i < CMX_ARRAY_LEN(at_ms); i++) {
        uint64_t wait_ms = 0;
        while (cmx_limiter_admit(&limiter, 0, now_ms, &wait_ms) != CMX_OK) {
            now_ms += wait_ms;
        }
        at_ms[i] = now_ms;
        now_ms += i == 20 ? 3000 : 0; /* a pause saves nothing up */
    }
    for (size_t i = 5; i < CMX_ARRAY_LEN(at_ms); i++) {
        assert_true(at_ms[i] - at_ms[i - 5] >= 1000); /* 300 a minute are 5 a second */
    }
}

static void test_limiter_tokens_are_reserved_and_refunded(void **state)
{
    (void)state;
    cmx_limiter limiter =
        limiter_of((cmx_rate_limits){.tokens_per_min = 6000, .tokens_burst = 1000});
    assert_int_equal(admit(&limiter, 800, T0), CMX_OK);
    expect_wait(&limiter, 300, T0, CMX_LIMITER_TOKENS, 1000);
    cmx_limiter_end(&limiter, 800, 150, T0);
    cmx_limiter_state seen;
    cmx_limiter_look(&limiter, T0, &seen);
    assert_int_equal(seen.tokens_left, 850);
    assert_int_equal(seen.running, 0);
    assert_int_equal(admit(&limiter, 300, T0), CMX_OK);
    cmx_limiter_end(&limiter, 300, 1300, T0); /* used more than reserved: a debt */
    cmx_limiter_look(&limiter, T0, &seen);
    assert_int_equal(seen.tokens_left, -450);
    expect_wait(&limiter, 0, T0, CMX_LIMITER_TOKENS, 4500);
}

static void test_limiter_cost_that_never_fits_is_an_error_at_once(void **state)
{
    (void)state;
    cmx_limiter limiter =
        limiter_of((cmx_rate_limits){.tokens_per_min = 6000, .max_concurrent = 1, .high_water = 1});
    assert_int_equal(admit(&limiter, 6001, T0), CMX_ERR_RATE);
    assert_int_equal(admit(&limiter, 6000, T0), CMX_OK);
    assert_int_equal(admit(&limiter, 6001, T0), CMX_ERR_RATE); /* also while others wait */
    assert_int_equal(cmx_limiter_enqueue(&limiter, 1, 6001, T0), CMX_LIMITER_ACCEPT);
}

static void test_limiter_nothing_is_taken_by_a_refusal(void **state)
{
    (void)state;
    cmx_limiter limiter = limiter_of((cmx_rate_limits){.min_time_ms = 1000,
                                                       .requests_per_min = 10,
                                                       .tokens_per_min = 100,
                                                       .reservoir = 10,
                                                       .refresh_amount = 10,
                                                       .refresh_interval_ms = 60000});
    assert_int_equal(admit(&limiter, 10, T0), CMX_OK);
    cmx_limiter before = limiter;
    assert_int_equal(admit(&limiter, 10, T0 + 1), CMX_AGAIN);
    assert_memory_equal(&before, &limiter, sizeof limiter);
}

static void test_limiter_undo_gives_back_all_but_the_spacing(void **state)
{
    (void)state;
    cmx_limiter limiter = limiter_of((cmx_rate_limits){.min_time_ms = 5,
                                                       .requests_per_min = 1,
                                                       .tokens_per_min = 100,
                                                       .reservoir = 1,
                                                       .refresh_amount = 1,
                                                       .refresh_interval_ms = 60000});
    assert_int_equal(admit(&limiter, 100, T0), CMX_OK);
    cmx_limiter_undo(&limiter, 100, T0, T0 + 1);
    expect_wait(&limiter, 100, T0 + 1, CMX_LIMITER_MIN_TIME, 4);
    assert_int_equal(admit(&limiter, 100, T0 + 5), CMX_OK);
}

static void test_limiter_undo_after_a_refresh_does_not_overfill(void **state)
{
    (void)state;
    cmx_limiter limiter = limiter_of(
        (cmx_rate_limits){.reservoir = 2, .refresh_amount = 2, .refresh_interval_ms = 1000});
    assert_int_equal(admit(&limiter, 0, T0), CMX_OK);
    assert_int_equal(admit(&limiter, 0, T0 + 1000), CMX_OK); /* a new window: one left */
    cmx_limiter_undo(&limiter, 0, T0, T0 + 1100);
    cmx_limiter_state seen;
    cmx_limiter_look(&limiter, T0 + 1100, &seen);
    assert_int_equal(seen.reservoir, 1);
    cmx_limiter_undo(&limiter, 0, T0 + 1000, T0 + 1100);
    cmx_limiter_look(&limiter, T0 + 1100, &seen);
    assert_int_equal(seen.reservoir, 2);
}

/* One runs, so that the next has to wait. */
static cmx_limiter busy_limiter(enum cmx_strategy strategy, uint32_t min_time_ms)
{
    cmx_limiter limiter = limiter_of((cmx_rate_limits){
        .max_concurrent = 1, .min_time_ms = min_time_ms, .high_water = 2, .strategy = strategy});
    assert_int_equal(admit(&limiter, 0, T0), CMX_OK);
    return limiter;
}

static void test_limiter_high_water_counts_only_if_it_must_wait(void **state)
{
    (void)state;
    cmx_limiter limiter = busy_limiter(CMX_STRATEGY_OVERFLOW, 0);
    assert_int_equal(cmx_limiter_enqueue(&limiter, 1, 0, T0), CMX_LIMITER_ACCEPT);
    assert_int_equal(cmx_limiter_enqueue(&limiter, 2, 0, T0), CMX_LIMITER_REFUSE);
    cmx_limiter_end(&limiter, 0, 0, T0);
    assert_int_equal(cmx_limiter_enqueue(&limiter, 2, 0, T0), CMX_LIMITER_ACCEPT);
}

static void test_limiter_leak_drops_the_oldest(void **state)
{
    (void)state;
    cmx_limiter limiter = busy_limiter(CMX_STRATEGY_LEAK, 0);
    assert_int_equal(cmx_limiter_enqueue(&limiter, 2, 0, T0), CMX_LIMITER_DROP_OLDEST);
}

static void test_limiter_block_refuses_all_for_its_penalty(void **state)
{
    (void)state;
    cmx_limiter limiter = busy_limiter(CMX_STRATEGY_BLOCK, 0);
    assert_int_equal(cmx_limiter_enqueue(&limiter, 2, 0, T0), CMX_LIMITER_REFUSE_ALL);
    cmx_limiter_end(&limiter, 0, 0, T0);
    expect_wait(&limiter, 0, T0, CMX_LIMITER_BLOCKED, 5000); /* a retry waits, too */
    /* Coming again and again does not make it longer. */
    for (uint64_t now_ms = T0; now_ms < T0 + 5000; now_ms += 100) {
        assert_int_equal(cmx_limiter_enqueue(&limiter, 0, 0, now_ms), CMX_LIMITER_REFUSE);
    }
    assert_int_equal(cmx_limiter_enqueue(&limiter, 0, 0, T0 + 5000), CMX_LIMITER_ACCEPT);
    assert_int_equal(admit(&limiter, 0, T0 + 5000), CMX_OK);
}

static void test_limiter_block_penalty_follows_the_spacing(void **state)
{
    (void)state;
    cmx_limiter limiter = busy_limiter(CMX_STRATEGY_BLOCK, 200);
    assert_int_equal(cmx_limiter_enqueue(&limiter, 2, 0, T0), CMX_LIMITER_REFUSE_ALL);
    cmx_limiter_state seen;
    cmx_limiter_look(&limiter, T0, &seen);
    assert_int_equal(seen.blocked_ms, 3000);
}

static void test_limiter_headers_bind_without_own_limits(void **state)
{
    (void)state;
    cmx_limiter limiter = limiter_of((cmx_rate_limits){0});
    const cmx_limiter_said nothing = {0};
    const cmx_limiter_said requests = {.known = true, .remaining = 1, .reset_ms = 2000};
    const cmx_limiter_said tokens = {.known = true, .remaining = 500, .reset_ms = 3000};
    cmx_limiter_on_headers(&limiter, &nothing, &nothing, T0);
    assert_int_equal(admit(&limiter, 1000, T0), CMX_OK);
    cmx_limiter_on_headers(&limiter, &requests, &tokens, T0);
    expect_wait(&limiter, 501, T0, CMX_LIMITER_TOKENS, 3000);
    assert_int_equal(admit(&limiter, 500, T0), CMX_OK);
    expect_wait(&limiter, 0, T0 + 1, CMX_LIMITER_REQUESTS, 1999);
    assert_int_equal(admit(&limiter, 1000, T0 + 3000), CMX_OK);
}

static void test_limiter_check_names_the_field(void **state)
{
    (void)state;
    const struct {
        cmx_rate_limits limits;
        const char *field;
    } cases[] = {
        {{.reservoir = 1, .refresh_interval_ms = 1}, "refresh_amount"},
        {{.reservoir = 1, .refresh_amount = 1}, "refresh_interval_ms"},
        {{.strategy = (enum cmx_strategy)3}, "strategy"},
        {{.requests_burst = 1}, "requests_burst"},
        {{.spread = true}, "spread"},
        {{.tokens_burst = 1}, "tokens_burst"},
    };
    for (size_t i = 0; i < CMX_ARRAY_LEN(cases); i++) {
        const char *bad = NULL;
        assert_int_equal(cmx_limiter_check_limits(&cases[i].limits, &bad), CMX_ERR_CONFIG);
        assert_string_equal(bad, cases[i].field);
    }
}

static void end_idle_limiter(void *ctx)
{
    cmx_limiter_end(ctx, 0, 0, T0);
}

static void test_limiter_end_without_admission_panics(void **state)
{
    (void)state;
    cmx_limiter limiter = limiter_of((cmx_rate_limits){0});
    expect_panic(end_idle_limiter, &limiter);
}

enum { REQUESTS = 300, RUNNING_MAX = 16, SEEDS = 40 };

/* Requests that run, as an unordered list of when they end. */
typedef struct world {
    cmx_limiter limiter;
    cmx_random random;
    uint64_t now_ms;
    uint64_t at_ms[REQUESTS]; /* admissions */
    uint32_t cost[REQUESTS];
    uint64_t ends_ms[RUNNING_MAX];
    uint32_t ending_cost[RUNNING_MAX];
    uint32_t running;
} world;

static void end_at(world *w, uint32_t which)
{
    w->now_ms = w->ends_ms[which] > w->now_ms ? w->ends_ms[which] : w->now_ms;
    uint32_t cost = w->ending_cost[which];
    cmx_limiter_end(&w->limiter, cost, cmx_random_below(&w->random, cost + 1), w->now_ms);
    w->running--;
    w->ends_ms[which] = w->ends_ms[w->running];
    w->ending_cost[which] = w->ending_cost[w->running];
}

static uint32_t find_earliest(const world *w)
{
    uint32_t earliest = 0;
    for (uint32_t i = 1; i < w->running; i++) {
        earliest = w->ends_ms[i] < w->ends_ms[earliest] ? i : earliest;
    }
    return earliest;
}

/* Time passes until the wait is over or a request ends, whichever comes first. */
static void pass_time(world *w, uint64_t wait_ms)
{
    assert_true(wait_ms > 0);
    if (w->running > 0) {
        uint32_t earliest = find_earliest(w);
        if (wait_ms == UINT64_MAX || w->ends_ms[earliest] <= w->now_ms + wait_ms) {
            end_at(w, earliest);
            return;
        }
    }
    assert_true(wait_ms != UINT64_MAX); /* it would be a hang */
    w->now_ms += wait_ms;
}

static void serve(world *w, int request, uint32_t cost)
{
    for (int tries = 0; tries < 10000; tries++) {
        uint64_t wait_ms = 0;
        int rc = cmx_limiter_admit(&w->limiter, cost, w->now_ms, &wait_ms);
        if (rc == CMX_OK) {
            w->at_ms[request] = w->now_ms;
            w->cost[request] = cost;
            w->ends_ms[w->running] = w->now_ms + cmx_random_below(&w->random, 3000);
            w->ending_cost[w->running++] = cost;
            assert_int_equal(w->running, w->limiter.running);
            return;
        }
        assert_int_equal(rc, CMX_AGAIN);
        pass_time(w, wait_ms);
    }
    fail_msg("request %d starves", request);
}

static void check_world(const world *w, const cmx_rate_limits *limits)
{
    for (int i = 0; i < REQUESTS; i++) {
        for (int j = i + 1; j < REQUESTS; j++) {
            uint64_t span_ms = w->at_ms[j] - w->at_ms[i];
            uint64_t count = (uint64_t)(j - i) + 1;
            assert_true(span_ms >= (count - 1) * limits->min_time_ms);
            assert_true(count <= limits->requests_burst ||
                        (count - limits->requests_burst) * 60000 <=
                            span_ms * limits->requests_per_min);
            /* Half-open windows of the reservoir's length: twice the amount at the very most. */
            assert_true(span_ms >= limits->refresh_interval_ms ||
                        count <= 2 * (uint64_t)limits->refresh_amount);
        }
    }
}

static void test_limiter_queue_is_served_whole_and_within_limits(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world w = {.now_ms = T0};
        cmx_random_seed(&w.random, seed);
        cmx_rate_limits limits = {
            .min_time_ms = cmx_random_below(&w.random, 50),
            .max_concurrent = 1 + cmx_random_below(&w.random, RUNNING_MAX),
            .reservoir = 20,
            .refresh_amount = 20,
            .refresh_interval_ms = 1 + cmx_random_below(&w.random, 5000),
            .requests_per_min = 100 + cmx_random_below(&w.random, 5000),
            .requests_burst = 1 + cmx_random_below(&w.random, 30),
            .tokens_per_min = 10000 + cmx_random_below(&w.random, 500000),
            .tokens_burst = 4000,
        };
        w.limiter = limiter_of(limits);
        for (int i = 0; i < REQUESTS; i++) {
            uint32_t heavy = cmx_random_below(&w.random, 10) == 0 ? 4000 : 200;
            serve(&w, i, 1 + cmx_random_below(&w.random, heavy));
        }
        while (w.running > 0) {
            end_at(&w, find_earliest(&w));
        }
        assert_int_equal(w.limiter.running, 0);
        check_world(&w, &limits);
    }
}

static void test_limiter_is_compact(void **state)
{
    (void)state;
    assert_true(sizeof(cmx_limiter) <= 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limiter_without_limits_admits_everything),
        cmocka_unit_test(test_limiter_min_time_spaces_admissions),
        cmocka_unit_test(test_limiter_concurrency_waits_for_an_end),
        cmocka_unit_test(test_limiter_retry_gives_its_place_back_while_asleep),
        cmocka_unit_test(test_limiter_reservoir_is_set_not_added_to),
        cmocka_unit_test(test_limiter_reservoir_edge_is_twice_the_amount_at_most),
        cmocka_unit_test(test_limiter_requests_per_minute_with_burst),
        cmocka_unit_test(test_limiter_spread_keeps_every_second_within_its_share),
        cmocka_unit_test(test_limiter_tokens_are_reserved_and_refunded),
        cmocka_unit_test(test_limiter_cost_that_never_fits_is_an_error_at_once),
        cmocka_unit_test(test_limiter_nothing_is_taken_by_a_refusal),
        cmocka_unit_test(test_limiter_undo_gives_back_all_but_the_spacing),
        cmocka_unit_test(test_limiter_undo_after_a_refresh_does_not_overfill),
        cmocka_unit_test(test_limiter_high_water_counts_only_if_it_must_wait),
        cmocka_unit_test(test_limiter_leak_drops_the_oldest),
        cmocka_unit_test(test_limiter_block_refuses_all_for_its_penalty),
        cmocka_unit_test(test_limiter_block_penalty_follows_the_spacing),
        cmocka_unit_test(test_limiter_headers_bind_without_own_limits),
        cmocka_unit_test(test_limiter_check_names_the_field),
        cmocka_unit_test(test_limiter_end_without_admission_panics),
        cmocka_unit_test(test_limiter_queue_is_served_whole_and_within_limits),
        cmocka_unit_test(test_limiter_is_compact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
