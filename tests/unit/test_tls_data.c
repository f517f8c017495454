/* SPDX-License-Identifier: MIT */
/*
 * What happens to bytes once the peer is verified: every size in both directions, the three ways a
 * stream ends, key updates with and without room to answer, and bytes that were tampered with.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/region_check.h"
#include "unit/tls_peer.h"
#include "wire/tls_hooks.h"

enum {
    DATA_BYTES = 100000,
};

static _Alignas(CMX_REGION_ALIGN) uint8_t memory[PEER_REGION_BYTES];
static cmx_region *region;
static peer_identity ca;
static peer_identity identity;
static cmx_tls_context context;
static const peer_alpn alpn = PEER_ALPN_H2;
static peer_client client;
static peer_server server;
static uint8_t data[DATA_BYTES];
static uint8_t copy[DATA_BYTES];

static int connect_both(void **state)
{
    (void)state;
    server = peer_listen(&identity, NULL, &alpn);
    peer_client_init(&client);
    assert_int_equal(cmx_tls_open(&client.tls, &context, "relay.test", false), CMX_OK);
    assert_int_equal(peer_shake_hands(&client, &server, PEER_BUFFER_BYTES), CMX_OK);
    assert_int_equal(cmx_buffer_len(&client.to_send), 0);
    return 0;
}

static int hang_up(void **state)
{
    (void)state;
    cmx_tls_close(&client.tls);
    peer_hang_up(&server);
    cmx_region_check(region);
    return 0;
}

/* Reads until nothing more comes; returns the last status and how much was read. */
static int read_all(size_t step_bytes, size_t out_bytes, size_t *total)
{
    *total = 0;
    for (int step = 0; step < PEER_STEPS_MAX; step++) {
        size_t got = 0;
        size_t room = DATA_BYTES - *total < out_bytes ? DATA_BYTES - *total : out_bytes;
        int rc = cmx_tls_read(&client.tls, copy + *total, room > 0 ? room : 1, &got);
        if (rc == CMX_OK) {
            assert_true(got >= 1 && got <= room && got <= CMX_TLS_PLAIN_BYTES_MAX);
            *total += got;
            continue;
        }
        assert_int_equal(got, 0);
        if (rc != CMX_AGAIN || peer_carry_down(&client, &server, step_bytes) == 0) {
            return rc;
        }
    }
    return CMX_ERR_INTERNAL;
}

static void write_to_server(size_t len)
{
    assert_int_equal(cmx_tls_write(&client.tls, data, len), CMX_OK);
    size_t records = (len - 1) / CMX_TLS_PLAIN_BYTES_MAX + 1;
    assert_true(cmx_buffer_len(&client.to_send) > len);
    assert_true(cmx_buffer_len(&client.to_send) <= len + records * CMX_TLS_OVERHEAD_BYTES);
    peer_carry_up(&client, &server, PEER_BUFFER_BYTES);
    size_t total = 0;
    while (total < len) {
        int got = SSL_read(server.session, copy + total, (int)(len - total));
        assert_true(got > 0);
        total += (size_t)got;
    }
    assert_memory_equal(copy, data, len);
}

static void test_tls_data_every_size_goes_up(void **state)
{
    static const size_t lens[] = {1, 2, 100, 4096, 16383, 16384, 16385, 20000};

    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(lens); i++) {
        write_to_server(lens[i]);
    }
}

static void test_tls_data_large_answer_comes_down_whole(void **state)
{
    static const size_t steps[] = {PEER_BUFFER_BYTES, 1000, 1};
    static const size_t outs[] = {DATA_BYTES, 777, 20000};
    size_t total = 0;

    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(steps); i++) {
        memset(copy, 0, sizeof(copy));
        assert_int_equal(SSL_write(server.session, data, DATA_BYTES), DATA_BYTES);
        assert_int_equal(read_all(steps[i], outs[i], &total), CMX_AGAIN);
        assert_int_equal(total, DATA_BYTES);
        assert_memory_equal(copy, data, DATA_BYTES);
    }
}

