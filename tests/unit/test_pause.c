/* SPDX-License-Identifier: MIT */
/*
 * Pausing, seen from three sides: the client against a server in the same process (windows, rows,
 * handles), the decoder whose chunk goes to another place after any of its items, the clocks of a
 * call that is held. At the end: sockets that are left alone for a while.
 */
#include "chat/answer.h"
#include "chatmux/stats.h"
#include "client/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/fake_port.h"

enum {
    WINDOW_BYTES = 2048,
    TURNS_MAX = 2000,
    TOLD_BYTES = 1024,
    FRAME_HEAD_BYTES = 9,
    FRAME_BYTES = 1000,
};

CMX_BLOCK(memory, 1024 * 1024);
static cmx_client *client;
static cmx_config config;

/* What came of the request that was started as `user` number i. */
static struct {
    cmx_id id;
    uint32_t opens;
    uint64_t bytes;
    uint64_t wrong_bytes;
    bool done;
    cmx_done result;
} seen[4];

static int open_client(void **state)
{
    (void)state;
    cmx_origin origin;
    cmx_origin_id id;

    memset(seen, 0, sizeof(seen));
    fake_port_reset();
    cmx_config_preset(&config, CMX_PRESET_TINY);
    config.stream_window_bytes = WINDOW_BYTES;
    config.attempts_max = 1;
    if (state != NULL && *state != NULL) {
        config.coalesce_ms = *(const uint32_t *)*state;
    }
    assert_true(cmx_client_bytes(&config) <= sizeof(memory));
    assert_int_equal(cmx_client_init(&client, memory, sizeof(memory), &config, &fake.table, NULL),
                     CMX_OK);
    cmx_origin_default(&origin);
    origin.base_url = "http://127.0.0.1:8080/v1";
    origin.key = "sk-1";
    assert_int_equal(cmx_client_add_origin(client, &origin, &id, NULL), CMX_OK);
    return 0;
}

static int close_client(void **state)
{
    (void)state;
    cmx_client_deinit(client);
    fake_port_deinit();
    return 0;
}

static void start(size_t i)
{
    cmx_request request;

    cmx_request_default(&request);
    request.path = "/blob";
    request.user = &seen[i];
    assert_int_equal(cmx_request_start(client, &request, &seen[i].id, NULL), CMX_OK);
}

static void take(const cmx_event *event)
{
    size_t i = (size_t)((char *)event->user - (char *)seen) / sizeof(seen[0]);
    int32_t stream_id = (int32_t)(2 * i + 1);

    assert_false(seen[i].done);
    if (event->kind == CMX_EVENT_OPEN) {
        seen[i].opens++;
    } else if (event->kind == CMX_EVENT_DATA) {
        for (size_t at = 0; at < event->data.len; at++) {
            seen[i].wrong_bytes +=
                (uint8_t)event->data.data[at] != h2_peer_pattern(stream_id, seen[i].bytes + at);
        }
        seen[i].bytes += event->data.len;
    } else if (event->kind == CMX_EVENT_DONE) {
        seen[i].done = true;
        seen[i].result = event->done;
        assert_int_equal(cmx_client_pause(client, event->id), CMX_ERR_HANDLE);
        assert_int_equal(cmx_client_resume(client, event->id), CMX_ERR_HANDLE);
    }
}

/* Takes events for so long, or until nothing is in flight. */
static void live(uint32_t ms)
{
    uint64_t end_ms = fake.now_ms + ms;

    for (int turn = 0; turn < TURNS_MAX; turn++) {
        cmx_event event;
        uint32_t left_ms = end_ms > fake.now_ms ? (uint32_t)(end_ms - fake.now_ms) : 0;
        int rc = cmx_client_wait(client, &event, left_ms);
        if (rc != CMX_OK) {
            assert_true(rc == CMX_IDLE || rc == CMX_AGAIN);
            return;
        }
        take(&event);
    }
    fail();
}

static h2_peer *peer(void)
{
    assert_int_equal(fake.opened, 1);
    return &fake.sockets[0].peer;
}

