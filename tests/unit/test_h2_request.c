/* SPDX-License-Identifier: MIT */
/*
 * Requests: how many may be started and when, and how bodies leave: whole, in turns with others,
 * through small windows, and not a byte more once the stream is over.
 */
#include "unit/h2_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const h2_world_options honest = {0};

/* A body in the pattern that the peer expects on this stream. */
typedef struct pattern_source {
    cmx_source source;
    int32_t stream_id;
    uint64_t offset;
    uint64_t fails_at; /* offset; 0 = never */
    size_t step_max;   /* bytes per read */
    unsigned reads;
    unsigned rewinds;
} pattern_source;

static int read_pattern(void *ctx, uint8_t *out, size_t capacity, size_t *got)
{
    pattern_source *body = ctx;
    size_t len = capacity < body->step_max ? capacity : body->step_max;

    body->reads++;
    if (body->fails_at > 0 && body->offset >= body->fails_at) {
        return CMX_ERR_BODY_CHANGED;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = h2_peer_pattern(body->stream_id, body->offset + i);
    }
    body->offset += len;
    *got = len;
    return CMX_OK;
}

static void rewind_pattern(void *ctx)
{
    pattern_source *body = ctx;

    body->offset = 0;
    body->rewinds++;
}

static void init_pattern(pattern_source *body, int32_t stream_id, uint64_t length)
{
    *body = (pattern_source){.source = {read_pattern, rewind_pattern, body, length},
                             .stream_id = stream_id,
                             .offset = 12345, /* the session rewinds */
                             .step_max = 1000};
}

static void set_peer_streams(h2_world *world, uint32_t streams_max)
{
    const nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max};

    assert_int_equal(nghttp2_submit_settings(world->peer.session, NGHTTP2_FLAG_NONE, &entry, 1), 0);
}

static void test_h2_request_room_before_settings_is_the_option(void **state)
{
    const h2_world_options options = {.stays_silent = true, .streams_before_settings = 8};
    h2_world *world = h2_world_open(&options);

    (void)state;
    assert_int_equal(cmx_h2_room(&world->h2), 8);
    for (size_t i = 0; i < 8; i++) {
        h2_world_start(world, i, NULL);
    }
    assert_int_equal(cmx_h2_room(&world->h2), 0);
    h2_world_exchange(world);
    assert_true(world->h2.settings_received);
    assert_int_equal(world->peer.stream_count, 8);
    assert_int_equal(cmx_h2_room(&world->h2), CMX_H2_UNSENT_HEADERS_MAX);
    h2_world_close(world);
}

static void test_h2_request_room_keeps_one_stream_back(void **state)
{
    h2_world_options options = {.setting = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 3}};
    h2_world *world = h2_world_open(&options);

    (void)state;
    assert_int_equal(cmx_h2_peer_streams(&world->h2), 3);
    assert_int_equal(cmx_h2_room(&world->h2), 2);
    h2_world_start(world, 0, NULL);
    h2_world_start(world, 1, NULL);
    assert_int_equal(cmx_h2_room(&world->h2), 0);
    cmx_h2_cancel(&world->h2, &world->streams[0].h2);
    assert_int_equal(cmx_h2_room(&world->h2), 1);
    h2_world_close(world);

    options.setting.value = 1;
    world = h2_world_open(&options);
    assert_int_equal(cmx_h2_room(&world->h2), 1);
    h2_world_start(world, 0, NULL);
    assert_int_equal(cmx_h2_room(&world->h2), 0);
    h2_world_close(world);

    options.setting.value = 0;
    world = h2_world_open(&options);
    assert_int_equal(cmx_h2_room(&world->h2), 0);
    h2_world_close(world);
}

static void test_h2_request_peer_limit_lowered_and_raised(void **state)
{
    h2_world *world = h2_world_open(&honest);

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        h2_world_start(world, i, NULL);
    }
    h2_world_exchange(world);
    set_peer_streams(world, 3);
    h2_world_exchange(world);
    assert_int_equal(world->h2.active, 5); /* what runs goes on */
    assert_int_equal(cmx_h2_room(&world->h2), 0);
    h2_peer_answer(&world->peer, 1, 10);
    h2_world_exchange(world);
    assert_true(cmx_h2_stream_complete(&world->streams[0].h2));
    assert_int_equal(cmx_h2_room(&world->h2), 0);
    set_peer_streams(world, 8);
    h2_world_exchange(world);
    assert_int_equal(cmx_h2_room(&world->h2), 3);
    h2_world_close(world);
}

