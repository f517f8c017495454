/* SPDX-License-Identifier: MIT */
/*
 * Targets of calls. See target.h. A call whose target cooled down before it was sent is not looked
 * for: whoever is about to send it asks cmx_target_ensure(), and what stands in the pool's queue is
 * called back by client/turn.
 */
#include "client/target.h"

#include "pool/origins.h"

void cmx_target_init(cmx_client *client, cmx_route_row *rows, cmx_target_name *names,
                     cmx_target_call *calls)
{
    const cmx_config *config = &client->config;
    cmx_target_table *table = &client->targets;
    cmx_route_init(&table->route, rows, config->targets_max, config->cooldown_ms,
                   config->cooldown_failures);
    table->names = names;
    table->calls = config->targets_max > 0 ? calls : NULL;
}

/* Returns how a call is routed, or NULL if it is not. */
static cmx_target_call *find_own(const cmx_client *client, uint16_t index)
{
    cmx_target_call *calls = client->targets.calls;
    return calls != NULL && calls[index].routed ? &calls[index] : NULL;
}

void cmx_target_begin_unrouted(cmx_client *client, uint16_t index)
{
    if (client->targets.calls != NULL) {
        client->targets.calls[index] = (cmx_target_call){.routed = false};
    }
}

static bool is_open(const cmx_client *client, uint32_t row)
{
    const cmx_target_name *name = &client->targets.names[row];
    cmx_gate_key key = {.model = name->hash, .origin = name->origin};
    return cmx_gate_may_start(&client->gate, key, client->now_ms);
}

static bool fits(const cmx_client *client, uint32_t row, uint32_t cost)
{
    const cmx_lane *lane = &client->lanes[client->targets.names[row].origin];
    return cmx_bucket_can_fit(&lane->limiter.tokens, cost);
}

/* Leaves of `rows` those whose gate is open, or else those whose limiter grants the cost of the
 * call some time. */
static uint64_t leave(const cmx_client *client, uint16_t index, uint64_t rows, bool if_open)
{
    uint32_t cost = client->calls[index].cost;
    for (uint32_t i = 0; i < client->targets.route.opened; i++) {
        if (!(if_open ? is_open(client, i) : fits(client, i, cost))) {
            rows &= ~(1ull << i);
        }
    }
    return rows;
}

/* Of the tier of a call, the targets that may take it some time. */
static uint64_t fitting(const cmx_client *client, uint16_t index)
{
    const cmx_target_table *table = &client->targets;
    uint64_t rows = cmx_route_rows(&table->route, (enum cmx_tier)table->calls[index].tier);
    return leave(client, index, rows, false);
}

static uint64_t leave_open(const cmx_client *client, uint16_t index, uint64_t rows)
{
    return client->gate.count == 0 ? rows : leave(client, index, rows, true);
}

/* Returns when a target that is not of `tried` can be chosen.
 *
 * row  out: which it is, CMX_ROUTE_NONE = none */
static uint64_t find_due(const cmx_client *client, uint16_t index, uint64_t tried, uint32_t *row)
{
    return cmx_route_due_ms(&client->targets.route,
                            (enum cmx_tier)client->targets.calls[index].tier,
                            fitting(client, index) & ~tried, client->now_ms, row);
}

/* Makes slot, lane and body those of a target. */
static void stand_at(cmx_client *client, uint16_t index, uint32_t row)
{
    cmx_call *call = &client->calls[index];
    cmx_target_call *own = &client->targets.calls[index];
    const cmx_target_name *name = &client->targets.names[row];
    const cmx_slot *slot = &client->pool.slots.rows[index];
    own->target = (uint8_t)row;
    cmx_body_set_model(&call->body, name->model);
    call->source.length = call->body.length;
    if (slot->state == CMX_SLOT_FREE) {
        return; /* it is being started */
    }
    if (call->phase == CMX_CALL_AWAIT_TURN) {
        client->lanes[slot->origin].waiting--;
        client->lanes[name->origin].waiting++;
    }
    cmx_pool_move(&client->pool, index, name->origin);
}

static void unchoose(cmx_client *client, uint16_t index)
{
    cmx_target_call *own = &client->targets.calls[index];
    if (own->chosen && cmx_route_release(&client->targets.route, own->target, index)) {
        client->turns_changed = true; /* another one may probe */
    }
    own->chosen = false;
}

