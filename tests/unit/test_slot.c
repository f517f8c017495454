/* SPDX-License-Identifier: MIT */
/*
 * The table of slots: handles and generations, the order of its lists, and a random walk against a
 * plain model.
 */
#include "base/random.h"
#include "pool/slot.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/expect_panic.h"

enum { SLOTS = 6, WALK_STEPS = 20000 };

static cmx_slot rows[SLOTS];
static cmx_slots slots;
static const cmx_slot_request request = {.path = "/x"};

static int set_up(void **state)
{
    (void)state;
    memset(rows, 0, sizeof(rows));
    cmx_slot_init(&slots, rows, SLOTS);
    return 0;
}

static void check_list(const cmx_slot_list *list, enum cmx_slot_state state)
{
    uint16_t prev = CMX_SLOT_NONE;
    uint16_t count = 0;
    for (uint16_t i = list->first; i != CMX_SLOT_NONE; i = rows[i].next) {
        assert_true(i < SLOTS);
        assert_int_equal(rows[i].state, state);
        assert_int_equal(rows[i].prev, prev);
        assert_true(count < SLOTS);
        prev = i;
        count++;
    }
    assert_int_equal(list->last, prev);
    assert_int_equal(list->count, count);
}

/* States and lists agree. */
static void check_slots(void)
{
    unsigned by_state[CMX_SLOT_STATE_COUNT] = {0};

    check_list(&slots.free, CMX_SLOT_FREE);
    check_list(&slots.queued, CMX_SLOT_QUEUED);
    check_list(&slots.started, CMX_SLOT_ACTIVE);
    check_list(&slots.ended, CMX_SLOT_ENDED);
    for (size_t i = 0; i < SLOTS; i++) {
        assert_true(rows[i].state < CMX_SLOT_STATE_COUNT);
        by_state[rows[i].state]++;
    }
    assert_int_equal(by_state[CMX_SLOT_FREE], slots.free.count);
    assert_int_equal(by_state[CMX_SLOT_QUEUED], slots.queued.count);
    assert_true(by_state[CMX_SLOT_ACTIVE] >= slots.started.count);
    assert_true(by_state[CMX_SLOT_ENDED] >= slots.ended.count);
}

static uint16_t take(uint8_t origin)
{
    uint16_t index = cmx_slot_take(&slots, origin, &request);
    assert_int_not_equal(index, CMX_SLOT_NONE);
    return index;
}

static void test_slot_take_all_then_none_is_left(void **state)
{
    (void)state;
    bool seen[SLOTS] = {false};
    for (size_t i = 0; i < SLOTS; i++) {
        uint16_t index = take(3);
        assert_true(index < SLOTS);
        assert_false(seen[index]);
        seen[index] = true;
        assert_int_equal(rows[index].origin, 3);
        assert_int_equal(rows[index].stream.tag, index);
    }
    assert_int_equal(cmx_slot_take(&slots, 0, &request), CMX_SLOT_NONE);
    assert_int_equal(slots.queued.count, SLOTS);
    assert_int_equal(slots.free.count, 0);
    check_slots();
}

static void test_slot_handle_finds_its_slot_until_release(void **state)
{
    (void)state;
    uint16_t index = take(0);
    uint64_t handle = cmx_slot_handle(&slots, index);
    assert_true(handle != 0);
    assert_int_equal(cmx_slot_find(&slots, handle), index);
    cmx_slot_finish(&slots, index, CMX_SLOT_END_LOST, false);
    assert_int_equal(cmx_slot_find(&slots, handle), index);
    cmx_slot_release(&slots, index);
    assert_int_equal(cmx_slot_find(&slots, handle), CMX_SLOT_NONE);

    uint64_t next = 0;
    for (size_t i = 0; i < SLOTS; i++) { /* the row is used again, the handle is not */
        uint16_t again = take(0);
        next = cmx_slot_handle(&slots, again);
        assert_true(next != handle);
        assert_int_equal(cmx_slot_find(&slots, next), again);
    }
    assert_int_equal(cmx_slot_find(&slots, handle), CMX_SLOT_NONE);
}

static void test_slot_find_never_given_handles_are_none(void **state)
{
    (void)state;
    uint64_t handle = cmx_slot_handle(&slots, take(0));
    const uint64_t wrong[] = {0,
                              SLOTS + 1,
                              UINT16_MAX,
                              UINT64_MAX,
                              handle + 1,
                              1u << 16u,
                              handle | (1ull << 48),
                              handle | (1ull << 63)};
    for (size_t i = 0; i < CMX_ARRAY_LEN(wrong); i++) {
        assert_int_equal(cmx_slot_find(&slots, wrong[i]), CMX_SLOT_NONE);
    }
}

static void test_slot_ended_are_reported_in_order_and_once(void **state)
{
    (void)state;
    uint16_t a = take(0);
    uint16_t b = take(0);
    uint16_t c = take(0);
    cmx_slot_finish(&slots, b, CMX_SLOT_END_NEVER_SENT, true);
    cmx_slot_finish(&slots, a, CMX_SLOT_END_LOST, true);
    cmx_slot_finish(&slots, c, CMX_SLOT_END_RESET, false);
    check_slots();
    assert_int_equal(cmx_slot_pop_ended(&slots), b);
    assert_int_equal(cmx_slot_pop_ended(&slots), a);
    assert_int_equal(cmx_slot_pop_ended(&slots), CMX_SLOT_NONE);
    assert_int_equal(rows[a].end, CMX_SLOT_END_LOST);
    assert_int_equal(rows[b].end, CMX_SLOT_END_NEVER_SENT);
    check_slots();
}

