/* SPDX-License-Identifier: MIT */
/*
 * Health, moment by moment: what silence, bytes, acknowledgements, unread input and complaints
 * make of a connection, and as a property from fixed seeds that a peer that answers within the
 * limits is never called dead and one that vanished always is, in time.
 */
#include "pool/health.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const cmx_health_limits limits = {
    .ping_idle_ms = CMX_HEALTH_PING_IDLE_MS,
    .ping_timeout_ms = CMX_HEALTH_PING_TIMEOUT_MS,
    .probe_idle_ms = CMX_HEALTH_PROBE_IDLE_MS,
};

/* One connection and what it looks like. */
typedef struct fixture {
    cmx_health health;
    cmx_health_seen seen;
    uint64_t due_ms;
} fixture;

static fixture open_at(uint64_t now_ms)
{
    fixture f = {.seen = {.now_ms = now_ms, .rx_bytes = 100}};
    cmx_health_init(&f.health, &f.seen);
    return f;
}

static enum cmx_health_action step_at(fixture *f, uint64_t now_ms)
{
    f->seen.now_ms = now_ms;
    return cmx_health_step(&f->health, &limits, &f->seen, &f->due_ms);
}

static void test_health_idle_connection_is_left_alone(void **state)
{
    (void)state;
    fixture f = open_at(0);
    for (uint64_t now_ms = 0; now_ms < 3600000; now_ms += 10000) {
        assert_int_equal(step_at(&f, now_ms), CMX_HEALTH_NONE);
        assert_true(f.due_ms == UINT64_MAX);
    }
    assert_true(cmx_health_usable(&f.health));
}

static void test_health_silence_pings_then_suspects_then_kills(void **state)
{
    (void)state;
    fixture f = open_at(1000);
    f.seen.streams = 1;
    assert_int_equal(step_at(&f, 1000), CMX_HEALTH_NONE);
    assert_int_equal(f.due_ms, 16000);
    assert_int_equal(step_at(&f, 15999), CMX_HEALTH_NONE);
    assert_int_equal(step_at(&f, 16000), CMX_HEALTH_SEND_PING);
    assert_int_equal(f.due_ms, 21000);
    assert_int_equal(step_at(&f, 16000), CMX_HEALTH_NONE); /* one PING, not two */
    assert_int_equal(step_at(&f, 20999), CMX_HEALTH_NONE);
    assert_true(cmx_health_usable(&f.health));
    assert_int_equal(step_at(&f, 21000), CMX_HEALTH_MARK_SUSPECT);
    assert_false(cmx_health_usable(&f.health));
    assert_int_equal(f.due_ms, 26000);
    assert_int_equal(step_at(&f, 25999), CMX_HEALTH_NONE);
    assert_int_equal(step_at(&f, 26000), CMX_HEALTH_MARK_DEAD);
    assert_true(f.due_ms == UINT64_MAX);
    f.seen.rx_bytes++;
    assert_int_equal(step_at(&f, 26001), CMX_HEALTH_NONE); /* final */
    assert_int_equal(f.health.state, CMX_HEALTH_DEAD);
}

static void test_health_late_look_goes_straight_to_dead(void **state)
{
    (void)state;
    fixture f = open_at(0);
    f.seen.streams = 1;
    assert_int_equal(step_at(&f, 0), CMX_HEALTH_NONE);
    assert_int_equal(step_at(&f, 90000), CMX_HEALTH_SEND_PING); /* unasked silence is no proof */
    assert_int_equal(step_at(&f, 190000), CMX_HEALTH_MARK_DEAD);
}

static void test_health_any_byte_answers_the_ping(void **state)
{
    (void)state;
    fixture f = open_at(0);
    f.seen.streams = 3;
    (void)step_at(&f, 0);
    assert_int_equal(step_at(&f, 15000), CMX_HEALTH_SEND_PING);
    assert_int_equal(step_at(&f, 20000), CMX_HEALTH_MARK_SUSPECT);
    f.seen.rx_bytes += 1;
    assert_int_equal(step_at(&f, 24000), CMX_HEALTH_NONE);
    assert_true(cmx_health_usable(&f.health));
    assert_int_equal(f.due_ms, 39000); /* the silence begins anew */
    assert_int_equal(step_at(&f, 39000), CMX_HEALTH_SEND_PING);
    f.seen.pings_acked++;
    assert_int_equal(step_at(&f, 39100), CMX_HEALTH_NONE);
    assert_int_equal(f.due_ms, 54100);
}

static void test_health_slow_model_is_pinged_for_minutes_and_lives(void **state)
{
    (void)state;
    fixture f = open_at(0);
    f.seen.streams = 1;
    uint32_t pings = 0;
    for (uint64_t now_ms = 0; now_ms <= 300000; now_ms += 50) {
        enum cmx_health_action action = step_at(&f, now_ms);
        if (action == CMX_HEALTH_SEND_PING) {
            pings++;
            f.seen.pings_acked++;
        } else {
            assert_int_equal(action, CMX_HEALTH_NONE);
        }
    }
    assert_in_range(pings, 19, 20);
}