static void test_h2_request_unsent_is_given_back_when_the_limit_falls(void **state)
{
    h2_world *world = h2_world_open(&honest);

    (void)state;
    h2_world_start(world, 0, NULL);
    h2_world_exchange(world);
    h2_world_start(world, 1, NULL);
    h2_world_start(world, 2, NULL);
    set_peer_streams(world, 1);
    assert_true(h2_peer_send(&world->peer));
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_string_equal(world->streams[0].log, "");
    assert_string_equal(world->streams[1].log, "E");
    assert_true(cmx_h2_stream_unprocessed(&world->streams[1].h2));
    assert_true(cmx_h2_stream_unprocessed(&world->streams[2].h2));
    h2_world_exchange(world);
    assert_int_equal(world->peer.stream_count, 1);
    h2_peer_answer(&world->peer, 1, 10);
    h2_world_exchange(world);
    assert_int_equal(world->h2.unsent_headers, 0);
    assert_string_equal(world->streams[1].log, "E");
    assert_int_equal(cmx_h2_room(&world->h2), 1);
    h2_world_close(world);
}

static void test_h2_request_unsent_is_given_back_at_goaway(void **state)
{
    static const cmx_h2_request request = {NULL, 0, NULL};
    h2_world *world = h2_world_open(&honest);
    cmx_h2_stream late = {0};

    (void)state;
    h2_world_start(world, 0, NULL);
    h2_peer_goaway(&world->peer, INT32_MAX, NGHTTP2_NO_ERROR); /* would allow it */
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_string_equal(world->streams[0].log, "E");
    assert_true(cmx_h2_stream_unprocessed(&world->streams[0].h2));
    assert_int_equal(cmx_h2_start(&world->h2, &late, &request), CMX_ERR_GOAWAY);
    h2_world_exchange(world);
    assert_int_equal(world->peer.stream_count, 0);
    assert_int_equal(world->h2.unsent_headers, 0);
    h2_world_close(world);
}

static void test_h2_request_unsent_headers_are_bounded(void **state)
{
    h2_world *world = h2_world_open(&honest);

    (void)state;
    for (size_t i = 0; i < CMX_H2_UNSENT_HEADERS_MAX; i++) {
        assert_true(cmx_h2_room(&world->h2) > 0);
        h2_world_start(world, i, NULL);
    }
    assert_int_equal(cmx_h2_room(&world->h2), 0);
    cmx_h2_cancel(&world->h2, &world->streams[3].h2);
    assert_int_equal(cmx_h2_room(&world->h2), 0); /* it is still in the library */
    h2_world_exchange(world);
    assert_int_equal(world->peer.stream_count, CMX_H2_UNSENT_HEADERS_MAX - 1);
    assert_null(h2_peer_find(&world->peer, 7));
    assert_string_equal(world->streams[3].log, "");
    assert_int_equal(cmx_h2_room(&world->h2), CMX_H2_UNSENT_HEADERS_MAX);
    h2_world_close(world);
}

static void test_h2_request_upload_through_single_byte_writes(void **state)
{
    h2_world *world = h2_world_open(&honest);
    pattern_source body;

    (void)state;
    init_pattern(&body, 1, 65536);
    h2_world_start(world, 0, &body.source);
    assert_int_equal(body.rewinds, 1);
    for (int i = 0; i < 10 && !world->peer.streams[0].ended; i++) {
        h2_world_flush(world, 1);
        (void)h2_peer_send(&world->peer);
        h2_world_deliver(world, 1);
    }
    assert_true(world->peer.streams[0].ended);
    assert_int_equal(world->peer.streams[0].content_length, 65536);
    assert_int_equal(world->peer.streams[0].body_bytes, 65536);
    assert_int_equal(world->peer.streams[0].wrong_bytes, 0);
    assert_true(world->peer.data_frames <= 6); /* frames are filled from many short reads */
    h2_peer_answer(&world->peer, 1, 10);
    h2_world_exchange(world);
    assert_string_equal(world->streams[0].log, "HDE");
    h2_world_close(world);
}

