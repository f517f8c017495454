/* SPDX-License-Identifier: MIT */
/*
 * Three places, one length. A block is taken when the tail is outgrown and given back as soon as
 * its bytes are forgotten, so that few of them serve many requests.
 */
#include "chat/answer_keep.h"

void cmx_answer_keep_use_body(cmx_answer_keep *keep)
{
    CMX_ASSERT(keep->len == 0 && keep->block == NULL);
    keep->in_body = keep->body != NULL;
}

/* Makes room for `need` kept bytes in all. */
static int make_room(cmx_answer_keep *keep, size_t need)
{
    if (keep->in_body) {
        return need <= keep->body_capacity ? CMX_OK : CMX_ERR_BUFFER_SMALL;
    }
    if (need > keep->bytes_max) {
        return CMX_ERR_EVENT_LARGE;
    }
    if (keep->block != NULL || need <= keep->tail_capacity) {
        return CMX_OK;
    }
    uint8_t *block = cmx_blocks_take(keep->blocks);
    if (block == NULL) {
        return CMX_ERR_NO_BUFFER;
    }
    if (keep->len > 0) {
        memcpy(block, keep->tail, keep->len);
    }
    keep->block = block;
    return CMX_OK;
}

int cmx_answer_keep_add(cmx_answer_keep *keep, const uint8_t *data, size_t len)
{
    if (len == 0) {
        return CMX_OK;
    }
    int rc = make_room(keep, keep->len + len);
    if (rc == CMX_OK) {
        memcpy(cmx_answer_keep_bytes(keep) + keep->len, data, len);
        keep->len += len;
    }
    return rc;
}

void cmx_answer_keep_prefix(cmx_answer_keep *keep, const uint8_t *data, size_t len)
{
    CMX_ASSERT(!keep->in_body);
    size_t room = keep->bytes_max - keep->len;
    len = len < room ? len : room;
    if (cmx_answer_keep_add(keep, data, len) == CMX_OK) {
        return;
    }
    /* No block is free: the tail must do. */
    room = keep->tail_capacity - keep->len;
    int rc = cmx_answer_keep_add(keep, data, len < room ? len : room);
    CMX_ASSERT(rc == CMX_OK);
}

void cmx_answer_keep_drop(cmx_answer_keep *keep, size_t len)
{
    CMX_ASSERT(len <= keep->len);
    if (len == keep->len) {
        cmx_answer_keep_forget(keep);
        return;
    }
    uint8_t *bytes = cmx_answer_keep_bytes(keep);
    keep->len -= len;
    memmove(bytes, bytes + len, keep->len);
}

void cmx_answer_keep_forget(cmx_answer_keep *keep)
{
    keep->len = 0;
    if (keep->block != NULL) {
        cmx_blocks_give(keep->blocks, keep->block);
        keep->block = NULL;
    }
}