static uint32_t paused_now(void)
{
    cmx_stats stats;

    cmx_client_stats(client, &stats);
    return stats.paused;
}

static void test_pause_keeps_a_window_and_others_flow(void **state)
{
    (void)state;
    start(0);
    live(10);
    assert_int_equal(cmx_client_pause(client, seen[0].id), CMX_OK);
    assert_int_equal(cmx_client_pause(client, seen[0].id), CMX_OK); /* again: nothing changes */
    assert_int_equal(paused_now(), 1);
    h2_peer_answer(peer(), 1, 10000);
    live(100);
    assert_int_equal(seen[0].opens, 1);
    assert_int_equal(seen[0].bytes, 0);
    assert_int_equal(h2_peer_find(peer(), 1)->reply_bytes, 10000 - WINDOW_BYTES);
    for (size_t i = 1; i < 3; i++) { /* more than the connection's window each */
        start(i);
        live(10);
        h2_peer_answer(peer(), (int32_t)(2 * i + 1), 100000);
        live(1000);
        assert_true(seen[i].done);
        assert_int_equal(seen[i].bytes, 100000);
        assert_int_equal(seen[i].wrong_bytes, 0);
    }
    assert_int_equal(seen[0].bytes, 0);
    assert_int_equal(cmx_client_resume(client, seen[0].id), CMX_OK);
    assert_int_equal(paused_now(), 0);
    assert_int_equal(cmx_client_next_due_ms(client), 0);
    live(1000);
    assert_true(seen[0].done);
    assert_int_equal(seen[0].bytes, 10000);
    assert_int_equal(seen[0].wrong_bytes, 0);
    assert_int_equal(seen[0].result.verdict, CMX_VERDICT_DONE);
}

static void test_pause_is_busy_until_the_resumed_one_was_pulled(void **state)
{
    (void)state;
    start(0);
    start(1);
    live(10);
    assert_int_equal(cmx_client_pause(client, seen[0].id), CMX_OK);
    assert_int_equal(cmx_client_pause(client, seen[1].id), CMX_ERR_BUSY);
    assert_int_equal(cmx_client_resume(client, seen[1].id), CMX_OK); /* it is not paused */
    assert_int_equal(cmx_client_resume(client, seen[0].id), CMX_OK);
    assert_int_equal(cmx_client_pause(client, seen[1].id), CMX_OK); /* nothing was kept */
    h2_peer_answer(peer(), 3, 1000);
    live(10);
    assert_int_equal(cmx_client_resume(client, seen[1].id), CMX_OK);
    assert_int_equal(cmx_client_pause(client, seen[0].id), CMX_ERR_BUSY);
    live(10);
    assert_int_equal(seen[1].bytes, 1000);
    assert_int_equal(cmx_client_pause(client, seen[0].id), CMX_OK);
    assert_int_equal(cmx_client_cancel(client, seen[0].id), CMX_OK);
    assert_int_equal(paused_now(), 0);
    assert_int_equal(cmx_client_pause(client, 0), CMX_ERR_HANDLE);
    assert_int_equal(cmx_client_resume(client, seen[1].id), CMX_ERR_HANDLE);
    live(10);
    assert_int_equal(seen[0].result.verdict, CMX_VERDICT_CANCELLED);
}

static const char *const no_fields[2] = {"content-type", "text/plain"};

static void send_data(size_t frames, size_t len)
{
    char payload[1001] = {0};

    memset(payload, 'x', len);
    for (size_t i = 0; i < frames; i++) {
        h2_peer_frame(peer(), NGHTTP2_DATA, 0, 1, payload);
    }
}

