/* SPDX-License-Identifier: MIT */
/*
 * The caller's block: cmx_client_bytes() is exact for every configuration, a byte less, a shifted
 * or a missing block is refused, and what lay in the block before does not matter.
 */
#include "chatmux/client.h"
#include "client/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/fake_port.h"

enum { GUARD_BYTES = 64, CONFIGS = 7 };

/* The `index`-th configuration of the tests. */
static cmx_config config_at(unsigned index)
{
    cmx_config config;
    cmx_config_preset(&config, index == 0 ? CMX_PRESET_TINY : CMX_PRESET_DEFAULT);
    switch (index) {
    case 2: /* everything as small as it goes */
        config.connections_max = config.origins_max = config.requests_max = 1;
        config.read_bytes = config.write_bytes = config.trust_bytes = 4096;
        config.tail_bytes = 128;
        config.event_bytes_max = 2048;
        config.event_buffers = 1;
        config.tool_calls_max = 0;
        break;
    case 3: /* as many things as there may be */
        config.connections_max = CMX_CONNECTIONS_MAX;
        config.origins_max = CMX_ORIGINS_MAX;
        config.requests_max = CMX_REQUESTS_MAX;
        break;
    case 4: /* few large things */
        config.read_bytes = 262144;
        config.write_bytes = 65536;
        config.event_bytes_max = 1048576;
        config.event_buffers = 8;
        config.trust_bytes = 1048576;
        break;
    case 5: /* odd sizes */
        config.connections_max = CMX_CONNECTIONS_MAX < 3 ? CMX_CONNECTIONS_MAX : 3;
        config.requests_max = CMX_REQUESTS_MAX < 7 ? CMX_REQUESTS_MAX : 7;
        config.read_bytes = 4099;
        config.write_bytes = 4101;
        config.tail_bytes = 131;
        config.event_bytes_max = 2051;
        config.event_buffers = 3;
        config.trust_bytes = 4103;
        config.tool_calls_max = 3;
        break;
    case 6: /* one tail as large as an event */
        config.tail_bytes = config.event_bytes_max = 4096;
        break;
    default:
        break;
    }
    return config;
}

static uint8_t *take_block(size_t bytes)
{
    uint8_t *block = aligned_alloc(CMX_BLOCK_ALIGN, (bytes + 2 * GUARD_BYTES) & ~(size_t)15);
    assert_non_null(block);
    memset(block, 0xa5, bytes + GUARD_BYTES);
    return block;
}

static void expect_guard(const uint8_t *block, size_t bytes)
{
    for (size_t i = bytes; i < bytes + GUARD_BYTES; i++) {
        assert_int_equal(block[i], 0xa5);
    }
}

static void test_layout_measured_bytes_are_carved_exactly(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CONFIGS; i++) {
        cmx_config config = config_at(i);
        size_t bytes = cmx_client_bytes(&config);
        assert_true(bytes > 0);
        uint8_t *block = take_block(bytes);
        cmx_arena arena;
        cmx_layout layout;
        cmx_arena_init(&arena, block, bytes);
        cmx_layout_carve(&layout, &arena, &config);
        assert_int_equal(arena.used, bytes);
        assert_true((uint8_t *)layout.region + layout.region_bytes <= block + bytes);
        expect_guard(block, bytes);
        free(block);
    }
}

static void test_layout_client_lives_in_exactly_its_bytes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CONFIGS; i++) {
        cmx_config config = config_at(i);
        size_t bytes = cmx_client_bytes(&config);
        uint8_t *block = take_block(bytes);
        cmx_client *client = (cmx_client *)block;
        const char *bad_field = "untouched";
        fake_port_reset();
        assert_int_equal(
            cmx_client_init(&client, block, bytes - 1, &config, &fake.table, &bad_field),
            CMX_ERR_MEMORY_SMALL);
        assert_memory_equal(bad_field, "bytes: ", 7);
        assert_null(client);

        assert_int_equal(cmx_client_init(&client, block, bytes, &config, &fake.table, &bad_field),
                         CMX_OK);
        assert_null(bad_field);
        cmx_stats stats;
        cmx_client_stats(client, &stats);
        assert_int_equal(stats.memory_bytes, bytes);
        cmx_event event;
        assert_int_equal(cmx_client_wait(client, &event, 0), CMX_IDLE);
        cmx_client_deinit(client);
        expect_guard(block, bytes);
        assert_int_equal(fake.deinits, 1);
        assert_false(fake.was_abandoned);
        for (size_t k = 0; k < bytes; k++) { /* wiped */
            assert_int_equal(block[k], 0);
        }
        free(block);
    }
}

