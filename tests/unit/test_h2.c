/* SPDX-License-Identifier: MIT */
/*
 * Answers: what a session reports of heads, bodies and ends, honest or broken, and that its
 * flow-control windows and its memory stay balanced whatever happens to a stream.
 */
#include "unit/h2_world.h"
#include "unit/region_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const h2_world_options honest = {0};

static const char *const event_stream[2] = {"content-type", "text/event-stream"};

/* A world with `count` requests on the wire: stream ids 1, 3, 5, ... */
static h2_world *open_with_requests(const h2_world_options *options, size_t count)
{
    h2_world *world = h2_world_open(options);

    for (size_t i = 0; i < count; i++) {
        h2_world_start(world, i, NULL);
        h2_world_exchange(world);
    }
    assert_int_equal(world->peer.stream_count, count);
    assert_int_equal(world->h2.active, count);
    return world;
}

static void test_h2_request_and_response_completes(void **state)
{
    h2_world *world = open_with_requests(&honest, 1);
    h2_world_stream *stream = &world->streams[0];

    (void)state;
    assert_true(world->peer.streams[0].ended);
    assert_true(world->peer.streams[0].secret_is_safe);
    assert_int_equal(world->peer.initial_window, 16384);
    assert_int_equal(world->peer.head_bytes_max, 16384);
    assert_int_equal(world->peer.push_allowed, 0);
    h2_peer_answer(&world->peer, 1, 100);
    h2_world_exchange(world);
    assert_string_equal(stream->log, "HDE");
    assert_int_equal(stream->body_bytes, 100);
    assert_int_equal(stream->wrong_bytes, 0);
    assert_int_equal(stream->h2.head.status, 200);
    assert_int_equal(stream->h2.head.content, CMX_H2_CONTENT_EVENT_STREAM);
    assert_int_equal(stream->h2.head.request_id_len, 6);
    assert_memory_equal(cmx_h2_head_request_id(&stream->h2.head).data, "req-42", 6);
    assert_true(cmx_h2_stream_complete(&stream->h2));
    assert_false(cmx_h2_stream_unprocessed(&stream->h2));
    assert_int_equal(stream->h2.error_code, 0);
    assert_int_equal(world->h2.active, 0);
    h2_world_close(world);
}

static void test_h2_many_streams_interleaved_keep_their_bytes(void **state)
{
    enum { COUNT = 50, BODY_BYTES = 20000 };
    h2_world *world = open_with_requests(&honest, COUNT);

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        h2_peer_answer(&world->peer, (int32_t)(2 * i + 1), BODY_BYTES + i);
    }
    h2_world_exchange(world);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(world->streams[i].body_bytes, BODY_BYTES + i);
        assert_int_equal(world->streams[i].wrong_bytes, 0);
        assert_true(cmx_h2_stream_complete(&world->streams[i].h2));
    }
    h2_world_close(world);
}

static void test_h2_bytes_split_everywhere_give_the_same_records(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= 24; piece++) {
        h2_world *world = open_with_requests(&honest, 2);
        h2_peer_answer(&world->peer, 1, 300);
        h2_peer_answer(&world->peer, 3, 200);
        assert_true(h2_peer_send(&world->peer));
        h2_world_deliver(world, piece);
        assert_int_equal(world->streams[0].body_bytes, 300);
        assert_int_equal(world->streams[1].body_bytes, 200);
        assert_int_equal(world->streams[0].wrong_bytes + world->streams[1].wrong_bytes, 0);
        assert_true(cmx_h2_stream_complete(&world->streams[0].h2));
        assert_true(cmx_h2_stream_complete(&world->streams[1].h2));
        h2_world_close(world);
    }
}

