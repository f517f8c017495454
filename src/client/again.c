/* SPDX-License-Identifier: MIT */
/*
 * Sending again. See again.h. The decision itself is policy/retry's; what is fed into it comes from
 * client/outcome.
 */
#include "client/again.h"

#include "client/account.h"
#include "client/attempt.h"
#include "client/outcome.h"
#include "client/pause.h"
#include "client/target.h"
#include "client/turn.h"

enum {
    RATE_LIMIT_FACTOR = 4, /* as policy/retry has it by default */
    PERCENT_ALL = 100,     /* every request may be a retry: no budget */
};

#define STREAM_OPTIONS CMX_VIEW_LITERAL("stream_options")

static void fill_policy(const cmx_client *client, const cmx_call *call, cmx_retry_policy *policy)
{
    const cmx_config *config = &client->config;
    *policy = (cmx_retry_policy){
        .attempts_max = call->attempts_max > 0 ? call->attempts_max : config->attempts_max,
        .replays_max = config->replays_max,
        .base_ms = config->retry_base_ms,
        .cap_ms = config->retry_max_ms,
        .rate_limit_factor = RATE_LIMIT_FACTOR,
        .retry_after_max_ms = config->retry_after_max_ms,
        .strict = config->retry_strict != 0,
    };
}

/* What is left of the request's time; of the time for finding a connection, if it found none. */
static uint32_t left_ms(const cmx_client *client, const cmx_call *call,
                        const cmx_retry_outcome *outcome)
{
    uint64_t due_ms = cmx_call_total_due_ms(call, &client->config);
    if (outcome->class == CMX_RETRY_CLASS_NEVER_SENT) {
        uint64_t queue_ms = cmx_call_queue_due_ms(call, &client->config);
        due_ms = queue_ms < due_ms ? queue_ms : due_ms;
    }
    if (due_ms == UINT64_MAX) {
        return UINT32_MAX;
    }
    uint64_t left = due_ms > client->now_ms ? due_ms - client->now_ms : 0;
    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX - 1;
}

/* Asks the policy.
 *
 * elsewhere  out: the next attempt is made at another target, or when one can be had; NULL = no
 *            targets count */
static cmx_retry_decision decide(cmx_client *client, uint16_t index, enum cmx_route_news news,
                                 cmx_retry_outcome *outcome, bool *elsewhere)
{
    const cmx_call *call = &client->calls[index];
    cmx_retry_budget *budget = &client->lanes[client->pool.slots.rows[index].origin].budget;
    cmx_retry_policy policy;
    fill_policy(client, call, &policy);
    cmx_retry_state state = {
        .attempts = call->attempts,
        .replays = call->replays,
        .left_ms = left_ms(client, call, outcome),
        .random = cmx_random_below(&client->pool.random, UINT32_MAX),
        .budget = client->config.retry_budget_percent < PERCENT_ALL ? budget : NULL,
        .now_ms = client->now_ms,
    };
    if (elsewhere != NULL) {
        cmx_target_look_elsewhere(client, index, news, outcome, &state);
        *elsewhere = state.elsewhere;
    }
    return cmx_retry_decide(&policy, outcome, &state);
}

/* Closes the gate for as long as the server said, or for as long as this call waits itself. */
static void note_limit(cmx_client *client, uint16_t index, const cmx_retry_outcome *outcome,
                       const cmx_retry_decision *decision)
{
    const cmx_config *config = &client->config;
    if (!cmx_retry_is_rate_limit(outcome)) {
        return;
    }
    uint32_t wait_ms = config->retry_base_ms;
    if (outcome->after.has && outcome->after.wait_ms > 0) {
        wait_ms = outcome->after.wait_ms;
    } else if (decision->action == CMX_RETRY_ACTION_RETRY && decision->wait_ms > 0) {
        wait_ms = decision->wait_ms;
    }
    bool fits = wait_ms < config->retry_after_max_ms;
    cmx_turn_close(client, index, fits ? wait_ms : config->retry_after_max_ms);
}

