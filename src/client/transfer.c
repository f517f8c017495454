/* SPDX-License-Identifier: MIT */
/*
 * Pulling: takes items from the pool, lets the chat's decoder say what they mean, hands out one
 * event at a time. Nothing is queued: what is not pulled stays in the connection's buffer, unread.
 */
#include "client/transfer.h"

#include "client/account.h"
#include "client/again.h"
#include "client/attempt.h"
#include "client/finish.h"
#include "client/pause.h"
#include "client/target.h"
#include "client/trace.h"
#include "client/turn.h"
#include "client/verdict.h"
#include "client/warn.h"

enum { PULLS_PER_CLOCK = 32 }; /* items without an event: a tenth of a millisecond at most */

void cmx_transfer_end_lending(cmx_client *client)
{
    if (client->lent != CMX_SLOT_NONE) {
        uint16_t index = client->lent;
        client->lent = CMX_SLOT_NONE;
        cmx_finish_release(client, index);
    }
    if (client->decoding == CMX_SLOT_NONE) {
        cmx_pool_return(&client->pool); /* a plain request's bytes */
    }
}

/* Says whose event it is. Other members stay as they are: this is the road of each token. */
static void address(const cmx_client *client, uint16_t index, cmx_event *event)
{
    event->id = cmx_slot_handle(&client->pool.slots, index);
    event->user = client->calls[index].user;
}

static void on_first_token(cmx_client *client, uint16_t index)
{
    cmx_target_on_token(client, index);
    if (cmx_timerq_armed(&client->calls[index].timer)) {
        cmx_attempt_arm(client, index);
    }
}

/* Makes an event of a decoded item. */
static void fill_item(cmx_client *client, uint16_t index, const cmx_answer_item *item,
                      cmx_event *event)
{
    cmx_call *call = &client->calls[index];
    address(client, index, event);
    switch (item->kind) {
    case CMX_ANSWER_USAGE:
        event->kind = CMX_EVENT_USAGE;
        event->usage = item->usage;
        return;
    case CMX_ANSWER_DELTA:
        event->kind = CMX_EVENT_DELTA;
        event->delta = item->delta;
        /* Only the first token can bring the deadline nearer; later ones are found when due. */
        if (cmx_call_on_token(call, item->delta.text.len, client->now_ms,
                              cmx_state_unread_ms(client, index))) {
            on_first_token(client, index);
        }
        return;
    }
    CMX_UNREACHABLE();
}

/* Decodes on in the call that has a chunk (or its end). Returns CMX_OK (one event) or CMX_AGAIN
 * (nothing is being decoded any more). */
static int decode(cmx_client *client, cmx_event *event)
{
    uint16_t index = client->decoding;
    cmx_call *call = &client->calls[index];
    CMX_FILLED_LATER cmx_answer_item item;

    int rc = cmx_answer_next(&call->answer, &item);
    if (rc == CMX_OK) {
        fill_item(client, index, &item, event);
        return CMX_OK;
    }
    client->decoding = CMX_SLOT_NONE;
    cmx_pool_return(&client->pool);
    if (call->ending) {
        int cause = cmx_verdict_cause(&client->pool.slots.rows[index]);
        cmx_finish_call(client, index, cause == CMX_OK, cause);
    } else if (rc != CMX_AGAIN) {
        cmx_finish_abort(client, index, rc);
    } else if (cmx_answer_finished(&call->answer) && call->phase != CMX_CALL_AWAIT_END) {
        cmx_attempt_enter(client, index, CMX_CALL_AWAIT_END);
    }
    return CMX_AGAIN;
}