static void test_tls_data_one_read_gives_one_record_at_most(void **state)
{
    size_t got = 0;

    (void)state;
    assert_int_equal(SSL_write(server.session, data, 10), 10);
    assert_int_equal(SSL_write(server.session, data, 20), 20);
    (void)peer_carry_down(&client, &server, PEER_BUFFER_BYTES);
    assert_int_equal(cmx_tls_read(&client.tls, copy, DATA_BYTES, &got), CMX_OK);
    assert_int_equal(got, 10);
    assert_int_equal(cmx_tls_read(&client.tls, copy, DATA_BYTES, &got), CMX_OK);
    assert_int_equal(got, 20);
    assert_int_equal(cmx_tls_read(&client.tls, copy, DATA_BYTES, &got), CMX_AGAIN);
}

static void test_tls_data_idle_session_keeps_no_record_buffer(void **state)
{
    (void)state;
    size_t total = 0;
    assert_int_equal(SSL_write(server.session, data, DATA_BYTES), DATA_BYTES);
    assert_int_equal(read_all(PEER_BUFFER_BYTES, DATA_BYTES, &total), CMX_AGAIN);
    write_to_server(16384);
    size_t used = cmx_region_used(region);
    assert_int_equal(SSL_write(server.session, data, DATA_BYTES), DATA_BYTES);
    assert_int_equal(read_all(PEER_BUFFER_BYTES, DATA_BYTES, &total), CMX_AGAIN);
    write_to_server(16384);
    assert_int_equal(cmx_region_used(region), used);
}

static void test_tls_data_close_notify_is_an_orderly_end(void **state)
{
    size_t total = 0;

    (void)state;
    assert_int_equal(SSL_write(server.session, data, 100), 100);
    (void)SSL_shutdown(server.session);
    assert_int_equal(read_all(PEER_BUFFER_BYTES, DATA_BYTES, &total), CMX_ERR_CLOSED);
    assert_int_equal(total, 100);
    client.tls.peer_ended = true;
    assert_int_equal(read_all(PEER_BUFFER_BYTES, DATA_BYTES, &total), CMX_ERR_CLOSED);
}

static void test_tls_data_end_without_close_notify_is_truncation(void **state)
{
    size_t total = 0;

    (void)state;
    assert_int_equal(SSL_write(server.session, data, 100), 100);
    (void)peer_carry_down(&client, &server, PEER_BUFFER_BYTES);
    client.tls.peer_ended = true; /* the bytes that came before still count */
    assert_int_equal(read_all(PEER_BUFFER_BYTES, DATA_BYTES, &total), CMX_ERR_TLS_TRUNCATED);
    assert_int_equal(total, 100);
    assert_int_not_equal(client.tls.native_error, 0);
}

static void test_tls_data_end_inside_a_record_is_truncation(void **state)
{
    size_t got = 0;

    (void)state;
    assert_int_equal(SSL_write(server.session, data, 100), 100);
    assert_int_equal(peer_carry_down(&client, &server, 50), 50);
    client.tls.peer_ended = true;
    assert_int_equal(cmx_tls_read(&client.tls, copy, DATA_BYTES, &got), CMX_ERR_TLS_TRUNCATED);
}

static void test_tls_data_tampered_record_ends_the_session(void **state)
{
    size_t got = 0;

    (void)state;
    assert_int_equal(SSL_write(server.session, data, 100), 100);
    (void)peer_carry_down(&client, &server, PEER_BUFFER_BYTES);
    client.received.data[client.received.end - 1] ^= 1;
    assert_int_equal(cmx_tls_read(&client.tls, copy, DATA_BYTES, &got), CMX_ERR_TLS);
    assert_int_equal(cmx_tls_read(&client.tls, copy, DATA_BYTES, &got), CMX_ERR_TLS);
    assert_int_not_equal(client.tls.native_error, 0);
}

