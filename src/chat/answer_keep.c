/* SPDX-License-Identifier: MIT */
/*
 * Three places, one length. A block is taken when the tail is outgrown, a shared tail with the
 * first byte, and both are given back as soon as their bytes are forgotten, so that few of them
 * serve many requests.
 */
#include "chat/answer_keep.h"

void cmx_answer_keep_use_body(cmx_answer_keep *keep)
{
    CMX_ASSERT(keep->len == 0 && keep->block == NULL);
    keep->in_body = keep->body != NULL;
}

/* Returns whether there is a tail now; the larger blocks serve if all are taken. */
static bool take_tail(cmx_answer_keep *keep)
{
    if (keep->tails == NULL || keep->in_tail) {
        return true;
    }
    keep->block = cmx_blocks_take(keep->tails);
    keep->in_tail = keep->block != NULL;
    return keep->in_tail;
}

static void give_block(cmx_answer_keep *keep)
{
    if (keep->block != NULL) {
        cmx_blocks_give(keep->in_tail ? keep->tails : keep->blocks, keep->block);
        keep->block = NULL;
        keep->in_tail = false;
    }
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
    bool in_block = keep->block != NULL && !keep->in_tail;
    if (in_block || (need <= keep->tail_capacity && take_tail(keep))) {
        return CMX_OK;
    }
    uint8_t *block = cmx_blocks_take(keep->blocks);
    if (block == NULL) {
        return CMX_ERR_NO_BUFFER;
    }
    if (keep->len > 0) {
        memcpy(block, cmx_answer_keep_bytes(keep), keep->len);
    }
    give_block(keep);
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
    /* No block is free: the tail must do, if there is one. */
    room = keep->tail_capacity - keep->len;
    int rc = cmx_answer_keep_add(keep, data, len < room ? len : room);
    CMX_ASSERT(rc == CMX_OK || keep->tails != NULL);
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
    give_block(keep);
}