/* Returns false if nobody is to hear of it: another attempt follows. */
static bool on_head(cmx_client *client, uint16_t index, cmx_event *event)
{
    static const enum cmx_answer_content contents[] = {
        [CMX_H2_CONTENT_OTHER] = CMX_ANSWER_OTHER,
        [CMX_H2_CONTENT_EVENT_STREAM] = CMX_ANSWER_EVENT_STREAM,
        [CMX_H2_CONTENT_JSON] = CMX_ANSWER_JSON,
    };
    cmx_call *call = &client->calls[index];
    const cmx_h2_head *head = &client->pool.slots.rows[index].stream.head;
    call->http_status = head->status;
    cmx_account_head(client, index);
    cmx_turn_on_head(client, index);
    if (!call->is_chat && head->status >= 300 && cmx_again_decide_head(client, index)) {
        return false;
    }
    if (call->is_chat) {
        cmx_view id = cmx_h2_head_request_id(head);
        cmx_answer_head(&call->answer, head->status, contents[head->content], id,
                        cmx_h2_head_location(head));
    }
    cmx_attempt_enter(client, index, CMX_CALL_AWAIT_TOKEN);

    event->kind = CMX_EVENT_OPEN;
    event->http_status = head->status;
    return true;
}

static bool on_data(cmx_client *client, const cmx_pool_item *item, cmx_event *event)
{
    uint16_t index = item->slot;
    cmx_call *call = &client->calls[index];
    int rc = cmx_pause_keep(client, index, item->data);
    if (rc != CMX_AGAIN) {
        if (rc != CMX_OK) {
            cmx_finish_abort(client, index, rc);
        }
        return false;
    }
    if (call->is_chat) {
        /* The bytes lie in the connection's own buffer, or in the block of a paused request, which
         * nobody else reads again: the decoder may unescape them where they are. */
        cmx_answer_feed(&call->answer, (uint8_t *)(uintptr_t)item->data.data, item->data.len);
        client->decoding = index;
        return false;
    }
    if (cmx_call_on_token(call, item->data.len, client->now_ms,
                          cmx_state_unread_ms(client, index))) {
        cmx_attempt_arm(client, index);
    }
    event->kind = CMX_EVENT_DATA;
    event->data = (cmx_text){(const char *)item->data.data, item->data.len};
    return true;
}

static void on_end(cmx_client *client, uint16_t index)
{
    cmx_call *call = &client->calls[index];
    if (cmx_pause_hold_end(client, index)) {
        return; /* what came before it comes first */
    }
    cmx_finish_note_sent(client, index);
    if (call->is_chat) {
        cmx_answer_end(&call->answer);
        cmx_timerq_cancel(&client->timers, &call->timer); /* the rest is up to the caller */
        call->ending = true;
        client->decoding = index; /* a JSON answer is decoded now */
        return;
    }
    int cause = cmx_verdict_cause(&client->pool.slots.rows[index]);
    cmx_finish_call(client, index, cause == CMX_OK, cause);
}

/* Returns true if the item made an event, whose address is not filled in yet. */
static bool take_item(cmx_client *client, const cmx_pool_item *item, cmx_event *event)
{
    switch (item->kind) {
    case CMX_POOL_ITEM_STARTED:
        client->calls[item->slot].attempts++;
        cmx_target_on_sent(client, item->slot);
        cmx_attempt_enter(client, item->slot, CMX_CALL_AWAIT_HEAD);
        return false;
    case CMX_POOL_ITEM_HEAD:
        return on_head(client, item->slot, event);
    case CMX_POOL_ITEM_DATA:
        return on_data(client, item, event);
    case CMX_POOL_ITEM_END:
        on_end(client, item->slot);
        return false;
    }
    CMX_UNREACHABLE();
}

/* Nothing is to be told now. */
static int rest(cmx_client *client)
{
    if (client->live == 0 && client->draining) {
        cmx_pool_say_goodbye(&client->pool, client->now_ms);
    }
    cmx_pool_flush(&client->pool, client->now_ms);
    return client->live > 0 ? CMX_AGAIN : CMX_IDLE;
}

/* Takes the next thing that happened: what was kept of requests that were paused comes first.
 *
 * pulls  in out: how many there were since the caller was here. It may have taken its time, so the
 *        first one reads the clock; what takes the loop itself a while are many of them */
