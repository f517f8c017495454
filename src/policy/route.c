/* SPDX-License-Identifier: MIT */
/*
 * The table of route.h. A pick walks the rows twice, once to find the lowest rank that has one to
 * give and once to turn the round robin on; with at most 64 rows that is cheaper than any order
 * that would have to be kept.
 */
#include "policy/route.h"

void cmx_route_init(cmx_route *route, cmx_route_row *rows, uint32_t capacity, uint32_t cooldown_ms,
                    uint32_t failures_max)
{
    CMX_ASSERT(capacity <= CMX_ROUTE_ROWS_MAX && failures_max >= 1);
    *route = (cmx_route){rows, capacity, cooldown_ms, failures_max, 0};
}

void cmx_route_open(cmx_route *route, uint32_t row, const cmx_route_row *like, uint32_t random)
{
    CMX_ASSERT(row < route->capacity && like->weight > 0);
    cmx_route_row *own = &route->rows[row];
    memset(own, 0, sizeof *own);
    own->weight = like->weight;
    own->tiers = like->tiers;
    own->rank = like->rank;
    own->probe = CMX_ROUTE_NOBODY;
    own->in_use = true;
    own->is_good = true;
    /* What all currents together are never changes, so any start gives the same shares. */
    int64_t start = (int64_t)((uint64_t)like->weight * random >> 32);
    for (uint32_t i = 0; i < CMX_ROUTE_TIERS; i++) {
        own->current[i] = start;
    }
    route->opened = row < route->opened ? route->opened : row + 1;
}

void cmx_route_close(cmx_route *route, uint32_t row)
{
    route->rows[row].in_use = false;
}

static bool has_tier(const cmx_route_row *row, enum cmx_tier tier)
{
    return row->in_use && (row->tiers & 1u << tier) != 0;
}

static bool is_available(const cmx_route_row *row, uint64_t now_ms)
{
    return row->is_good || (row->probe == CMX_ROUTE_NOBODY && now_ms >= row->until_ms);
}

uint64_t cmx_route_rows(const cmx_route *route, enum cmx_tier tier)
{
    uint64_t rows = 0;
    for (uint32_t i = route->capacity; i-- > 0;) {
        rows = rows << 1 | (has_tier(&route->rows[i], tier) ? 1 : 0);
    }
    return rows;
}

/* Returns the lowest rank of which `rows` has one that is available, or CMX_ROUTE_NONE. */
static uint32_t first_rank(const cmx_route *route, uint64_t rows, uint64_t now_ms)
{
    uint32_t rank = CMX_ROUTE_NONE;
    for (const cmx_route_row *row = route->rows; rows != 0; row++, rows >>= 1) {
        if ((rows & 1) != 0 && row->rank < rank && is_available(row, now_ms)) {
            rank = row->rank;
        }
    }
    return rank;
}

void cmx_route_forgive(cmx_route *route, uint32_t row, uint64_t now_ms)
{
    if (!route->rows[row].is_good && route->rows[row].until_ms > now_ms) {
        route->rows[row].until_ms = now_ms;
    }
}

uint32_t cmx_route_pick(cmx_route *route, enum cmx_tier tier, uint64_t allowed, uint16_t who,
                        uint64_t now_ms)
{
    uint64_t rows = cmx_route_rows(route, tier) & allowed;
    uint32_t rank = first_rank(route, rows, now_ms);
    cmx_route_row *best = NULL;
    int64_t sum = 0;

    for (cmx_route_row *row = route->rows; rows != 0; row++, rows >>= 1) {
        if ((rows & 1) == 0 || row->rank != rank || !is_available(row, now_ms)) {
            continue;
        }
        row->current[tier] += row->weight;
        sum += row->weight;
        if (best == NULL || row->current[tier] > best->current[tier]) {
            best = row;
        }
    }
    if (best == NULL) {
        return CMX_ROUTE_NONE;
    }
    best->current[tier] -= sum;
    if (!best->is_good) {
        best->probe = who;
    }
    return (uint32_t)(best - route->rows);
}

uint64_t cmx_route_due_ms(const cmx_route *route, enum cmx_tier tier, uint64_t allowed,
                          uint64_t now_ms, uint32_t *row)
{
    uint64_t rows = cmx_route_rows(route, tier) & allowed;
    uint64_t due_ms = CMX_ROUTE_NEVER_MS;
    *row = CMX_ROUTE_NONE;
    for (uint32_t i = 0; rows != 0; i++, rows >>= 1) {
        const cmx_route_row *own = &route->rows[i];
        if ((rows & 1) == 0) {
            continue;
        }
        uint64_t own_ms = now_ms;
        if (!is_available(own, now_ms)) {
            own_ms = now_ms < own->until_ms ? own->until_ms : CMX_ROUTE_NEVER_MS;
        }
        if (*row == CMX_ROUTE_NONE || own_ms < due_ms) {
            *row = i;
            due_ms = own_ms;
        }
    }
    return due_ms;
}

bool cmx_route_serves(const cmx_route *route, uint32_t row, uint16_t who)
{
    const cmx_route_row *own = &route->rows[row];
    return own->in_use && (own->is_good || own->probe == who);
}