/* The library ends the connection; what fitted the window is kept and delivered, then the end. */
static void test_pause_server_that_ignores_the_window_is_ended(void **state)
{
    (void)state;
    start(0);
    live(10);
    h2_peer_head(peer(), 1, 0, "200", no_fields);
    live(10);
    assert_int_equal(cmx_client_pause(client, seen[0].id), CMX_OK);
    send_data(4, FRAME_BYTES);
    live(10);
    assert_true(peer()->goaway_received);
    assert_int_equal(peer()->goaway_code, NGHTTP2_FLOW_CONTROL_ERROR);
    assert_false(seen[0].done);
    assert_int_equal(cmx_client_resume(client, seen[0].id), CMX_OK);
    live(10);
    /* Two frames, and of the third what the first read brought: that much the window allowed. */
    assert_int_equal(seen[0].bytes, config.read_bytes - 3 * FRAME_HEAD_BYTES);
    assert_in_range(seen[0].bytes, 2 * FRAME_BYTES + 1, WINDOW_BYTES);
    assert_int_equal(seen[0].result.verdict, CMX_VERDICT_TRUNCATED);
    assert_int_equal(seen[0].result.error, CMX_ERR_HTTP2);
}

/* A server that never acknowledges our SETTINGS has the protocol's window of 65,535 bytes: what
 * does not fit the block ends the request. */
static void test_pause_more_than_the_block_ends_the_request(void **state)
{
    static const uint8_t ack[9] = {0, 0, 0, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, 0, 0, 0};

    (void)state;
    fake.is_mute = true;
    start(0);
    live(10);
    (void)h2_peer_send(peer());
    uint8_t *at = memmem(peer()->out, peer()->out_len, ack, sizeof(ack));
    assert_non_null(at);
    size_t behind = peer()->out_len - (size_t)(at - peer()->out) - sizeof(ack);
    memmove(at, at + sizeof(ack), behind);
    peer()->out_len -= sizeof(ack);
    h2_peer_head(peer(), 1, 0, "200", no_fields);
    fake.is_mute = false;
    live(10);
    assert_int_equal(seen[0].opens, 1);
    assert_int_equal(cmx_client_pause(client, seen[0].id), CMX_OK);
    send_data(3, 1000);
    live(10);
    assert_true(seen[0].done);
    assert_int_equal(seen[0].result.error, CMX_ERR_HTTP2);
    assert_int_equal(paused_now(), 0);
    start(1); /* nobody else is concerned */
    live(10);
    h2_peer_answer(peer(), 3, 5000);
    live(100);
    assert_int_equal(seen[1].result.verdict, CMX_VERDICT_DONE);
}

/* ---- the decoder goes on at another place ---- */

static const char stream_text[] =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one \\u00e9\\n two\","
    "\"refusal\":\"no\"}},{\"index\":1,\"delta\":{\"content\":\"three\"}}]}\n\n"
    ": beat\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"four\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"five\\tsix\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\","
    "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":\"}},{\"index\":1,\"id\":\"b\","
    "\"function\":{\"name\":\"g\",\"arguments\":\"1}\"}}]}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
    "\"function\":{\"arguments\":\"2}\"}}]}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
    "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}\n\n"
    "data: [DONE]\n\n";

typedef struct decoding {
    cmx_answer answer;
    cmx_blocks blocks;
    _Alignas(CMX_BLOCKS_ALIGN) uint8_t blocks_memory[4096];
    uint8_t tail[256];
    uint8_t shape[384];
    cmx_answer_tool tools[4];
    char told[TOLD_BYTES];
    size_t told_len;
    uint8_t *chunk; /* owned: so large that one byte more is noticed */
} decoding;

static void tell(decoding *d, const cmx_answer_item *item)
{
    const cmx_delta *delta = &item->delta;

    if (item->kind == CMX_ANSWER_USAGE) {
        d->told[d->told_len++] = 'U';
        return;
    }
    assert_true(d->told_len + delta->text.len + delta->tool_name.len + 3 < TOLD_BYTES);
    d->told[d->told_len++] = (char)('0' + delta->choice);
    d->told[d->told_len++] = (char)('a' + (int)delta->channel);
    if (delta->channel == CMX_CHANNEL_TOOL_CALL && delta->tool_name.len > 0) {
        memcpy(d->told + d->told_len, delta->tool_name.data, delta->tool_name.len);
        d->told_len += delta->tool_name.len;
    }
    if (delta->text.len > 0) {
        memcpy(d->told + d->told_len, delta->text.data, delta->text.len);
        d->told_len += delta->text.len;
    }
}

