/* SPDX-License-Identifier: MIT */
/*
 * The order is made once, the race is a walk along it. A failure releases the next start at once,
 * but never more tries than may race. See eyeballs.h.
 */
#include "wire/eyeballs.h"

static uint32_t clamp_delay(uint32_t delay_ms)
{
    if (delay_ms < CMX_EYEBALLS_DELAY_MIN_MS) {
        return CMX_EYEBALLS_DELAY_MIN_MS;
    }
    return delay_ms < CMX_EYEBALLS_DELAY_MAX_MS ? delay_ms : CMX_EYEBALLS_DELAY_MAX_MS;
}

/* Finds the first address from `at` on that is of the family, or is not. Returns `count` if there
 * is none. */
static uint32_t find_family(const cmx_address *addresses, uint32_t count, uint32_t at,
                            uint8_t family)
{
    while (at < count && addresses[at].family != family) {
        at++;
    }
    return at;
}

/* Moves one address forward; those it passes keep their order. */
static void move_forward(cmx_address *addresses, uint32_t from, uint32_t to)
{
    cmx_address moved = addresses[from];

    for (uint32_t i = from; i > to; i--) {
        addresses[i] = addresses[i - 1];
    }
    addresses[to] = moved;
}

static uint64_t earlier(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

void cmx_eyeballs_order(cmx_address *addresses, uint32_t count, uint8_t family_first)
{
    CMX_ASSERT(count <= CMX_EYEBALLS_SORTED_MAX);
    uint8_t family = family_first == 4 ? 4 : 6;

    for (uint32_t to = 0; to < count; to++) {
        uint32_t from = find_family(addresses, count, to, family);
        if (from < count) {
            move_forward(addresses, from, to);
        }
        family = family == 4 ? 6 : 4;
    }
}

void cmx_eyeballs_init(cmx_eyeballs *eyeballs, uint32_t count)
{
    CMX_ASSERT(count <= CMX_EYEBALLS_ADDRESSES_MAX);
    *eyeballs = (cmx_eyeballs){.count = (uint8_t)count, .hurry = true};
}

enum cmx_eyeballs_action cmx_eyeballs_step(cmx_eyeballs *eyeballs,
                                           const cmx_eyeballs_limits *limits, uint64_t now_ms,
                                           uint32_t *index, uint64_t *due_ms)
{
    uint32_t racing = 0;
    uint64_t due = UINT64_MAX;

    for (uint32_t i = 0; i < eyeballs->next; i++) {
        if (!cmx_eyeballs_racing(eyeballs, i)) {
            continue;
        }
        uint64_t end_ms = eyeballs->started_ms[i] + limits->timeout_ms;
        if (now_ms >= end_ms) {
            cmx_eyeballs_on_failure(eyeballs, i);
            *index = i;
            return CMX_EYEBALLS_EXPIRE;
        }
        racing++;
        due = earlier(due, end_ms);
    }
    if (eyeballs->next < eyeballs->count && racing < limits->racing_max) {
        uint64_t start_ms = 0;
        if (!eyeballs->hurry) {
            start_ms = eyeballs->started_ms[eyeballs->next - 1] + clamp_delay(limits->delay_ms);
        }
        if (now_ms >= start_ms) {
            *index = eyeballs->next++;
            eyeballs->started_ms[*index] = now_ms;
            eyeballs->tries[*index] = CMX_EYEBALLS_RACING;
            eyeballs->hurry = false;
            return CMX_EYEBALLS_START;
        }
        due = earlier(due, start_ms);
    }
    if (racing == 0) {
        return CMX_EYEBALLS_GIVE_UP;
    }
    *due_ms = due;
    return CMX_EYEBALLS_WAIT;
}

void cmx_eyeballs_on_failure(cmx_eyeballs *eyeballs, uint32_t index)
{
    CMX_ASSERT(index < eyeballs->count && cmx_eyeballs_racing(eyeballs, index));
    eyeballs->tries[index] = CMX_EYEBALLS_FAILED;
    eyeballs->hurry = true;
}