/* Whether `who` tries a row that is not good; others may be from before it cooled down. */
static bool probes(const cmx_route_row *row, uint16_t who)
{
    return !row->is_good && who != CMX_ROUTE_NOBODY && row->probe == who;
}

static void note_good(cmx_route_row *row, uint16_t who)
{
    if (probes(row, who)) {
        row->probe = CMX_ROUTE_NOBODY;
        row->is_good = true;
        row->until_ms = 0;
        row->cooldown_ms = 0;
    }
    if (row->is_good) {
        row->failures = 0;
    }
}

static uint32_t doubled_ms(const cmx_route *route, uint32_t cooldown_ms)
{
    uint32_t most_ms = route->cooldown_ms > CMX_ROUTE_COOLDOWN_MAX_MS ? route->cooldown_ms
                                                                      : CMX_ROUTE_COOLDOWN_MAX_MS;
    return cooldown_ms < most_ms / 2 ? cooldown_ms * 2 : most_ms;
}

static bool note_failure(const cmx_route *route, cmx_route_row *row, const cmx_route_report *report,
                         uint64_t now_ms)
{
    bool is_down = report->news == CMX_ROUTE_NEWS_DOWN;
    bool begins = true;
    row->failed++;
    if (row->is_good) {
        row->failures++;
        if (!is_down && row->failures < route->failures_max) {
            return false;
        }
        row->cooldown_ms = route->cooldown_ms;
    } else if (probes(row, report->who)) {
        row->cooldown_ms = doubled_ms(route, row->cooldown_ms);
        row->probe = CMX_ROUTE_NOBODY;
    } else if (is_down) { /* one that began before: it may know of a longer wait */
        begins = false;
    } else {
        return false;
    }
    uint64_t wait_ms = row->cooldown_ms > report->after_ms ? row->cooldown_ms : report->after_ms;
    row->until_ms = now_ms + wait_ms > row->until_ms ? now_ms + wait_ms : row->until_ms;
    row->failures = 0;
    row->is_good = false;
    row->cooled += begins ? 1 : 0;
    return begins;
}

bool cmx_route_note(cmx_route *route, uint32_t row, const cmx_route_report *report, uint64_t now_ms)
{
    cmx_route_row *own = &route->rows[row];
    switch (report->news) {
    case CMX_ROUTE_NEWS_NONE:
        (void)cmx_route_release(route, row, report->who);
        return false;
    case CMX_ROUTE_NEWS_GOOD:
        own->succeeded++;
        note_good(own, report->who);
        return false;
    case CMX_ROUTE_NEWS_BAD:
    case CMX_ROUTE_NEWS_DOWN:
        return note_failure(route, own, report, now_ms);
    }
    CMX_UNREACHABLE();
}

bool cmx_route_prove(cmx_route *route, uint32_t row, uint16_t who)
{
    cmx_route_row *own = &route->rows[row];
    bool is_probe = probes(own, who);
    if (is_probe) {
        note_good(own, who); /* it is counted when it is whole */
    }
    return is_probe;
}

bool cmx_route_release(cmx_route *route, uint32_t row, uint16_t who)
{
    cmx_route_row *own = &route->rows[row];
    bool is_probe = probes(own, who);
    if (is_probe) {
        own->probe = CMX_ROUTE_NOBODY;
    }
    return is_probe;
}

/* An error that the server told, by its status or in the answer. */
static enum cmx_route_news judge_told(const cmx_retry_outcome *outcome)
{
    uint32_t status = outcome->http_status;
    switch (cmx_retry_fault_of(outcome)) {
    case CMX_RETRY_FAULT_REQUEST:
        return CMX_ROUTE_NEWS_NONE;
    case CMX_RETRY_FAULT_ACCOUNT:
        return CMX_ROUTE_NEWS_DOWN;
    case CMX_RETRY_FAULT_UNSAID:
        break;
    }
    if (status == 401 || status == 403 || status == 404) {
        return CMX_ROUTE_NEWS_DOWN; /* key or model are wrong, for all requests */
    }
    if ((status == 429 || status == 503) && outcome->after.has && outcome->after.wait_ms > 0) {
        return CMX_ROUTE_NEWS_DOWN;
    }
    bool is_server = status == 0 || status == 408 || status == 429 || status >= 500;
    return is_server ? CMX_ROUTE_NEWS_BAD : CMX_ROUTE_NEWS_NONE;
}

enum cmx_route_news cmx_route_judge(const cmx_retry_outcome *outcome, bool undialed)
{
    if (undialed) {
        return CMX_ROUTE_NEWS_DOWN;
    }
    if (outcome->class == CMX_RETRY_CLASS_NEVER_SENT || outcome->class == CMX_RETRY_CLASS_REFUSED) {
        return CMX_ROUTE_NEWS_NONE; /* such as a server that restarts in good order */
    }
    switch (outcome->cause) {
    case CMX_RETRY_CAUSE_STATUS:
    case CMX_RETRY_CAUSE_INBAND:
        return judge_told(outcome);
    case CMX_RETRY_CAUSE_LOST:
    case CMX_RETRY_CAUSE_SILENT:
        return CMX_ROUTE_NEWS_BAD;
    case CMX_RETRY_CAUSE_OTHER:
        return CMX_ROUTE_NEWS_NONE;
    }
    CMX_UNREACHABLE();
}
