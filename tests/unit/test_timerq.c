/* SPDX-License-Identifier: MIT */
/*
 * The queue of deadlines against a plain array: the order, moving, cancelling, and the limits of
 * time and capacity.
 */
#include "base/random.h"
#include "base/timerq.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/expect_panic.h"

enum { CHILDREN = 4 }; /* of a timer in the heap */

/* Order and links agree. */
static void check_order(const cmx_timerq *queue)
{
    CMX_ASSERT(queue->count <= queue->capacity);
    for (unsigned i = 0; i < queue->count; i++) {
        CMX_ASSERT(queue->heap[i]->heap_index == i);
        CMX_ASSERT(i == 0 || queue->heap[(i - 1) / CHILDREN]->due_ms <= queue->heap[i]->due_ms);
    }
}

enum { TIMERS = 60 };

struct bench {
    cmx_timerq queue;
    cmx_timer *heap[TIMERS];
    cmx_timer timers[TIMERS];
};

static struct bench bench;

static int set_up(void **state)
{
    (void)state;
    memset(&bench, 0, sizeof(bench));
    cmx_timerq_init(&bench.queue, bench.heap, TIMERS);
    for (size_t i = 0; i < TIMERS; i++) {
        cmx_timerq_init_timer(&bench.timers[i]);
    }
    return 0;
}

static void test_timerq_empty_is_never_due(void **state)
{
    (void)state;
    assert_null(cmx_timerq_pop_due(&bench.queue, UINT64_MAX));
    assert_true(cmx_timerq_next_due_ms(&bench.queue) == UINT64_MAX);
    assert_false(cmx_timerq_armed(&bench.timers[0]));
}

static void test_timerq_due_comes_at_its_time_once_and_idle(void **state)
{
    (void)state;
    cmx_timer *timer = &bench.timers[0];

    cmx_timerq_arm(&bench.queue, timer, 1000);
    assert_true(cmx_timerq_armed(timer));
    assert_true(cmx_timerq_next_due_ms(&bench.queue) == 1000);
    assert_null(cmx_timerq_pop_due(&bench.queue, 999));
    assert_ptr_equal(cmx_timerq_pop_due(&bench.queue, 1000), timer);
    assert_false(cmx_timerq_armed(timer));
    assert_null(cmx_timerq_pop_due(&bench.queue, UINT64_MAX));
}

static void test_timerq_armed_again_moves(void **state)
{
    (void)state;
    cmx_timer *first = &bench.timers[0];
    cmx_timer *second = &bench.timers[1];

    cmx_timerq_arm(&bench.queue, first, 10);
    cmx_timerq_arm(&bench.queue, second, 20);
    cmx_timerq_arm(&bench.queue, first, 30);
    assert_int_equal(bench.queue.count, 2);
    assert_ptr_equal(cmx_timerq_pop_due(&bench.queue, 100), second);
    assert_ptr_equal(cmx_timerq_pop_due(&bench.queue, 100), first);
    assert_null(cmx_timerq_pop_due(&bench.queue, 100));
}

static void test_timerq_cancelled_never_comes(void **state)
{
    (void)state;
    cmx_timerq_arm(&bench.queue, &bench.timers[0], 10);
    cmx_timerq_cancel(&bench.queue, &bench.timers[0]);
    cmx_timerq_cancel(&bench.queue, &bench.timers[0]);
    assert_false(cmx_timerq_armed(&bench.timers[0]));
    assert_null(cmx_timerq_pop_due(&bench.queue, UINT64_MAX));
}

static void test_timerq_times_beyond_32_bits_keep_their_order(void **state)
{
    (void)state;
    cmx_timerq_arm(&bench.queue, &bench.timers[0], UINT64_MAX - 1);
    cmx_timerq_arm(&bench.queue, &bench.timers[1], UINT64_C(0x100000000));
    cmx_timerq_arm(&bench.queue, &bench.timers[2], UINT64_C(0xffffffff));
    assert_ptr_equal(cmx_timerq_pop_due(&bench.queue, UINT64_MAX), &bench.timers[2]);
    assert_ptr_equal(cmx_timerq_pop_due(&bench.queue, UINT64_MAX), &bench.timers[1]);
    assert_ptr_equal(cmx_timerq_pop_due(&bench.queue, UINT64_MAX), &bench.timers[0]);
}

static uint64_t earliest_of_model(const uint64_t due_ms[TIMERS])
{
    uint64_t earliest_ms = UINT64_MAX;

    for (size_t i = 0; i < TIMERS; i++) {
        earliest_ms = due_ms[i] < earliest_ms ? due_ms[i] : earliest_ms;
    }
    return earliest_ms;
}

