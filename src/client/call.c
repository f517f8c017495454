/* SPDX-License-Identifier: MIT */
/*
 * Phases and clocks of a call. See call.h.
 */
#include "client/call.h"

static int read_bytes(void *ctx, uint8_t *out, size_t capacity, size_t *got)
{
    cmx_call_bytes *bytes = ctx;
    size_t left = bytes->len - bytes->offset;
    *got = left < capacity ? left : capacity;
    if (*got > 0) {
        memcpy(out, bytes->data + bytes->offset, *got);
        bytes->offset += *got;
    }
    return CMX_OK;
}

static void rewind_bytes(void *ctx)
{
    cmx_call_bytes *bytes = ctx;
    bytes->offset = 0;
}

void cmx_call_init(cmx_call *call, void *user, uint64_t now_ms)
{
    memset(call, 0, offsetof(cmx_call, answer)); /* valid for chats, which begin it themselves */
    cmx_timerq_init_timer(&call->timer);
    call->phase = CMX_CALL_AWAIT_START;
    call->user = user;
    call->accepted_ms = now_ms;
    call->since_ms = now_ms;
    call->phase_ms = now_ms;
    memset(&call->times, 0xff, sizeof call->times); /* CMX_CALL_NEVER, each of them */
}

void cmx_call_set_bytes(cmx_call *call, const void *data, size_t len)
{
    call->bytes = (cmx_call_bytes){.data = data, .len = len};
    call->source = (cmx_source){
        .read = read_bytes, .rewind = rewind_bytes, .ctx = &call->bytes, .length = len};
}

static uint32_t relative_ms(const cmx_call *call, uint64_t now_ms)
{
    uint64_t since_ms = now_ms - call->accepted_ms;
    return since_ms < CMX_CALL_NEVER ? (uint32_t)since_ms : CMX_CALL_NEVER;
}

cmx_times cmx_call_get_times(const cmx_call *call)
{
    enum { COUNT = sizeof(cmx_times) / sizeof(uint64_t) };
    _Static_assert(sizeof call->times == COUNT * sizeof(uint32_t), "the same, in the same order");
    uint32_t kept[COUNT];
    uint64_t told[COUNT];
    cmx_times times;
    memcpy(kept, &call->times, sizeof kept);
    for (size_t i = 0; i < COUNT; i++) {
        told[i] = kept[i] == CMX_CALL_NEVER ? CMX_TIME_NEVER : kept[i];
    }
    memcpy(&times, told, sizeof times);
    return times;
}

void cmx_call_enter(cmx_call *call, enum cmx_call_phase phase, uint64_t now_ms, uint64_t unread_ms)
{
    CMX_ASSERT(call->phase != CMX_CALL_FINISHED);
    enum cmx_call_phase before = (enum cmx_call_phase)call->phase;
    call->phase = (uint8_t)phase;
    call->phase_ms = now_ms;
    if (phase != CMX_CALL_AWAIT_TOKEN) { /* its clock runs since the request was sent */
        call->unread_ms = unread_ms;
        call->held_ms = 0;
        call->held_at_ms = now_ms;
    }
    uint32_t since_ms = relative_ms(call, now_ms);
    switch (phase) {
    case CMX_CALL_AWAIT_START:
    case CMX_CALL_AWAIT_TARGET:
        /* A connection that cannot be made is awaited in one go, however often it is dialed, and
         * so is a target. */
        if (before != CMX_CALL_AWAIT_TARGET &&
            (before != CMX_CALL_AWAIT_RETRY || call->reason != CMX_RETRY_NEVER_SENT)) {
            call->since_ms = now_ms;
        }
        return;
    case CMX_CALL_AWAIT_HEAD:
        call->since_ms = now_ms;
        call->times.sent_ms = since_ms;
        return;
    case CMX_CALL_AWAIT_TOKEN:
        call->times.head_ms = since_ms;
        return;
    case CMX_CALL_FINISHED:
        call->times.done_ms = since_ms;
        return;
    case CMX_CALL_AWAIT_MORE:
    case CMX_CALL_AWAIT_END:
    case CMX_CALL_AWAIT_RETRY:
    case CMX_CALL_AWAIT_TURN:
        return;
    }
    CMX_UNREACHABLE();
}

