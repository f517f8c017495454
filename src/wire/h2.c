/* SPDX-License-Identifier: MIT */
/*
 * The session: its life, bytes in, records out, frames out, room for more. All of the library's
 * memory comes from the region. After a fatal error of the library the session can only be closed;
 * after an error of the server it still writes the GOAWAY that says why.
 */
#include "wire/h2.h"

#include <nghttp2/nghttp2.h>

enum {
    WINDOW_BYTES_DEFAULT = 65535,
    CREDIT_SHARE = 8, /* of a window: held back before the library is told */
};

/* The region, charged to this session. */
static cmx_region *region_of(void *session)
{
    cmx_h2 *h2 = session;

    cmx_region_charge(h2->region, h2->region_owner);
    return h2->region;
}

/* Remembers what was refused: the library does not always end with an error that says so. */
static void *note_refusal(void *session, void *block)
{
    cmx_h2 *h2 = session;

    if (block == NULL) {
        h2->starved = true;
    }
    return block;
}

static void *take_zeroed_memory(size_t count, size_t bytes, void *h2)
{
    return note_refusal(h2, cmx_region_take_zeroed(region_of(h2), count, bytes));
}

/* No block becomes a new one. */
static void *resize_memory(void *block, size_t bytes, void *h2)
{
    return note_refusal(h2, cmx_region_resize(region_of(h2), block, bytes));
}

static void *take_memory(size_t bytes, void *h2)
{
    return resize_memory(NULL, bytes, h2);
}

static void give_memory(void *block, void *h2)
{
    cmx_region_give(region_of(h2), block);
}

/* Returns what an error of the library means, and remembers it: there is no way on. */
static int fail_session(cmx_h2 *h2, nghttp2_ssize error)
{
    if (h2->failure == CMX_OK) { /* else a callback has said it better */
        bool no_memory = error == NGHTTP2_ERR_NOMEM || h2->starved;
        h2->failure = no_memory ? CMX_ERR_NO_MEMORY : CMX_ERR_HTTP2;
    }
    return h2->failure;
}

static int queue_opening(cmx_h2 *h2, const cmx_h2_limits *limits, uint32_t table_bytes)
{
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, table_bytes},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits->stream_window_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->head_bytes_max},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    int error =
        nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, entries, CMX_ARRAY_LEN(entries));

    if (error == 0 && limits->connection_window_bytes > WINDOW_BYTES_DEFAULT) {
        error = nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                                      (int32_t)limits->connection_window_bytes);
    }
    return error;
}

/* The library answers a protocol error with a GOAWAY and ignores what follows; it tells nobody. */
static bool is_broken(const cmx_h2 *h2)
{
    if (h2->terminated) {
        return true;
    }
    if (h2->goaway_received || h2->leaving) {
        return false; /* requests are refused for another reason, too */
    }
    return nghttp2_session_check_request_allowed(h2->session) == 0 &&
           nghttp2_session_get_next_stream_id(h2->session) <= INT32_MAX;
}

/* Hands the library what waited for room in its queue. */
static void queue_waiting(cmx_h2 *h2)
{
    int error = 0;

    while (h2->resets_count > 0 && error == 0 && cmx_h2_stream_may_queue(h2)) {
        const cmx_h2_reset *reset = &h2->resets[--h2->resets_count];
        error =
            nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, reset->id, reset->error_code);
    }
    while (h2->owed.first != NULL && error == 0 && cmx_h2_stream_may_queue(h2)) {
        cmx_h2_stream *stream = cmx_h2_stream_pop(&h2->owed, CMX_H2_LINK_CREDIT);
        stream->flags &= (uint8_t)~CMX_H2_STREAM_OWED;
        error = nghttp2_session_consume_stream(h2->session, stream->id, stream->credit);
        stream->credit = 0;
    }
    if (error != 0) {
        h2->failure = CMX_ERR_NO_MEMORY; /* as in cmx_h2_stream_reset() and cmx_h2_release() */
    }
}

/* Asks the library for the bytes of one frame; `unsent` stays empty if it has none. */
static int pull_frame(cmx_h2 *h2)
{
    const uint8_t *bytes = NULL;
    nghttp2_ssize len;

    queue_waiting(h2);
    len = nghttp2_session_mem_send2(h2->session, &bytes);
    if (len == 0 && cmx_h2_request_next_round(h2)) {
        len = nghttp2_session_mem_send2(h2->session, &bytes);
    }
    if (len < 0 || h2->failure != CMX_OK) {
        return fail_session(h2, len);
    }
    h2->unsent = (cmx_view){bytes, (size_t)len};
    return CMX_OK;
}

