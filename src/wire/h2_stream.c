/* SPDX-License-Identifier: MIT */
/*
 * The life of a stream's records: into the lists, out of them, and the moment when the library
 * forgets the stream. After cmx_h2_stream_detach() the caller may reuse the memory at once, because
 * every callback finds a stream through the library's pointer only.
 */
#include "wire/h2_stream.h"

#include <nghttp2/nghttp2.h>

static void remove_from_list(cmx_h2_list *list, cmx_h2_stream *stream, enum cmx_h2_link link)
{
    cmx_h2_stream *before = NULL;
    cmx_h2_stream *at = list->first;

    while (at != stream) {
        CMX_ASSERT(at != NULL);
        before = at;
        at = at->next[link];
    }
    if (before == NULL) {
        list->first = stream->next[link];
    } else {
        before->next[link] = stream->next[link];
    }
    if (list->last == stream) {
        list->last = before;
    }
    stream->next[link] = NULL;
}

static void add_news(cmx_h2 *h2, cmx_h2_stream *stream, enum cmx_h2_stream_flag news)
{
    bool is_listed = (stream->flags & (CMX_H2_STREAM_HAS_HEAD | CMX_H2_STREAM_HAS_END)) != 0;

    stream->flags |= (uint8_t)news;
    if (!is_listed) {
        cmx_h2_stream_push(&h2->news, stream, CMX_H2_LINK_NEWS);
    }
}

void cmx_h2_stream_push(cmx_h2_list *list, cmx_h2_stream *stream, enum cmx_h2_link link)
{
    stream->next[link] = NULL;
    if (list->last == NULL) {
        list->first = stream;
    } else {
        list->last->next[link] = stream;
    }
    list->last = stream;
}

cmx_h2_stream *cmx_h2_stream_pop(cmx_h2_list *list, enum cmx_h2_link link)
{
    cmx_h2_stream *stream = list->first;

    if (stream != NULL) {
        remove_from_list(list, stream, link);
    }
    return stream;
}

void cmx_h2_stream_unlink(cmx_h2 *h2, cmx_h2_stream *stream)
{
    cmx_h2_stream_unwait(h2, stream);
    if ((stream->flags & (CMX_H2_STREAM_HAS_HEAD | CMX_H2_STREAM_HAS_END)) != 0) {
        remove_from_list(&h2->news, stream, CMX_H2_LINK_NEWS);
        stream->flags &= (uint8_t) ~(CMX_H2_STREAM_HAS_HEAD | CMX_H2_STREAM_HAS_END);
    }
}

void cmx_h2_stream_unwait(cmx_h2 *h2, cmx_h2_stream *stream)
{
    if ((stream->flags & CMX_H2_STREAM_OWED) != 0) {
        remove_from_list(&h2->owed, stream, CMX_H2_LINK_CREDIT);
        stream->flags &= (uint8_t)~CMX_H2_STREAM_OWED;
    }
    if ((stream->flags & CMX_H2_STREAM_UNSENT) != 0) {
        remove_from_list(&h2->unsent_streams, stream, CMX_H2_LINK_WAIT);
    } else if ((stream->flags & CMX_H2_STREAM_DEFERRED) != 0) {
        remove_from_list(&h2->deferred, stream, CMX_H2_LINK_WAIT);
    }
    stream->flags &= (uint8_t) ~(CMX_H2_STREAM_UNSENT | CMX_H2_STREAM_DEFERRED);
}

void cmx_h2_stream_note_head(cmx_h2 *h2, cmx_h2_stream *stream)
{
    stream->flags |= CMX_H2_STREAM_HEAD_SEEN;
    add_news(h2, stream, CMX_H2_STREAM_HAS_HEAD);
}

bool cmx_h2_stream_may_queue(const cmx_h2 *h2)
{
    return nghttp2_session_get_outbound_queue_size(h2->session) < CMX_H2_QUEUED_MAX;
}

void cmx_h2_stream_reset(cmx_h2 *h2, const cmx_h2_stream *stream, uint32_t error_code)
{
    if (h2->failure != CMX_OK) {
        return;
    }
    if ((stream->flags & CMX_H2_STREAM_UNSENT) == 0) {
        h2->resets_sent++;
        if (!cmx_h2_stream_may_queue(h2) && h2->resets_count < h2->resets_capacity) {
            h2->resets[h2->resets_count++] = (cmx_h2_reset){stream->id, error_code};
            return;
        }
    }
    if (nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, stream->id, error_code) != 0) {
        /* The id is valid, so memory ran out. A server that is not told would keep its slot. */
        h2->failure = CMX_ERR_NO_MEMORY;
    }
}

void cmx_h2_stream_detach(cmx_h2 *h2, cmx_h2_stream *stream)
{
    /* Fails only if the library has forgotten the stream already, which is what is wanted. */
    (void)nghttp2_session_set_stream_user_data(h2->session, stream->id, NULL);
    if (h2->found == stream) {
        h2->found = NULL;
    }
    cmx_h2_stream_unwait(h2, stream);
    CMX_ASSERT(h2->active > 0);
    h2->active--;
    stream->source = NULL;
    stream->flags |= CMX_H2_STREAM_ENDED;
}

void cmx_h2_stream_end(cmx_h2 *h2, cmx_h2_stream *stream, uint32_t error_code)
{
    cmx_h2_stream_detach(h2, stream);
    stream->error_code = error_code;
    if ((stream->flags & CMX_H2_STREAM_HEAD_SEEN) == 0) {
        stream->head = (cmx_h2_head){0}; /* half a head is none */
    }
    add_news(h2, stream, CMX_H2_STREAM_HAS_END);
}

bool cmx_h2_stream_complete(const cmx_h2_stream *stream)
{
    return (stream->flags & CMX_H2_STREAM_COMPLETE) != 0;
}

bool cmx_h2_stream_unprocessed(const cmx_h2_stream *stream)
{
    /* The library reports HEADERS that never left, and ids above GOAWAY's last one, with the same
     * code. A server that has sent a head contradicts itself: then it is not proven. */
    return (stream->flags & CMX_H2_STREAM_ENDED) != 0 &&
           (stream->flags & CMX_H2_STREAM_HEAD_SEEN) == 0 &&
           stream->error_code == NGHTTP2_REFUSED_STREAM;
}