static int pull_item(cmx_client *client, uint32_t *pulls, cmx_pool_item *item)
{
    if ((*pulls)++ % PULLS_PER_CLOCK == 0) {
        cmx_state_read_clock(client);
    }
    int rc = cmx_pause_pull(client, item);
    return rc == CMX_OK ? rc : cmx_pool_pull(&client->pool, client->now_ms, item);
}

/* Makes an event of the oldest call that has ended, or is to be sent again. */
static bool take_told(cmx_client *client, cmx_event *event)
{
    uint16_t index = cmx_finish_take(client);
    if (index != CMX_SLOT_NONE) {
        cmx_finish_event(client, index, event);
        client->lent = index;
    } else {
        index = cmx_again_take(client);
        if (index == CMX_SLOT_NONE) {
            return false;
        }
        cmx_again_event(client, index, event);
    }
    address(client, index, event);
    return true;
}

static int pull_event(cmx_client *client, cmx_event *event)
{
    cmx_transfer_end_lending(client);
    if (client->pauses.paused > 0 && cmx_pause_stop(client) != CMX_OK) {
        cmx_finish_abort(client, client->decoding, CMX_ERR_HTTP2);
    }
    uint32_t pulls = 0;
    for (;;) {
        if (client->pauses.waiting > 0 && client->decoding == CMX_SLOT_NONE) {
            client->decoding = cmx_pause_go_on(client);
        }
        if (client->decoding != CMX_SLOT_NONE) {
            if (decode(client, event) == CMX_OK) {
                return CMX_OK;
            }
            continue; /* another one may have been stopped inside of a chunk */
        }
        if (take_told(client, event)) {
            return CMX_OK;
        }
        CMX_FILLED_LATER cmx_pool_item item;
        if (pull_item(client, &pulls, &item) != CMX_OK) {
            return rest(client);
        }
        if (take_item(client, &item, event)) {
            address(client, item.slot, event);
            return CMX_OK;
        }
    }
}

int cmx_client_next_event(cmx_client *client, cmx_event *event)
{
    if (cmx_warn_is_due(client)) {
        cmx_transfer_end_lending(client);
        if (cmx_warn_next(client, event)) {
            return CMX_OK;
        }
    }
    int rc = pull_event(client, event);
    cmx_trace_flush(client); /* the libraries have returned: a hook may take its time */
    return rc;
}

static void expire_call(cmx_client *client, uint16_t index)
{
    cmx_call *call = &client->calls[index];
    int status = CMX_OK;
    uint64_t due_ms =
        cmx_call_due_ms(call, &client->config, cmx_state_unread_ms(client, index), &status);
    if (due_ms > client->now_ms) {
        cmx_timerq_arm(&client->timers, &call->timer, due_ms);
        return;
    }
    /* Silence is known only up to the last byte that was pulled; the total time needs no proof. */
    if (status != CMX_ERR_TIMEOUT_TOTAL &&
        due_ms > cmx_pool_heard_ms(&client->pool, index, client->now_ms)) {
        cmx_timerq_arm(&client->timers, &call->timer, client->now_ms + 1);
        return;
    }
    if (status == CMX_AGAIN) {
        cmx_again_send(client, index);
        return;
    }
    if (status == CMX_ERR_TIMEOUT_QUEUE && call->reason == CMX_RETRY_NEVER_SENT) {
        status = client->pool.slots.rows[index].status; /* says more than the waiting did */
    }
    cmx_finish_abort(client, index, status == CMX_OK ? CMX_ERR_TRUNCATED : status);
}

void cmx_transfer_expire(cmx_client *client)
{
    cmx_timer *timer;
    while ((timer = cmx_timerq_pop_due(&client->timers, client->now_ms)) != NULL) {
        /* The timer is the call's first member. */
        expire_call(client, (uint16_t)((cmx_call *)(void *)timer - client->calls));
    }
}