/* Picks one of `rows` instead of what was chosen, if one is available. */
static bool pick(cmx_client *client, uint16_t index, uint64_t rows)
{
    cmx_target_call *own = &client->targets.calls[index];
    uint32_t row = cmx_route_pick(&client->targets.route, (enum cmx_tier)own->tier, rows, index,
                                  client->now_ms);
    if (row == CMX_ROUTE_NONE) {
        return false;
    }
    unchoose(client, index);
    own->chosen = true;
    stand_at(client, index, row);
    return true;
}

/* Picks a target for a call, the most promising first. Nothing is chosen if there is none. */
static bool choose(cmx_client *client, uint16_t index, uint64_t rows)
{
    unchoose(client, index);
    uint64_t untried = ~client->targets.calls[index].tried;
    uint64_t open = leave_open(client, index, rows);
    return pick(client, index, open & untried) || pick(client, index, open) ||
           pick(client, index, rows & untried) || pick(client, index, rows);
}

/* Nothing can be chosen: stands where the wait is shortest. */
static void stand_by(cmx_client *client, uint16_t index)
{
    uint32_t row = CMX_ROUTE_NONE;
    unchoose(client, index);
    (void)find_due(client, index, 0, &row);
    if (row != CMX_ROUTE_NONE) {
        stand_at(client, index, row);
    }
}

int cmx_target_begin(cmx_client *client, uint16_t index, enum cmx_tier tier)
{
    cmx_target_table *table = &client->targets;
    if (table->calls == NULL || cmx_route_rows(&table->route, tier) == 0) {
        return CMX_ERR_ARGUMENT;
    }
    table->calls[index] = (cmx_target_call){.tier = (uint8_t)tier, .routed = true};
    uint64_t rows = fitting(client, index);
    if (rows == 0) {
        return CMX_ERR_RATE;
    }
    if (choose(client, index, rows)) {
        return CMX_OK;
    }
    stand_by(client, index);
    return CMX_AGAIN;
}

bool cmx_target_begin_other(cmx_client *client, uint16_t index)
{
    cmx_target_call *own = &client->targets.calls[index];
    own->tried |= 1ull << own->target;
    return choose(client, index, fitting(client, index) & ~own->tried);
}

uint32_t cmx_target_origin(const cmx_client *client, uint16_t index)
{
    return client->targets.names[client->targets.calls[index].target].origin;
}

bool cmx_target_ensure(cmx_client *client, uint16_t index)
{
    cmx_target_call *own = find_own(client, index);
    if (own == NULL) {
        return true;
    }
    if (cmx_target_is_lost(client, index)) {
        return choose(client, index, fitting(client, index));
    }
    if (client->gate.count > 0 && !is_open(client, own->target)) {
        (void)pick(client, index, leave_open(client, index, fitting(client, index)));
    }
    return true;
}

bool cmx_target_is_lost(const cmx_client *client, uint16_t index)
{
    const cmx_target_call *own = find_own(client, index);
    return own != NULL &&
           !(own->chosen && cmx_route_serves(&client->targets.route, own->target, index));
}

uint64_t cmx_target_due_ms(const cmx_client *client, uint16_t index)
{
    uint32_t row = CMX_ROUTE_NONE;
    return find_own(client, index) == NULL ? client->now_ms : find_due(client, index, 0, &row);
}

static bool is_at(const cmx_client *client, uint32_t row, uint32_t origin)
{
    return client->targets.route.rows[row].in_use && client->targets.names[row].origin == origin;
}

/* Returns whether a target is what a chat names: its model at its origin, routed or not. */
static bool is_named(const cmx_client *client, uint32_t row, uint16_t index)
{
    const cmx_call *call = &client->calls[index];
    return call->is_chat && is_at(client, row, client->pool.slots.rows[index].origin) &&
           strcmp(client->targets.names[row].model, call->body.model) == 0;
}

void cmx_target_on_sent(cmx_client *client, uint16_t index)
{
    for (uint32_t i = 0; i < client->targets.route.opened; i++) {
        client->targets.names[i].started += is_named(client, i, index);
    }
}

void cmx_target_on_token(cmx_client *client, uint16_t index)
{
    const cmx_target_call *own = find_own(client, index);
    if (own != NULL && cmx_route_prove(&client->targets.route, own->target, index)) {
        client->turns_changed = true;
    }
}

enum cmx_route_news cmx_target_judge(const cmx_outcome_facts *facts,
                                     const cmx_retry_outcome *outcome)
{
    if (facts->verdict == CMX_VERDICT_STALLED || facts->verdict == CMX_VERDICT_EMPTY ||
        facts->error == CMX_ERR_REDIRECT) {
        return CMX_ROUTE_NEWS_BAD; /* no second attempt follows these, but blame does */
    }
    bool undialed = facts->verdict == CMX_VERDICT_NETWORK && facts->end == CMX_SLOT_END_NEVER_SENT;
    return cmx_route_judge(outcome, undialed);
}