static void test_timerq_random_operations_agree_with_a_model(void **state)
{
    (void)state;
    uint64_t model_ms[TIMERS]; /* UINT64_MAX = idle */
    uint64_t now_ms = 0;
    cmx_random random;

    memset(model_ms, 0xff, sizeof(model_ms));
    cmx_random_seed(&random, 5);
    for (unsigned i = 0; i < 200000; i++) {
        size_t index = cmx_random_below(&random, TIMERS);
        uint32_t choice = cmx_random_below(&random, 8);
        if (choice < 4) {
            model_ms[index] = now_ms + cmx_random_below(&random, 100);
            cmx_timerq_arm(&bench.queue, &bench.timers[index], model_ms[index]);
        } else if (choice < 6) {
            model_ms[index] = UINT64_MAX;
            cmx_timerq_cancel(&bench.queue, &bench.timers[index]);
        } else {
            now_ms += cmx_random_below(&random, 5);
            cmx_timer *timer = cmx_timerq_pop_due(&bench.queue, now_ms);
            uint64_t earliest_ms = earliest_of_model(model_ms);
            assert_true((timer != NULL) == (earliest_ms <= now_ms));
            if (timer != NULL) {
                assert_true(model_ms[timer - bench.timers] == earliest_ms);
                model_ms[timer - bench.timers] = UINT64_MAX;
            }
        }
        check_order(&bench.queue);
        assert_true(cmx_timerq_next_due_ms(&bench.queue) == earliest_of_model(model_ms));
        assert_true(cmx_timerq_armed(&bench.timers[index]) == (model_ms[index] != UINT64_MAX));
    }
}

static void test_timerq_full_holds_its_capacity(void **state)
{
    (void)state;
    for (size_t i = 0; i < TIMERS; i++) {
        cmx_timerq_arm(&bench.queue, &bench.timers[i], TIMERS - i);
    }
    check_order(&bench.queue);
    cmx_timerq_arm(&bench.queue, &bench.timers[0], 0); /* moving one needs no room */
    assert_ptr_equal(cmx_timerq_pop_due(&bench.queue, 0), &bench.timers[0]);
}

static void arm_one_too_many(void *ctx)
{
    struct bench *full = ctx;
    cmx_timer extra;

    for (size_t i = 0; i < TIMERS; i++) {
        cmx_timerq_arm(&full->queue, &full->timers[i], i);
    }
    cmx_timerq_init_timer(&extra);
    cmx_timerq_arm(&full->queue, &extra, 1);
}

static void cancel_in_another_queue(void *ctx)
{
    struct bench *used = ctx;
    cmx_timer *heap[1];
    cmx_timerq other;

    cmx_timerq_init(&other, heap, 1);
    cmx_timerq_arm(&used->queue, &used->timers[0], 1);
    cmx_timerq_arm(&other, &used->timers[1], 1);
    cmx_timerq_cancel(&other, &used->timers[0]);
}

static void check_broken_order(void *ctx)
{
    struct bench *used = ctx;

    cmx_timerq_arm(&used->queue, &used->timers[0], 1);
    cmx_timerq_arm(&used->queue, &used->timers[1], 2);
    used->timers[0].due_ms = 3;
    check_order(&used->queue);
}

static void check_broken_link(void *ctx)
{
    struct bench *used = ctx;

    cmx_timerq_arm(&used->queue, &used->timers[0], 1);
    used->timers[0].heap_index = 1;
    check_order(&used->queue);
}

static void test_timerq_misuse_panics(void **state)
{
    (void)state;
    expect_panic(arm_one_too_many, &bench);
    expect_panic(cancel_in_another_queue, &bench);
    expect_panic(check_broken_order, &bench);
    expect_panic(check_broken_link, &bench);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_timerq_empty_is_never_due, set_up),
        cmocka_unit_test_setup(test_timerq_due_comes_at_its_time_once_and_idle, set_up),
        cmocka_unit_test_setup(test_timerq_armed_again_moves, set_up),
        cmocka_unit_test_setup(test_timerq_cancelled_never_comes, set_up),
        cmocka_unit_test_setup(test_timerq_times_beyond_32_bits_keep_their_order, set_up),
        cmocka_unit_test_setup(test_timerq_random_operations_agree_with_a_model, set_up),
        cmocka_unit_test_setup(test_timerq_full_holds_its_capacity, set_up),
        cmocka_unit_test_setup(test_timerq_misuse_panics, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
