/* SPDX-License-Identifier: MIT */
/*
 * The linear buffer: what is appended comes out in order, room and length add up, and it refuses
 * to be read or filled beyond its ends.
 */
#include "base/buffer.h"
#include "base/random.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/expect_panic.h"

enum { CAPACITY = 32 };

static uint8_t memory[CAPACITY];

static cmx_buffer make_buffer(void)
{
    return (cmx_buffer){.data = memory, .capacity = CAPACITY};
}

static void append(cmx_buffer *buffer, const char *text)
{
    assert_true(strlen(text) <= cmx_buffer_room(buffer));
    cmx_buffer_append(buffer, text, strlen(text));
}

static void test_buffer_appended_is_at_the_head(void **state)
{
    (void)state;
    cmx_buffer buffer = make_buffer();

    assert_int_equal(cmx_buffer_len(&buffer), 0);
    assert_int_equal(cmx_buffer_room(&buffer), CAPACITY);
    append(&buffer, "hello ");
    append(&buffer, "world");
    assert_int_equal(cmx_buffer_len(&buffer), 11);
    assert_int_equal(cmx_buffer_room(&buffer), CAPACITY - 11);
    assert_memory_equal(cmx_buffer_head(&buffer), "hello world", 11);
    cmx_buffer_skip(&buffer, 6);
    assert_memory_equal(cmx_buffer_head(&buffer), "world", 5);
}

static void test_buffer_read_empty_has_all_its_room_again(void **state)
{
    (void)state;
    cmx_buffer buffer = make_buffer();

    append(&buffer, "abc");
    cmx_buffer_skip(&buffer, 2);
    assert_int_equal(cmx_buffer_room(&buffer), CAPACITY - 3);
    cmx_buffer_skip(&buffer, 1);
    assert_int_equal(cmx_buffer_room(&buffer), CAPACITY);
}

static void test_buffer_compact_moves_room_behind_the_bytes(void **state)
{
    (void)state;
    cmx_buffer buffer = make_buffer();

    append(&buffer, "0123456789");
    cmx_buffer_skip(&buffer, 4);
    cmx_buffer_compact(&buffer);
    assert_int_equal(cmx_buffer_room(&buffer), CAPACITY - 6);
    assert_int_equal(cmx_buffer_len(&buffer), 6);
    assert_memory_equal(cmx_buffer_head(&buffer), "456789", 6);
    cmx_buffer_compact(&buffer);
    assert_memory_equal(cmx_buffer_head(&buffer), "456789", 6);
}

static void test_buffer_clear_forgets_everything(void **state)
{
    (void)state;
    cmx_buffer buffer = make_buffer();

    append(&buffer, "0123456789");
    cmx_buffer_skip(&buffer, 4);
    cmx_buffer_clear(&buffer);
    assert_int_equal(cmx_buffer_len(&buffer), 0);
    assert_int_equal(cmx_buffer_room(&buffer), CAPACITY);
}

static void test_buffer_random_transfer_keeps_the_order(void **state)
{
    (void)state;
    cmx_buffer buffer = make_buffer();
    uint8_t written = 0;
    uint8_t read = 0;
    cmx_random random;

    cmx_random_seed(&random, 3);
    for (unsigned i = 0; i < 20000; i++) {
        if (cmx_random_below(&random, 4) == 0) {
            cmx_buffer_compact(&buffer);
        }
        uint32_t len = cmx_random_below(&random, (uint32_t)cmx_buffer_room(&buffer) + 1);
        for (uint32_t k = 0; k < len; k++) {
            cmx_buffer_tail(&buffer)[k] = written++;
        }
        cmx_buffer_filled(&buffer, len);
        len = cmx_random_below(&random, (uint32_t)cmx_buffer_len(&buffer) + 1);
        for (uint32_t k = 0; k < len; k++) {
            assert_int_equal(cmx_buffer_head(&buffer)[k], read);
            read++;
        }
        cmx_buffer_skip(&buffer, len);
        assert_int_equal(cmx_buffer_len(&buffer), (uint8_t)(written - read));
    }
}

static void skip_too_much(void *ctx)
{
    cmx_buffer_skip(ctx, 4);
}

static void fill_too_much(void *ctx)
{
    cmx_buffer_filled(ctx, CAPACITY - 2);
}

static void append_too_much(void *ctx)
{
    cmx_buffer_append(ctx, memory, CAPACITY - 2);
}

static void test_buffer_beyond_its_ends_panics(void **state)
{
    (void)state;
    cmx_buffer buffer = make_buffer();

    append(&buffer, "abc");
    expect_panic(skip_too_much, &buffer);
    expect_panic(fill_too_much, &buffer);
    expect_panic(append_too_much, &buffer);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer_appended_is_at_the_head),
        cmocka_unit_test(test_buffer_read_empty_has_all_its_room_again),
        cmocka_unit_test(test_buffer_compact_moves_room_behind_the_bytes),
        cmocka_unit_test(test_buffer_clear_forgets_everything),
        cmocka_unit_test(test_buffer_random_transfer_keeps_the_order),
        cmocka_unit_test(test_buffer_beyond_its_ends_panics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
