/* SPDX-License-Identifier: MIT */
/*
 * Targets as the application adds them and looks at them. An id is the row, and above it how often
 * the row was used: it never names another target.
 */
#include "client/target.h"
#include "pool/origins.h"
#include "text/utf8.h"

enum { ROW_BITS = 8, ROW_MASK = (1 << ROW_BITS) - 1 };

_Static_assert((int)CMX_ROUTE_ROWS_MAX <= (int)ROW_MASK, "a row fits its bits");

void cmx_target_default(cmx_target *target)
{
    *target = (cmx_target){.weight_milli = 1000};
}

static int fail(const char **bad_field, const char *field, int status)
{
    *bad_field = field;
    return status;
}

static int check(const cmx_target *target, const char **bad_field)
{
    size_t len = target->model == NULL ? 0 : strlen(target->model);
    if (len == 0 || len > CMX_TARGET_MODEL_BYTES_MAX) {
        return fail(bad_field, "model", CMX_ERR_ARGUMENT);
    }
    if (cmx_utf8_valid_len((const uint8_t *)target->model, len) != len) {
        return fail(bad_field, "model", CMX_ERR_UTF8);
    }
    if (target->weight_milli == 0 || target->weight_milli > CMX_TARGET_WEIGHT_MAX) {
        return fail(bad_field, "weight_milli", CMX_ERR_ARGUMENT);
    }
    if ((target->tiers & ~(uint32_t)CMX_ROUTE_TIERS_ALL) != 0) {
        return fail(bad_field, "tiers", CMX_ERR_ARGUMENT);
    }
    if (target->rank > CMX_TARGET_RANK_MAX) {
        return fail(bad_field, "rank", CMX_ERR_ARGUMENT);
    }
    return CMX_OK;
}

/* A chat that does not say how hard it is may go anywhere. */
static uint8_t tiers_of(const cmx_target *target)
{
    uint32_t tiers = target->tiers == 0 ? CMX_ROUTE_TIERS_ALL : target->tiers;
    return (uint8_t)(tiers | 1u << CMX_TIER_ANY);
}

static bool is_known(const cmx_client *client, const cmx_target *target, uint32_t origin)
{
    const cmx_target_table *table = &client->targets;
    for (uint32_t i = 0; i < table->route.opened; i++) {
        const cmx_route_row *row = &table->route.rows[i];
        if (row->in_use && table->names[i].origin == origin && row->tiers == tiers_of(target) &&
            strcmp(table->names[i].model, target->model) == 0) {
            return true;
        }
    }
    return false;
}

/* A row that no call, not even one whose DONE event is lent, takes its model from. */
static bool is_unused(const cmx_client *client, uint32_t row)
{
    const cmx_target_table *table = &client->targets;
    if (table->route.rows[row].in_use) {
        return false;
    }
    for (uint16_t i = 0; i < client->pool.slots.capacity; i++) {
        if (client->pool.slots.rows[i].state != CMX_SLOT_FREE && table->calls[i].routed &&
            table->calls[i].target == row) {
            return false;
        }
    }
    return true;
}

/* Rows that were never used come first: what is removed can be looked at for as long as possible.
 */
static uint32_t find_unused(const cmx_client *client)
{
    uint32_t opened = client->targets.route.opened;
    if (opened < client->targets.route.capacity) {
        return opened;
    }
    for (uint32_t i = 0; i < opened; i++) {
        if (is_unused(client, i)) {
            return i;
        }
    }
    return CMX_ROUTE_NONE;
}

static void fill_name(cmx_target_name *name, const char *model, uint32_t origin)
{
    cmx_view view = cmx_view_text(model);
    name->started = 0;
    name->origin = (uint8_t)origin;
    name->hash = cmx_view_hash(view);
    memcpy(name->model, model, view.len + 1);
}

int cmx_client_add_target(cmx_client *client, const cmx_target *target, uint32_t *id,
                          const char **bad_field)
{
    const char *ignored = NULL;
    bad_field = bad_field != NULL ? bad_field : &ignored;
    cmx_target_table *table = &client->targets;
    int rc = check(target, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    uint32_t origin = cmx_origins_find_open(&client->pool, target->origin);
    if (origin == CMX_ORIGINS_NONE) {
        return fail(bad_field, "origin", CMX_ERR_ARGUMENT);
    }
    if (is_known(client, target, origin)) {
        return fail(bad_field, "model", CMX_ERR_ARGUMENT);
    }
    uint32_t row = find_unused(client);
    if (row == CMX_ROUTE_NONE) {
        return fail(bad_field, "targets_max", CMX_ERR_BUSY);
    }
    cmx_target_name *name = &table->names[row];
    name->generation += row < table->route.opened ? 1 : 0;
    fill_name(name, target->model, origin);
    const cmx_route_row like = {
        .weight = target->weight_milli, .tiers = tiers_of(target), .rank = (uint8_t)target->rank};
    cmx_route_open(&table->route, row, &like, cmx_random_below(&client->pool.random, UINT32_MAX));
    client->turns_changed = true; /* calls may wait for it */
    if (id != NULL) {
        *id = name->generation << ROW_BITS | row;
    }
    return fail(bad_field, NULL, CMX_OK);
}

static enum cmx_target_health health_of(const cmx_route_row *row, uint64_t now_ms)
{
    if (!row->in_use) {
        return CMX_TARGET_REMOVED;
    }
    if (row->is_good) {
        return CMX_TARGET_GOOD;
    }
    return now_ms < row->until_ms ? CMX_TARGET_COOLING : CMX_TARGET_PROBING;
}

int cmx_client_target_state(const cmx_client *client, uint32_t id, cmx_target_state *state)
{
    const cmx_target_table *table = &client->targets;
    uint32_t index = id & ROW_MASK;
    if (index >= table->route.opened || table->names[index].generation != id >> ROW_BITS) {
        return CMX_ERR_ARGUMENT;
    }
    const cmx_route_row *row = &table->route.rows[index];
    uint64_t now_ms = client->port->now_ms(client->port_state);
    enum cmx_target_health health = health_of(row, now_ms);
    *state = (cmx_target_state){
        .health = health,
        .cooling_ms = health == CMX_TARGET_COOLING ? row->until_ms - now_ms : 0,
        .started = table->names[index].started,
        .succeeded = row->succeeded,
        .failed = row->failed,
        .cooled = row->cooled,
    };
    return CMX_OK;
}
