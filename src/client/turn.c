/* SPDX-License-Identifier: MIT */
/*
 * Gate, limiter and the list between them and the pool. See turn.h. The list is walked when a time
 * has come or something ended, not every tick. A limiter holds all that stand behind the first it
 * refuses, so that nobody starves; a gate holds those of its model only.
 */
#include "client/turn.h"

#include "client/attempt.h"
#include "client/target.h"

enum {
    PERCENT = 100,
    PERCENT_MILLI = 10, /* thousandths in a hundredth */
    BUDGET_MIN = 10,    /* retries that even the smallest client may make at once */
};

void cmx_turn_init(cmx_client *client)
{
    cmx_gate_init(&client->gate, client->gate_rows, CMX_STATE_GATES_MAX);
    cmx_attempt_list_init(&client->turns);
    client->turns_due_ms = UINT64_MAX;
}

/* Lets as many retries happen at once as a full client may make, and then its share of what is new;
 * ten seconds without any make up for that. */
static void init_budget(const cmx_client *client, cmx_retry_budget *budget)
{
    cmx_retry_budget_limits limits = {0};
    uint32_t percent = client->config.retry_budget_percent;
    if (percent > 0) {
        uint32_t most = client->config.requests_max * percent / PERCENT;
        most = most > BUDGET_MIN ? most : BUDGET_MIN;
        limits.deposit_milli = percent * PERCENT_MILLI;
        limits.balance_max = most;
        limits.reserve_max = most;
        limits.reserve_per_s = most / BUDGET_MIN;
    }
    cmx_retry_budget_init(budget, &limits, client->now_ms);
}

void cmx_turn_open(cmx_client *client, uint32_t origin, const cmx_rate_limits *limits)
{
    const cmx_rate_limits none = {0};
    cmx_lane *lane = &client->lanes[origin];
    lane->waiting = 0;
    lane->requests_left = UINT32_MAX;
    lane->tokens_left = UINT32_MAX;
    init_budget(client, &lane->budget);
    cmx_limiter_init(&lane->limiter, limits == NULL ? &none : limits, client->now_ms);
    cmx_gate_forget(&client->gate, origin);
}

static uint32_t origin_of(const cmx_client *client, uint16_t index)
{
    return client->pool.slots.rows[index].origin;
}

static cmx_lane *lane_of(cmx_client *client, uint16_t index)
{
    return &client->lanes[origin_of(client, index)];
}

/* The model is borrowed until DONE, so its hash is not kept: it is needed only while there are
 * gates, or when one closes. Plain requests have a gate of their own. */
static cmx_gate_key key_of(const cmx_client *client, uint16_t index)
{
    const cmx_call *call = &client->calls[index];
    cmx_view model = {NULL, 0};
    if (call->is_chat) {
        model = cmx_view_text(call->body.model);
    }
    return (cmx_gate_key){.model = cmx_view_hash(model), .origin = origin_of(client, index)};
}

/* Tells the neighbours of a call who stands between them: `next` comes after the one in front,
 * `prev` before the one behind. */
static void relink(cmx_client *client, const cmx_call *call, uint16_t next, uint16_t prev)
{
    if (call->prev == CMX_SLOT_NONE) {
        client->turns.first = next;
    } else {
        client->calls[call->prev].next = next;
    }
    if (call->next == CMX_SLOT_NONE) {
        client->turns.last = prev;
    } else {
        client->calls[call->next].prev = prev;
    }
}

/* Puts a call on the list, whose ends are CMX_SLOT_NONE both if it is empty. */
static void enlist(cmx_client *client, uint16_t index, bool in_front)
{
    cmx_call *call = &client->calls[index];
    if (in_front) {
        call->prev = CMX_SLOT_NONE;
        call->next = client->turns.first;
    } else {
        call->prev = client->turns.last;
        call->next = CMX_SLOT_NONE;
    }
    relink(client, call, index, index);
}

static void hold(cmx_client *client, uint16_t index, bool in_front, enum cmx_call_phase phase)
{
    if (client->pool.slots.rows[index].state == CMX_SLOT_QUEUED) {
        cmx_pool_hold(&client->pool, index);
    }
    enlist(client, index, in_front);
    if (phase == CMX_CALL_AWAIT_TURN) { /* without a target it waits for no lane */
        lane_of(client, index)->waiting++;
    }
    client->turns_changed = true; /* when it can start is found out by the next step */
    cmx_attempt_enter(client, index, phase);
}

void cmx_turn_drop(cmx_client *client, uint16_t index)
{
    const cmx_call *call = &client->calls[index];
    CMX_ASSERT(call->phase == CMX_CALL_AWAIT_TURN || call->phase == CMX_CALL_AWAIT_TARGET);
    relink(client, call, call->next, call->prev);
    if (call->phase == CMX_CALL_AWAIT_TURN) {
        lane_of(client, index)->waiting--;
    }
    client->turns_changed = true;
}

