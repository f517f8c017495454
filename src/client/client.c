/* SPDX-License-Identifier: MIT */
/*
 * The client's life and its loop. This file is the only one that reads the port's clock and waits.
 */
#include "base/wipe.h"
#include "client/attempt.h"
#include "client/finish.h"
#include "client/layout.h"
#include "client/pause.h"
#include "client/target.h"
#include "client/trace.h"
#include "client/transfer.h"
#include "client/turn.h"
#include "client/warn.h"
#include "text/number.h"

#include <string.h>

enum { REST_TURNS_MAX = 256 }; /* to send what is left when nothing is in flight */

static int fail(const char **bad_field, const char *field, int status)
{
    *bad_field = field;
    return status;
}

/* Writes how many bytes are needed into the block itself, the only memory there is, if it has room
 * for that. */
static int fail_small(const char **bad_field, char *memory, size_t bytes, size_t needed)
{
    static const char before[] = "bytes: ";
    static const char after[] = " needed";
    uint8_t digits[CMX_NUMBER_BYTES_MAX];
    size_t len = cmx_number_write(digits, needed);

    if (bytes < sizeof before - 1 + len + sizeof after) {
        return fail(bad_field, "bytes", CMX_ERR_MEMORY_SMALL);
    }
    memcpy(memory, before, sizeof before - 1);
    memcpy(memory + sizeof before - 1, digits, len);
    memcpy(memory + sizeof before - 1 + len, after, sizeof after);
    return fail(bad_field, memory, CMX_ERR_MEMORY_SMALL);
}

static void fill_pool(cmx_client *client, const cmx_layout *layout)
{
    if (client->config.trace_bytes > 0) {
        cmx_lines_init(&client->lines, layout->lines, client->config.trace_bytes);
    }
    const cmx_conn_env env = {
        .port = client->port,
        .port_state = client->port_state,
        .config = &client->config,
        .library = &client->h2_library,
        .region = client->region,
        .frames = layout->frames,
        /* One record a time: a longer buffer would be cut by TLS anyway. */
        .frames_capacity = client->config.write_bytes < CMX_TLS_PLAIN_BYTES_MAX
                               ? client->config.write_bytes
                               : CMX_TLS_PLAIN_BYTES_MAX,
        .lines = client->config.trace_bytes > 0 ? &client->lines : NULL,
    };
    cmx_pool_init(&client->pool, &env, &layout->tables);
}

/* Blocks of no bytes are none. */
static void fill_shared(cmx_blocks *blocks, void *memory, uint32_t count, size_t block_bytes)
{
    cmx_blocks_init(blocks, memory, block_bytes == 0 ? 0 : count,
                    block_bytes == 0 ? 1 : block_bytes);
}

static void fill_client(cmx_client *client, const cmx_layout *layout, const cmx_config *config,
                        const cmx_port *port)
{
    client->config = *config;
    client->port = port;
    client->port_state = layout->port_state;
    client->region = cmx_region_init(layout->region, layout->region_bytes);
    cmx_region_cap(client->region, cmx_layout_region_cap_bytes(config));
    client->calls = layout->calls;
    client->lanes = layout->lanes;
    cmx_attempt_list_init(&client->finished);
    cmx_attempt_list_init(&client->told);
    cmx_turn_init(client);
    cmx_target_init(client, layout->route_rows, layout->target_names, layout->target_calls);
    cmx_account_init(client, &layout->account);
    cmx_warn_init(client, layout->alert_heads);
    client->decoding = CMX_SLOT_NONE;
    client->lent = CMX_SLOT_NONE;
    cmx_timerq_init(&client->timers, layout->timer_heap, layout->tables.slot_count);
    cmx_pause_init(&client->pauses, layout->pause_rows, layout->pause_blocks, config);
    cmx_blocks_init(&client->event_blocks, layout->event_blocks, config->event_buffers,
                    config->event_bytes_max);
    fill_shared(&client->tails, layout->tails, cmx_layout_shared(config, config->tails_max),
                config->tail_bytes);
    fill_shared(&client->shapes, layout->shapes, cmx_layout_shared(config, config->shapes_max),
                config->shape_bytes);
    fill_shared(&client->tools, layout->tools, cmx_layout_shared(config, config->tool_tables_max),
                config->tool_calls_max * sizeof(cmx_answer_tool));
}

