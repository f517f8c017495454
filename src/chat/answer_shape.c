/* SPDX-License-Identifier: MIT */
/*
 * Learning and matching of shapes. See answer_shape.h. Two comparisons replace the walk through an
 * event of a dozen members; the string between them is scanned as JSON as ever, so that a quote in
 * it cannot end it early.
 */
#include "chat/answer_shape.h"

void cmx_answer_shape_init(cmx_answer_shape *shape, uint8_t *bytes, cmx_blocks *rooms,
                           size_t capacity)
{
    *shape = (cmx_answer_shape){
        .bytes = bytes,
        .rooms = bytes == NULL ? rooms : NULL,
        .capacity = capacity < UINT32_MAX ? (uint32_t)capacity : UINT32_MAX,
    };
}

void cmx_answer_shape_deinit(cmx_answer_shape *shape)
{
    shape->before_len = 0;
    if (shape->rooms != NULL && shape->bytes != NULL) {
        cmx_blocks_give(shape->rooms, shape->bytes);
        shape->bytes = NULL;
    }
}

void cmx_answer_shape_learn(cmx_answer_shape *shape, cmx_json_span event, cmx_json_span text)
{
    CMX_ASSERT(event.at < text.at);
    CMX_ASSERT(text.at <= text.end);
    CMX_ASSERT(text.end < event.end);
    size_t before_len = (size_t)(text.at - event.at);
    size_t behind_len = (size_t)(event.end - text.end);

    shape->before_len = 0;
    if (before_len > shape->capacity || behind_len > shape->capacity - before_len) {
        return;
    }
    if (shape->bytes == NULL && shape->rooms != NULL) {
        shape->bytes = cmx_blocks_take(shape->rooms);
    }
    if (shape->bytes == NULL) {
        return;
    }
    memcpy(shape->bytes, event.at, before_len);
    memcpy(shape->bytes + before_len, text.end, behind_len);
    shape->before_len = (uint32_t)before_len;
    shape->behind_len = (uint32_t)behind_len;
}

bool cmx_answer_shape_match(const cmx_answer_shape *shape, cmx_json_span event, cmx_json_span *text)
{
    size_t len = cmx_json_span_len(event);
    size_t before_len = shape->before_len;
    size_t behind_len = shape->behind_len;
    if (before_len == 0 || len < before_len + behind_len ||
        memcmp(event.at, shape->bytes, before_len) != 0 ||
        memcmp(event.end - behind_len, shape->bytes + before_len, behind_len) != 0) {
        return false;
    }
    *text = (cmx_json_span){event.at + before_len, event.end - behind_len};
    size_t text_len = cmx_json_span_len(*text);
    if (cmx_json_scan_plain_len(text->at, text_len) == text_len) {
        return true;
    }
    /* With its quotes, which are the last byte before and the first one behind. */
    cmx_json_span rest = {text->at - 1, text->end + 1};
    cmx_json_span string;
    return cmx_json_scan_value(&rest, &string) && string.end == text->end + 1;
}