/* Lets the decoder go on in a copy; nothing it left behind is there any more. */
static void move(decoding *d)
{
    cmx_view rest = cmx_answer_lent(&d->answer);
    uint8_t *to = malloc(rest.len + 1);

    assert_non_null(to);
    if (rest.len > 0) {
        memcpy(to, rest.data, rest.len);
    }
    cmx_answer_move(&d->answer, to);
    free(d->chunk);
    d->chunk = to;
}

static void feed(decoding *d, const char *bytes, size_t len)
{
    d->chunk = malloc(len + 1);
    assert_non_null(d->chunk);
    memcpy(d->chunk, bytes, len);
    cmx_answer_feed(&d->answer, d->chunk, len);
}

/* Decodes the stream in chunks of `piece` bytes; moves after item `at` and each `every` later. */
static void decode(decoding *d, size_t piece, size_t at, size_t every)
{
    size_t items = 0;

    memset(d, 0, sizeof(*d));
    cmx_blocks_init(&d->blocks, d->blocks_memory, 2, 1024);
    const cmx_answer_memory parts = {.tail = d->tail,
                                     .tail_capacity = sizeof(d->tail),
                                     .shape = d->shape,
                                     .shape_capacity = sizeof(d->shape),
                                     .blocks = &d->blocks,
                                     .event_bytes_max = 1024,
                                     .tools = d->tools,
                                     .tools_capacity = CMX_ARRAY_LEN(d->tools)};
    cmx_answer_init(&d->answer, &parts);
    cmx_answer_head(&d->answer, 200, CMX_ANSWER_EVENT_STREAM, (cmx_view){0}, (cmx_view){0});
    for (size_t done = 0; done < sizeof(stream_text) - 1; done += piece) {
        size_t left = sizeof(stream_text) - 1 - done;
        cmx_answer_item item;
        feed(d, stream_text + done, left < piece ? left : piece);
        while (cmx_answer_next(&d->answer, &item) == CMX_OK) {
            tell(d, &item);
            if (items >= at && (items - at) % every == 0) {
                move(d);
            }
            items++;
        }
        free(d->chunk);
    }
    assert_true(cmx_answer_finished(&d->answer));
    cmx_answer_deinit(&d->answer);
}

static void test_pause_decoder_goes_on_at_another_place(void **state)
{
    static decoding plain;
    static decoding moved;
    static const size_t pieces[] = {sizeof(stream_text), 400, 150, 61, 7};

    (void)state;
    for (size_t i = 0; i < CMX_ARRAY_LEN(pieces); i++) {
        decode(&plain, pieces[i], SIZE_MAX, 1);
        assert_true(plain.told_len > 40);
        for (size_t at = 0; at < 20; at++) {
            for (size_t every = 1; every < 8; every += 3) {
                decode(&moved, pieces[i], at, every);
                assert_int_equal(moved.told_len, plain.told_len);
                assert_memory_equal(moved.told, plain.told, plain.told_len);
            }
        }
    }
}

/* ---- clocks of a call that is held ---- */

static void expect_due(const cmx_call *call, uint64_t due_ms, int status)
{
    int told = 77;
    assert_int_equal(cmx_call_due_ms(call, &config, 0, &told), due_ms);
    if (due_ms != UINT64_MAX) {
        assert_int_equal(told, status);
    }
}

