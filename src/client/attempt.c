/* SPDX-License-Identifier: MIT */
/*
 * Attempts of calls. See attempt.h.
 */
#include "client/attempt.h"

_Static_assert((int)CMX_ANSWER_ID_BYTES_MAX <= (int)CMX_H2_HEAD_TEXT_BYTES, "a head has the room");

void cmx_attempt_begin_answer(cmx_client *client, uint16_t index)
{
    cmx_call *call = &client->calls[index];
    const cmx_answer_memory memory = {
        .tails = &client->tails,
        .tail_capacity = client->config.tail_bytes,
        .shapes = &client->shapes,
        .shape_capacity = client->config.shape_bytes,
        .blocks = &client->event_blocks,
        .event_bytes_max = client->config.event_bytes_max,
        .tables = &client->tools,
        .notes = &client->notes,
        .id = client->pool.slots.rows[index].stream.head.text, /* the head's is there */
        .tools_capacity = client->config.tool_calls_max,
        .malformed_events_max = client->config.malformed_events_max,
        .skipped_events_max = client->config.skipped_events_max,
        .body = call->room,
        .body_capacity = call->room_bytes,
    };
    cmx_answer_init(&call->answer, &memory);
}

void cmx_attempt_arm(cmx_client *client, uint16_t index)
{
    int status = CMX_OK;
    cmx_call *call = &client->calls[index];
    uint64_t due_ms =
        cmx_call_due_ms(call, &client->config, cmx_state_unread_ms(client, index), &status);
    if (!cmx_timerq_armed(&call->timer) || due_ms < call->timer.due_ms) {
        cmx_timerq_arm(&client->timers, &call->timer, due_ms);
    }
}

void cmx_attempt_enter(cmx_client *client, uint16_t index, enum cmx_call_phase phase)
{
    cmx_call_enter(&client->calls[index], phase, client->now_ms,
                   cmx_state_unread_ms(client, index));
    /* AWAIT_TOKEN goes on with a clock of AWAIT_HEAD, so it is never due before that was. */
    if (phase != CMX_CALL_AWAIT_TOKEN || !cmx_timerq_armed(&client->calls[index].timer)) {
        cmx_attempt_arm(client, index);
    }
}

void cmx_attempt_list_init(cmx_call_list *list)
{
    *list = (cmx_call_list){CMX_SLOT_NONE, CMX_SLOT_NONE};
}

void cmx_attempt_list_push(cmx_client *client, cmx_call_list *list, uint16_t index)
{
    client->calls[index].next = CMX_SLOT_NONE;
    if (list->first == CMX_SLOT_NONE) {
        list->first = index;
    } else {
        client->calls[list->last].next = index;
    }
    list->last = index;
}

uint16_t cmx_attempt_list_pop(const cmx_client *client, cmx_call_list *list)
{
    uint16_t index = list->first;
    if (index != CMX_SLOT_NONE) {
        list->first = client->calls[index].next;
    }
    return index;
}

void cmx_attempt_list_remove(cmx_client *client, cmx_call_list *list, uint16_t index)
{
    uint16_t before = CMX_SLOT_NONE;
    uint16_t at = list->first;
    while (at != index) {
        CMX_ASSERT(at != CMX_SLOT_NONE);
        before = at;
        at = client->calls[at].next;
    }
    uint16_t next = client->calls[index].next;
    if (before == CMX_SLOT_NONE) {
        list->first = next;
    } else {
        client->calls[before].next = next;
    }
    if (next == CMX_SLOT_NONE) {
        list->last = before;
    }
}