static void test_h2_request_upload_through_a_small_window(void **state)
{
    const h2_world_options options = {.setting = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1000}};
    h2_world *world = h2_world_open(&options);
    pattern_source body;

    (void)state;
    init_pattern(&body, 1, 65536);
    h2_world_start(world, 0, &body.source);
    h2_world_exchange(world);
    assert_true(world->peer.streams[0].ended);
    assert_int_equal(world->peer.streams[0].body_bytes, 65536);
    assert_int_equal(world->peer.streams[0].wrong_bytes, 0);
    assert_true(world->peer.data_frames >= 65);
    h2_world_close(world);
}

static void test_h2_request_uploads_take_turns(void **state)
{
    enum { COUNT = 3 };
    static const uint64_t length[COUNT] = {200000, 40000, 40000};
    static pattern_source body[COUNT];
    h2_world *world = h2_world_open(&honest);
    size_t last_of_second = 0;
    size_t first_of_third = H2_PEER_ORDER_MAX;

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        init_pattern(&body[i], (int32_t)(2 * i + 1), length[i]);
        h2_world_start(world, i, &body[i].source);
    }
    h2_world_exchange(world);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(world->peer.streams[i].body_bytes, length[i]);
        assert_int_equal(world->peer.streams[i].wrong_bytes, 0);
        assert_true(world->peer.streams[i].ended);
    }
    for (size_t i = 0; i < world->peer.data_frames; i++) {
        if (world->peer.data_order[i] == 3) {
            last_of_second = i;
        }
        if (world->peer.data_order[i] == 5 && i < first_of_third) {
            first_of_third = i;
        }
    }
    assert_true(first_of_third < COUNT);
    assert_true(last_of_second < 4 * COUNT); /* not behind the 200,000 bytes of the first */
    h2_world_close(world);
}

static void test_h2_request_without_bytes_ends_with_its_head(void **state)
{
    h2_world *world = h2_world_open(&honest);
    pattern_source body;

    (void)state;
    init_pattern(&body, 1, 0);
    h2_world_start(world, 0, &body.source);
    h2_world_exchange(world);
    assert_true(world->peer.streams[0].ended);
    assert_int_equal(world->peer.streams[0].content_length, 0);
    assert_int_equal(world->peer.data_frames, 0);
    assert_int_equal(body.reads, 0);
    h2_world_close(world);
}

static void test_h2_request_source_error_resets_that_stream_only(void **state)
{
    h2_world *world = h2_world_open(&honest);
    pattern_source changed;
    pattern_source honest_body;

    (void)state;
    init_pattern(&changed, 1, 50000);
    changed.fails_at = 20000;
    init_pattern(&honest_body, 3, 50000);
    h2_world_start(world, 0, &changed.source);
    h2_world_start(world, 1, &honest_body.source);
    h2_world_exchange(world);
    assert_string_equal(world->streams[0].log, "E");
    assert_int_equal(world->streams[0].h2.source_error, CMX_ERR_BODY_CHANGED);
    assert_int_equal(world->streams[0].h2.error_code, NGHTTP2_INTERNAL_ERROR);
    assert_false(cmx_h2_stream_unprocessed(&world->streams[0].h2));
    assert_true(world->peer.streams[0].reset);
    assert_false(world->peer.streams[0].ended);
    assert_true(world->peer.streams[1].ended);
    assert_int_equal(world->peer.streams[1].body_bytes, 50000);
    assert_int_equal(world->h2.active, 1);
    h2_world_close(world);
}

static void test_h2_request_source_too_short_is_a_change(void **state)
{
    h2_world *world = h2_world_open(&honest);
    pattern_source body;

    (void)state;
    init_pattern(&body, 1, 500);
    body.step_max = 0; /* says "end" at once */
    h2_world_start(world, 0, &body.source);
    h2_world_exchange(world);
    assert_int_equal(world->streams[0].h2.source_error, CMX_ERR_BODY_CHANGED);
    assert_true(world->peer.streams[0].reset);
    h2_world_close(world);
}