bool cmx_call_on_token(cmx_call *call, size_t bytes, uint64_t now_ms, uint64_t unread_ms)
{
    bool first = call->deltas == 0;
    call->deltas++;
    call->delivered_bytes += bytes;
    call->times.last_token_ms = relative_ms(call, now_ms);
    if (first) {
        call->times.first_token_ms = call->times.last_token_ms;
    }
    if (call->phase == CMX_CALL_AWAIT_TOKEN || call->phase == CMX_CALL_AWAIT_MORE) {
        call->phase = CMX_CALL_AWAIT_MORE;
        call->phase_ms = now_ms;
        call->unread_ms = unread_ms;
        call->held_ms = 0;
        call->held_at_ms = now_ms;
    }
    return first;
}

/* What holds for this call: its own limit, or the configured one. */
static uint64_t choose(uint32_t own_ms, uint32_t configured_ms)
{
    return own_ms > 0 ? own_ms : configured_ms;
}

void cmx_call_hold(cmx_call *call, uint64_t now_ms)
{
    CMX_ASSERT(!call->held);
    call->held = true;
    call->held_at_ms = now_ms;
}

void cmx_call_unhold(cmx_call *call, uint64_t now_ms)
{
    CMX_ASSERT(call->held);
    call->held = false;
    call->held_ms += now_ms - call->held_at_ms;
}

/* When a clock that waits for tokens runs out, if it would at `due_ms` without any holding. */
static uint64_t token_due_ms(const cmx_call *call, uint64_t due_ms)
{
    return call->held ? UINT64_MAX : due_ms + call->held_ms;
}

static uint64_t phase_due_ms(const cmx_call *call, const cmx_config *config, int *status)
{
    const cmx_call_limits *own = &call->limits;
    uint64_t token_ms = choose(own->first_token_timeout_ms, config->first_token_timeout_ms);
    uint64_t head_ms = choose(own->head_timeout_ms, config->head_timeout_ms);
    switch ((enum cmx_call_phase)call->phase) {
    case CMX_CALL_AWAIT_START:
    case CMX_CALL_AWAIT_TARGET:
        *status = CMX_ERR_TIMEOUT_QUEUE;
        return cmx_call_queue_due_ms(call, config);
    case CMX_CALL_AWAIT_HEAD:
        token_ms = token_due_ms(call, call->phase_ms + token_ms);
        *status = token_ms < call->phase_ms + head_ms ? CMX_ERR_TIMEOUT_FIRST_TOKEN
                                                      : CMX_ERR_TIMEOUT_HEAD;
        return token_ms < call->phase_ms + head_ms ? token_ms : call->phase_ms + head_ms;
    case CMX_CALL_AWAIT_TOKEN:
        *status = CMX_ERR_TIMEOUT_FIRST_TOKEN;
        return token_due_ms(call, call->since_ms + token_ms);
    case CMX_CALL_AWAIT_MORE:
        *status = CMX_ERR_TIMEOUT_PROGRESS;
        return token_due_ms(
            call, call->phase_ms + choose(own->progress_timeout_ms, config->progress_timeout_ms));
    case CMX_CALL_AWAIT_END:
        *status = CMX_OK;
        return token_due_ms(call, call->phase_ms + CMX_CALL_GRACE_MS);
    case CMX_CALL_AWAIT_RETRY:
        *status = CMX_AGAIN;
        return call->telling ? UINT64_MAX : call->phase_ms + call->wait_ms;
    case CMX_CALL_AWAIT_TURN:
    case CMX_CALL_FINISHED:
        *status = CMX_OK;
        return UINT64_MAX;
    }
    CMX_UNREACHABLE();
}

uint64_t cmx_call_queue_due_ms(const cmx_call *call, const cmx_config *config)
{
    return call->since_ms + choose(call->limits.queue_timeout_ms, config->queue_timeout_ms);
}

uint64_t cmx_call_total_due_ms(const cmx_call *call, const cmx_config *config)
{
    uint64_t total_ms = choose(call->limits.total_timeout_ms, config->total_timeout_ms);
    return total_ms == 0 ? UINT64_MAX : call->accepted_ms + total_ms;
}

uint64_t cmx_call_due_ms(const cmx_call *call, const cmx_config *config, uint64_t unread_ms,
                         int *status)
{
    uint64_t due_ms = phase_due_ms(call, config, status);
    /* Queued calls have no connection; a replay may be on one with another count. */
    if (due_ms != UINT64_MAX && unread_ms > call->unread_ms) {
        due_ms += unread_ms - call->unread_ms;
    }
    uint64_t total_ms = cmx_call_total_due_ms(call, config);
    if (total_ms < due_ms && call->phase != CMX_CALL_FINISHED) {
        *status = CMX_ERR_TIMEOUT_TOTAL;
        return total_ms;
    }
    return due_ms;
}