static void test_health_first_request_after_idle_is_preceded_by_a_ping(void **state)
{
    (void)state;
    fixture f = open_at(0);
    assert_int_equal(step_at(&f, 29999), CMX_HEALTH_NONE);
    f.seen.streams = 1;
    assert_int_equal(step_at(&f, 30000), CMX_HEALTH_SEND_PING);

    fixture fresh = open_at(0);
    fresh.seen.streams = 1;
    assert_int_equal(step_at(&fresh, 29999), CMX_HEALTH_NONE);
    assert_int_equal(fresh.due_ms, 30000); /* 30 s of silence, though its own is a moment old */
    assert_int_equal(step_at(&fresh, 30000), CMX_HEALTH_SEND_PING);
}

static void test_health_probe_may_come_sooner_than_a_ping_within(void **state)
{
    (void)state;
    const cmx_health_limits eager = {
        .ping_idle_ms = 15000, .ping_timeout_ms = 10000, .probe_idle_ms = 5000};
    fixture f = open_at(0);
    f.seen.now_ms = 6000;
    f.seen.streams = 1;
    assert_int_equal(cmx_health_step(&f.health, &eager, &f.seen, &f.due_ms), CMX_HEALTH_SEND_PING);

    fixture fresh = open_at(0);
    fresh.seen.now_ms = 1000;
    fresh.seen.streams = 1;
    assert_int_equal(cmx_health_step(&fresh.health, &eager, &fresh.seen, &fresh.due_ms),
                     CMX_HEALTH_NONE);
    assert_int_equal(fresh.due_ms, 15000);
}

static void test_health_streams_that_come_and_go_do_not_hide_a_dead_peer(void **state)
{
    (void)state;
    fixture f = open_at(0);
    enum cmx_health_action last = CMX_HEALTH_NONE;
    uint64_t now_ms = 0;
    /* Each stream is given up after five seconds and followed by another one. */
    for (; now_ms < 120000 && last != CMX_HEALTH_MARK_DEAD; now_ms += 1000) {
        f.seen.streams = now_ms % 6000 == 5000 ? 0 : 1;
        last = step_at(&f, now_ms);
    }
    assert_int_equal(last, CMX_HEALTH_MARK_DEAD);
    assert_true(now_ms <= 45000); /* 30 s of silence, 10 s for the PING, the grid */
}

static void test_health_open_ping_outlives_its_streams(void **state)
{
    (void)state;
    fixture f = open_at(0);
    f.seen.streams = 1;
    (void)step_at(&f, 0);
    assert_int_equal(step_at(&f, 15000), CMX_HEALTH_SEND_PING);
    f.seen.streams = 0;
    assert_int_equal(step_at(&f, 16000), CMX_HEALTH_NONE);
    assert_int_equal(f.due_ms, 20000);
    assert_int_equal(step_at(&f, 20000), CMX_HEALTH_MARK_SUSPECT);
    assert_int_equal(step_at(&f, 25000), CMX_HEALTH_MARK_DEAD);
}

static void test_health_unread_time_does_not_count(void **state)
{
    (void)state;
    fixture f = open_at(0);
    f.seen.streams = 1;
    (void)step_at(&f, 0);
    assert_int_equal(step_at(&f, 15000), CMX_HEALTH_SEND_PING);
    f.seen.unread_ms = 59000; /* the caller did not pull for a minute */
    assert_int_equal(step_at(&f, 75000), CMX_HEALTH_NONE);
    assert_int_equal(f.due_ms, 15000 + 59000 + 5000);
    assert_int_equal(step_at(&f, 79000), CMX_HEALTH_MARK_SUSPECT);
}

static void test_health_input_that_waits_puts_the_verdict_off(void **state)
{
    (void)state;
    fixture f = open_at(0);
    f.seen.streams = 1;
    (void)step_at(&f, 0);
    assert_int_equal(step_at(&f, 15000), CMX_HEALTH_SEND_PING);
    f.seen.input_waits = true; /* came while nobody looked: its unread time is not known */
    assert_int_equal(step_at(&f, 90000), CMX_HEALTH_NONE);
    assert_true(f.due_ms == UINT64_MAX);
    f.seen.input_waits = false;
    f.seen.rx_bytes += 17;
    assert_int_equal(step_at(&f, 90001), CMX_HEALTH_NONE);
    assert_true(cmx_health_usable(&f.health));
}