/* Starts an upload that the peer's window stops in its middle. */
static h2_world *open_with_stuck_upload(pattern_source *body)
{
    const h2_world_options options = {.setting = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 5000}};
    h2_world *world = h2_world_open(&options);

    init_pattern(body, 1, 100000);
    h2_world_start(world, 0, &body->source);
    h2_world_flush(world, H2_WORLD_ALL);
    assert_int_equal(world->peer.streams[0].body_bytes, 5000);
    return world;
}

static void test_h2_request_early_answer_stops_the_upload(void **state)
{
    pattern_source body;
    h2_world *world = open_with_stuck_upload(&body);
    unsigned reads = body.reads;

    (void)state;
    h2_peer_head(&world->peer, 1, NGHTTP2_FLAG_END_STREAM, "413", NULL);
    h2_world_deliver(world, H2_WORLD_ALL); /* before the window opens again */
    assert_string_equal(world->streams[0].log, "HE");
    assert_int_equal(world->streams[0].h2.head.status, 413);
    assert_true(cmx_h2_stream_complete(&world->streams[0].h2));
    h2_world_exchange(world);
    assert_int_equal(body.reads, reads);
    assert_true(world->peer.streams[0].reset);
    assert_int_equal(world->peer.streams[0].reset_code, NGHTTP2_NO_ERROR);
    assert_int_equal(world->h2.active, 0);
    h2_world_close(world);
}

static void test_h2_request_cancel_never_reads_the_source_again(void **state)
{
    pattern_source body;
    h2_world *world = open_with_stuck_upload(&body);
    unsigned reads = body.reads;

    (void)state;
    cmx_h2_cancel(&world->h2, &world->streams[0].h2);
    memset(&world->streams[0], 0xee, sizeof(world->streams[0]));
    h2_world_exchange(world);
    assert_int_equal(body.reads, reads);
    assert_int_equal(world->peer.streams[0].reset_code, NGHTTP2_CANCEL);
    h2_world_close(world);
}

static void test_h2_request_cancel_while_giving_way(void **state)
{
    static pattern_source body[2];
    static uint8_t out[20000];
    h2_world *world = h2_world_open(&honest);
    size_t len;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        init_pattern(&body[i], (int32_t)(2 * i + 1), 60000);
        h2_world_start(world, i, &body[i].source);
    }
    while (world->h2.deferred.first == NULL) {
        assert_int_equal(cmx_h2_write(&world->h2, out, 1000, &len), CMX_OK);
        assert_true(len > 0);
        h2_peer_receive(&world->peer, out, len);
    }
    assert_true(cmx_h2_wants_write(&world->h2));
    cmx_h2_cancel(&world->h2, &world->streams[0].h2);
    cmx_h2_cancel(&world->h2, &world->streams[1].h2);
    assert_null(world->h2.deferred.first);
    h2_world_exchange(world);
    assert_true(world->peer.streams[0].reset && world->peer.streams[1].reset);
    assert_int_equal(world->h2.active, 0);
    h2_world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h2_request_room_before_settings_is_the_option),
        cmocka_unit_test(test_h2_request_room_keeps_one_stream_back),
        cmocka_unit_test(test_h2_request_peer_limit_lowered_and_raised),
        cmocka_unit_test(test_h2_request_unsent_is_given_back_when_the_limit_falls),
        cmocka_unit_test(test_h2_request_unsent_is_given_back_at_goaway),
        cmocka_unit_test(test_h2_request_unsent_headers_are_bounded),
        cmocka_unit_test(test_h2_request_upload_through_single_byte_writes),
        cmocka_unit_test(test_h2_request_upload_through_a_small_window),
        cmocka_unit_test(test_h2_request_uploads_take_turns),
        cmocka_unit_test(test_h2_request_without_bytes_ends_with_its_head),
        cmocka_unit_test(test_h2_request_source_error_resets_that_stream_only),
        cmocka_unit_test(test_h2_request_source_too_short_is_a_change),
        cmocka_unit_test(test_h2_request_early_answer_stops_the_upload),
        cmocka_unit_test(test_h2_request_cancel_never_reads_the_source_again),
        cmocka_unit_test(test_h2_request_cancel_while_giving_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
