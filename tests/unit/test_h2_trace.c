/* SPDX-License-Identifier: MIT */
/*
 * The trace of a session: which lines a frame makes, and what they never show. Also what a session
 * keeps of a head's texts, which share one room.
 */
#include "unit/h2_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define KEY "sk-0123456789abcdef"

enum { LINES_BYTES = 65536, TEXT_BYTES = 131072 };

static const h2_world_options honest = {0};
static char lines_memory[LINES_BYTES];
static char text[TEXT_BYTES]; /* the trace so far, each line with its end */
static cmx_lines lines;
static h2_world *world;

static int set_up(void **state)
{
    (void)state;
    world = h2_world_open(&honest);
    cmx_lines_init(&lines, lines_memory, sizeof(lines_memory));
    lines.on = true;
    world->h2.trace = (cmx_h2_trace){.lines = &lines,
                                     .key = CMX_VIEW_LITERAL(KEY),
                                     .key_name = CMX_VIEW_LITERAL("x-own"),
                                     .conn = 7};
    text[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    h2_world_close(world);
    return 0;
}

static void drain(void)
{
    cmx_view line;
    size_t len = strlen(text);
    while (cmx_lines_next(&lines, &line)) {
        assert_true(len + line.len + 2 <= sizeof(text));
        memcpy(text + len, line.data, line.len);
        len += line.len;
        text[len++] = '\n';
        text[len] = '\0';
    }
}

static void expect_text(const char *part)
{
    drain();
    if (strstr(text, part) == NULL) {
        fail_msg("'%s' is not in\n%s", part, text);
    }
}

static void expect_hidden(const char *part)
{
    drain();
    if (strstr(text, part) != NULL) {
        fail_msg("'%s' is in\n%s", part, text);
    }
}

static nghttp2_nv make_field(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

/* Lets the server answer stream 1 with these fields, without a body. */
static void answer(const nghttp2_nv *fields, size_t count)
{
    h2_world_start(world, 0, NULL);
    h2_world_exchange(world);
    assert_int_equal(nghttp2_submit_response2(world->peer.session, 1, fields, count, NULL), 0);
    h2_world_exchange(world);
    assert_string_equal(world->streams[0].log, "HE");
}

static void test_h2_trace_request_and_answer_are_lines(void **state)
{
    (void)state;
    h2_world_start(world, 0, NULL);
    h2_world_exchange(world);
    h2_peer_answer(&world->peer, 1, 100);
    h2_world_exchange(world);
    expect_text("conn 7 send HEADERS stream=1 flags=0x05 length=");
    expect_text("\nconn 7 send :method: POST\n");
    expect_text("\nconn 7 send :path: /v1/chat/completions\n");
    expect_text("\nconn 7 send api-key: <redacted>\n");
    expect_text("\nconn 7 send content-type: application/json\n");
    expect_text("\nconn 7 recv HEADERS stream=1 flags=0x04 length=");
    expect_text("\nconn 7 recv :status: 200\n");
    expect_text("\nconn 7 recv x-request-id: req-42\n");
    expect_text("\nconn 7 recv DATA stream=1 flags=0x");
    expect_hidden("secret-0123456789");
}

static void test_h2_trace_control_frames_tell_what_they_mean(void **state)
{
    (void)state;
    static const nghttp2_settings_entry entries[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 9},
                                                     {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 777},
                                                     {0xabc, 5}};
    assert_int_equal(nghttp2_submit_settings(world->peer.session, NGHTTP2_FLAG_NONE, entries, 3),
                     0);
    assert_int_equal(nghttp2_submit_window_update(world->peer.session, NGHTTP2_FLAG_NONE, 0, 4242),
                     0);
    assert_int_equal(cmx_h2_ping(&world->h2), CMX_OK);
    h2_world_exchange(world);
    expect_text("conn 7 recv SETTINGS flags=0x00 length=18 MAX_CONCURRENT_STREAMS=9 "
                "INITIAL_WINDOW_SIZE=777 SETTING_2748=5\n");
    expect_text("conn 7 send SETTINGS flags=0x01 length=0 ACK\n");
    expect_text("conn 7 recv WINDOW_UPDATE flags=0x00 length=4 increment=4242\n");
    expect_text("conn 7 send PING flags=0x00 length=8\n");
    expect_text("conn 7 recv PING flags=0x01 length=8 ACK\n");
    h2_world_start(world, 0, NULL);
    h2_world_start(world, 1, NULL);
    h2_world_exchange(world);
    h2_peer_reset(&world->peer, 1, NGHTTP2_REFUSED_STREAM);
    cmx_h2_cancel(&world->h2, &world->streams[1].h2);
    h2_world_exchange(world);
    expect_text("conn 7 recv RST_STREAM stream=1 flags=0x00 length=4 REFUSED_STREAM\n");
    expect_text("conn 7 send RST_STREAM stream=3 flags=0x00 length=4 CANCEL\n");
    h2_peer_goaway(&world->peer, 3, NGHTTP2_ENHANCE_YOUR_CALM);
    h2_world_exchange(world);
    expect_text("conn 7 recv GOAWAY flags=0x00 length=8 last_stream=3 ENHANCE_YOUR_CALM\n");
}

static void test_h2_trace_secrets_are_hidden_whatever_their_name(void **state)
{
    (void)state;
    const nghttp2_nv fields[] = {
        make_field(":status", "200"),
        make_field("set-cookie", "session=abc123"),
        make_field("x-own", "own-value"),
        make_field("x-echo", "you sent " KEY " to us"),
        make_field("x-broken", "a\x80z"),
        make_field("location", "/a?b=1&api_key=hunter2&c=3#access_token=hunter3"),
    };
    answer(fields, CMX_ARRAY_LEN(fields));
    expect_text("recv set-cookie: <redacted>\n");
    expect_text("recv x-own: <redacted>\n");
    expect_text("recv x-echo: <redacted>\n");
    expect_text("recv x-broken: a\\x80z\n");
    expect_text("recv location: /a?b=1&api_key=<redacted>&c=3#access_token=<redacted>\n");
    expect_hidden("abc123");
    expect_hidden("own-value");
    expect_hidden(KEY);
    expect_hidden("hunter");
}

static void test_h2_trace_goaway_text_with_the_key_is_hidden(void **state)
{
    (void)state;
    static const char said[] = "bad key " KEY;
    assert_int_equal(nghttp2_submit_goaway(world->peer.session, NGHTTP2_FLAG_NONE, 0,
                                           NGHTTP2_NO_ERROR, (const uint8_t *)said,
                                           sizeof(said) - 1),
                     0);
    h2_world_exchange(world);
    expect_text(" NO_ERROR <redacted>\n");
    expect_hidden(KEY);
}

static void test_h2_trace_broken_frame_is_answered_by_goaway(void **state)
{
    (void)state;
    h2_world_start(world, 0, NULL);
    h2_world_exchange(world);
    h2_peer_frame(&world->peer, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\0"); /* three bytes of four */
    h2_world_deliver(world, H2_WORLD_ALL);
    h2_world_flush(world, 4096);
    expect_text("conn 7 send GOAWAY flags=0x00 length=");
    expect_text("FRAME_SIZE_ERROR");
}

static void test_h2_trace_second_head_is_told_as_refused(void **state)
{
    (void)state;
    static const char *const type[2] = {"content-type", "text/plain"};
    h2_world_start(world, 0, NULL);
    h2_world_exchange(world);
    h2_peer_head(&world->peer, 1, 0, "200", type);
    h2_peer_head(&world->peer, 1, 0, "200", type);
    h2_world_deliver(world, H2_WORLD_ALL);
    h2_world_flush(world, 4096);
    expect_text("conn 7 recv refused: HEADERS stream=1 ");
    expect_text("conn 7 send RST_STREAM stream=1 flags=0x00 length=4 PROTOCOL_ERROR\n");
}

static void test_h2_trace_off_writes_nothing(void **state)
{
    (void)state;
    lines.on = false;
    h2_world_start(world, 0, NULL);
    h2_world_exchange(world);
    h2_peer_answer(&world->peer, 1, 100);
    h2_world_exchange(world);
    drain();
    assert_string_equal(text, "");
    world->h2.trace.lines = NULL;
    assert_int_equal(cmx_h2_ping(&world->h2), CMX_OK);
    h2_world_exchange(world);
}

static void expect_view(cmx_view got, const char *expected)
{
    assert_int_equal(got.len, strlen(expected));
    assert_memory_equal(got.data, expected, got.len);
}

static void expect_head(const nghttp2_nv *fields, size_t count, const char *id,
                        const char *location)
{
    const cmx_h2_head *head = &world->streams[0].h2.head;
    answer(fields, count);
    expect_view(cmx_h2_head_request_id(head), id);
    expect_view(cmx_h2_head_location(head), location);
}

static void test_h2_trace_head_keeps_id_and_location_in_any_order(void **state)
{
    (void)state;
    const nghttp2_nv fields[] = {
        make_field(":status", "307"), make_field("location", "https://other.example/v1"),
        make_field("x-request-id", "req-1"), make_field("location", "https://third.example/v1")};
    expect_head(fields, 4, "req-1", "https://other.example/v1");
}

static void test_h2_trace_head_without_redirect_has_no_location(void **state)
{
    (void)state;
    const nghttp2_nv fields[] = {make_field(":status", "201"),
                                 make_field("location", "/v1/files/7"),
                                 make_field("x-request-id", "a\xc3\xa9 b")};
    expect_head(fields, 3, "a?? b", "");
}

static void test_h2_trace_head_texts_are_cut_to_their_room(void **state)
{
    (void)state;
    char id[CMX_H2_REQUEST_ID_BYTES_MAX + 20];
    char location[300];
    char expected[CMX_H2_HEAD_TEXT_BYTES];
    memset(id, 'i', sizeof(id) - 1);
    memset(location, 'l', sizeof(location) - 1);
    id[sizeof(id) - 1] = '\0';
    location[sizeof(location) - 1] = '\0';
    const nghttp2_nv fields[] = {make_field(":status", "302"), make_field("location", location),
                                 make_field("x-request-id", id)};
    memset(expected, 'l', sizeof(expected));
    expected[CMX_H2_HEAD_TEXT_BYTES - CMX_H2_REQUEST_ID_BYTES_MAX] = '\0';
    char id_expected[CMX_H2_REQUEST_ID_BYTES_MAX + 1];
    memset(id_expected, 'i', sizeof(id_expected) - 1);
    id_expected[CMX_H2_REQUEST_ID_BYTES_MAX] = '\0';
    expect_head(fields, 3, id_expected, expected);
    assert_int_equal(sizeof(cmx_h2_head), 136);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_h2_trace_request_and_answer_are_lines),
        TEST(test_h2_trace_control_frames_tell_what_they_mean),
        TEST(test_h2_trace_secrets_are_hidden_whatever_their_name),
        TEST(test_h2_trace_goaway_text_with_the_key_is_hidden),
        TEST(test_h2_trace_broken_frame_is_answered_by_goaway),
        TEST(test_h2_trace_second_head_is_told_as_refused),
        TEST(test_h2_trace_off_writes_nothing),
        TEST(test_h2_trace_head_keeps_id_and_location_in_any_order),
        TEST(test_h2_trace_head_without_redirect_has_no_location),
        TEST(test_h2_trace_head_texts_are_cut_to_their_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