/* Starts what lies outside the block: the port and the two libraries. */
static int start_parts(cmx_client *client, const char **bad_field)
{
    const cmx_port *port = client->port;
    uint32_t sockets = cmx_pool_sockets_max(client->config.connections_max);
    int rc = port->init(port->ctx, client->port_state, CMX_PORT_STATE_BYTES(sockets), sockets);
    if (rc != CMX_OK) {
        return fail(bad_field, "port", rc);
    }
    rc = cmx_tls_library_init(port);
    if (rc != CMX_OK) {
        port->deinit(client->port_state, false);
        return fail(bad_field, "port", rc);
    }
    rc = cmx_h2_library_init(&client->h2_library, client->config.streams_before_settings);
    if (rc != CMX_OK) {
        cmx_tls_library_deinit();
        port->deinit(client->port_state, false);
        return fail(bad_field, "memory", rc);
    }
    cmx_h2_library_set_tables(&client->h2_library, cmx_layout_table_bytes(&client->config));
    return CMX_OK;
}

int cmx_client_init(cmx_client **client, void *memory, size_t bytes, const cmx_config *config,
                    const cmx_port *port, const char **bad_field)
{
    const char *ignored = NULL;
    if (bad_field == NULL) {
        bad_field = &ignored;
    }
    *client = NULL;
    int rc = cmx_config_check(config, bad_field);
    if (rc != CMX_OK) {
        return rc;
    }
    if (port == NULL) {
        return fail(bad_field, "port", CMX_ERR_ARGUMENT);
    }
    if (memory == NULL || (uintptr_t)memory % CMX_BLOCK_ALIGN != 0) {
        return fail(bad_field, "memory", CMX_ERR_MEMORY_ALIGN);
    }
    size_t needed = cmx_client_bytes(config);
    if (bytes < needed) {
        return fail_small(bad_field, memory, bytes, needed);
    }
    cmx_arena arena;
    cmx_layout layout;
    cmx_arena_init(&arena, memory, needed);
    cmx_layout_carve(&layout, &arena, config);
    fill_client(layout.client, &layout, config, port);
    layout.client->memory = memory;
    layout.client->memory_bytes = needed;
    rc = start_parts(layout.client, bad_field);
    if (rc != CMX_OK) {
        cmx_wipe(memory, needed);
        return rc;
    }
    fill_pool(layout.client, &layout);
    cmx_state_read_clock(layout.client);
    *client = layout.client;
    return CMX_OK;
}

static void end_client(cmx_client *client, bool abandon)
{
    cmx_pool_close(&client->pool, abandon, client->now_ms);
    if (!abandon) {
        cmx_trace_flush(client);
    }
    for (uint32_t i = 0; i < client->config.origins_max; i++) {
        cmx_tls_context_deinit(&client->pool.tables.origins[i].trust);
    }
    cmx_h2_library_deinit(&client->h2_library);
    cmx_tls_library_deinit();
    client->port->deinit(client->port_state, abandon);
    cmx_wipe(client->memory, client->memory_bytes);
}

void cmx_client_deinit(cmx_client *client)
{
    if (client != NULL) {
        end_client(client, false);
    }
}

void cmx_client_abandon(cmx_client *client)
{
    if (client != NULL) {
        end_client(client, true);
    }
}

/* Heads may speak of times as dates; what reads them has no clock. */
static void tell_wall_clock(cmx_client *client)
{
    int64_t unix_s = 0;
    bool known = client->port->wall_clock(client->port->ctx, &unix_s) == CMX_OK;
    for (uint32_t i = 0; i < client->pool.tables.conn_count; i++) {
        client->pool.tables.conns[i].h2.now_unix_ms = known ? unix_s * 1000 : 0;
    }
}

static void step_drain(cmx_client *client)
{
    if (!client->draining || client->now_ms < client->drain_due_ms) {
        return;
    }
    for (uint16_t i = 0; i < client->pool.slots.capacity && client->live > 0; i++) {
        if (client->pool.slots.rows[i].state != CMX_SLOT_FREE &&
            client->calls[i].phase != CMX_CALL_FINISHED) {
            cmx_finish_abort(client, i, CMX_ERR_TIMEOUT_TOTAL);
        }
    }
    client->drain_due_ms = UINT64_MAX;
}