static void test_health_complaint_is_told_by_code_and_text(void **state)
{
    (void)state;
    assert_true(cmx_health_is_complaint(11, CMX_VIEW_LITERAL("too_many_pings")));
    assert_false(cmx_health_is_complaint(11, CMX_VIEW_LITERAL("too_many_ping")));
    assert_false(cmx_health_is_complaint(11, CMX_VIEW_LITERAL("too_many_pings!")));
    assert_false(cmx_health_is_complaint(11, (cmx_view){0}));
    assert_false(cmx_health_is_complaint(0, CMX_VIEW_LITERAL("too_many_pings")));
}

static void test_health_complaints_double_the_interval_up_to_a_limit(void **state)
{
    (void)state;
    cmx_health_limits calm = limits;
    cmx_health_calm(&calm);
    assert_int_equal(calm.ping_idle_ms, 30000);
    assert_int_equal(calm.probe_idle_ms, 60000);
    assert_int_equal(calm.ping_timeout_ms, 10000);
    for (int i = 0; i < 100; i++) {
        cmx_health_calm(&calm);
    }
    assert_int_equal(calm.ping_idle_ms, CMX_HEALTH_PING_IDLE_MAX_MS);
    assert_int_equal(calm.probe_idle_ms, CMX_HEALTH_PING_IDLE_MAX_MS);
    calm.ping_idle_ms = UINT32_MAX; /* a caller may want it longer */
    cmx_health_calm(&calm);
    assert_true(calm.ping_idle_ms == UINT32_MAX);
}

/* A peer whose answers take up to `rtt_ms` and that vanishes at `gone_ms`. Looks come at due times
 * and at random ones. Returns when it was called dead, UINT64_MAX = never. */
static uint64_t run_peer(cmx_random *random, uint32_t rtt_ms, uint64_t gone_ms, uint64_t end_ms)
{
    fixture f = open_at(0);
    uint64_t ack_ms = UINT64_MAX;
    f.seen.streams = 1;

    for (uint64_t now_ms = 0; now_ms < end_ms;) {
        if (now_ms >= ack_ms) {
            f.seen.pings_acked++;
            ack_ms = UINT64_MAX;
        } else if (now_ms < gone_ms && cmx_random_below(random, 8) == 0) {
            f.seen.rx_bytes += 30;
        }
        switch (step_at(&f, now_ms)) {
        case CMX_HEALTH_SEND_PING: {
            uint64_t answer_ms = now_ms + cmx_random_below(random, rtt_ms + 1);
            ack_ms = now_ms < gone_ms ? answer_ms : UINT64_MAX;
            break;
        }
        case CMX_HEALTH_MARK_DEAD:
            return now_ms;
        case CMX_HEALTH_NONE:
        case CMX_HEALTH_MARK_SUSPECT:
            break;
        }
        uint64_t next_ms = now_ms + 1 + cmx_random_below(random, 4000);
        next_ms = f.due_ms < next_ms && f.due_ms > now_ms ? f.due_ms : next_ms;
        now_ms = ack_ms < next_ms && ack_ms > now_ms ? ack_ms : next_ms;
    }
    return UINT64_MAX;
}

static void test_health_living_peer_is_never_called_dead(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        cmx_random random;
        cmx_random_seed(&random, seed);
        assert_true(run_peer(&random, 9000, UINT64_MAX, 1000000) == UINT64_MAX);
    }
}

static void test_health_vanished_peer_is_dead_in_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        cmx_random random;
        cmx_random_seed(&random, seed);
        uint64_t gone_ms = cmx_random_below(&random, 200000);
        uint64_t dead_ms = run_peer(&random, 100, gone_ms, 1000000);
        assert_true(dead_ms != UINT64_MAX);
        /* A last answer may come up to 100 ms after; then silence, then the PING's time. */
        assert_true(dead_ms <= gone_ms + 100 + 15000 + 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health_idle_connection_is_left_alone),
        cmocka_unit_test(test_health_silence_pings_then_suspects_then_kills),
        cmocka_unit_test(test_health_late_look_goes_straight_to_dead),
        cmocka_unit_test(test_health_any_byte_answers_the_ping),
        cmocka_unit_test(test_health_slow_model_is_pinged_for_minutes_and_lives),
        cmocka_unit_test(test_health_first_request_after_idle_is_preceded_by_a_ping),
        cmocka_unit_test(test_health_probe_may_come_sooner_than_a_ping_within),
        cmocka_unit_test(test_health_streams_that_come_and_go_do_not_hide_a_dead_peer),
        cmocka_unit_test(test_health_open_ping_outlives_its_streams),
        cmocka_unit_test(test_health_unread_time_does_not_count),
        cmocka_unit_test(test_health_input_that_waits_puts_the_verdict_off),
        cmocka_unit_test(test_health_complaint_is_told_by_code_and_text),
        cmocka_unit_test(test_health_complaints_double_the_interval_up_to_a_limit),
        cmocka_unit_test(test_health_living_peer_is_never_called_dead),
        cmocka_unit_test(test_health_vanished_peer_is_dead_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