static void test_slot_end_replaces_an_untaken_start(void **state)
{
    (void)state;
    uint16_t a = take(0);
    uint16_t b = take(0);
    cmx_slot_activate(&slots, a, 1);
    cmx_slot_activate(&slots, b, 2);
    assert_int_equal(rows[b].conn, 2);
    cmx_slot_finish(&slots, a, CMX_SLOT_END_LOST, true);
    check_slots();
    assert_int_equal(cmx_slot_pop_started(&slots), b);
    assert_int_equal(cmx_slot_pop_started(&slots), CMX_SLOT_NONE);
    assert_int_equal(cmx_slot_pop_ended(&slots), a);
}

static void test_slot_unlist_drops_the_report(void **state)
{
    (void)state;
    uint16_t a = take(0);
    cmx_slot_finish(&slots, a, CMX_SLOT_END_LOST, true);
    cmx_slot_unlist(&slots, a);
    cmx_slot_unlist(&slots, a); /* again: nothing happens */
    assert_int_equal(cmx_slot_pop_ended(&slots), CMX_SLOT_NONE);
    cmx_slot_release(&slots, a);
    check_slots();
}

static void test_slot_requeue_goes_to_the_front(void **state)
{
    (void)state;
    uint16_t a = take(0);
    uint16_t b = take(0);
    cmx_slot_activate(&slots, a, 0);
    rows[a].stream.flags = 0xff;
    assert_int_equal(cmx_slot_pop_started(&slots), a);
    cmx_slot_finish(&slots, a, CMX_SLOT_END_REFUSED, false);
    uint64_t handle = cmx_slot_handle(&slots, a);
    cmx_slot_hold(&slots, a);
    cmx_slot_admit(&slots, a, true);
    assert_int_equal(slots.queued.first, a);
    assert_int_equal(slots.queued.last, b);
    assert_int_equal(rows[a].stream.flags, 0); /* a new stream */
    assert_int_equal(rows[a].stream.tag, a);
    assert_true(cmx_slot_handle(&slots, a) == handle);
    check_slots();
}

static void release_queued(void *ctx)
{
    cmx_slot_release(&slots, *(uint16_t *)ctx);
}

static void activate_ended(void *ctx)
{
    uint16_t index = *(uint16_t *)ctx;
    cmx_slot_finish(&slots, index, CMX_SLOT_END_LOST, false);
    cmx_slot_activate(&slots, index, 0);
}

static void test_slot_illegal_moves_panic(void **state)
{
    (void)state;
    uint16_t index = take(0);
    expect_panic(release_queued, &index);
    expect_panic(activate_ended, &index);
}

/* One legal move of one slot. */
static void move(cmx_random *random, uint16_t index)
{
    bool coin = cmx_random_below(random, 2) == 0;
    switch ((enum cmx_slot_state)rows[index].state) {
    case CMX_SLOT_FREE:
        (void)cmx_slot_take(&slots, 0, &request);
        return;
    case CMX_SLOT_QUEUED:
        if (coin) {
            cmx_slot_activate(&slots, index, 0);
            return;
        }
        if (cmx_random_below(random, 3) == 0) {
            cmx_slot_hold(&slots, index);
            return;
        }
        cmx_slot_finish(&slots, index, CMX_SLOT_END_NEVER_SENT, true);
        return;
    case CMX_SLOT_HELD:
        if (cmx_random_below(random, 4) == 0) {
            cmx_slot_finish(&slots, index, CMX_SLOT_END_LOST, false);
        } else {
            cmx_slot_admit(&slots, index, coin);
        }
        return;
    case CMX_SLOT_ACTIVE:
        cmx_slot_finish(&slots, index, CMX_SLOT_END_COMPLETE, coin);
        return;
    case CMX_SLOT_ENDED:
        cmx_slot_unlist(&slots, index);
        if (coin) {
            cmx_slot_hold(&slots, index);
            return;
        }
        cmx_slot_release(&slots, index);
        return;
    case CMX_SLOT_STATE_COUNT:
        break;
    }
    fail();
}

static void test_slot_random_walk_keeps_lists_and_handles_true(void **state)
{
    (void)state;
    cmx_random random;
    uint64_t stale = 0;
    cmx_random_seed(&random, 7);
    for (unsigned step = 0; step < WALK_STEPS; step++) {
        uint16_t index = (uint16_t)cmx_random_below(&random, SLOTS);
        bool was_used = rows[index].state != CMX_SLOT_FREE;
        uint64_t handle = was_used ? cmx_slot_handle(&slots, index) : 0;
        move(&random, index);
        check_slots();
        if (was_used && rows[index].state == CMX_SLOT_FREE) {
            stale = handle;
        } else if (was_used) {
            assert_int_equal(cmx_slot_find(&slots, handle), index);
        }
        assert_int_equal(cmx_slot_find(&slots, stale), CMX_SLOT_NONE);
        if (cmx_random_below(&random, 4) == 0) {
            (void)cmx_slot_pop_started(&slots);
            (void)cmx_slot_pop_ended(&slots);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_slot_take_all_then_none_is_left, set_up),
        cmocka_unit_test_setup(test_slot_handle_finds_its_slot_until_release, set_up),
        cmocka_unit_test_setup(test_slot_find_never_given_handles_are_none, set_up),
        cmocka_unit_test_setup(test_slot_ended_are_reported_in_order_and_once, set_up),
        cmocka_unit_test_setup(test_slot_end_replaces_an_untaken_start, set_up),
        cmocka_unit_test_setup(test_slot_unlist_drops_the_report, set_up),
        cmocka_unit_test_setup(test_slot_requeue_goes_to_the_front, set_up),
        cmocka_unit_test_setup(test_slot_illegal_moves_panic, set_up),
        cmocka_unit_test_setup(test_slot_random_walk_keeps_lists_and_handles_true, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
