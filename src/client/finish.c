/* SPDX-License-Identifier: MIT */
/*
 * The end of a call. See finish.h.
 */
#include "client/finish.h"

#include "client/account.h"
#include "client/again.h"
#include "client/attempt.h"
#include "client/pause.h"
#include "client/target.h"
#include "client/turn.h"
#include "client/verdict.h"

/* Takes a call off the list that its phase says. */
static void leave_list(cmx_client *client, uint16_t index)
{
    uint8_t phase = client->calls[index].phase;
    if (phase == CMX_CALL_AWAIT_TURN || phase == CMX_CALL_AWAIT_TARGET) {
        cmx_turn_drop(client, index);
    } else if (phase == CMX_CALL_AWAIT_RETRY) {
        cmx_again_drop(client, index);
    }
}

void cmx_finish_call(cmx_client *client, uint16_t index, bool complete, int cause)
{
    cmx_call *call = &client->calls[index];
    cmx_verdict_facts facts = {
        .answer = call->is_chat ? &call->answer : NULL,
        .http_status = call->http_status,
        .delivered = call->deltas > 0,
        .complete = complete,
        .dropped = client->decoding == index || cmx_pause_keeps(client, index),
        .cause = cause,
    };
    CMX_ASSERT(call->phase != CMX_CALL_FINISHED);
    int error = CMX_OK;
    enum cmx_verdict verdict = cmx_verdict_judge(&facts, &error);
    leave_list(client, index);
    if (cmx_again_decide(client, index, verdict, error)) {
        return;
    }
    call->verdict = (uint8_t)verdict;
    call->error = error;
    cmx_account_settle(client, index);
    call->h2_error = client->pool.slots.rows[index].stream.error_code;
    call->tls_error = client->pool.slots.rows[index].tls_error;
    cmx_timerq_cancel(&client->timers, &call->timer);
    cmx_call_enter(call, CMX_CALL_FINISHED, client->now_ms, 0);
    if (client->decoding == index) {
        client->decoding = CMX_SLOT_NONE;
    }
    cmx_pause_forget(client, index);
    cmx_attempt_list_push(client, &client->finished, index);
}

static bool was_sent(const cmx_slot *slot)
{
    bool left = (slot->stream.flags & CMX_H2_STREAM_UNSENT) == 0;
    switch ((enum cmx_slot_state)slot->state) {
    case CMX_SLOT_ACTIVE:
        return left;
    case CMX_SLOT_ENDED:
        return left && slot->end != CMX_SLOT_END_NEVER_SENT && slot->end != CMX_SLOT_END_REFUSED;
    case CMX_SLOT_FREE:
    case CMX_SLOT_HELD:
    case CMX_SLOT_QUEUED:
    case CMX_SLOT_STATE_COUNT:
        break;
    }
    return false;
}

void cmx_finish_note_sent(cmx_client *client, uint16_t index)
{
    cmx_call *call = &client->calls[index];
    if (call->phase == CMX_CALL_AWAIT_START && was_sent(&client->pool.slots.rows[index])) {
        call->attempts++;
        cmx_target_on_sent(client, index);
        cmx_call_enter(call, CMX_CALL_AWAIT_HEAD, client->now_ms, 0);
    }
}

void cmx_finish_abort(cmx_client *client, uint16_t index, int cause)
{
    cmx_call *call = &client->calls[index];
    cmx_finish_note_sent(client, index);
    cmx_pool_cancel(&client->pool, index);
    if (call->phase != CMX_CALL_FINISHED) {
        if (call->is_chat) {
            cmx_answer_end(&call->answer);
        }
        cmx_finish_call(client, index, false, cause);
    } else if (cause == CMX_ERR_CANCELLED) {
        call->verdict = CMX_VERDICT_CANCELLED;
        call->error = CMX_ERR_CANCELLED;
    }
}

uint16_t cmx_finish_take(cmx_client *client)
{
    return cmx_attempt_list_pop(client, &client->finished);
}

/* Returns where a redirection leads to; empty = nowhere. */
static cmx_text location_of(const cmx_h2_head *head)
{
    cmx_view location = cmx_h2_head_location(head);
    return (cmx_text){(const char *)location.data, location.len};
}

static void fill_answer(const cmx_call *call, const cmx_h2_head *head, cmx_done *done)
{
    CMX_FILLED_LATER cmx_answer_result result;
    cmx_answer_result_get(&call->answer, &result);
    done->message = result.message.len > 0 ? result.message : location_of(head);
    done->finish_reason = result.finish_reason;
    done->model = result.model;
    done->request_id = result.id;
    done->has_usage = result.has_usage;
    done->usage = result.usage;
    done->tool_calls = result.tool_calls;
    done->malformed = result.malformed;
    done->skipped = result.skipped;
    done->replaced = result.replaced;
}

/* A plain request has no decoder: what is known of its head lies in the slot. */
static void fill_head(const cmx_h2_head *head, cmx_done *done)
{
    cmx_view id = cmx_h2_head_request_id(head);
    done->request_id = (cmx_text){(const char *)id.data, id.len};
    done->message = location_of(head);
}

void cmx_finish_event(cmx_client *client, uint16_t index, cmx_event *event)
{
    const cmx_call *call = &client->calls[index];
    CMX_ASSERT(call->phase == CMX_CALL_FINISHED);
    event->kind = CMX_EVENT_DONE;
    event->done = (cmx_done){
        .verdict = (enum cmx_verdict)call->verdict,
        .error = call->error,
        .http_status = call->http_status,
        .h2_error = call->h2_error,
        .tls_error = call->tls_error,
        .attempts = call->attempts,
        .replays = call->replays,
        .origin = cmx_state_origin_id(client, index),
        .asked_model = cmx_target_asked_model(client, index),
        .cost = call->spent,
        .times = cmx_call_get_times(call),
        .deltas = call->deltas,
        .bytes = call->delivered_bytes,
    };
    const cmx_h2_head *head = &client->pool.slots.rows[index].stream.head;
    if (call->is_chat) {
        fill_answer(call, head, &event->done);
    } else {
        fill_head(head, &event->done);
    }
    cmx_account_done(client, index);
    CMX_ASSERT(client->live > 0);
    client->live--;
}

void cmx_finish_release(cmx_client *client, uint16_t index)
{
    cmx_call *call = &client->calls[index];
    if (call->is_chat) {
        cmx_answer_deinit(&call->answer);
    }
    cmx_pool_release(&client->pool, index);
}