enum cmx_limiter_decision cmx_turn_ask(cmx_client *client, uint32_t origin, uint32_t cost)
{
    cmx_lane *lane = &client->lanes[origin];
    return cmx_limiter_enqueue(&lane->limiter, lane->waiting, cost, client->now_ms);
}

bool cmx_turn_fits(const cmx_client *client, uint32_t origin, uint32_t cost)
{
    return cmx_bucket_can_fit(&client->lanes[origin].limiter.tokens, cost);
}

uint16_t cmx_turn_oldest(const cmx_client *client, uint32_t origin)
{
    uint16_t index = client->turns.first;
    while (index != CMX_SLOT_NONE && origin_of(client, index) != origin) {
        index = client->calls[index].next;
    }
    return index;
}

/* Asks gate and limiter for one call.
 *
 * wait_ms  out: with false, what the limiter says; 0 = it was the gate
 *
 * Returns whether it was admitted. */
static bool admit(cmx_client *client, uint16_t index, uint64_t *wait_ms)
{
    cmx_call *call = &client->calls[index];
    bool has_gates = client->gate.count > 0;
    cmx_gate_key key = {0};
    *wait_ms = 0;
    if (has_gates) {
        key = key_of(client, index);
        if (!cmx_gate_may_start(&client->gate, key, client->now_ms)) {
            return false;
        }
    }
    int rc =
        cmx_limiter_admit(&lane_of(client, index)->limiter, call->cost, client->now_ms, wait_ms);
    CMX_ASSERT(rc != CMX_ERR_RATE); /* refused when it was started */
    if (rc != CMX_OK) {
        return false;
    }
    if (has_gates) {
        cmx_gate_on_start(&client->gate, key, client->now_ms);
    }
    uint64_t after_ms = client->now_ms - call->accepted_ms;
    call->admitted = true;
    call->admitted_ms = after_ms < UINT32_MAX ? (uint32_t)after_ms : UINT32_MAX;
    return true;
}

static void let_in(cmx_client *client, uint16_t index, bool again)
{
    if (client->pool.slots.rows[index].state == CMX_SLOT_HELD) {
        cmx_pool_admit(&client->pool, index, again);
    }
    cmx_attempt_enter(client, index, CMX_CALL_AWAIT_START);
}

void cmx_turn_take(cmx_client *client, uint16_t index, bool again)
{
    uint64_t wait_ms = 0;
    if (!cmx_target_ensure(client, index)) {
        hold(client, index, again, CMX_CALL_AWAIT_TARGET);
        return;
    }
    bool is_next = again || lane_of(client, index)->waiting == 0;
    if (is_next && admit(client, index, &wait_ms)) {
        let_in(client, index, again);
    } else {
        hold(client, index, again, CMX_CALL_AWAIT_TURN);
    }
}

/* Sees to it that a held call waits for what it lacks: a target, or its turn there.
 *
 * due_ms  in, out: when the next target can be had, if that is sooner
 *
 * Returns whether it has a target. */
static bool has_target(cmx_client *client, uint16_t index, uint64_t *due_ms)
{
    bool has = cmx_target_ensure(client, index);
    enum cmx_call_phase phase = has ? CMX_CALL_AWAIT_TURN : CMX_CALL_AWAIT_TARGET;
    if (client->calls[index].phase != phase) {
        cmx_lane *lane = lane_of(client, index);
        lane->waiting = has ? lane->waiting + 1 : lane->waiting - 1;
        cmx_attempt_enter(client, index, phase);
    }
    if (has) {
        return true;
    }
    uint64_t target_ms = cmx_target_due_ms(client, index);
    *due_ms = target_ms < *due_ms ? target_ms : *due_ms;
    return false;
}

void cmx_turn_step(cmx_client *client)
{
    bool is_due = client->turns_changed || client->now_ms >= client->turns_due_ms;
    if (client->turns.first == CMX_SLOT_NONE || !is_due) {
        return;
    }
    uint64_t due_ms = UINT64_MAX;
    uint32_t blocked = 0; /* bit per origin whose limiter has refused one */
    uint16_t next = CMX_SLOT_NONE;
    for (uint16_t i = client->turns.first; i != CMX_SLOT_NONE; i = next) {
        uint64_t wait_ms = 0;
        next = client->calls[i].next;
        if (!has_target(client, i, &due_ms)) {
            continue;
        }
        uint32_t bit = 1u << origin_of(client, i);
        if ((blocked & bit) != 0) {
            continue;
        }
        if (admit(client, i, &wait_ms)) {
            cmx_turn_drop(client, i);
            let_in(client, i, client->calls[i].reason != CMX_RETRY_NONE);
        } else if (wait_ms > 0) {
            blocked |= bit;
            uint64_t at_ms = wait_ms == UINT64_MAX ? UINT64_MAX : client->now_ms + wait_ms;
            due_ms = at_ms < due_ms ? at_ms : due_ms;
        }
    }
    client->turns_changed = false;
    uint64_t gate_ms = cmx_gate_next_due_ms(&client->gate, client->now_ms);
    client->turns_due_ms = gate_ms < due_ms ? gate_ms : due_ms;
}