int cmx_h2_open(cmx_h2 *h2, const cmx_h2_library *library, cmx_region *region,
                const cmx_h2_limits *limits)
{
    nghttp2_mem memory = {h2, take_memory, give_memory, take_zeroed_memory, resize_memory};
    nghttp2_session *session = NULL;

    CMX_ASSERT(limits->stream_window_bytes <= INT32_MAX);
    CMX_ASSERT(limits->connection_window_bytes <= INT32_MAX);
    *h2 = (cmx_h2){.region = region,
                   .region_owner = limits->region_owner,
                   .head_bytes_max = limits->head_bytes_max,
                   .unsent_max = CMX_H2_UNSENT_HEADERS_MAX,
                   .credit_min = limits->connection_window_bytes / CREDIT_SHARE,
                   .stream_credit_min = limits->stream_window_bytes / CREDIT_SHARE,
                   .upload_round = 1, /* 0 is a stream that sent nothing yet */
                   .streams_assumed = library->streams_before_settings,
                   .goaway_last_id = INT32_MAX};
    if (nghttp2_session_client_new3(&session, library->callbacks, h2, library->option, &memory) !=
        0) {
        return CMX_ERR_NO_MEMORY;
    }
    h2->session = session;
    uint32_t table_bytes = limits->tables_whole ? CMX_H2_TABLE_BYTES_MAX : library->table_bytes;
    if (queue_opening(h2, limits, table_bytes) != 0) {
        cmx_h2_close(h2);
        return CMX_ERR_NO_MEMORY;
    }
    return CMX_OK;
}

void cmx_h2_close(cmx_h2 *h2)
{
    nghttp2_session_del(h2->session);
    *h2 = (cmx_h2){.session = NULL};
}

int cmx_h2_start(cmx_h2 *h2, cmx_h2_stream *stream, const cmx_h2_request *request)
{
    int rc;

    CMX_ASSERT(stream->id == 0 && stream->flags == 0);
    if (h2->failure != CMX_OK) {
        return h2->failure == CMX_ERR_NO_MEMORY ? CMX_ERR_NO_MEMORY : CMX_ERR_GOAWAY;
    }
    if (h2->leaving || nghttp2_session_check_request_allowed(h2->session) == 0) {
        return CMX_ERR_GOAWAY;
    }
    rc = cmx_h2_request_submit(h2, stream, request);
    if (rc != CMX_OK) {
        return rc;
    }
    h2->active++;
    h2->unsent_headers++;
    stream->flags |= CMX_H2_STREAM_UNSENT;
    cmx_h2_stream_push(&h2->unsent_streams, stream, CMX_H2_LINK_WAIT);
    return CMX_OK;
}

void cmx_h2_cancel(cmx_h2 *h2, cmx_h2_stream *stream)
{
    if (stream->id != 0 && h2->session != NULL) {
        if (h2->data_stream == stream) {
            cmx_h2_release(h2);
        }
        if ((stream->flags & CMX_H2_STREAM_ENDED) == 0) {
            cmx_h2_stream_reset(h2, stream, NGHTTP2_CANCEL);
            cmx_h2_stream_detach(h2, stream);
        }
        cmx_h2_stream_unlink(h2, stream);
    }
    stream->id = 0;
    stream->flags = 0;
    stream->source = NULL;
}

int cmx_h2_feed(cmx_h2 *h2, const uint8_t *bytes, size_t len, size_t *used)
{
    nghttp2_ssize done;

    CMX_ASSERT(h2->data_stream == NULL);
    *used = 0;
    if (h2->failure != CMX_OK) {
        return h2->failure;
    }
    if (len == 0 && !h2->paused) {
        return CMX_OK;
    }
    h2->paused = false;
    done = nghttp2_session_mem_recv2(h2->session, bytes, len);
    if (done < 0 || h2->failure != CMX_OK) {
        return fail_session(h2, done);
    }
    *used = (size_t)done;
    if (!h2->paused && is_broken(h2)) {
        return h2->starved ? CMX_ERR_NO_MEMORY : CMX_ERR_HTTP2;
    }
    return CMX_OK;
}

int cmx_h2_next(cmx_h2 *h2, cmx_h2_item *item)
{
    cmx_h2_stream *stream = h2->news.first;

    if (h2->data_taken) {
        return CMX_AGAIN;
    }
    *item = (cmx_h2_item){.stream = stream};
    if (stream != NULL && (stream->flags & CMX_H2_STREAM_HAS_HEAD) != 0) {
        item->kind = CMX_H2_ITEM_HEAD;
        stream->flags &= (uint8_t)~CMX_H2_STREAM_HAS_HEAD;
        if ((stream->flags & CMX_H2_STREAM_HAS_END) == 0) {
            (void)cmx_h2_stream_pop(&h2->news, CMX_H2_LINK_NEWS);
        }
        return CMX_OK;
    }
    if (stream != NULL && stream != h2->data_stream) { /* the chunk comes before its END */
        item->kind = CMX_H2_ITEM_END;
        stream->flags &= (uint8_t)~CMX_H2_STREAM_HAS_END;
        (void)cmx_h2_stream_pop(&h2->news, CMX_H2_LINK_NEWS);
        return CMX_OK;
    }
    if (h2->data_stream != NULL) {
        item->kind = CMX_H2_ITEM_DATA;
        item->stream = h2->data_stream;
        item->data = h2->data;
        h2->data_taken = true;
        return CMX_OK;
    }
    return CMX_AGAIN;
}

/* Tells the library of bytes that are done with. It announces them to the peer when they make half
 * a window, so a share of one held back here costs nobody anything and most of the calls. */
