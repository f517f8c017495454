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
    memset(call, 0, sizeof *call);
    cmx_timerq_init_timer(&call->timer);
    call->user = user;
    call->accepted_ms = now_ms;
    call->phase_ms = now_ms;
    call->times =
        (cmx_times){CMX_TIME_NEVER, CMX_TIME_NEVER, CMX_TIME_NEVER, CMX_TIME_NEVER, CMX_TIME_NEVER};
}

void cmx_call_set_bytes(cmx_call *call, const void *data, size_t len)
{
    call->bytes = (cmx_call_bytes){.data = data, .len = len};
    call->source = (cmx_source){
        .read = read_bytes, .rewind = rewind_bytes, .ctx = &call->bytes, .length = len};
}

void cmx_call_enter(cmx_call *call, enum cmx_call_phase phase, uint64_t now_ms, uint64_t unread_ms)
{
    CMX_ASSERT(call->phase != CMX_CALL_FINISHED);
    call->phase = (uint8_t)phase;
    call->phase_ms = now_ms;
    if (phase != CMX_CALL_AWAIT_TOKEN) { /* its clock runs since the request was sent */
        call->unread_ms = unread_ms;
    }
    uint64_t since_ms = now_ms - call->accepted_ms;
    switch (phase) {
    case CMX_CALL_AWAIT_HEAD:
        call->sent_ms = now_ms;
        call->times.sent_ms = since_ms;
        return;
    case CMX_CALL_AWAIT_TOKEN:
        call->times.head_ms = since_ms;
        return;
    case CMX_CALL_FINISHED:
        call->times.done_ms = since_ms;
        return;
    case CMX_CALL_AWAIT_START:
    case CMX_CALL_AWAIT_MORE:
    case CMX_CALL_AWAIT_END:
        return;
    }
    CMX_UNREACHABLE();
}

bool cmx_call_on_token(cmx_call *call, size_t bytes, uint64_t now_ms, uint64_t unread_ms)
{
    bool first = call->deltas == 0;
    call->deltas++;
    call->delivered_bytes += bytes;
    call->times.last_token_ms = now_ms - call->accepted_ms;
    if (first) {
        call->times.first_token_ms = call->times.last_token_ms;
    }
    if (call->phase == CMX_CALL_AWAIT_TOKEN || call->phase == CMX_CALL_AWAIT_MORE) {
        call->phase = CMX_CALL_AWAIT_MORE;
        call->phase_ms = now_ms;
        call->unread_ms = unread_ms;
    }
    return first;
}

static uint64_t phase_due_ms(const cmx_call *call, const cmx_config *config, int *status)
{
    switch ((enum cmx_call_phase)call->phase) {
    case CMX_CALL_AWAIT_START:
        *status = CMX_ERR_TIMEOUT_QUEUE;
        return call->phase_ms + config->queue_timeout_ms;
    case CMX_CALL_AWAIT_HEAD:
        if (config->first_token_timeout_ms < config->head_timeout_ms) {
            *status = CMX_ERR_TIMEOUT_FIRST_TOKEN;
            return call->phase_ms + config->first_token_timeout_ms;
        }
        *status = CMX_ERR_TIMEOUT_HEAD;
        return call->phase_ms + config->head_timeout_ms;
    case CMX_CALL_AWAIT_TOKEN:
        *status = CMX_ERR_TIMEOUT_FIRST_TOKEN;
        return call->sent_ms + config->first_token_timeout_ms;
    case CMX_CALL_AWAIT_MORE:
        *status = CMX_ERR_TIMEOUT_PROGRESS;
        return call->phase_ms + config->progress_timeout_ms;
    case CMX_CALL_AWAIT_END:
        *status = CMX_OK;
        return call->phase_ms + CMX_CALL_GRACE_MS;
    case CMX_CALL_FINISHED:
        *status = CMX_OK;
        return UINT64_MAX;
    }
    CMX_UNREACHABLE();
}

uint64_t cmx_call_due_ms(const cmx_call *call, const cmx_config *config, uint64_t unread_ms,
                         int *status)
{
    uint64_t due_ms = phase_due_ms(call, config, status);
    /* Queued calls have no connection; a replay may be on one with another count. */
    if (due_ms != UINT64_MAX && unread_ms > call->unread_ms) {
        due_ms += unread_ms - call->unread_ms;
    }
    if (config->total_timeout_ms > 0 && call->phase != CMX_CALL_FINISHED) {
        uint64_t total_ms = call->accepted_ms + config->total_timeout_ms;
        if (total_ms < due_ms) {
            *status = CMX_ERR_TIMEOUT_TOTAL;
            return total_ms;
        }
    }
    return due_ms;
}
