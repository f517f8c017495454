/* SPDX-License-Identifier: MIT */
/*
 * The two byte queues between the client under test and its peer, and the notes of what the client
 * reported. A chunk must lie in the bytes being fed; that is asserted for each one.
 */
#include "unit/h2_world.h"
#include "unit/region_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum {
    EXCHANGES_MAX = 10000,
};

static _Alignas(16) uint8_t memory[H2_WORLD_REGION_BYTES];
static uint8_t frames[H2_WORLD_ALL];
static h2_world the_world;

static void note(h2_world_stream *stream, char kind)
{
    size_t len = strlen(stream->log);

    if (len < H2_WORLD_LOG_BYTES) {
        stream->log[len] = kind;
    }
}

static void note_data(h2_world *world, h2_world_stream *stream, cmx_view data)
{
    size_t text_len = strlen(stream->text);
    size_t room = H2_WORLD_TEXT_BYTES - text_len;

    assert_true(data.len > 0);
    assert_true(data.data >= world->peer.out &&
                data.data + data.len <= world->peer.out + world->delivered);
    memcpy(stream->text + text_len, data.data, data.len < room ? data.len : room);
    for (size_t i = 0; i < data.len; i++) {
        stream->wrong_bytes +=
            data.data[i] != h2_peer_pattern(stream->h2.id, stream->body_bytes + i);
    }
    stream->body_bytes += data.len;
}

h2_world *h2_world_open(const h2_world_options *options)
{
    h2_world *world = &the_world;
    const cmx_h2_limits limits = {
        options->stream_window_bytes > 0 ? options->stream_window_bytes : 16384, 65535,
        options->head_bytes_max > 0 ? options->head_bytes_max : 16384, 1, options->tables_whole};
    uint32_t streams =
        options->streams_before_settings > 0 ? options->streams_before_settings : 100;

    memset(world, 0, sizeof(*world));
    world->region =
        cmx_region_init(memory, options->region_bytes > 0 ? options->region_bytes : sizeof(memory));
    world->region_baseline = cmx_region_used(world->region);
    assert_int_equal(cmx_h2_library_init(&world->library, streams), CMX_OK);
    if (options->table_bytes > 0) {
        cmx_h2_library_set_tables(&world->library, options->table_bytes);
    }
    assert_int_equal(cmx_h2_open(&world->h2, &world->library, world->region, &limits), CMX_OK);
    h2_peer_open(&world->peer, &options->setting, options->setting.settings_id != 0 ? 1 : 0);
    if (!options->stays_silent) {
        h2_world_exchange(world);
        assert_true(world->h2.settings_received);
    }
    return world;
}

void h2_world_close(h2_world *world)
{
    cmx_h2_close(&world->h2);
    cmx_h2_library_deinit(&world->library);
    h2_peer_close(&world->peer);
    cmx_region_check(world->region);
    assert_int_equal(cmx_region_used(world->region), world->region_baseline);
}

void h2_world_start(h2_world *world, size_t index, const cmx_source *source)
{
    const cmx_h2_field fields[] = {
        {CMX_VIEW_LITERAL(":method"), CMX_VIEW_LITERAL("POST"), CMX_H2_FIELD_LIVES},
        {CMX_VIEW_LITERAL(":scheme"), CMX_VIEW_LITERAL("https"), CMX_H2_FIELD_LIVES},
        {CMX_VIEW_LITERAL(":authority"), CMX_VIEW_LITERAL("relay.example"), 0},
        {CMX_VIEW_LITERAL(":path"), CMX_VIEW_LITERAL("/v1/chat/completions"), 0},
        {CMX_VIEW_LITERAL("api-key"), CMX_VIEW_LITERAL("secret-0123456789"), CMX_H2_FIELD_SECRET},
        {CMX_VIEW_LITERAL("content-type"), CMX_VIEW_LITERAL("application/json"), 0}};
    const cmx_h2_request request = {fields, CMX_ARRAY_LEN(fields), source};
    h2_world_stream *stream = &world->streams[index];

    memset(stream, 0, sizeof(*stream));
    stream->h2.tag = (uint32_t)index;
    assert_int_equal(cmx_h2_start(&world->h2, &stream->h2, &request), CMX_OK);
}

void h2_world_flush(h2_world *world, size_t capacity)
{
    size_t len;

    do {
        assert_int_equal(cmx_h2_write(&world->h2, frames, capacity, &len), CMX_OK);
        assert_true(len <= capacity);
        h2_peer_receive(&world->peer, frames, len);
    } while (len > 0);
    assert_false(cmx_h2_wants_write(&world->h2));
}

bool h2_world_take(h2_world *world)
{
    cmx_h2_item item;

    while (cmx_h2_next(&world->h2, &item) == CMX_OK) {
        h2_world_stream *stream = &world->streams[item.stream->tag];
        assert_ptr_equal(item.stream, &stream->h2);
        switch (item.kind) {
        case CMX_H2_ITEM_HEAD:
            note(stream, 'H');
            break;
        case CMX_H2_ITEM_DATA:
            note(stream, 'D');
            note_data(world, stream, item.data);
            if (world->holds) {
                return false;
            }
            cmx_h2_release(&world->h2);
            break;
        case CMX_H2_ITEM_END:
            note(stream, 'E');
            break;
        }
    }
    return true;
}

void h2_world_deliver(h2_world *world, size_t piece)
{
    while (world->delivered < world->peer.out_len || world->h2.paused) {
        size_t left = world->peer.out_len - world->delivered;
        size_t used;
        int rc = cmx_h2_feed(&world->h2, world->peer.out + world->delivered,
                             left < piece ? left : piece, &used);
        world->delivered += used;
        if (rc != CMX_OK) {
            world->feed_rc = rc;
            break;
        }
        if (!h2_world_take(world)) {
            return;
        }
    }
    (void)h2_world_take(world);
    world->peer.out_len = 0;
    world->delivered = 0;
}

void h2_world_exchange(h2_world *world)
{
    for (int i = 0; i < EXCHANGES_MAX; i++) {
        h2_world_flush(world, sizeof(frames));
        (void)h2_world_take(world);
        if (!h2_peer_send(&world->peer) && world->peer.out_len == 0) {
            return;
        }
        h2_world_deliver(world, H2_WORLD_ALL);
    }
    fail_msg("the two sides never come to rest");
}