static int credit_connection(cmx_h2 *h2, size_t len)
{
    int error = 0;

    h2->credit += (uint32_t)len;
    if (h2->credit >= h2->credit_min) {
        error = nghttp2_session_consume_connection(h2->session, h2->credit);
        h2->credit = 0;
    }
    return error;
}

static int credit_stream(cmx_h2 *h2, cmx_h2_stream *stream, size_t len)
{
    int error = 0;

    stream->credit += (uint32_t)len;
    if (stream->credit < h2->stream_credit_min || (stream->flags & CMX_H2_STREAM_OWED) != 0) {
        return 0;
    }
    if (cmx_h2_stream_may_queue(h2)) {
        error = nghttp2_session_consume_stream(h2->session, stream->id, stream->credit);
        stream->credit = 0;
    } else {
        stream->flags |= CMX_H2_STREAM_OWED;
        cmx_h2_stream_push(&h2->owed, stream, CMX_H2_LINK_CREDIT);
    }
    return error;
}

void cmx_h2_release(cmx_h2 *h2)
{
    cmx_h2_release_kept(h2, 0);
}

void cmx_h2_release_kept(cmx_h2 *h2, size_t kept)
{
    cmx_h2_stream *stream = h2->data_stream;
    size_t len = h2->data.len;

    if (stream == NULL) {
        return;
    }
    CMX_ASSERT(kept <= len);
    if (h2->failure == CMX_OK &&
        (credit_connection(h2, len) != 0 || credit_stream(h2, stream, len - kept) != 0)) {
        h2->failure = CMX_ERR_NO_MEMORY; /* a window that stays closed would stop everybody */
    }
    h2->data_stream = NULL;
    h2->data = (cmx_view){0};
    h2->data_taken = false;
}

void cmx_h2_credit(cmx_h2 *h2, cmx_h2_stream *stream, size_t len)
{
    if (h2->session == NULL || h2->failure != CMX_OK ||
        (stream->flags & CMX_H2_STREAM_ENDED) != 0) {
        return;
    }
    if (credit_stream(h2, stream, len) != 0) {
        h2->failure = CMX_ERR_NO_MEMORY;
    }
}

int cmx_h2_write(cmx_h2 *h2, uint8_t *out, size_t capacity, size_t *len)
{
    *len = 0;
    if (h2->failure != CMX_OK) {
        return h2->failure;
    }
    while (*len < capacity) {
        size_t part;
        if (h2->unsent.len == 0) {
            int rc = pull_frame(h2);
            if (rc != CMX_OK) {
                return rc;
            }
        }
        if (h2->unsent.len == 0) {
            break;
        }
        part = capacity - *len < h2->unsent.len ? capacity - *len : h2->unsent.len;
        memcpy(out + *len, h2->unsent.data, part);
        *len += part;
        h2->unsent.data += part;
        h2->unsent.len -= part;
    }
    return CMX_OK;
}

bool cmx_h2_wants_write(const cmx_h2 *h2)
{
    if (h2->session == NULL || h2->failure != CMX_OK) {
        return false;
    }
    return h2->unsent.len > 0 || h2->deferred.first != NULL || h2->owed.first != NULL ||
           h2->resets_count > 0 || nghttp2_session_want_write(h2->session) != 0;
}

uint32_t cmx_h2_room(const cmx_h2 *h2)
{
    uint32_t streams_max = cmx_h2_peer_streams(h2);
    uint32_t room;

    if (h2->session == NULL || h2->failure != CMX_OK || h2->leaving ||
        nghttp2_session_check_request_allowed(h2->session) == 0 ||
        h2->unsent_headers >= h2->unsent_max) {
        return 0;
    }
    if (h2->settings_received && streams_max > 1) {
        streams_max--; /* the server may see the end of a stream later than we do */
    }
    room = streams_max > h2->active ? streams_max - h2->active : 0;
    if (room > h2->unsent_max - h2->unsent_headers) {
        room = h2->unsent_max - h2->unsent_headers;
    }
    return room;
}

void cmx_h2_assume(cmx_h2 *h2, uint32_t streams)
{
    h2->streams_assumed = streams;
}

uint32_t cmx_h2_peer_streams(const cmx_h2 *h2)
{
    if (h2->session == NULL) {
        return 0;
    }
    if (!h2->settings_received) {
        return h2->streams_assumed;
    }
    return nghttp2_session_get_remote_settings(h2->session,
                                               NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

void cmx_h2_goodbye(cmx_h2 *h2)
{
    if (h2->session == NULL || h2->failure != CMX_OK || h2->leaving) {
        return;
    }
    h2->leaving = true;
    if (nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0) ==
        NGHTTP2_ERR_NOMEM) {
        h2->failure = CMX_ERR_NO_MEMORY;
    }
}

int cmx_h2_ping(cmx_h2 *h2)
{
    if (h2->failure != CMX_OK) {
        return CMX_ERR_NO_MEMORY;
    }
    if (nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL) != 0) {
        return CMX_ERR_NO_MEMORY;
    }
    return CMX_OK;
}