static void test_h2_held_chunk_stops_records_until_release(void **state)
{
    h2_world *world = open_with_requests(&honest, 1);
    cmx_h2_item item;

    (void)state;
    world->holds = true;
    h2_peer_head(&world->peer, 1, 0, "200", event_stream);
    h2_peer_frame(&world->peer, NGHTTP2_DATA, 0, 1, "one");
    h2_peer_frame(&world->peer, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "two");
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_string_equal(world->streams[0].log, "HD");
    assert_string_equal(world->streams[0].text, "one");
    assert_int_equal(cmx_h2_next(&world->h2, &item), CMX_AGAIN);
    cmx_h2_release(&world->h2);
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_string_equal(world->streams[0].text, "onetwo");
    assert_string_equal(world->streams[0].log, "HDD");
    cmx_h2_release(&world->h2);
    assert_true(world->h2.paused);
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_string_equal(world->streams[0].log, "HDDE");
    h2_world_close(world);
}

static void test_h2_chunk_comes_before_end_of_its_stream(void **state)
{
    h2_world *world = open_with_requests(&honest, 1);
    cmx_h2_item item;
    size_t used;

    (void)state;
    h2_peer_head(&world->peer, 1, 0, "200", event_stream);
    h2_peer_frame(&world->peer, NGHTTP2_DATA, 0, 1, "one");
    assert_int_equal(cmx_h2_feed(&world->h2, world->peer.out, world->peer.out_len, &used), CMX_OK);
    assert_int_equal(used, world->peer.out_len);
    cmx_h2_stream_end(&world->h2, &world->streams[0].h2, NGHTTP2_INTERNAL_ERROR);
    assert_int_equal(cmx_h2_next(&world->h2, &item), CMX_OK);
    assert_int_equal(item.kind, CMX_H2_ITEM_HEAD);
    assert_int_equal(cmx_h2_next(&world->h2, &item), CMX_OK);
    assert_int_equal(item.kind, CMX_H2_ITEM_DATA);
    assert_int_equal(cmx_h2_next(&world->h2, &item), CMX_AGAIN);
    cmx_h2_release(&world->h2);
    assert_int_equal(cmx_h2_next(&world->h2, &item), CMX_OK);
    assert_int_equal(item.kind, CMX_H2_ITEM_END);
    h2_world_close(world);
}

static void test_h2_empty_data_frame_ends_stream(void **state)
{
    h2_world *world = open_with_requests(&honest, 1);

    (void)state;
    h2_peer_head(&world->peer, 1, 0, "200", event_stream);
    h2_peer_frame(&world->peer, NGHTTP2_DATA, 0, 1, "text");
    h2_peer_frame(&world->peer, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "");
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_string_equal(world->streams[0].log, "HDE");
    assert_true(cmx_h2_stream_complete(&world->streams[0].h2));
    h2_world_close(world);
}

static void test_h2_headers_only_response_has_head_and_end(void **state)
{
    h2_world *world = open_with_requests(&honest, 1);
    static const char *const problem[2] = {"content-type", "application/problem+JSON;charset=x"};

    (void)state;
    h2_peer_head(&world->peer, 1, NGHTTP2_FLAG_END_STREAM, "429", problem);
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_string_equal(world->streams[0].log, "HE");
    assert_int_equal(world->streams[0].h2.head.status, 429);
    assert_int_equal(world->streams[0].h2.head.content, CMX_H2_CONTENT_JSON);
    assert_true(cmx_h2_stream_complete(&world->streams[0].h2));
    h2_world_close(world);
}

static void test_h2_informational_head_is_not_reported(void **state)
{
    h2_world *world = open_with_requests(&honest, 1);
    static const char *const early[2] = {"x-request-id", "of-the-103"};

    (void)state;
    h2_peer_head(&world->peer, 1, 0, "103", early);
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_string_equal(world->streams[0].log, "");
    h2_peer_head(&world->peer, 1, 0, "200", event_stream);
    h2_peer_frame(&world->peer, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "x");
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_string_equal(world->streams[0].log, "HDE");
    assert_int_equal(world->streams[0].h2.head.status, 200);
    assert_int_equal(world->streams[0].h2.head.request_id_len, 0);
    h2_world_close(world);
}