/* The server works on what it got, or not at all: see enum cmx_retry_class. */
static bool is_unprocessed(const cmx_retry_outcome *outcome)
{
    return outcome->class == CMX_RETRY_CLASS_NEVER_SENT ||
           outcome->class == CMX_RETRY_CLASS_REFUSED;
}

/* Makes everything as if the request had just been started, but for its counts. */
static void begin_again(cmx_client *client, uint16_t index, const cmx_retry_decision *decision,
                        int error)
{
    cmx_call *call = &client->calls[index];
    cmx_account_again(client, index, decision->reason);
    if (decision->action == CMX_RETRY_ACTION_REPLAY) {
        call->attempts = (uint8_t)(call->attempts - (cmx_call_is_sent(call) ? 1 : 0));
        call->replays++;
    }
    if (client->decoding == index) {
        client->decoding = CMX_SLOT_NONE;
    }
    if (call->is_chat) {
        cmx_answer_deinit(&call->answer);
        cmx_attempt_begin_answer(client, index);
    }
    cmx_pause_restart(client, index);
    cmx_pool_hold(&client->pool, index);
    call->reason = (uint8_t)decision->reason;
    call->error = error;
    call->wait_ms = decision->wait_ms;
    call->ending = false;
    call->delivered_bytes = 0;
    call->times.head_ms = CMX_CALL_NEVER;
    call->times.first_token_ms = CMX_CALL_NEVER;
    call->times.last_token_ms = CMX_CALL_NEVER;
    call->telling = true;
    cmx_attempt_list_push(client, &client->told, index);
    cmx_attempt_enter(client, index, CMX_CALL_AWAIT_RETRY);
}

/* Some servers refuse the option that asks for usage: then it is left out (wire case 9). */
static bool is_refused_option(const cmx_call *call, const cmx_outcome_facts *facts)
{
    if (facts->http_status != 400 || facts->answer == NULL ||
        call->body.stream <= CMX_BODY_STREAM_ON) {
        return false;
    }
    cmx_text text = facts->answer->message;
    for (size_t i = 0; i + STREAM_OPTIONS.len <= text.len; i++) {
        if (memcmp(text.data + i, STREAM_OPTIONS.data, STREAM_OPTIONS.len) == 0) {
            return true;
        }
    }
    return false;
}

static void drop_option(cmx_call *call, cmx_retry_decision *decision)
{
    if (cmx_body_drop_stream_options(&call->body)) {
        call->source.length = call->body.length;
        decision->wait_ms = 0; /* it is another request, which nobody has refused yet */
    }
}

/* Tells the target. What was refused or is nobody's fault leaves the call where it is. */
static bool note_target(cmx_client *client, uint16_t index, const cmx_outcome_facts *facts,
                        const cmx_retry_outcome *outcome, enum cmx_route_news *news)
{
    *news = cmx_target_judge(facts, outcome);
    return cmx_target_note(client, index, *news, outcome->after.has ? outcome->after.wait_ms : 0);
}

