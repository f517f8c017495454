/* SPDX-License-Identifier: MIT */
/*
 * The rules, from what servers do: an index names the latest call opened under it; another id under
 * the same index is another call; without an index the id decides; without either, the latest call
 * goes on, unless the piece stands behind another one at once.
 */
#include "chat/answer_tools.h"

/* Returns whether the call is numbered, or not, as the piece is. */
static bool same_index(const cmx_answer_tool *call, const cmx_answer_tool_key *key)
{
    return !key->has_index || (call->has_index && call->index == key->index);
}

/* Returns the latest call that a piece without an id may belong to, or NULL. */
static cmx_answer_tool *latest(const cmx_answer_tools *tools, const cmx_answer_tool_key *key)
{
    for (size_t i = tools->count; i > 0; i--) {
        cmx_answer_tool *call = &tools->calls[i - 1];
        if (call->choice == key->choice && call->is_legacy == key->is_legacy &&
            same_index(call, key)) {
            return call;
        }
    }
    return NULL;
}

static cmx_answer_tool *with_id(const cmx_answer_tools *tools, const cmx_answer_tool_key *key,
                                uint32_t id_hash)
{
    for (size_t i = 0; i < tools->count; i++) {
        cmx_answer_tool *call = &tools->calls[i];
        if (call->choice == key->choice && call->has_id && call->id_hash == id_hash &&
            same_index(call, key)) {
            return call;
        }
    }
    return NULL;
}

static int open_call(cmx_answer_tools *tools, const cmx_answer_tool_key *key,
                     cmx_answer_tool **call)
{
    if (tools->count == tools->capacity) {
        return CMX_ERR_TOOL_CALLS;
    }
    if (tools->calls == NULL) {
        tools->calls = (cmx_answer_tool *)(void *)cmx_blocks_take(tools->tables);
        if (tools->calls == NULL) {
            return CMX_ERR_TOOL_CALLS;
        }
    }
    uint8_t number = 0;
    for (size_t i = 0; i < tools->count; i++) {
        number = (uint8_t)(number + (tools->calls[i].choice == key->choice ? 1 : 0));
    }
    *call = &tools->calls[tools->count++];
    **call = (cmx_answer_tool){
        .choice = key->choice,
        .index = key->index,
        .number = number,
        .has_index = key->has_index,
        .is_legacy = key->is_legacy,
    };
    return CMX_OK;
}

void cmx_answer_tools_init(cmx_answer_tools *tools, cmx_answer_tool *calls, cmx_blocks *tables,
                           size_t capacity)
{
    CMX_ASSERT(calls != NULL || tables != NULL || capacity == 0);
    *tools = (cmx_answer_tools){
        .calls = calls,
        .tables = calls == NULL ? tables : NULL,
        .capacity = (uint16_t)(capacity < CMX_ANSWER_TOOLS_MAX ? capacity : CMX_ANSWER_TOOLS_MAX),
    };
}

void cmx_answer_tools_deinit(cmx_answer_tools *tools)
{
    if (tools->tables != NULL && tools->calls != NULL) {
        cmx_blocks_give(tools->tables, (uint8_t *)tools->calls);
        tools->calls = NULL;
    }
}

int cmx_answer_tools_find(cmx_answer_tools *tools, const cmx_answer_tool_key *key,
                          cmx_answer_tool **call, bool *told)
{
    *told = false;
    *call = latest(tools, key);
    if (key->id.len == 0) {
        bool goes_on = *call != NULL && (key->has_index || !key->is_next);
        return goes_on ? CMX_OK : open_call(tools, key, call);
    }
    uint32_t id_hash =
        cmx_view_hash(key->id); /* two ids that meet in 32 bits are as good as equal */
    cmx_answer_tool *same = with_id(tools, key, id_hash);
    if (same != NULL) {
        *call = same;
        return CMX_OK;
    }
    /* The id of a call under this index that had none yet, else another call. */
    bool is_late = *call != NULL && key->has_index && !(*call)->has_id;
    int rc = is_late ? CMX_OK : open_call(tools, key, call);
    if (rc == CMX_OK) {
        (*call)->has_id = true;
        (*call)->id_hash = id_hash;
        *told = true;
    }
    return rc;
}