bool cmx_target_note(cmx_client *client, uint16_t index, enum cmx_route_news news,
                     uint32_t after_ms)
{
    bool cooled = false;
    cmx_route *route = &client->targets.route;
    const cmx_target_call *own = find_own(client, index);
    if (own != NULL && !own->chosen) {
        return false; /* it ended while it waited for a target */
    }
    uint32_t most_ms = client->config.retry_after_max_ms;
    const cmx_route_report report = {
        .who = own != NULL ? index : CMX_ROUTE_NOBODY,
        .news = news,
        .after_ms = after_ms < most_ms ? after_ms : most_ms,
    };
    for (uint32_t i = 0; i < route->opened; i++) {
        if (is_named(client, i, index)) {
            client->turns_changed = true; /* of the probe, or of who waits for it */
            cooled = cmx_route_note(route, i, &report, client->now_ms) || cooled;
        }
    }
    return cooled;
}

void cmx_target_look_elsewhere(cmx_client *client, uint16_t index, enum cmx_route_news news,
                               cmx_retry_outcome *outcome, cmx_retry_state *state)
{
    cmx_target_call *own = find_own(client, index);
    bool refused =
        outcome->class == CMX_RETRY_CLASS_REFUSED && (state->replays > 0 || outcome->slow_down);
    state->elsewhere = false;
    if (own == NULL || (news == CMX_ROUTE_NEWS_NONE && !refused)) {
        return;
    }
    uint32_t row = CMX_ROUTE_NONE;
    own->tried |= 1ull << own->target;
    if (find_due(client, index, own->tried, &row) == client->now_ms) {
        state->elsewhere = true;
        state->elsewhere_ms = 0;
        if (news == CMX_ROUTE_NEWS_DOWN && outcome->after.should_retry != CMX_RETRY_AFTER_NO) {
            outcome->after.should_retry = CMX_RETRY_AFTER_YES; /* a wrong key is wrong here only */
        }
        if (outcome->class == CMX_RETRY_CLASS_NEVER_SENT) {
            outcome->cause = CMX_RETRY_CAUSE_LOST; /* such as a certificate */
        }
        return;
    }
    own->tried = 0;
    uint64_t due_ms = find_due(client, index, 0, &row);
    if (due_ms > client->now_ms) { /* else the back-off is for the one that is not cooling */
        uint64_t wait_ms = due_ms == CMX_ROUTE_NEVER_MS ? 0 : due_ms - client->now_ms;
        state->elsewhere = true;
        state->elsewhere_ms = wait_ms < UINT32_MAX ? (uint32_t)wait_ms : UINT32_MAX - 1;
    }
}

void cmx_target_turn_to(cmx_client *client, uint16_t index, bool elsewhere, bool now)
{
    cmx_target_call *own = find_own(client, index);
    if (own == NULL) {
        return;
    }
    own->from = cmx_state_origin_id(client, index);
    if (!elsewhere) {
        return;
    }
    if (!now || !choose(client, index, fitting(client, index))) {
        stand_by(client, index);
    }
}

cmx_origin_id cmx_target_from(const cmx_client *client, uint16_t index)
{
    const cmx_target_call *own = find_own(client, index);
    return own != NULL ? own->from : cmx_state_origin_id(client, index);
}

cmx_text cmx_target_asked_model(const cmx_client *client, uint16_t index)
{
    const cmx_call *call = &client->calls[index];
    bool is_gone = call->phase == CMX_CALL_FINISHED && call->verdict == CMX_VERDICT_CANCELLED &&
                   find_own(client, index) == NULL;
    if (!call->is_chat || is_gone) {
        return (cmx_text){NULL, 0};
    }
    return (cmx_text){call->body.model, strlen(call->body.model)};
}

void cmx_target_change(cmx_client *client, uint32_t origin, bool is_gone)
{
    cmx_route *route = &client->targets.route;
    for (uint32_t i = 0; i < route->opened; i++) {
        if (!is_at(client, i, origin)) {
            continue;
        }
        if (is_gone) {
            cmx_route_close(route, i);
        } else {
            cmx_route_forgive(route, i, client->now_ms);
        }
    }
    client->turns_changed = true;
}

void cmx_target_leave(cmx_client *client, uint16_t index)
{
    const cmx_target_call *own = find_own(client, index);
    if (own != NULL && !client->targets.route.rows[own->target].in_use) {
        stand_by(client, index);
    }
}
