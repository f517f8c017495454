/* SPDX-License-Identifier: MIT */
/*
 * What a session remembers for those who judge its connection: how many streams it assumes, how
 * many it reset, what word came with a GOAWAY.
 */
#include "unit/h2_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_h2_life_room_before_settings_is_what_was_configured(void **state)
{
    (void)state;
    h2_world *world =
        h2_world_open(&(h2_world_options){.streams_before_settings = 3, .stays_silent = true});
    assert_int_equal(cmx_h2_peer_streams(&world->h2), 3);
    assert_int_equal(cmx_h2_room(&world->h2), 3);
    h2_world_start(world, 0, NULL);
    assert_int_equal(cmx_h2_room(&world->h2), 2);
    h2_world_close(world);
}

static void test_h2_life_room_before_settings_is_what_is_known(void **state)
{
    (void)state;
    static const uint32_t known[] = {0, 1, 7, 12};
    for (size_t i = 0; i < CMX_ARRAY_LEN(known); i++) {
        h2_world *world =
            h2_world_open(&(h2_world_options){.streams_before_settings = 3, .stays_silent = true});
        cmx_h2_assume(&world->h2, known[i]);
        assert_int_equal(cmx_h2_room(&world->h2), known[i]);
        for (uint32_t k = 0; k < known[i]; k++) {
            h2_world_start(world, k, NULL);
        }
        h2_world_flush(world, H2_WORLD_ALL);
        assert_int_equal(world->h2.unsent_headers, 0); /* the library sends all that were let in */
        assert_int_equal(cmx_h2_room(&world->h2), 0);
        h2_world_close(world);
    }
}

static void test_h2_life_settings_replace_what_was_assumed(void **state)
{
    (void)state;
    h2_world *world = h2_world_open(&(h2_world_options){
        .streams_before_settings = 3, .setting = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 50}});
    assert_int_equal(cmx_h2_peer_streams(&world->h2), 50);
    cmx_h2_assume(&world->h2, 2);
    assert_int_equal(cmx_h2_peer_streams(&world->h2), 50);
    h2_world_close(world);
}

static void test_h2_life_resets_count_if_the_request_had_left(void **state)
{
    (void)state;
    h2_world *world = h2_world_open(&(h2_world_options){0});
    h2_world_start(world, 0, NULL);
    h2_world_start(world, 1, NULL);
    h2_world_exchange(world);
    h2_world_start(world, 2, NULL);
    cmx_h2_cancel(&world->h2, &world->streams[2].h2);
    assert_int_equal(world->h2.resets_sent, 0);
    cmx_h2_cancel(&world->h2, &world->streams[0].h2);
    cmx_h2_cancel(&world->h2, &world->streams[1].h2);
    assert_int_equal(world->h2.resets_sent, 2);
    h2_world_exchange(world);
    assert_true(h2_peer_find(&world->peer, 1)->reset);
    assert_true(h2_peer_find(&world->peer, 3)->reset);
    assert_int_equal(world->peer.stream_count, 2);
    h2_world_close(world);
}

static void send_goaway(h2_world *world, uint32_t code, const char *debug)
{
    int rc = nghttp2_submit_goaway(world->peer.session, NGHTTP2_FLAG_NONE, 1, code,
                                   (const uint8_t *)debug, strlen(debug));
    assert_int_equal(rc, 0);
    (void)h2_peer_send(&world->peer);
    h2_world_deliver(world, H2_WORLD_ALL);
}

static void expect_debug(const h2_world *world, const char *debug)
{
    assert_int_equal(world->h2.goaway_debug_len, strlen(debug));
    assert_memory_equal(world->h2.goaway_debug, debug, strlen(debug));
}

static void test_h2_life_goaway_word_is_kept_with_the_first_code(void **state)
{
    (void)state;
    h2_world *world = h2_world_open(&(h2_world_options){0});
    h2_world_start(world, 0, NULL);
    h2_world_exchange(world);
    send_goaway(world, NGHTTP2_NO_ERROR, "see you");
    send_goaway(world, NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings");
    send_goaway(world, NGHTTP2_INTERNAL_ERROR, "oops");
    expect_debug(world, "too_many_pings");
    assert_int_equal(world->h2.goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
    h2_world_close(world);
}

static void test_h2_life_goaway_words_are_cut(void **state)
{
    (void)state;
    static char debug[16001];
    h2_world *world = h2_world_open(&(h2_world_options){0});
    h2_world_start(world, 0, NULL);
    h2_world_exchange(world);
    memset(debug, 'x', sizeof debug - 1);
    send_goaway(world, NGHTTP2_ENHANCE_YOUR_CALM, debug);
    debug[CMX_H2_DEBUG_BYTES] = '\0';
    expect_debug(world, debug);
    h2_world_close(world);
}

/* Feeds what a server says that heard of small tables and goes on as if not. */
static int feed_forgetful(h2_world *world)
{
    static const uint8_t bytes[] = {0, 0, 0, 4, 0, 0, 0, 0, 0,        /* SETTINGS */
                                    0, 0, 0, 4, 1, 0, 0, 0, 0,        /* and the ACK of ours */
                                    0, 0, 1, 1, 5, 0, 0, 0, 1, 0x88}; /* ":status: 200" */
    size_t used = 0;
    h2_world_start(world, 0, NULL);
    h2_world_flush(world, H2_WORLD_ALL);
    int rc = cmx_h2_feed(&world->h2, bytes, sizeof(bytes), &used);
    h2_world_flush(world, H2_WORLD_ALL);
    return rc;
}

static void test_h2_life_tables_of_a_forgetful_server(void **state)
{
    h2_world_options options = {.stays_silent = true, .table_bytes = 256};
    (void)state;
    h2_world *world = h2_world_open(&options);
    assert_int_equal(feed_forgetful(world), CMX_ERR_HTTP2);
    assert_true(world->h2.tables_broken);
    h2_world_close(world);
    options.tables_whole = true; /* nothing is asked for, so nothing was forgotten */
    world = h2_world_open(&options);
    assert_int_equal(feed_forgetful(world), CMX_OK);
    assert_true(h2_world_take(world));
    assert_string_equal(world->streams[0].log, "HE");
    assert_false(world->h2.tables_broken);
    h2_world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h2_life_room_before_settings_is_what_was_configured),
        cmocka_unit_test(test_h2_life_room_before_settings_is_what_is_known),
        cmocka_unit_test(test_h2_life_settings_replace_what_was_assumed),
        cmocka_unit_test(test_h2_life_resets_count_if_the_request_had_left),
        cmocka_unit_test(test_h2_life_goaway_word_is_kept_with_the_first_code),
        cmocka_unit_test(test_h2_life_goaway_words_are_cut),
        cmocka_unit_test(test_h2_life_tables_of_a_forgetful_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