static void test_tls_data_key_update_is_answered(void **state)
{
    size_t total = 0;

    (void)state;
    assert_int_equal(SSL_key_update(server.session, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_write(server.session, data, 100), 100);
    assert_int_equal(read_all(PEER_BUFFER_BYTES, DATA_BYTES, &total), CMX_AGAIN);
    assert_int_equal(total, 100);
    assert_true(cmx_buffer_len(&client.to_send) > 0);
    peer_carry_up(&client, &server, PEER_BUFFER_BYTES);
    write_to_server(5000);
    assert_int_equal(SSL_write(server.session, data, 100), 100);
    assert_int_equal(read_all(PEER_BUFFER_BYTES, DATA_BYTES, &total), CMX_AGAIN);
    assert_int_equal(total, 100);
}

static void test_tls_data_key_update_waits_for_room(void **state)
{
    size_t total = 0;

    (void)state;
    cmx_buffer_filled(&client.to_send, PEER_BUFFER_BYTES); /* a socket that takes nothing */
    assert_int_equal(SSL_key_update(server.session, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_write(server.session, data, 100), 100);
    assert_int_equal(read_all(PEER_BUFFER_BYTES, DATA_BYTES, &total), CMX_AGAIN);
    assert_int_equal(total, 100);
    cmx_buffer_clear(&client.to_send);
    /* The answer goes ahead of the next record and fits the room that was promised. */
    size_t room = client.to_send.capacity;
    client.to_send.capacity = 16384 + CMX_TLS_OVERHEAD_BYTES;
    write_to_server(16384);
    client.to_send.capacity = room;
    write_to_server(100);
}

static void test_tls_data_goodbye_reaches_the_server(void **state)
{
    (void)state;
    cmx_tls_notify_close(&client.tls);
    assert_true(cmx_buffer_len(&client.to_send) > 0);
    peer_carry_up(&client, &server, PEER_BUFFER_BYTES);
    assert_int_equal(SSL_read(server.session, copy, 1), 0);
    assert_int_equal(SSL_get_error(server.session, 0), SSL_ERROR_ZERO_RETURN);
    cmx_tls_notify_close(&client.tls);
    assert_int_equal(cmx_buffer_len(&client.to_send), 0);
}

static void test_tls_data_goodbye_without_room_is_left_out(void **state)
{
    (void)state;
    cmx_buffer_filled(&client.to_send, PEER_BUFFER_BYTES);
    cmx_tls_notify_close(&client.tls);
    assert_int_equal(cmx_buffer_len(&client.to_send), PEER_BUFFER_BYTES);
    client.to_send.end -= 10; /* half an alert would be worse than none */
    cmx_tls_notify_close(&client.tls);
    assert_int_equal(cmx_buffer_len(&client.to_send), PEER_BUFFER_BYTES - 10);
    cmx_tls_close(&client.tls);
    cmx_tls_notify_close(&client.tls); /* nobody to say it to */
    cmx_buffer_clear(&client.to_send);
}

static void test_tls_data_end_in_the_handshake_is_truncation(void **state)
{
    (void)state;
    peer_server early = peer_listen(&identity, NULL, &alpn);
    cmx_tls_close(&client.tls);
    peer_client_init(&client);
    assert_int_equal(cmx_tls_open(&client.tls, &context, "relay.test", false), CMX_OK);
    assert_int_equal(cmx_tls_handshake(&client.tls), CMX_AGAIN);
    peer_carry_up(&client, &early, PEER_BUFFER_BYTES);
    (void)SSL_do_handshake(early.session);
    assert_int_equal(peer_carry_down(&client, &early, 300), 300);
    client.tls.peer_ended = true;
    assert_int_equal(cmx_tls_handshake(&client.tls), CMX_ERR_TLS_TRUNCATED);
    assert_false(client.tls.verified);
    peer_hang_up(&early);
}

static void test_tls_data_answer_that_is_not_tls_is_an_error(void **state)
{
    static const char http[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";

    (void)state;
    cmx_tls_close(&client.tls);
    peer_client_init(&client);
    assert_int_equal(cmx_tls_open(&client.tls, &context, "relay.test", false), CMX_OK);
    assert_int_equal(cmx_tls_handshake(&client.tls), CMX_AGAIN);
    memcpy(client.received.data, http, sizeof(http));
    cmx_buffer_filled(&client.received, sizeof(http));
    assert_int_equal(cmx_tls_handshake(&client.tls), CMX_ERR_TLS);
}

static void test_tls_data_goodbye_instead_of_a_handshake_is_an_error(void **state)
{
    static const uint8_t close_notify[] = {21, 3, 3, 0, 2, 1, 0};

    (void)state;
    cmx_tls_close(&client.tls);
    peer_client_init(&client);
    assert_int_equal(cmx_tls_open(&client.tls, &context, "relay.test", false), CMX_OK);
    assert_int_equal(cmx_tls_handshake(&client.tls), CMX_AGAIN);
    memcpy(client.received.data, close_notify, sizeof(close_notify));
    cmx_buffer_filled(&client.received, sizeof(close_notify));
    assert_int_equal(cmx_tls_handshake(&client.tls), CMX_ERR_TLS);
}

static void test_tls_data_handshake_goes_through_a_small_send_buffer(void **state)
{
    (void)state;
    peer_server narrow = peer_listen(&identity, NULL, &alpn);
    cmx_tls_close(&client.tls);
    peer_client_init(&client);
    client.to_send.capacity = 16;
    assert_int_equal(cmx_tls_open(&client.tls, &context, "relay.test", false), CMX_OK);
    int rc = peer_shake_hands(&client, &narrow, PEER_BUFFER_BYTES);
    assert_int_equal(rc, CMX_OK);
    assert_int_equal(SSL_is_init_finished(narrow.session), 1);
    peer_hang_up(&narrow);
}

static int set_up(void **state)
{
    peer_recipe recipe = {.name = "relay.test",
                          .san = "DNS:relay.test",
                          .issuer = &ca,
                          .usage = "digitalSignature",
                          .from_day = -1,
                          .until_day = 1};
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < DATA_BYTES; i++) {
        data[i] = (uint8_t)(i * 31 + i / 256);
    }
    region = cmx_region_init(memory, sizeof(memory));
    ca = peer_make_ca("root");
    identity = peer_make(&recipe);
    assert_int_equal(cmx_tls_library_init(&port), CMX_OK);
    assert_int_equal(cmx_tls_context_init(&context, region), CMX_OK);
    uint8_t *der = peer_der(&ca, &len);
    assert_int_equal(cmx_tls_context_add_der(&context, der, len), CMX_OK);
    OPENSSL_free(der);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cmx_tls_context_deinit(&context);
    cmx_tls_library_deinit();
    assert_int_equal(cmx_region_used(region), 0);
    assert_int_equal(cmx_tls_hooks_strays(), 0);
    peer_forget(&ca);
    peer_forget(&identity);
    return 0;
}

#define SESSION_TEST(test) cmocka_unit_test_setup_teardown(test, connect_both, hang_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SESSION_TEST(test_tls_data_every_size_goes_up),
        SESSION_TEST(test_tls_data_large_answer_comes_down_whole),
        SESSION_TEST(test_tls_data_one_read_gives_one_record_at_most),
        SESSION_TEST(test_tls_data_idle_session_keeps_no_record_buffer),
        SESSION_TEST(test_tls_data_close_notify_is_an_orderly_end),
        SESSION_TEST(test_tls_data_end_without_close_notify_is_truncation),
        SESSION_TEST(test_tls_data_end_inside_a_record_is_truncation),
        SESSION_TEST(test_tls_data_tampered_record_ends_the_session),
        SESSION_TEST(test_tls_data_key_update_is_answered),
        SESSION_TEST(test_tls_data_key_update_waits_for_room),
        SESSION_TEST(test_tls_data_goodbye_reaches_the_server),
        SESSION_TEST(test_tls_data_goodbye_without_room_is_left_out),
        SESSION_TEST(test_tls_data_end_in_the_handshake_is_truncation),
        SESSION_TEST(test_tls_data_answer_that_is_not_tls_is_an_error),
        SESSION_TEST(test_tls_data_goodbye_instead_of_a_handshake_is_an_error),
        SESSION_TEST(test_tls_data_handshake_goes_through_a_small_send_buffer),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
