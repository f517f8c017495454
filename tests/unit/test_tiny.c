/* SPDX-License-Identifier: MIT */
/*
 * The smallest client and response heads: one as large as allowed, one a byte larger, and those
 * that fill the table of header fields with the most that a table can cost. It goes on after each.
 */
#include "chatmux/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/fake_port.h"

enum {
    BLOCK_BYTES_MAX = (sizeof(void *) > 4 ? 112 : 96) * 1024,
    FIELD_OVERHEAD_BYTES = 32, /* RFC 9113, 6.5.2 */
    STATUS_BYTES = 7 + 3 + FIELD_OVERHEAD_BYTES,
    HEADS = 40,
    FIELDS = 50, /* of one head */
    BLOCK_BYTES = 8192,
};

CMX_BLOCK(memory, BLOCK_BYTES_MAX);
static cmx_client *client;
static cmx_config config;
static int32_t stream_id;

static int open_client(void **state)
{
    cmx_origin origin;
    cmx_origin_id id;
    (void)state;
    fake_port_reset();
    cmx_config_preset(&config, CMX_PRESET_TINY);
    config.attempts_max = 1;
    assert_int_equal(
        cmx_client_init(&client, memory, cmx_client_bytes(&config), &config, &fake.table, NULL),
        CMX_OK);
    cmx_origin_default(&origin);
    origin.base_url = "http://127.0.0.1:8080/v1";
    origin.key = "sk-1";
    assert_int_equal(cmx_client_add_origin(client, &origin, &id, NULL), CMX_OK);
    stream_id = -1;
    return 0;
}

static int close_client(void **state)
{
    (void)state;
    cmx_client_deinit(client);
    fake_port_deinit();
    return 0;
}

/* Queues a head of status 200 with these fields as HPACK has them, and nothing behind it. */
static void answer(const uint8_t *fields, size_t len)
{
    static const uint8_t begin[] = {0x3F, 0xE1, 0x01, 0x88}; /* a table of 256, ":status: 200" */
    static uint8_t block[BLOCK_BYTES];
    size_t all = sizeof(begin) + len;
    const uint8_t head[9] = {(uint8_t)(all >> 16),
                             (uint8_t)(all >> 8),
                             (uint8_t)all,
                             NGHTTP2_HEADERS,
                             NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS,
                             0,
                             0,
                             0,
                             (uint8_t)stream_id};
    assert_in_range(all, 1, sizeof(block));
    memcpy(block, begin, sizeof(begin));
    memcpy(block + sizeof(begin), fields, len);
    h2_peer_frame_bytes(&fake.sockets[0].peer, head, block, all);
}

/* Asks, and is answered so. Returns how it ended. */
static int ask(const uint8_t *fields, size_t len)
{
    cmx_request request;
    cmx_event event;
    cmx_id id;
    cmx_request_default(&request);
    request.path = "/x";
    assert_int_equal(cmx_request_start(client, &request, &id, NULL), CMX_OK);
    assert_int_equal(cmx_client_wait(client, &event, 10), CMX_AGAIN);
    stream_id += 2;
    answer(fields, len);
    do {
        assert_int_equal(cmx_client_wait(client, &event, 100), CMX_OK);
    } while (event.kind != CMX_EVENT_DONE);
    assert_int_equal(event.id, id);
    return event.done.error;
}

/* A field "x" with a value of so many bytes, in no table. */
static int ask_for(size_t value_bytes)
{
    static uint8_t field[BLOCK_BYTES];
    size_t rest = value_bytes - 127; /* a length with a prefix of seven bits: RFC 7541, 5.1 */
    const uint8_t begin[] = {0, 1, 'x', 127, (uint8_t)(128 | (rest & 127)), (uint8_t)(rest >> 7)};
    memcpy(field, begin, sizeof(begin));
    memset(field + sizeof(begin), 'v', value_bytes);
    return ask(field, sizeof(begin) + value_bytes);
}

static void test_tiny_head_of_all_that_is_allowed(void **state)
{
    size_t most = config.head_bytes_max - STATUS_BYTES - 1 - FIELD_OVERHEAD_BYTES;
    (void)state;
    assert_int_equal(ask_for(most), CMX_OK);
    assert_int_equal(ask_for(most + 1), CMX_ERR_HEAD_LARGE);
    assert_int_equal(ask_for(most), CMX_OK);
    assert_int_equal(fake.opened, 1); /* on the same connection */
}

/* Names of one byte without a value: hardly anything takes more memory for less of the table. */
static void test_tiny_tables_at_their_worst(void **state)
{
    cmx_stats before;
    cmx_stats after;
    uint8_t fields[FIELDS * 4];
    (void)state;
    for (size_t i = 0; i < FIELDS; i++) {
        const uint8_t field[4] = {0x40, 1, (uint8_t)('a' + i % 26), 0};
        memcpy(fields + 4 * i, field, sizeof(field));
    }
    assert_int_equal(ask_for(200), CMX_OK);
    cmx_client_stats(client, &before);
    for (int i = 0; i < HEADS; i++) {
        assert_int_equal(ask(fields, sizeof(fields)), CMX_OK);
    }
    cmx_client_stats(client, &after);
    assert_true(after.library_bytes > before.library_bytes); /* they are kept */
    assert_true(after.library_bytes - before.library_bytes <= config.head_bytes_max / 16 * 7);
    assert_int_equal(fake.opened, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tiny_head_of_all_that_is_allowed),
        TEST(test_tiny_tables_at_their_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
