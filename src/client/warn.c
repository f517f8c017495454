/* SPDX-License-Identifier: MIT */
/*
 * Alerts. See warn.h. `due_ms` is 0 as soon as something happened that may matter, so that nothing
 * is looked at twice, and nothing at all without thresholds and budget.
 */
#include "client/warn.h"

void cmx_warn_init(cmx_client *client, cmx_alert_heads *heads)
{
    const cmx_config *config = &client->config;
    const cmx_alert_limits limits = {
        .errors = config->alert_errors,
        .retries = config->alert_retries,
        .p99_ms = config->alert_p99_ms,
    };
    cmx_alert_init(&client->warn.watch, &limits, heads);
    client->warn.is_on = limits.errors > 0 || limits.retries > 0 || limits.p99_ms > 0;
    client->warn.budget = UINT64_MAX;
    client->warn.due_ms = UINT64_MAX;
}

static void look_soon(cmx_client *client)
{
    if (client->warn.is_on) {
        client->warn.due_ms = 0;
    }
}

void cmx_warn_on_head(cmx_client *client, uint64_t head_ms)
{
    if (client->config.alert_p99_ms > 0) {
        cmx_alert_on_head(&client->warn.watch, head_ms, client->now_ms);
        look_soon(client);
    }
}

void cmx_warn_on_retry(cmx_client *client)
{
    cmx_alert_on_retry(&client->warn.watch, client->now_ms);
    look_soon(client);
}

void cmx_warn_on_done(cmx_client *client, enum cmx_verdict verdict)
{
    /* Who cancels knows why. */
    bool failed = !cmx_verdict_complete(verdict) && verdict != CMX_VERDICT_CANCELLED;
    cmx_alert_on_done(&client->warn.watch, failed, client->now_ms);
    look_soon(client);
}

bool cmx_warn_is_spent(const cmx_client *client)
{
    return client->warn.budget != UINT64_MAX &&
           cmx_cost_spent(&client->stats.spending) >= client->warn.budget;
}

void cmx_warn_on_spending(cmx_client *client)
{
    if (!client->warn.budget_told && cmx_warn_is_spent(client)) {
        client->warn.due_ms = 0;
    }
}

static bool look(cmx_client *client, cmx_alert *alert)
{
    cmx_warn_state *warn = &client->warn;
    if (!warn->budget_told && cmx_warn_is_spent(client)) {
        warn->budget_told = true;
        *alert = (cmx_alert){.kind = CMX_ALERT_BUDGET,
                             .firing = true,
                             .value = cmx_cost_spent(&client->stats.spending),
                             .threshold = warn->budget};
        return true;
    }
    return warn->is_on && cmx_alert_look(&warn->watch, client->now_ms, alert);
}

bool cmx_warn_next(cmx_client *client, cmx_event *event)
{
    cmx_alert alert;
    if (!look(client, &alert)) {
        client->warn.due_ms = cmx_alert_due_ms(&client->warn.watch, client->now_ms);
        return false;
    }
    memset(event, 0, sizeof *event);
    event->kind = CMX_EVENT_ALERT;
    event->alert = alert;
    return true;
}
