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

/* Of a tier, the targets whose limiter grants the cost of the call some time. */
static uint64_t fitting(const cmx_client *client, uint16_t index)
{
    const cmx_target_table *table = &client->targets;
    uint64_t rows = cmx_route_rows(&table->route, (enum cmx_tier)table->calls[index].tier);
    for (uint32_t i = 0; i < table->route.capacity; i++) {
        if ((rows & 1ull << i) != 0) {
            const cmx_limiter *limiter = &client->lanes[table->names[i].origin].limiter;
            bool fits = cmx_bucket_can_fit(&limiter->tokens, client->calls[index].cost);
            rows &= fits ? UINT64_MAX : ~(1ull << i);
        }
    }
    return rows;
}

static bool is_open(const cmx_client *client, uint32_t row)
{
    const cmx_target_name *name = &client->targets.names[row];
    cmx_gate_key key = {.model = name->hash, .origin = name->origin};
    return cmx_gate_may_start(&client->gate, key, client->now_ms);
}

/* Leaves of `rows` those whose gate is open. */
static uint64_t leave_open(const cmx_client *client, uint64_t rows)
{
    for (uint32_t i = 0; client->gate.count > 0 && i < client->targets.route.capacity; i++) {
        if ((rows & 1ull << i) != 0 && !is_open(client, i)) {
            rows &= ~(1ull << i);
        }
    }
    return rows;
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

/* Picks a target for a call that has none, the most promising first. */
static bool choose(cmx_client *client, uint16_t index, uint64_t rows)
{
    cmx_target_call *own = &client->targets.calls[index];
    uint64_t open = leave_open(client, rows);
    const uint64_t choices[] = {open & ~own->tried, open, rows & ~own->tried, rows};
    for (size_t i = 0; i < CMX_ARRAY_LEN(choices); i++) {
        uint32_t row = cmx_route_pick(&client->targets.route, (enum cmx_tier)own->tier, choices[i],
                                      index, client->now_ms);
        if (row != CMX_ROUTE_NONE) {
            own->chosen = true;
            stand_at(client, index, row);
            return true;
        }
    }
    return false;
}

static void unchoose(cmx_client *client, uint16_t index)
{
    cmx_target_call *own = &client->targets.calls[index];
    if (own->chosen && cmx_route_release(&client->targets.route, own->target, index)) {
        client->turns_changed = true; /* another one may probe */
    }
    own->chosen = false;
}

/* Nothing can be chosen: stands where the wait is shortest. */
static void stand_by(cmx_client *client, uint16_t index, uint64_t rows)
{
    uint32_t row = CMX_ROUTE_NONE;
    const cmx_target_call *own = &client->targets.calls[index];
    (void)cmx_route_due_ms(&client->targets.route, (enum cmx_tier)own->tier, rows, client->now_ms,
                           &row);
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
    stand_by(client, index, rows);
    return CMX_AGAIN;
}

bool cmx_target_begin_other(cmx_client *client, uint16_t index)
{
    cmx_target_call *own = &client->targets.calls[index];
    unchoose(client, index);
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
    if (own->chosen && cmx_route_serves(&client->targets.route, own->target, index)) {
        if (client->gate.count == 0 || is_open(client, own->target)) {
            return true;
        }
        uint32_t row =
            cmx_route_pick(&client->targets.route, (enum cmx_tier)own->tier,
                           leave_open(client, fitting(client, index)), index, client->now_ms);
        if (row != CMX_ROUTE_NONE) {
            unchoose(client, index);
            own->chosen = true;
            stand_at(client, index, row);
        }
        return true;
    }
    unchoose(client, index);
    return choose(client, index, fitting(client, index));
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
    const cmx_target_call *own = find_own(client, index);
    if (own == NULL) {
        return client->now_ms;
    }
    return cmx_route_due_ms(&client->targets.route, (enum cmx_tier)own->tier,
                            fitting(client, index), client->now_ms, &row);
}

/* Returns the targets at an origin. */
static uint64_t rows_at(const cmx_client *client, uint32_t origin)
{
    const cmx_target_table *table = &client->targets;
    uint64_t rows = 0;
    for (uint32_t i = 0; i < table->route.opened; i++) {
        bool is_there = table->route.rows[i].in_use && table->names[i].origin == origin;
        rows |= is_there ? 1ull << i : 0;
    }
    return rows;
}

/* Returns the targets that a chat's model at its origin is, routed or not. */
static uint64_t named_rows(const cmx_client *client, uint16_t index)
{
    const cmx_call *call = &client->calls[index];
    const cmx_target_table *table = &client->targets;
    if (table->calls == NULL || !call->is_chat) {
        return 0;
    }
    uint64_t rows = rows_at(client, client->pool.slots.rows[index].origin);
    for (uint32_t i = 0; i < table->route.capacity && rows >> i != 0; i++) {
        if ((rows & 1ull << i) != 0 && strcmp(table->names[i].model, call->body.model) != 0) {
            rows &= ~(1ull << i);
        }
    }
    return rows;
}

void cmx_target_on_sent(cmx_client *client, uint16_t index)
{
    uint64_t rows = named_rows(client, index);
    for (uint32_t i = 0; i < client->targets.route.opened; i++) {
        client->targets.names[i].started += rows >> i & 1;
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
    cmx_target_table *table = &client->targets;
    cmx_target_call *own = find_own(client, index);
    uint64_t rows = named_rows(client, index);
    if (own != NULL && !own->chosen) {
        rows = 0; /* it ended while it waited for a target */
    }
    uint32_t most_ms = client->config.retry_after_max_ms;
    const cmx_route_report report = {
        .who = own != NULL ? index : CMX_ROUTE_NOBODY,
        .news = news,
        .after_ms = after_ms < most_ms ? after_ms : most_ms,
    };
    for (uint32_t i = 0; i < table->route.opened; i++) {
        if ((rows & 1ull << i) != 0 && cmx_route_note(&table->route, i, &report, client->now_ms)) {
            cooled = true;
        }
    }
    if (rows != 0) {
        client->turns_changed = true; /* of the probe, or of who waits for it */
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
    uint64_t rows = fitting(client, index);
    const cmx_route *route = &client->targets.route;
    enum cmx_tier tier = (enum cmx_tier)own->tier;
    own->tried |= 1ull << own->target;
    if (cmx_route_due_ms(route, tier, rows & ~own->tried, client->now_ms, &row) == client->now_ms) {
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
    uint64_t due_ms = cmx_route_due_ms(route, tier, rows, client->now_ms, &row);
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
    own->from = cmx_origins_id(&client->pool, client->pool.slots.rows[index].origin);
    if (!elsewhere) {
        return;
    }
    unchoose(client, index);
    if (!now || !choose(client, index, fitting(client, index))) {
        stand_by(client, index, fitting(client, index));
    }
}

cmx_origin_id cmx_target_from(const cmx_client *client, uint16_t index)
{
    const cmx_target_call *own = find_own(client, index);
    return own != NULL ? own->from
                       : cmx_origins_id(&client->pool, client->pool.slots.rows[index].origin);
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

void cmx_target_close(cmx_client *client, uint32_t origin)
{
    uint64_t rows = rows_at(client, origin);
    for (uint32_t i = 0; i < client->targets.route.capacity; i++) {
        if ((rows & 1ull << i) != 0) {
            cmx_route_close(&client->targets.route, i);
        }
    }
    client->turns_changed = true;
}

void cmx_target_forgive(cmx_client *client, uint32_t origin)
{
    uint64_t rows = rows_at(client, origin);
    for (uint32_t i = 0; i < client->targets.route.capacity; i++) {
        if ((rows & 1ull << i) != 0) {
            cmx_route_forgive(&client->targets.route, i, client->now_ms);
        }
    }
    client->turns_changed = true;
}

void cmx_target_leave(cmx_client *client, uint16_t index)
{
    const cmx_target_call *own = find_own(client, index);
    if (own != NULL && !client->targets.route.rows[own->target].in_use) {
        unchoose(client, index);
        stand_by(client, index, fitting(client, index));
    }
}