static void test_h2_trailers_end_the_stream_and_change_nothing(void **state)
{
    h2_world *world = open_with_requests(&honest, 1);
    static const char *const trailer[2] = {"x-request-id", "late"};

    (void)state;
    h2_peer_head(&world->peer, 1, 0, "200", event_stream);
    h2_peer_frame(&world->peer, NGHTTP2_DATA, 0, 1, "x");
    h2_peer_head(&world->peer, 1, NGHTTP2_FLAG_END_STREAM, NULL, trailer);
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_string_equal(world->streams[0].log, "HDE");
    assert_int_equal(world->streams[0].h2.head.request_id_len, 0);
    assert_true(cmx_h2_stream_complete(&world->streams[0].h2));
    h2_world_close(world);
}

static void test_h2_second_final_head_resets_that_stream_only(void **state)
{
    h2_world *world = open_with_requests(&honest, 2);

    (void)state;
    h2_peer_head(&world->peer, 1, 0, "200", event_stream);
    h2_peer_head(&world->peer, 1, 0, "200", event_stream);
    h2_world_deliver(world, H2_WORLD_ALL);
    h2_peer_answer(&world->peer, 3, 10);
    h2_world_exchange(world);
    assert_string_equal(world->streams[0].log, "HE");
    assert_int_equal(world->streams[0].h2.error_code, NGHTTP2_PROTOCOL_ERROR);
    assert_false(cmx_h2_stream_complete(&world->streams[0].h2));
    assert_true(world->peer.streams[0].reset);
    assert_true(cmx_h2_stream_complete(&world->streams[1].h2));
    h2_world_close(world);
}

static void test_h2_reset_without_error_is_not_complete(void **state)
{
    h2_world *world = open_with_requests(&honest, 1);

    (void)state;
    h2_peer_head(&world->peer, 1, 0, "200", event_stream);
    h2_peer_frame(&world->peer, NGHTTP2_DATA, 0, 1, "x");
    h2_peer_reset(&world->peer, 1, NGHTTP2_NO_ERROR);
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_string_equal(world->streams[0].log, "HDE");
    assert_int_equal(world->streams[0].h2.error_code, NGHTTP2_NO_ERROR);
    assert_false(cmx_h2_stream_complete(&world->streams[0].h2));
    assert_false(cmx_h2_stream_unprocessed(&world->streams[0].h2));
    h2_world_close(world);
}

static void test_h2_refused_stream_is_unprocessed_before_head_only(void **state)
{
    h2_world *world = open_with_requests(&honest, 3);

    (void)state;
    h2_peer_reset(&world->peer, 1, NGHTTP2_REFUSED_STREAM);
    h2_peer_head(&world->peer, 3, 0, "200", event_stream);
    h2_peer_reset(&world->peer, 3, NGHTTP2_REFUSED_STREAM);
    h2_peer_reset(&world->peer, 5, NGHTTP2_INTERNAL_ERROR);
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_string_equal(world->streams[0].log, "E");
    assert_true(cmx_h2_stream_unprocessed(&world->streams[0].h2));
    assert_string_equal(world->streams[1].log, "HE");
    assert_false(cmx_h2_stream_unprocessed(&world->streams[1].h2));
    assert_int_equal(world->streams[2].h2.error_code, NGHTTP2_INTERNAL_ERROR);
    assert_false(cmx_h2_stream_unprocessed(&world->streams[2].h2));
    h2_world_close(world);
}

