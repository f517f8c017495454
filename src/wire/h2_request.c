/* SPDX-License-Identifier: MIT */
/*
 * Submits requests and feeds their bodies to the library. The body callback finds its stream
 * through the library and never through a pointer of its own, so that a cancelled stream's source
 * is not touched again. END_STREAM rides on the last DATA frame: some servers wait for it and
 * mistake an extra empty frame.
 */
#include "wire/h2_request.h"

#include "text/number.h"

#include <nghttp2/nghttp2.h>

_Static_assert((int)CMX_H2_FIELD_SECRET == (int)NGHTTP2_NV_FLAG_NO_INDEX &&
                   (int)CMX_H2_FIELD_LIVES_NAME == (int)NGHTTP2_NV_FLAG_NO_COPY_NAME &&
                   (int)CMX_H2_FIELD_LIVES ==
                       (int)(NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE),
               "the flags of a field are the library's");

/* Fills `out` completely, except at the end of the body. */
static int read_source(cmx_h2_stream *stream, uint8_t *out, size_t capacity, size_t *len)
{
    const cmx_source *source = stream->source;
    uint64_t left_bytes = source->length - stream->uploaded_bytes;
    size_t wanted = left_bytes < capacity ? (size_t)left_bytes : capacity;

    *len = 0;
    while (*len < wanted) { /* each turn adds a byte or ends */
        size_t got = 0;
        int rc = source->read(source->ctx, out + *len, wanted - *len, &got);
        if (rc != CMX_OK) {
            return rc;
        }
        CMX_ASSERT(got <= wanted - *len);
        if (got == 0) {
            return CMX_ERR_BODY_CHANGED; /* shorter than the content-length we announced */
        }
        *len += got;
    }
    stream->uploaded_bytes += wanted;
    return CMX_OK;
}

static nghttp2_ssize read_body(nghttp2_session *session, int32_t stream_id, uint8_t *out,
                               size_t capacity, uint32_t *data_flags, nghttp2_data_source *unused,
                               void *user_data)
{
    cmx_h2 *h2 = user_data;
    cmx_h2_stream *stream = nghttp2_session_get_stream_user_data(session, stream_id);
    size_t len;
    int rc;

    (void)unused;
    if (stream == NULL) {
        return NGHTTP2_ERR_DEFERRED; /* its RST_STREAM is queued */
    }
    if (stream->upload_round == h2->upload_round) {
        stream->flags |= CMX_H2_STREAM_DEFERRED;
        cmx_h2_stream_push(&h2->deferred, stream, CMX_H2_LINK_WAIT);
        return NGHTTP2_ERR_DEFERRED;
    }
    rc = read_source(stream, out, capacity, &len);
    if (rc != CMX_OK) {
        stream->source_error = rc;
        cmx_h2_stream_end(h2, stream, NGHTTP2_INTERNAL_ERROR);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the library sends RST_STREAM */
    }
    stream->upload_round = h2->upload_round;
    if (stream->uploaded_bytes == stream->source->length) {
        *data_flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (nghttp2_ssize)len;
}

static void set_field(nghttp2_nv *out, cmx_view name, cmx_view value, uint8_t flags)
{
    /* The library copies both and does not write: its type has no const. */
    out->name = (uint8_t *)(uintptr_t)name.data;
    out->value = (uint8_t *)(uintptr_t)value.data;
    out->namelen = name.len;
    out->valuelen = value.len;
    out->flags = flags;
}

int cmx_h2_request_submit(cmx_h2 *h2, cmx_h2_stream *stream, const cmx_h2_request *request)
{
    CMX_FILLED_LATER nghttp2_nv fields[CMX_H2_FIELDS_MAX + 1];
    nghttp2_data_provider2 provider = {.source = {.ptr = NULL}, .read_callback = read_body};
    const cmx_source *source = request->source;
    bool has_body = source != NULL && source->length > 0;
    uint8_t digits[CMX_NUMBER_BYTES_MAX];
    size_t count = request->field_count;
    int32_t id;

    CMX_ASSERT(count <= CMX_H2_FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        const cmx_h2_field *field = &request->fields[i];
        set_field(&fields[i], field->name, field->value, field->flags);
    }
    if (source != NULL) {
        const cmx_view length = {digits, cmx_number_write(digits, source->length)};
        set_field(&fields[count++], CMX_VIEW_LITERAL("content-length"), length,
                  CMX_H2_FIELD_LIVES_NAME);
    }
    id = nghttp2_submit_request2(h2->session, NULL, fields, count, has_body ? &provider : NULL,
                                 stream);
    if (id < 0) {
        return id == NGHTTP2_ERR_NOMEM ? CMX_ERR_NO_MEMORY : CMX_ERR_GOAWAY;
    }
    if (has_body) {
        source->rewind(source->ctx);
        stream->source = source;
    }
    stream->id = id;
    return CMX_OK;
}

bool cmx_h2_request_next_round(cmx_h2 *h2)
{
    bool is_any = h2->deferred.first != NULL;
    cmx_h2_stream *stream;

    h2->upload_round++;
    while ((stream = cmx_h2_stream_pop(&h2->deferred, CMX_H2_LINK_WAIT)) != NULL) {
        stream->flags &= (uint8_t)~CMX_H2_STREAM_DEFERRED;
        if (nghttp2_session_resume_data(h2->session, stream->id) == NGHTTP2_ERR_NOMEM) {
            h2->failure = CMX_ERR_NO_MEMORY;
        }
    }
    return is_any;
}
