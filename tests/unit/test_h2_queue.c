/* SPDX-License-Identifier: MIT */
/*
 * What waits beside the library when its queue is long: resets of streams whose records are gone,
 * credits of streams that go on. The queue stays short, nothing is forgotten, nothing comes twice.
 */
#include <nghttp2/nghttp2.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "unit/h2_world.h"

enum { STREAMS = CMX_H2_QUEUED_MAX + 36, BODY_BYTES = 40000, TURNS_MAX = 100 };

static cmx_h2_reset resets[STREAMS];

static h2_world *open_world(const h2_world_options *options)
{
    h2_world *world = h2_world_open(options);
    cmx_h2_bound(&world->h2, STREAMS, resets, STREAMS);
    for (size_t i = 0; i < STREAMS; i++) {
        h2_world_start(world, i, NULL);
    }
    h2_world_exchange(world);
    return world;
}

static size_t queued(const h2_world *world)
{
    return nghttp2_session_get_outbound_queue_size(world->h2.session);
}

static void test_h2_queue_resets_wait_for_room(void **state)
{
    (void)state;
    h2_world *world = open_world(&(h2_world_options){0});
    for (size_t i = 0; i < STREAMS; i++) {
        cmx_h2_cancel(&world->h2, &world->streams[i].h2);
        assert_in_range(queued(world), 1, CMX_H2_QUEUED_MAX);
    }
    assert_int_equal(world->h2.resets_count, STREAMS - CMX_H2_QUEUED_MAX);
    assert_true(cmx_h2_wants_write(&world->h2));
    h2_world_exchange(world);
    assert_int_equal(world->h2.resets_count, 0);
    assert_int_equal(world->h2.resets_sent, STREAMS);
    for (int32_t id = 1; id < 2 * STREAMS; id += 2) {
        assert_true(h2_peer_find(&world->peer, id)->reset);
    }
    assert_false(cmx_h2_wants_write(&world->h2));
    h2_world_close(world);
}

static void test_h2_queue_resets_are_forgotten_with_the_session(void **state)
{
    (void)state;
    h2_world *world = open_world(&(h2_world_options){0});
    for (size_t i = 0; i < STREAMS; i++) {
        cmx_h2_cancel(&world->h2, &world->streams[i].h2);
    }
    cmx_h2_close(&world->h2);
    assert_int_equal(world->h2.resets_count, 0);
    h2_world_close(world);
}

/* Every stream has a window's worth at once, and nothing is written in between. */
static void test_h2_queue_credits_wait_for_room(void **state)
{
    (void)state;
    h2_world *world = open_world(&(h2_world_options){.stream_window_bytes = 1024});
    for (int32_t id = 1; id < 2 * STREAMS; id += 2) {
        h2_peer_answer(&world->peer, id, BODY_BYTES);
    }
    bool has_waited = false;
    for (int turn = 0; turn < TURNS_MAX && world->h2.active > 0; turn++) {
        (void)h2_peer_send(&world->peer);
        h2_world_deliver(world, H2_WORLD_ALL);
        has_waited = has_waited || world->h2.owed.first != NULL;
        assert_in_range(queued(world), 0, CMX_H2_QUEUED_MAX + 1); /* and the connection's own */
        h2_world_flush(world, H2_WORLD_ALL);
        assert_null(world->h2.owed.first);
    }
    assert_true(has_waited);
    for (size_t i = 0; i < STREAMS; i++) {
        assert_int_equal(world->streams[i].body_bytes, BODY_BYTES);
        assert_int_equal(world->streams[i].wrong_bytes, 0);
    }
    h2_world_close(world);
}

/* A stream that is cancelled while its credit waits is in no list any more. */
static void test_h2_queue_a_cancelled_stream_is_owed_nothing(void **state)
{
    (void)state;
    h2_world *world = open_world(&(h2_world_options){.stream_window_bytes = 1024});
    for (int32_t id = 1; id < 2 * STREAMS; id += 2) {
        h2_peer_answer(&world->peer, id, BODY_BYTES);
    }
    (void)h2_peer_send(&world->peer);
    h2_world_deliver(world, H2_WORLD_ALL);
    assert_non_null(world->h2.owed.first);
    for (size_t i = 0; i < STREAMS; i++) {
        cmx_h2_cancel(&world->h2, &world->streams[i].h2);
        memset(&world->streams[i], 0xA5, sizeof(world->streams[i]));
    }
    assert_null(world->h2.owed.first);
    h2_world_flush(world, H2_WORLD_ALL);
    for (int32_t id = 1; id < 2 * STREAMS; id += 2) {
        assert_true(h2_peer_find(&world->peer, id)->reset);
    }
    h2_world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h2_queue_resets_wait_for_room),
        cmocka_unit_test(test_h2_queue_resets_are_forgotten_with_the_session),
        cmocka_unit_test(test_h2_queue_credits_wait_for_room),
        cmocka_unit_test(test_h2_queue_a_cancelled_stream_is_owed_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