static void test_pause_clocks_of_tokens_stand_still(void **state)
{
    cmx_call call;

    (void)state;
    cmx_config_preset(&config, CMX_PRESET_DEFAULT);
    config.queue_timeout_ms = 1000;
    config.head_timeout_ms = 2000;
    config.first_token_timeout_ms = 5000;
    config.progress_timeout_ms = 700;
    config.total_timeout_ms = 0;
    cmx_call_init(&call, NULL, 0);
    cmx_call_hold(&call, 100);
    expect_due(&call, 1000, CMX_ERR_TIMEOUT_QUEUE); /* pausing does not keep it in the queue */
    cmx_call_enter(&call, CMX_CALL_AWAIT_HEAD, 500, 0);
    expect_due(&call, 2500, CMX_ERR_TIMEOUT_HEAD);
    cmx_call_enter(&call, CMX_CALL_AWAIT_TOKEN, 900, 0);
    expect_due(&call, UINT64_MAX, CMX_OK);
    config.total_timeout_ms = 60000;
    expect_due(&call, 60000, CMX_ERR_TIMEOUT_TOTAL);
    config.total_timeout_ms = 0;
    cmx_call_unhold(&call, 10500); /* for 10,000 ms since it was sent */
    expect_due(&call, 500 + 5000 + 10000, CMX_ERR_TIMEOUT_FIRST_TOKEN);
    cmx_call_hold(&call, 11000);
    assert_true(cmx_call_on_token(&call, 1, 12000, 0)); /* what was kept */
    expect_due(&call, UINT64_MAX, CMX_OK);
    cmx_call_unhold(&call, 12100);
    expect_due(&call, 12000 + 700 + 100, CMX_ERR_TIMEOUT_PROGRESS);
    (void)cmx_call_on_token(&call, 1, 13000, 0);
    expect_due(&call, 13700, CMX_ERR_TIMEOUT_PROGRESS);
}

/* ---- sockets that are left alone ---- */

static const uint32_t five_ms = 5;

static int open_coalescing(void **state)
{
    void *wanted = (void *)(uintptr_t)&five_ms;

    (void)state;
    return open_client(&wanted);
}

/* Busy: nobody is woken before the next multiple of 5 ms. Quiet: the first byte is read at once. */
static void test_pause_busy_sockets_are_left_alone_for_a_while(void **state)
{
    (void)state;
    start(0);
    start(1);
    live(100);
    assert_int_equal(fake.sockets[0].interest, CMX_SOCKET_READ);
    uint64_t began_ms = fake.now_ms;
    h2_peer_answer(peer(), 1, 1000);
    live(0);
    live(0);
    assert_true(seen[0].done); /* the first bytes after silence did not wait */
    assert_int_equal(fake.now_ms, began_ms);
    assert_int_equal(fake.sockets[0].interest, CMX_SOCKET_READ);
    h2_peer_head(peer(), 3, 0, "103", NULL); /* some more: now it is busy */
    live(0);
    live(0);
    assert_int_equal(fake.sockets[0].interest, 0);
    h2_peer_answer(peer(), 3, 1000);
    for (int turn = 0; turn < 5; turn++) {
        live(0);
    }
    assert_int_equal(seen[1].opens, 0); /* it is there, and nobody looks */
    uint32_t due_ms = cmx_client_next_due_ms(client);
    assert_true(due_ms > 0 && due_ms <= five_ms);
    live(due_ms);
    live(0);
    assert_true(seen[1].done);
    assert_int_equal(fake.now_ms, began_ms + due_ms);
    start(2);
    live(100);
    assert_int_equal(fake.sockets[0].interest, CMX_SOCKET_READ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pause_keeps_a_window_and_others_flow, open_client,
                                        close_client),
        cmocka_unit_test_setup_teardown(test_pause_is_busy_until_the_resumed_one_was_pulled,
                                        open_client, close_client),
        cmocka_unit_test_setup_teardown(test_pause_server_that_ignores_the_window_is_ended,
                                        open_client, close_client),
        cmocka_unit_test_setup_teardown(test_pause_more_than_the_block_ends_the_request,
                                        open_client, close_client),
        cmocka_unit_test(test_pause_decoder_goes_on_at_another_place),
        cmocka_unit_test(test_pause_clocks_of_tokens_stand_still),
        cmocka_unit_test_setup_teardown(test_pause_busy_sockets_are_left_alone_for_a_while,
                                        open_coalescing, close_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