static void test_h2_goaway_ends_later_streams_unprocessed(void **state)
{
    h2_world *world = open_with_requests(&honest, 3);

    (void)state;
    h2_peer_goaway(&world->peer, INT32_MAX, NGHTTP2_NO_ERROR);
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_true(world->h2.goaway_received);
    assert_int_equal(world->h2.active, 3);
    assert_int_equal(cmx_h2_room(&world->h2), 0);
    h2_peer_goaway(&world->peer, 3, NGHTTP2_ENHANCE_YOUR_CALM);
    h2_peer_goaway(&world->peer, 3, NGHTTP2_INTERNAL_ERROR);
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_int_equal(world->h2.goaway_last_id, 3);
    assert_int_equal(world->h2.goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_string_equal(world->streams[2].log, "E");
    assert_true(cmx_h2_stream_unprocessed(&world->streams[2].h2));
    h2_peer_answer(&world->peer, 1, 10);
    h2_peer_answer(&world->peer, 3, 10);
    h2_world_exchange(world);
    assert_true(cmx_h2_stream_complete(&world->streams[0].h2));
    assert_true(cmx_h2_stream_complete(&world->streams[1].h2));
    h2_world_close(world);
}

/* A frame's worth of bytes that come after a cancel: four of them fill a connection's window. */
static char late[16001];

/* One step of a cancel test: the phase in which the stream is when it is cancelled. */
static void cancel_in_phase(h2_world *world, size_t index, int phase)
{
    int32_t id = (int32_t)(2 * index + 1);

    h2_world_start(world, index, NULL);
    if (phase >= 1) {
        h2_world_exchange(world);
    }
    if (phase >= 2) {
        h2_peer_head(&world->peer, id, 0, "200", event_stream);
        h2_world_deliver(world, H2_WORLD_ALL);
    }
    if (phase >= 3) {
        h2_peer_frame(&world->peer, NGHTTP2_DATA, 0, id, late);
        world->holds = true;
        h2_world_deliver(world, phase == 3 ? 16 : H2_WORLD_ALL); /* within the frame, or behind */
        assert_non_null(world->h2.data_stream);
    }
    cmx_h2_cancel(&world->h2, &world->streams[index].h2);
    assert_int_equal(world->h2.active, 0);
    assert_null(world->h2.data_stream);
    world->holds = false;
    memset(&world->streams[index], 0xee, sizeof(world->streams[index])); /* reused at once */
    h2_world_deliver(world, 16);
}

static void test_h2_cancel_in_every_phase_keeps_the_window(void **state)
{
    enum { ROUNDS = 15, PHASES = 5 };
    h2_world *world = h2_world_open(&honest);
    uint64_t late_bytes = 0;

    (void)state;
    memset(late, 'x', sizeof(late) - 1);
    for (size_t i = 0; i < ROUNDS * PHASES; i++) {
        int phase = (int)(i % PHASES);
        cancel_in_phase(world, i, phase);
        if (phase > 0) { /* the server has not seen the reset yet */
            int32_t id = (int32_t)(2 * i + 1);
            if (phase == 1) {
                h2_peer_head(&world->peer, id, 0, "200", event_stream);
            }
            h2_peer_frame(&world->peer, NGHTTP2_DATA, 0, id, late);
            late_bytes += sizeof(late) - 1;
            h2_world_deliver(world, H2_WORLD_ALL);
        }
        h2_world_exchange(world);
    }
    assert_true(late_bytes > 8 * 65535);
    assert_true(world->peer.connection_credit > late_bytes - 65535);
    assert_int_equal(world->feed_rc, CMX_OK);
    h2_world_start(world, 100, NULL);
    h2_world_exchange(world);
    h2_peer_answer(&world->peer, 2 * ROUNDS * PHASES + 1, 200000);
    h2_world_exchange(world);
    assert_int_equal(world->streams[100].body_bytes, 200000);
    assert_true(cmx_h2_stream_complete(&world->streams[100].h2));
    h2_world_close(world);
}

static void test_h2_body_unlike_its_length_is_not_complete(void **state)
{
    static const char *const five_bytes[2] = {"content-length", "5"};
    h2_world *world = open_with_requests(&honest, 2);

    (void)state;
    h2_peer_head(&world->peer, 1, 0, "200", five_bytes);
    h2_peer_frame(&world->peer, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "xyz");
    h2_peer_head(&world->peer, 3, 0, "200", five_bytes);
    h2_peer_frame(&world->peer, NGHTTP2_DATA, 0, 3, "123456");
    h2_world_deliver(world, H2_WORLD_ALL);
    h2_world_exchange(world);
    assert_string_equal(world->streams[0].log, "HDE");
    assert_false(cmx_h2_stream_complete(&world->streams[0].h2));
    assert_int_equal(world->streams[0].h2.error_code, NGHTTP2_PROTOCOL_ERROR);
    assert_string_equal(world->streams[1].log, "HE");
    assert_false(cmx_h2_stream_complete(&world->streams[1].h2));
    assert_int_equal(world->feed_rc, CMX_OK);
    h2_world_close(world);
}

static void test_h2_cancel_is_silent_and_resets(void **state)
{
    h2_world *world = open_with_requests(&honest, 2);

    (void)state;
    h2_peer_head(&world->peer, 1, NGHTTP2_FLAG_END_STREAM, "200", event_stream);
    h2_peer_head(&world->peer, 3, 0, "200", event_stream);
    size_t used;
    assert_int_equal(cmx_h2_feed(&world->h2, world->peer.out, world->peer.out_len, &used), CMX_OK);
    world->peer.out_len = 0;
    cmx_h2_cancel(&world->h2, &world->streams[0].h2); /* its HEAD and END wait to be taken */
    cmx_h2_cancel(&world->h2, &world->streams[1].h2);
    cmx_h2_cancel(&world->h2, &world->streams[1].h2); /* twice does nothing */
    h2_world_exchange(world);
    assert_string_equal(world->streams[0].log, "");
    assert_string_equal(world->streams[1].log, "");
    assert_false(world->peer.streams[0].reset);
    assert_true(world->peer.streams[1].reset);
    assert_int_equal(world->peer.streams[1].reset_code, NGHTTP2_CANCEL);
    h2_world_close(world);
}

static void test_h2_head_too_large_resets_the_stream(void **state)
{
    const h2_world_options options = {.head_bytes_max = 200};
    h2_world *world = open_with_requests(&options, 3);
    static const char *const fat[2] = {
        "x-fat", "0123456789012345678901234567890123456789012345678901234567890123456789"};

    (void)state;
    h2_peer_head(&world->peer, 1, 0, "200", fat);
    h2_peer_frame(&world->peer, NGHTTP2_DATA, 0, 1, "x");
    h2_peer_head(&world->peer, 1, NGHTTP2_FLAG_END_STREAM, NULL, fat); /* trailers count, too */
    h2_peer_head(&world->peer, 3, 0, "103", fat);
    h2_peer_head(&world->peer, 3, 0, "103", fat); /* and so do early hints */
    h2_world_deliver(world, H2_WORLD_ALL);
    h2_peer_head(&world->peer, 5, NGHTTP2_FLAG_END_STREAM, "200", fat);
    h2_world_exchange(world);
    assert_string_equal(world->streams[0].log, "HDE");
    assert_int_equal(world->streams[0].h2.source_error, CMX_ERR_HEAD_LARGE);
    assert_false(cmx_h2_stream_complete(&world->streams[0].h2));
    assert_string_equal(world->streams[1].log, "E");
    assert_int_equal(world->streams[1].h2.source_error, CMX_ERR_HEAD_LARGE);
    assert_int_equal(world->streams[1].h2.head.status, 0);
    assert_true(world->peer.streams[1].reset);
    assert_string_equal(world->streams[2].log, "HE");
    assert_int_equal(world->feed_rc, CMX_OK);
    h2_world_close(world);
}

static void test_h2_garbage_breaks_the_session(void **state)
{
    static const uint8_t http1[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    static const uint8_t even_head[9] = {0, 0, 1, NGHTTP2_HEADERS, 4, 0, 0, 0, 2};
    const h2_world_options silent = {.stays_silent = true};
    h2_world *world = h2_world_open(&silent);
    size_t used;

    (void)state;
    assert_int_equal(cmx_h2_feed(&world->h2, http1, sizeof(http1) - 1, &used), CMX_ERR_HTTP2);
    assert_int_equal(cmx_h2_room(&world->h2), 0);
    h2_world_close(world);

    world = open_with_requests(&honest, 1);
    h2_peer_frame_bytes(&world->peer, even_head, "\x88", 1);
    h2_world_deliver(world, 1);
    assert_int_equal(world->feed_rc, CMX_ERR_HTTP2);
    h2_world_flush(world, 100); /* the server is told why */
    assert_true(world->peer.goaway_received);
    assert_int_equal(world->peer.goaway_code, NGHTTP2_PROTOCOL_ERROR);
    assert_int_equal(cmx_h2_feed(&world->h2, http1, 1, &used), CMX_ERR_HTTP2);
    h2_world_close(world);
}

static void test_h2_garbage_after_goaway_breaks_the_session(void **state)
{
    static const uint8_t even_head[9] = {0, 0, 1, NGHTTP2_HEADERS, 4, 0, 0, 0, 2};
    h2_world *world = open_with_requests(&honest, 1);
    size_t used;

    (void)state;
    h2_peer_goaway(&world->peer, 1, NGHTTP2_NO_ERROR);
    h2_peer_frame_bytes(&world->peer, even_head, "\x88", 1);
    h2_world_deliver(world, H2_WORLD_ALL);
    h2_world_flush(world, 100);
    assert_int_equal(cmx_h2_feed(&world->h2, even_head, 1, &used), CMX_ERR_HTTP2);
    h2_world_close(world);
}

/* Opens, asks and answers in a region of this size until memory runs out or all is done. */
static int starve(size_t region_bytes, size_t *started)
{
    enum { REQUESTS = 32 };
    static _Alignas(16) uint8_t memory[256 * 1024];
    static h2_peer peer;
    static uint8_t out[4096];
    static cmx_h2_stream streams[REQUESTS];
    const cmx_h2_limits limits = {16384, 65535, 16384, 1, false};
    const cmx_h2_field fields[] = {
        {CMX_VIEW_LITERAL(":method"), CMX_VIEW_LITERAL("GET"), CMX_H2_FIELD_LIVES},
        {CMX_VIEW_LITERAL(":scheme"), CMX_VIEW_LITERAL("https"), CMX_H2_FIELD_LIVES},
        {CMX_VIEW_LITERAL(":authority"), CMX_VIEW_LITERAL("relay.example"),
         CMX_H2_FIELD_LIVES_NAME},
        {CMX_VIEW_LITERAL(":path"), CMX_VIEW_LITERAL("/v1/models"), CMX_H2_FIELD_LIVES_NAME}};
    const cmx_h2_request request = {fields, CMX_ARRAY_LEN(fields), NULL};
    cmx_region *region = cmx_region_init(memory, region_bytes);
    size_t baseline = cmx_region_used(region);
    cmx_h2_library library;
    cmx_h2 h2;
    size_t len;

    memset(streams, 0, sizeof(streams));
    *started = 0;
    assert_int_equal(cmx_h2_library_init(&library, 100), CMX_OK);
    h2_peer_open(&peer, NULL, 0);
    int rc = cmx_h2_open(&h2, &library, region, &limits);
    while (rc == CMX_OK && *started < REQUESTS) {
        rc = cmx_h2_start(&h2, &streams[*started], &request);
        if (rc == CMX_OK) {
            (*started)++;
            rc = cmx_h2_write(&h2, out, sizeof(out), &len);
        }
        if (rc == CMX_OK) {
            h2_peer_receive(&peer, out, len);
            (void)h2_peer_send(&peer);
            rc = cmx_h2_feed(&h2, peer.out, peer.out_len, &len);
            peer.out_len = 0;
        }
    }
    cmx_h2_close(&h2);
    cmx_h2_library_deinit(&library);
    h2_peer_close(&peer);
    cmx_region_check(region);
    assert_int_equal(cmx_region_used(region), baseline);
    return rc;
}

static void test_h2_region_exhausted_says_no_memory(void **state)
{
    size_t opened_count = 0;
    size_t refused_count = 0;
    size_t started = 0;
    int rc = CMX_OK;

    (void)state;
    for (size_t bytes = 4096; bytes < 128 * 1024; bytes += 256) {
        rc = starve(bytes, &started);
        assert_true(rc == CMX_OK || rc == CMX_ERR_NO_MEMORY);
        opened_count += rc != CMX_OK && started > 0;
        refused_count += rc != CMX_OK && started == 0;
    }
    assert_int_equal(rc, CMX_OK); /* the largest suffices */
    assert_int_equal(started, 32);
    assert_true(refused_count > 10);
    assert_true(opened_count > 10);
}

static void test_h2_ping_and_goodbye(void **state)
{
    h2_world *world = open_with_requests(&honest, 1);
    uint64_t frames = world->h2.frames_received;

    (void)state;
    assert_int_equal(cmx_h2_ping(&world->h2), CMX_OK);
    assert_true(cmx_h2_wants_write(&world->h2));
    h2_world_exchange(world);
    assert_int_equal(world->h2.pings_acked, 1);
    assert_int_equal(world->h2.frames_received, frames + 1);
    cmx_h2_goodbye(&world->h2);
    assert_int_equal(cmx_h2_room(&world->h2), 0);
    h2_peer_answer(&world->peer, 1, 5); /* what is under way still ends well */
    h2_world_exchange(world);
    assert_true(world->peer.goaway_received);
    assert_int_equal(world->peer.goaway_code, NGHTTP2_NO_ERROR);
    assert_true(cmx_h2_stream_complete(&world->streams[0].h2));
    assert_int_equal(world->feed_rc, CMX_OK);
    h2_world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h2_request_and_response_completes),
        cmocka_unit_test(test_h2_many_streams_interleaved_keep_their_bytes),
        cmocka_unit_test(test_h2_bytes_split_everywhere_give_the_same_records),
        cmocka_unit_test(test_h2_held_chunk_stops_records_until_release),
        cmocka_unit_test(test_h2_chunk_comes_before_end_of_its_stream),
        cmocka_unit_test(test_h2_empty_data_frame_ends_stream),
        cmocka_unit_test(test_h2_headers_only_response_has_head_and_end),
        cmocka_unit_test(test_h2_informational_head_is_not_reported),
        cmocka_unit_test(test_h2_trailers_end_the_stream_and_change_nothing),
        cmocka_unit_test(test_h2_second_final_head_resets_that_stream_only),
        cmocka_unit_test(test_h2_reset_without_error_is_not_complete),
        cmocka_unit_test(test_h2_refused_stream_is_unprocessed_before_head_only),
        cmocka_unit_test(test_h2_goaway_ends_later_streams_unprocessed),
        cmocka_unit_test(test_h2_cancel_in_every_phase_keeps_the_window),
        cmocka_unit_test(test_h2_body_unlike_its_length_is_not_complete),
        cmocka_unit_test(test_h2_cancel_is_silent_and_resets),
        cmocka_unit_test(test_h2_head_too_large_resets_the_stream),
        cmocka_unit_test(test_h2_garbage_breaks_the_session),
        cmocka_unit_test(test_h2_garbage_after_goaway_breaks_the_session),
        cmocka_unit_test(test_h2_region_exhausted_says_no_memory),
        cmocka_unit_test(test_h2_ping_and_goodbye),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
