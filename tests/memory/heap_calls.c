/* SPDX-License-Identifier: MIT */
/*
 * Every call of a program into a client, by way of the linker (--wrap): while it lasts the heap is
 * forbidden. What sets up is left out: cmx_client_init() and cmx_client_add_origin(). In
 * chatmux-sim the world may go on using it, see sim/outside.c.
 */
#include "chatmux/chatmux.h"
#include "memory/heap.h"

#define CALL(type, name, parameters, arguments) \
    type __real_##name parameters;              \
    type __wrap_##name parameters;              \
    type __wrap_##name parameters               \
    {                                           \
        const char *before = heap_enter(#name); \
        type result = __real_##name arguments;  \
        heap_leave(before);                     \
        return result;                          \
    }

#define CALL_VOID(name, parameters, arguments)  \
    void __real_##name parameters;              \
    void __wrap_##name parameters;              \
    void __wrap_##name parameters               \
    {                                           \
        const char *before = heap_enter(#name); \
        __real_##name arguments;                \
        heap_leave(before);                     \
    }

/* clang-format off */
CALL(int, cmx_chat_start, (cmx_client *c, const cmx_chat *chat, cmx_id *id, const char **bad),
     (c, chat, id, bad))
CALL(int, cmx_request_start, (cmx_client *c, const cmx_request *r, cmx_id *id, const char **bad),
     (c, r, id, bad))
CALL(int, cmx_client_cancel, (cmx_client *c, cmx_id id), (c, id))
CALL(int, cmx_client_pause, (cmx_client *c, cmx_id id), (c, id))
CALL(int, cmx_client_resume, (cmx_client *c, cmx_id id), (c, id))
CALL(enum cmx_waiting, cmx_client_waiting, (const cmx_client *c, cmx_id id), (c, id))
CALL(int, cmx_client_warm, (cmx_client *c, cmx_origin_id origin, uint32_t n), (c, origin, n))
CALL(int, cmx_client_set_key, (cmx_client *c, cmx_origin_id origin, const char *key),
     (c, origin, key))
CALL(int, cmx_client_remove_origin, (cmx_client *c, cmx_origin_id origin), (c, origin))
CALL(int, cmx_client_limits, (const cmx_client *c, cmx_origin_id origin, cmx_limit_state *state),
     (c, origin, state))
CALL(int, cmx_client_tick, (cmx_client *c), (c))
CALL(int, cmx_client_next_event, (cmx_client *c, cmx_event *event), (c, event))
CALL(int, cmx_client_wait, (cmx_client *c, cmx_event *event, uint32_t timeout_ms),
     (c, event, timeout_ms))
CALL(int, cmx_client_metrics,
     (const cmx_client *c, enum cmx_metrics_names names, char *out, size_t capacity, size_t *len),
     (c, names, out, capacity, len))
CALL(int, cmx_client_add_target,
     (cmx_client *c, const cmx_target *target, uint32_t *id, const char **bad), (c, target, id, bad))
CALL(int, cmx_client_target_state, (const cmx_client *c, uint32_t id, cmx_target_state *state),
     (c, id, state))
CALL(int, cmx_client_set_price, (cmx_client *c, const cmx_price *price, const char **bad),
     (c, price, bad))
CALL(int, cmx_client_model_stats, (const cmx_client *c, uint32_t row, cmx_model_stats *stats),
     (c, row, stats))
CALL(uint32_t, cmx_client_next_due_ms, (cmx_client *c), (c))
CALL_VOID(cmx_client_network_changed, (cmx_client *c), (c))
CALL_VOID(cmx_client_drain, (cmx_client *c, uint32_t timeout_ms), (c, timeout_ms))
CALL_VOID(cmx_client_set_budget, (cmx_client *c, uint64_t limit, enum cmx_budget_action action),
          (c, limit, action))
CALL_VOID(cmx_client_spending, (const cmx_client *c, cmx_spending *spending), (c, spending))
CALL_VOID(cmx_client_stats, (const cmx_client *c, cmx_stats *stats), (c, stats))
CALL_VOID(cmx_client_deinit, (cmx_client *c), (c))
CALL_VOID(cmx_client_abandon, (cmx_client *c), (c))
/* clang-format on */