uint64_t cmx_turn_due_ms(const cmx_client *client)
{
    if (client->turns.first == CMX_SLOT_NONE) {
        return UINT64_MAX;
    }
    return client->turns_changed ? 0 : client->turns_due_ms;
}

/* What the attempt took: servers charge failures, too. */
static uint32_t used_tokens(const cmx_call *call)
{
    if (!call->is_chat || !call->answer.facts.has_usage) {
        return call->cost;
    }
    uint64_t total = call->answer.facts.usage.total_tokens;
    return total < UINT32_MAX ? (uint32_t)total : UINT32_MAX;
}

void cmx_turn_end(cmx_client *client, uint16_t index, bool unprocessed)
{
    cmx_call *call = &client->calls[index];
    cmx_limiter *limiter = &lane_of(client, index)->limiter;
    if (!call->admitted) {
        return;
    }
    call->admitted = false;
    client->turns_changed = true;
    if (unprocessed) {
        cmx_limiter_undo(limiter, call->cost, call->accepted_ms + call->admitted_ms,
                         client->now_ms);
    } else {
        cmx_limiter_end(limiter, call->cost, used_tokens(call), client->now_ms);
    }
}

/* What a server said of one kind of quota. One that speaks of tomorrow holds nothing back for
 * longer than any other wait.
 *
 * left  changed if it said what remains */
static cmx_limiter_said said_of(const cmx_client *client, const cmx_rate_headers *headers,
                                enum cmx_rate_headers_kind kind, uint32_t *left)
{
    cmx_limiter_said said = {0};
    const cmx_rate_headers_quota *quota = &headers->quotas[kind];
    if ((headers->known[kind] & CMX_RATE_HEADERS_REMAINING) != 0) {
        said.known = true;
        said.remaining = quota->remaining;
        *left = quota->remaining;
    }
    if ((headers->known[kind] & CMX_RATE_HEADERS_RESET) != 0) {
        uint32_t most_ms = client->config.retry_after_max_ms;
        said.reset_ms = quota->reset_ms < most_ms ? quota->reset_ms : most_ms;
    }
    return said;
}

static void take_rates(cmx_client *client, uint16_t index)
{
    const cmx_slot *slot = &client->pool.slots.rows[index];
    cmx_h2 *h2 = &client->pool.tables.conns[slot->conn].h2;
    cmx_lane *lane = &client->lanes[slot->origin];
    if (h2->rates_stream == 0) {
        return;
    }
    bool in_all = (h2->rates.known[CMX_RATE_HEADERS_TOKENS] & CMX_RATE_HEADERS_REMAINING) != 0;
    cmx_limiter_said requests =
        said_of(client, &h2->rates, CMX_RATE_HEADERS_REQUESTS, &lane->requests_left);
    cmx_limiter_said tokens = said_of(
        client, &h2->rates, in_all ? CMX_RATE_HEADERS_TOKENS : CMX_RATE_HEADERS_INPUT_TOKENS,
        &lane->tokens_left);
    h2->rates_stream = 0; /* counted from when it was read: it is used once */
    cmx_limiter_on_headers(&lane->limiter, &requests, &tokens, client->now_ms);
    client->turns_changed = true;
}

void cmx_turn_on_head(cmx_client *client, uint16_t index)
{
    uint32_t status = client->calls[index].http_status;
    take_rates(client, index);
    if (client->gate.count > 0 && status >= 200 && status <= 299) {
        cmx_gate_on_success(&client->gate, key_of(client, index));
        client->turns_changed = true;
    }
}

/* Takes back what stands in the pool's queue and would run into a gate, so that it does not run
 * into the same answer; `key` NULL = what stands at a lost target. */
static void call_back(cmx_client *client, const cmx_gate_key *key)
{
    uint16_t before = CMX_SLOT_NONE;
    for (uint16_t i = client->pool.slots.queued.last; i != CMX_SLOT_NONE; i = before) {
        before = client->pool.slots.rows[i].prev;
        bool goes = key == NULL ? cmx_target_is_lost(client, i)
                                : origin_of(client, i) == key->origin &&
                                      key_of(client, i).model == key->model;
        if (goes) {
            cmx_turn_end(client, i, true);
            hold(client, i, true, CMX_CALL_AWAIT_TURN);
        }
    }
}

void cmx_turn_call_back_lost(cmx_client *client)
{
    call_back(client, NULL);
}

void cmx_turn_close(cmx_client *client, uint16_t index, uint32_t wait_ms)
{
    cmx_gate_key key = key_of(client, index);
    bool was_open = cmx_gate_may_start(&client->gate, key, client->now_ms);
    cmx_gate_close_until(&client->gate, key, client->now_ms + wait_ms);
    client->turns_changed = true; /* a full table may have dropped another gate */
    if (was_open && !cmx_gate_may_start(&client->gate, key, client->now_ms)) {
        call_back(client, &key);
    }
}