static void test_layout_wrong_blocks_are_refused(void **state)
{
    (void)state;
    cmx_config config = config_at(0);
    size_t bytes = cmx_client_bytes(&config);
    uint8_t *block = take_block(bytes);
    cmx_client *client;
    const char *bad_field = NULL;
    fake_port_reset();
    assert_int_equal(cmx_client_init(&client, NULL, bytes, &config, &fake.table, &bad_field),
                     CMX_ERR_MEMORY_ALIGN);
    assert_string_equal(bad_field, "memory");
    for (size_t shift = 1; shift < CMX_BLOCK_ALIGN; shift++) {
        assert_int_equal(cmx_client_init(&client, block + shift, bytes, &config, &fake.table, NULL),
                         CMX_ERR_MEMORY_ALIGN);
        assert_null(client);
    }
    assert_int_equal(cmx_client_init(&client, block, 0, &config, &fake.table, NULL),
                     CMX_ERR_MEMORY_SMALL);
    assert_int_equal(cmx_client_init(&client, block, bytes, &config, NULL, &bad_field),
                     CMX_ERR_ARGUMENT);
    assert_string_equal(bad_field, "port");
    assert_int_equal(fake.deinits, 0);
    free(block);
}

static void test_layout_invalid_configuration_needs_no_bytes(void **state)
{
    (void)state;
    cmx_config config = config_at(1);
    cmx_client *client;
    const char *bad_field = NULL;
    config.event_buffers = 0;
    assert_int_equal(cmx_client_bytes(&config), 0);
    assert_int_equal(cmx_client_init(&client, NULL, 0, &config, &fake.table, &bad_field),
                     CMX_ERR_CONFIG);
    assert_string_equal(bad_field, "event_buffers");
}

static void test_layout_larger_fields_cost_more(void **state)
{
    (void)state;
    cmx_config config = config_at(1);
    const size_t base = cmx_client_bytes(&config);
    config.requests_max -= config.requests_max > 1 ? 1 : 0;
    assert_true(CMX_REQUESTS_MAX == 1 || cmx_client_bytes(&config) + config.tail_bytes < base);
    config = config_at(1);
    config.connections_max -= config.connections_max > 1 ? 1 : 0;
    assert_true(CMX_CONNECTIONS_MAX == 1 ||
                cmx_client_bytes(&config) + config.read_bytes + config.write_bytes < base);
    config = config_at(1);
    config.trust_bytes += 65536;
    assert_true(cmx_client_bytes(&config) >= base + 65536);
    config = config_at(1);
    config.tool_calls_max++;
    assert_int_equal(cmx_client_bytes(&config) - base,
                     (config.requests_max + 1) * sizeof(cmx_answer_tool));
    config = config_at(1);
    config.event_buffers++;
    assert_true(cmx_client_bytes(&config) >= base + config.event_bytes_max);
}

static void test_layout_each_slot_has_tool_calls_of_its_own(void **state)
{
    (void)state;
    cmx_config config = config_at(5);
    size_t bytes = cmx_client_bytes(&config);
    uint8_t *block = take_block(bytes);
    cmx_arena arena;
    cmx_layout layout;
    cmx_arena_init(&arena, block, bytes);
    cmx_layout_carve(&layout, &arena, &config);
    size_t slots = (size_t)config.requests_max + 1;
    const uint8_t *first = layout.tools;
    const uint8_t *behind = first + slots * config.tool_calls_max * sizeof(cmx_answer_tool);
    assert_true(first >= (const uint8_t *)layout.shapes + slots * config.shape_bytes);
    assert_true(behind <= (const uint8_t *)layout.timer_heap);
    assert_true(behind <= (const uint8_t *)layout.region);
    free(block);
}

static int fail_init(void *ctx, void *state, size_t state_bytes, uint32_t sockets)
{
    (void)ctx;
    (void)state;
    (void)state_bytes;
    (void)sockets;
    return CMX_ERR_PORT;
}

static void test_layout_port_that_refuses_leaves_a_wiped_block(void **state)
{
    (void)state;
    cmx_config config = config_at(0);
    size_t bytes = cmx_client_bytes(&config);
    uint8_t *block = take_block(bytes);
    cmx_client *client;
    const char *bad_field = NULL;
    fake_port_reset();
    fake.table.init = fail_init;
    assert_int_equal(cmx_client_init(&client, block, bytes, &config, &fake.table, &bad_field),
                     CMX_ERR_PORT);
    assert_string_equal(bad_field, "port");
    assert_null(client);
    assert_int_equal(fake.deinits, 0);
    for (size_t k = 0; k < bytes; k++) {
        assert_int_equal(block[k], 0);
    }
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout_measured_bytes_are_carved_exactly),
        cmocka_unit_test(test_layout_client_lives_in_exactly_its_bytes),
        cmocka_unit_test(test_layout_wrong_blocks_are_refused),
        cmocka_unit_test(test_layout_invalid_configuration_needs_no_bytes),
        cmocka_unit_test(test_layout_larger_fields_cost_more),
        cmocka_unit_test(test_layout_each_slot_has_tool_calls_of_its_own),
        cmocka_unit_test(test_layout_port_that_refuses_leaves_a_wiped_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