/* Waits for the port, then does everything that is due. */
static int turn(cmx_client *client, uint32_t timeout_ms)
{
    int rc = cmx_pool_wait(&client->pool, timeout_ms);
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_state_read_clock(client);
    tell_wall_clock(client);
    cmx_pool_step(&client->pool, client->now_ms);
    cmx_transfer_expire(client);
    step_drain(client);
    cmx_turn_step(client);
    cmx_pool_flush(&client->pool, client->now_ms);
    cmx_trace_flush(client);
    return CMX_OK;
}

int cmx_client_tick(cmx_client *client)
{
    cmx_transfer_end_lending(client);
    return turn(client, 0);
}

static uint64_t next_due_ms(const cmx_client *client)
{
    if (client->decoding != CMX_SLOT_NONE || client->finished.first != CMX_SLOT_NONE ||
        client->told.first != CMX_SLOT_NONE || client->pauses.waiting > 0) {
        return 0;
    }
    const uint64_t dues_ms[] = {
        cmx_pool_next_due_ms(&client->pool),
        cmx_timerq_next_due_ms(&client->timers),
        cmx_turn_due_ms(client),
        client->draining ? client->drain_due_ms : UINT64_MAX,
        client->warn.due_ms,
    };
    uint64_t due_ms = dues_ms[0];
    for (size_t i = 1; i < CMX_ARRAY_LEN(dues_ms); i++) {
        due_ms = dues_ms[i] < due_ms ? dues_ms[i] : due_ms;
    }
    return due_ms;
}

/* Milliseconds from now until an absolute time, as the port's wait takes them. */
static uint32_t relative_ms(uint64_t due_ms, uint64_t now_ms)
{
    if (due_ms == UINT64_MAX) {
        return UINT32_MAX;
    }
    if (due_ms <= now_ms) {
        return 0;
    }
    uint64_t left_ms = due_ms - now_ms;
    return left_ms < UINT32_MAX ? (uint32_t)left_ms : UINT32_MAX - 1;
}

uint32_t cmx_client_next_due_ms(cmx_client *client)
{
    return relative_ms(next_due_ms(client), client->port->now_ms(client->port_state));
}

/* Nothing is in flight any more, but resets may still have to leave: a server that does not hear of
 * them goes on generating. Sends what sockets take now, in a bounded number of turns. */
static int send_rest(cmx_client *client)
{
    for (unsigned i = 0; i < REST_TURNS_MAX && cmx_pool_has_output(&client->pool); i++) {
        int rc = turn(client, 0);
        if (rc != CMX_OK) {
            return rc;
        }
    }
    return CMX_IDLE;
}

/* One turn for a caller who never waits: it must still get its answers. */
static int poll_once(cmx_client *client, cmx_event *event)
{
    int rc = turn(client, 0);
    return rc != CMX_OK ? rc : cmx_client_next_event(client, event);
}

int cmx_client_wait(cmx_client *client, cmx_event *event, uint32_t timeout_ms)
{
    uint64_t deadline_ms = UINT64_MAX;
    if (timeout_ms != UINT32_MAX) {
        deadline_ms = client->port->now_ms(client->port_state) + timeout_ms;
    }
    for (;;) {
        int rc = cmx_client_next_event(client, event);
        if (rc == CMX_IDLE) {
            return send_rest(client);
        }
        if (rc != CMX_AGAIN) {
            return rc;
        }
        /* Relaxed is enough: the port's wake-up orders everything else. */
        if (__atomic_exchange_n(&client->woken, 0, __ATOMIC_RELAXED) != 0) {
            return CMX_AGAIN;
        }
        uint64_t due_ms = next_due_ms(client);
        uint64_t now_ms = client->port->now_ms(client->port_state);
        if (now_ms >= deadline_ms) {
            return timeout_ms == 0 ? poll_once(client, event) : CMX_AGAIN;
        }
        rc = turn(client, relative_ms(due_ms < deadline_ms ? due_ms : deadline_ms, now_ms));
        if (rc != CMX_OK) {
            return rc;
        }
    }
}

void cmx_client_drain(cmx_client *client, uint32_t timeout_ms)
{
    cmx_state_read_clock(client);
    client->draining = true;
    client->drain_due_ms = client->now_ms + timeout_ms;
}

int cmx_client_fd(const cmx_client *client)
{
    return client->port->descriptor(client->port_state);
}

void cmx_client_wakeup(cmx_client *client)
{
    __atomic_store_n(&client->woken, 1, __ATOMIC_RELAXED);
    client->port->wakeup(client->port_state);
}
