/* SPDX-License-Identifier: MIT */
/*
 * Alerts as events: what happens is told to policy/alert, which watches it against the thresholds
 * of the configuration, and what was spent is held against the budget. An alert waits for the next
 * pull; it belongs to no request and keeps none in flight.
 */
#ifndef CMX_CLIENT_WARN_H
#define CMX_CLIENT_WARN_H

#include "client/state.h"

/* Starts with nothing seen.
 *
 * heads  CMX_ALERT_STEPS zeroed ones; NULL if alert_p99_ms is 0 */
void cmx_warn_init(cmx_client *client, cmx_alert_heads *heads);

/* A response head came; a request is sent again; one ended; money was spent, or the budget was
 * changed. */
void cmx_warn_on_head(cmx_client *client, uint64_t head_ms);
void cmx_warn_on_retry(cmx_client *client);
void cmx_warn_on_done(cmx_client *client, enum cmx_verdict verdict);
void cmx_warn_on_spending(cmx_client *client);

/* Makes an event of the next alert. Returns false if there is none. */
bool cmx_warn_next(cmx_client *client, cmx_event *event);

/* Returns whether it is time to ask for the next one: on the road of each event. */
static inline bool cmx_warn_is_due(const cmx_client *client)
{
    return client->warn.due_ms <= client->now_ms;
}

/* Returns whether the budget is used up. */
bool cmx_warn_is_spent(const cmx_client *client);

#endif