bool cmx_again_decide(cmx_client *client, uint16_t index, enum cmx_verdict verdict, int error)
{
    cmx_call *call = &client->calls[index];
    const cmx_slot *slot = &client->pool.slots.rows[index];
    bool is_told = !call->is_chat && call->http_status >= 300; /* by cmx_again_decide_head() */
    if (cmx_verdict_complete(verdict) || is_told) {
        cmx_turn_end(client, index, false);
        (void)cmx_target_note(client, index, CMX_ROUTE_NEWS_GOOD, 0);
        return false;
    }
    CMX_FILLED_LATER cmx_answer_result result;
    if (call->is_chat) {
        cmx_answer_result_get(&call->answer, &result);
    }
    const cmx_h2 *h2 = &client->pool.tables.conns[slot->conn].h2;
    bool unsent = (slot->stream.flags & CMX_H2_STREAM_UNSENT) != 0;
    const cmx_outcome_facts facts = {
        .verdict = verdict,
        .error = error,
        .end = (enum cmx_slot_end)slot->end,
        .sent = cmx_call_is_sent(call) && !unsent,
        .delivered = call->deltas > 0,
        .slow_down = h2->session != NULL && h2->goaway_code == CMX_H2_ENHANCE_YOUR_CALM,
        .http_status = call->http_status,
        .after = slot->stream.head.after,
        .answer = call->is_chat ? &result : NULL,
    };
    enum cmx_route_news news;
    cmx_retry_outcome outcome;
    cmx_outcome_judge(&facts, &outcome);
    bool drops = is_refused_option(call, &facts);
    if (drops) {
        outcome.after.should_retry = CMX_RETRY_AFTER_YES;
    }
    bool elsewhere = false;
    bool cooled = note_target(client, index, &facts, &outcome, &news);
    cmx_retry_decision decision = decide(client, index, news, &outcome, &elsewhere);
    cmx_turn_end(client, index, is_unprocessed(&outcome));
    note_limit(client, index, &outcome, &decision);
    if (decision.action != CMX_RETRY_ACTION_END) {
        if (drops) {
            drop_option(call, &decision);
        }
        begin_again(client, index, &decision, error);
        cmx_target_turn_to(client, index, elsewhere, decision.wait_ms == 0);
    }
    if (cooled) {
        cmx_turn_call_back_lost(client);
    }
    return decision.action != CMX_RETRY_ACTION_END;
}

bool cmx_again_decide_head(cmx_client *client, uint16_t index)
{
    const cmx_call *call = &client->calls[index];
    const cmx_outcome_facts facts = {
        .verdict = CMX_VERDICT_ERROR_HTTP,
        .error = call->http_status < 400 ? CMX_ERR_REDIRECT : CMX_ERR_HTTP_STATUS,
        .end = CMX_SLOT_END_LOST,
        .sent = true,
        .http_status = call->http_status,
        .after = client->pool.slots.rows[index].stream.head.after,
    };
    cmx_retry_outcome outcome;
    cmx_outcome_judge(&facts, &outcome);
    cmx_retry_decision decision = decide(client, index, CMX_ROUTE_NEWS_NONE, &outcome, NULL);
    note_limit(client, index, &outcome, &decision);
    if (decision.action == CMX_RETRY_ACTION_END) {
        return false;
    }
    cmx_turn_end(client, index, false);
    cmx_pool_cancel(&client->pool, index);
    begin_again(client, index, &decision, facts.error);
    return true;
}

void cmx_again_send(cmx_client *client, uint16_t index)
{
    CMX_ASSERT(!client->calls[index].telling);
    cmx_turn_take(client, index, true);
}

uint16_t cmx_again_take(cmx_client *client)
{
    return cmx_attempt_list_pop(client, &client->told);
}

void cmx_again_event(cmx_client *client, uint16_t index, cmx_event *event)
{
    cmx_call *call = &client->calls[index];
    CMX_ASSERT(call->phase == CMX_CALL_AWAIT_RETRY && call->telling);
    event->kind = CMX_EVENT_RETRY;
    event->retry = (cmx_retry){
        .reason = (enum cmx_retry_reason)call->reason,
        .error = call->error,
        .http_status = call->http_status,
        .attempts = call->attempts,
        .replays = call->replays,
        .wait_ms = call->wait_ms,
        .origin = cmx_target_from(client, index),
        .next = cmx_state_origin_id(client, index),
    };
    call->telling = false;
    call->http_status = 0;
    cmx_attempt_enter(client, index, CMX_CALL_AWAIT_RETRY);
}

void cmx_again_drop(cmx_client *client, uint16_t index)
{
    cmx_call *call = &client->calls[index];
    CMX_ASSERT(call->phase == CMX_CALL_AWAIT_RETRY);
    if (call->telling) {
        call->telling = false;
        cmx_attempt_list_remove(client, &client->told, index);
    }
}
