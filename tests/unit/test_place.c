/* SPDX-License-Identifier: MIT */
/*
 * The placement rule, case by case, and over every small combination: it never picks a connection
 * that may not be used and never waits while one has room.
 */
#include "pool/place.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const cmx_place_limits limits = {
    .streams_soft = 8, .streams_hard = 16, .waiting = 1, .may_dial = true};

static cmx_place_conn open_conn(uint32_t active, uint32_t room)
{
    return (cmx_place_conn){.usable = true, .active = active, .room = room};
}

static void test_place_no_connection_dials(void **state)
{
    (void)state;
    uint32_t index = 9;
    assert_int_equal(cmx_place_choose(NULL, 0, &limits, &index), CMX_PLACE_DIAL);
}

static void test_place_no_connection_and_no_dial_waits(void **state)
{
    (void)state;
    cmx_place_limits full = limits;
    uint32_t index = 9;
    full.may_dial = false;
    assert_int_equal(cmx_place_choose(NULL, 0, &full, &index), CMX_PLACE_WAIT);
}

static void test_place_least_load_wins(void **state)
{
    (void)state;
    const cmx_place_conn conns[] = {open_conn(5, 9), open_conn(2, 1), open_conn(2, 50)};
    uint32_t index = 9;
    assert_int_equal(cmx_place_choose(conns, 3, &limits, &index), CMX_PLACE_STREAM);
    assert_int_equal(index, 1); /* of equals the first */
}

static void test_place_connection_without_room_is_passed_over(void **state)
{
    (void)state;
    const cmx_place_conn conns[] = {open_conn(0, 0), open_conn(7, 1)};
    uint32_t index = 9;
    assert_int_equal(cmx_place_choose(conns, 2, &limits, &index), CMX_PLACE_STREAM);
    assert_int_equal(index, 1);
}

static void test_place_spare_connection_is_taken_only_if_no_other_has_room(void **state)
{
    (void)state;
    cmx_place_conn conns[] = {open_conn(0, 9), open_conn(7, 9), open_conn(3, 9)};
    uint32_t index = 9;
    conns[0].spare = true;
    assert_int_equal(cmx_place_choose(conns, 3, &limits, &index), CMX_PLACE_STREAM);
    assert_int_equal(index, 2);
    conns[1].room = 0;
    conns[2].room = 0;
    assert_int_equal(cmx_place_choose(conns, 3, &limits, &index), CMX_PLACE_STREAM);
    assert_int_equal(index, 0);
    conns[1] = (cmx_place_conn){.usable = true, .spare = true, .active = 5, .room = 1};
    assert_int_equal(cmx_place_choose(conns, 3, &limits, &index), CMX_PLACE_STREAM);
    assert_int_equal(index, 0); /* among spare ones the load decides, too */
}

static void test_place_hard_limit_is_never_passed(void **state)
{
    (void)state;
    cmx_place_conn conn = open_conn(15, 100);
    uint32_t index = 9;
    assert_int_equal(cmx_place_choose(&conn, 1, &limits, &index), CMX_PLACE_STREAM);
    conn.active = 16;
    assert_int_equal(cmx_place_choose(&conn, 1, &limits, &index), CMX_PLACE_DIAL);
}

static void test_place_soft_limit_is_filled_beyond_before_dialing(void **state)
{
    (void)state;
    const cmx_place_conn conn = open_conn(12, 4);
    uint32_t index = 9;
    assert_int_equal(cmx_place_choose(&conn, 1, &limits, &index), CMX_PLACE_STREAM);
    assert_int_equal(index, 0);
}

static void test_place_dials_are_coalesced(void **state)
{
    (void)state;
    const cmx_place_conn conns[] = {{.dialing = true}, {.dialing = true}};
    cmx_place_limits burst = limits;
    uint32_t index = 9;
    burst.waiting = 8;
    assert_int_equal(cmx_place_choose(conns, 1, &burst, &index), CMX_PLACE_WAIT);
    burst.waiting = 9;
    assert_int_equal(cmx_place_choose(conns, 1, &burst, &index), CMX_PLACE_DIAL);
    burst.waiting = 16;
    assert_int_equal(cmx_place_choose(conns, 2, &burst, &index), CMX_PLACE_WAIT);
    burst.waiting = 17;
    assert_int_equal(cmx_place_choose(conns, 2, &burst, &index), CMX_PLACE_DIAL);
}

static void test_place_expectation_does_not_wrap(void **state)
{
    (void)state;
    const cmx_place_conn conns[] = {{.dialing = true}, {.dialing = true}};
    const cmx_place_limits huge = {
        .streams_soft = UINT32_MAX, .streams_hard = 1, .waiting = UINT32_MAX, .may_dial = true};
    uint32_t index = 9;
    assert_int_equal(cmx_place_choose(conns, 2, &huge, &index), CMX_PLACE_WAIT);
}

/* Bits of `code` describe two connections. */
static cmx_place_conn decode_conn(unsigned code)
{
    return (cmx_place_conn){.usable = (code & 1u) != 0,
                            .dialing = (code & 1u) == 0 && (code & 2u) != 0,
                            .active = (code >> 2u & 1u) * 16,
                            .room = code >> 3u & 1u};
}

static bool can_take(const cmx_place_conn *conn)
{
    return conn->usable && conn->room > 0 && conn->active < limits.streams_hard;
}

static void test_place_every_pair_is_decided_soundly(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 512; code++) {
        const cmx_place_conn conns[] = {decode_conn(code & 15u), decode_conn(code >> 4u & 15u)};
        cmx_place_limits now = limits;
        uint32_t index = 9;
        now.may_dial = code >> 8u != 0;
        enum cmx_place_choice choice = cmx_place_choose(conns, 2, &now, &index);
        bool any = can_take(&conns[0]) || can_take(&conns[1]);
        assert_int_equal(choice == CMX_PLACE_STREAM, any);
        if (choice == CMX_PLACE_STREAM) {
            assert_true(index < 2);
            assert_true(can_take(&conns[index]));
        } else {
            bool expected = conns[0].dialing || conns[1].dialing;
            assert_int_equal(choice == CMX_PLACE_DIAL, now.may_dial && !expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place_no_connection_dials),
        cmocka_unit_test(test_place_no_connection_and_no_dial_waits),
        cmocka_unit_test(test_place_least_load_wins),
        cmocka_unit_test(test_place_connection_without_room_is_passed_over),
        cmocka_unit_test(test_place_spare_connection_is_taken_only_if_no_other_has_room),
        cmocka_unit_test(test_place_hard_limit_is_never_passed),
        cmocka_unit_test(test_place_soft_limit_is_filled_beyond_before_dialing),
        cmocka_unit_test(test_place_dials_are_coalesced),
        cmocka_unit_test(test_place_expectation_does_not_wrap),
        cmocka_unit_test(test_place_every_pair_is_decided_soundly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
