/* SPDX-License-Identifier: MIT */
/*
 * The table of functions of the simulated port; see sim_port.h. `wait` is where virtual time moves:
 * to the next event of the world or to the end of the wait, and never a real moment.
 */
#include "sim_port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What lies in the bytes that the client lends. */
typedef struct port_state {
    sim_client *client;
} port_state;

static sim_client *client_of(void *state)
{
    return ((port_state *)state)->client;
}

static bool is_call_failed(sim_port *port)
{
    port->calls++;
    if (port->calls != port->fail_call) {
        return false;
    }
    sim_note(port->world, "call fails", port->calls, 0);
    return true;
}

static int port_init(void *ctx, void *state, size_t state_bytes, uint32_t sockets)
{
    sim_port *port = ctx;
    sim_client *client;

    if (state_bytes < sizeof(port_state) || sockets > SIM_SOCKETS_MAX) {
        return CMX_ERR_NO_MEMORY;
    }
    if (is_call_failed(port)) {
        return CMX_ERR_PORT;
    }
    client = calloc(1, sizeof *client);
    if (client == NULL) {
        return CMX_ERR_NO_MEMORY;
    }
    client->port = port;
    client->socket_count = sockets;
    client->next = port->clients;
    port->clients = client;
    ((port_state *)state)->client = client;
    return CMX_OK;
}

static void port_socket_close(void *state, uint32_t socket)
{
    sim_client *client = client_of(state);

    if (socket >= client->socket_count || client->sockets[socket] == NULL) {
        sim_fail(client->port->world, "socket %u is closed but was not open", (unsigned)socket);
        return;
    }
    sim_link_close(client->sockets[socket]);
    client->sockets[socket] = NULL;
    client->port->sockets_open--;
}

static void port_deinit(void *state, bool abandon)
{
    sim_client *client = client_of(state);

    (void)abandon;
    for (uint32_t i = 0; i < client->socket_count; i++) {
        if (client->sockets[i] != NULL) {
            port_socket_close(state, i);
        }
    }
    memset(client->queries, 0, sizeof client->queries);
    client->is_closed = true;
}

static uint64_t port_now_ms(void *state)
{
    return client_of(state)->port->world->now_ms;
}

static int port_wall_clock(void *ctx, int64_t *unix_s)
{
    sim_port *port = ctx;

    if (port->is_wall_unset) {
        return CMX_AGAIN;
    }
    *unix_s = port->wall_s + (int64_t)((port->world->now_ms - port->world->start_ms) / 1000);
    return CMX_OK;
}

static int port_entropy(void *ctx, void *out, size_t len)
{
    sim_port *port = ctx;

    if (is_call_failed(port)) {
        return CMX_ERR_PORT;
    }
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)out)[i] = (uint8_t)sim_choose(port->world, SIM_STREAM_ENTROPY, 256);
    }
    return CMX_OK;
}

static int port_file_read(void *ctx, const char *path, uint64_t offset, void *out, size_t *len)
{
    (void)ctx;
    (void)path;
    (void)offset;
    (void)out;
    *len = 0;
    return CMX_ERR_TRUST;
}

static int port_dir_entry(void *ctx, const char *path, uint32_t index, char *name, size_t capacity)
{
    (void)ctx;
    (void)path;
    (void)index;
    (void)name;
    (void)capacity;
    return CMX_ERR_TRUST;
}

static const char *port_system_trust(void *ctx)
{
    (void)ctx;
    return NULL;
}

/* `arg` is the number of the query: a late answer finds nobody. */
static void on_answer(void *ctx, uint64_t arg)
{
    sim_client *client = ctx;

    for (int i = 0; i < SIM_QUERIES_MAX; i++) {
        sim_query *query = &client->queries[i];
        if (query->number == arg && arg != 0) {
            query->is_answered = true;
            client->is_woken = true;
            client->port->world->progress++;
            sim_note(client->port->world, "name answered", arg, 0);
        }
    }
}

static const sim_host *find_host(const sim_port *port, const char *name)
{
    static const sim_host missing = {.status = CMX_ERR_DNS_NOT_FOUND, .delay_ms = 3};

    for (size_t i = 0; i < port->host_count; i++) {
        if (strcmp(port->hosts[i].name, name) == 0) {
            return &port->hosts[i];
        }
    }
    return &missing;
}

static int port_resolve_start(void *state, const char *host, uint16_t port_number, uint32_t *query)
{
    sim_client *client = client_of(state);
    sim_port *port = client->port;

    if (is_call_failed(port)) {
        return CMX_ERR_DNS_FAILED;
    }
    for (int i = 0; i < SIM_QUERIES_MAX; i++) {
        sim_query *row = &client->queries[i];
        if (row->number != 0) {
            continue;
        }
        row->number = ++client->query_last;
        row->port = port_number;
        row->host = find_host(port, host);
        row->is_answered = false;
        if (!row->host->is_held) {
            uint64_t jitter = sim_choose(port->world, SIM_STREAM_DNS, 3);
            sim_world_after(port->world, row->host->delay_ms + jitter, on_answer, client,
                            row->number);
        }
        *query = row->number;
        sim_note(port->world, "resolve", row->number, port_number);
        return CMX_OK;
    }
    return CMX_ERR_BUSY;
}

static sim_query *find_query(sim_client *client, uint32_t number)
{
    for (int i = 0; i < SIM_QUERIES_MAX; i++) {
        if (number != 0 && client->queries[i].number == number) {
            return &client->queries[i];
        }
    }
    sim_fail(client->port->world, "query %u is used but not pending", (unsigned)number);
    return NULL;
}

static int port_resolve_poll(void *state, uint32_t number, cmx_address *out, size_t capacity,
                             size_t *count)
{
    sim_client *client = client_of(state);
    sim_query *query = find_query(client, number);
    const sim_host *host;

    *count = 0;
    if (query == NULL || is_call_failed(client->port)) {
        if (query != NULL) {
            query->number = 0;
        }
        return CMX_ERR_DNS_FAILED;
    }
    if (!query->is_answered) {
        return CMX_AGAIN;
    }
    host = query->host;
    query->number = 0;
    client->port->world->progress++;
    if (host->status != CMX_OK) {
        return host->status;
    }
    for (size_t i = 0; i < host->address_count && i < capacity; i++) {
        out[i] = host->addresses[i];
        out[i].port = query->port;
        (*count)++;
    }
    return CMX_OK;
}

static void port_resolve_cancel(void *state, uint32_t number)
{
    sim_query *query = find_query(client_of(state), number);

    if (query != NULL) {
        query->number = 0;
    }
}

static const sim_listener *find_listener(const sim_port *port, const cmx_address *to)
{
    static const sim_listener nobody = {.status = CMX_ERR_UNREACHABLE};

    for (size_t i = 0; i < port->listener_count; i++) {
        const cmx_address *at = &port->listeners[i].at;
        if (at->family == to->family && at->port == to->port &&
            memcmp(at->ip, to->ip, at->family == 4 ? 4 : 16) == 0) {
            return &port->listeners[i];
        }
    }
    return &nobody;
}

static int connect_to(sim_client *client, const sim_listener *listener, uint32_t number)
{
    static const sim_peer nobody;
    sim_port *port = client->port;
    sim_link *link;

    /* A refusal may come at once or later: both happen in the world. */
    if (listener->status != CMX_OK && sim_chance(port->world, SIM_STREAM_NET, 300)) {
        return listener->status;
    }
    link = sim_link_open(port->world, &port->links, &port->net, &nobody);
    link->client = client;
    link->number = number;
    client->sockets[number] = link;
    port->sockets_opened++;
    port->sockets_open++;
    port->world->progress++;
    sim_note(port->world, "open", number, listener->at.port);
    if (listener->is_hole) {
        return CMX_OK;
    }
    if (listener->accept != NULL) {
        link->peer = listener->accept(listener->ctx, link);
    }
    sim_link_settle(link, 2 * (uint64_t)port->net.delay_ms, listener->status);
    return CMX_OK;
}

static int port_socket_open(void *state, const cmx_address *to, const cmx_socket_options *options,
                            uint32_t *socket)
{
    sim_client *client = client_of(state);

    if (is_call_failed(client->port)) {
        return CMX_ERR_NETWORK;
    }
    for (uint32_t i = 0; i < client->socket_count; i++) {
        if (client->sockets[i] != NULL) {
            continue;
        }
        if (options->hook != NULL) {
            int rc = options->hook(options->hook_user, (intptr_t)i, to);
            if (rc != CMX_OK) {
                return rc;
            }
        }
        *socket = i;
        return connect_to(client, find_listener(client->port, to), i);
    }
    return CMX_ERR_BUSY;
}

static sim_link *find_link(void *state, uint32_t socket)
{
    sim_client *client = client_of(state);

    if (socket >= client->socket_count || client->sockets[socket] == NULL) {
        sim_fail(client->port->world, "socket %u is used but not open", (unsigned)socket);
        return NULL;
    }
    return client->sockets[socket];
}

static int port_socket_connected(void *state, uint32_t socket)
{
    const sim_link *link = find_link(state, socket);

    if (link == NULL || is_call_failed(client_of(state)->port)) {
        return CMX_ERR_NETWORK;
    }
    if (link->state == SIM_LINK_CONNECTING) {
        return CMX_AGAIN;
    }
    return link->state == SIM_LINK_FAILED ? link->failure : CMX_OK;
}

static int port_socket_recv(void *state, uint32_t socket, void *out, size_t capacity, size_t *got)
{
    sim_link *link = find_link(state, socket);

    *got = 0;
    if (link == NULL || is_call_failed(client_of(state)->port)) {
        return CMX_ERR_NETWORK;
    }
    return sim_link_recv(link, out, capacity, got);
}

static int port_socket_send(void *state, uint32_t socket, const void *bytes, size_t len,
                            size_t *sent)
{
    sim_link *link = find_link(state, socket);

    *sent = 0;
    if (link == NULL || is_call_failed(client_of(state)->port)) {
        return CMX_ERR_NETWORK;
    }
    return sim_link_take(link, bytes, len, sent);
}

static void port_socket_want(void *state, uint32_t socket, uint32_t interest)
{
    sim_link *link = find_link(state, socket);

    if (link != NULL) {
        link->interest = interest;
    }
}

static uint32_t ready_of(const sim_client *client, uint32_t socket)
{
    const sim_link *link = client->sockets[socket];

    return link == NULL ? 0 : sim_link_ready(link) & link->interest;
}

static bool has_work(const sim_client *client)
{
    for (uint32_t i = 0; i < client->socket_count; i++) {
        if (ready_of(client, i) != 0) {
            return true;
        }
    }
    return client->is_woken;
}

/* Returns false if nothing will ever happen again. */
static bool sleep_until_work(sim_client *client, uint32_t timeout_ms)
{
    sim_world *world = client->port->world;
    uint64_t begin_ms = world->now_ms + client->port->wait_cost_ms;
    uint64_t end_ms = timeout_ms == UINT32_MAX ? SIM_NEVER : begin_ms + timeout_ms;

    for (;;) {
        uint64_t next_ms;
        sim_world_run_due(world, false);
        if (world->now_ms < begin_ms && sim_world_next(world) > begin_ms) {
            sim_world_advance(world, begin_ms);
        }
        if ((has_work(client) && world->now_ms >= begin_ms) || end_ms <= world->now_ms ||
            world->is_failed) {
            return true;
        }
        next_ms = sim_world_next(world);
        next_ms = next_ms < end_ms ? next_ms : end_ms;
        if (next_ms == SIM_NEVER) {
            return false;
        }
        sim_world_advance(world, next_ms);
    }
}

static void watch_for_busy_loop(sim_port *port)
{
    if (port->world->progress != port->last_progress) {
        port->last_progress = port->world->progress;
        port->idle_waits = 0;
        return;
    }
    port->idle_waits++;
    if (port->idle_waits == SIM_IDLE_WAITS_MAX) {
        sim_fail(port->world, "busy loop: %d waits without anything happening", SIM_IDLE_WAITS_MAX);
    }
}

static int port_wait(void *state, uint32_t timeout_ms, cmx_port_ready *out, size_t capacity,
                     size_t *count)
{
    sim_client *client = client_of(state);

    *count = 0;
    watch_for_busy_loop(client->port);
    if (is_call_failed(client->port)) {
        return CMX_ERR_PORT;
    }
    if (!sleep_until_work(client, timeout_ms)) {
        sim_fail(client->port->world, "the client waits for something that will never come");
        return CMX_ERR_PORT;
    }
    if (client->port->world->is_failed) {
        return CMX_ERR_PORT;
    }
    client->is_woken = false;
    for (uint32_t n = 0; n < client->socket_count && *count < capacity; n++) {
        uint32_t socket = (client->turn + n) % client->socket_count;
        uint32_t ready = ready_of(client, socket);
        if (ready != 0) {
            out[*count].socket = socket;
            out[*count].ready = ready;
            (*count)++;
            if (*count == capacity) {
                client->turn = socket + 1;
            }
        }
    }
    return CMX_OK;
}

static void port_wakeup(void *state)
{
    client_of(state)->is_woken = true;
}

static int port_descriptor(void *state)
{
    (void)state;
    return -1;
}

static void port_log(void *ctx, enum cmx_log_code code, const uint64_t values[3])
{
    sim_port *port = ctx;

    if ((int)code < 1 || (int)code >= SIM_LOG_CODES) {
        sim_fail(port->world, "log event %d is not in the contract", (int)code);
        return;
    }
    port->log_counts[code]++;
    memcpy(port->log_last[code], values, sizeof port->log_last[code]);
    sim_note(port->world, "log", (uint64_t)code, values[1]);
}

void sim_port_init(sim_port *port, sim_world *world)
{
    memset(port, 0, sizeof *port);
    port->world = world;
    port->wall_s = INT64_C(1767225600) + (int64_t)sim_choose(world, SIM_STREAM_FAULTS, 1000000);
    port->table = (cmx_port){
        .ctx = port,
        .init = port_init,
        .deinit = port_deinit,
        .now_ms = port_now_ms,
        .wall_clock = port_wall_clock,
        .entropy = port_entropy,
        .file_read = port_file_read,
        .dir_entry = port_dir_entry,
        .system_trust = port_system_trust,
        .resolve_start = port_resolve_start,
        .resolve_poll = port_resolve_poll,
        .resolve_cancel = port_resolve_cancel,
        .socket_open = port_socket_open,
        .socket_connected = port_socket_connected,
        .socket_recv = port_socket_recv,
        .socket_send = port_socket_send,
        .socket_close = port_socket_close,
        .socket_want = port_socket_want,
        .wait = port_wait,
        .wakeup = port_wakeup,
        .descriptor = port_descriptor,
        .log = port_log,
    };
    sim_port_outside(&port->table);
}

void sim_port_deinit(sim_port *port)
{
    sim_link_free_all(&port->links);
    while (port->clients != NULL) {
        sim_client *client = port->clients;
        port->clients = client->next;
        free(client);
    }
}

sim_listener *sim_port_listen(sim_port *port, const cmx_address *at, sim_accept accept, void *ctx)
{
    sim_listener *listener = &port->listeners[port->listener_count++];

    if (port->listener_count > SIM_LISTENERS_MAX) {
        abort();
    }
    *listener = (sim_listener){.at = *at, .accept = accept, .ctx = ctx};
    return listener;
}

sim_host *sim_port_host(sim_port *port, const char *name, const cmx_address *address)
{
    sim_host *host = &port->hosts[port->host_count++];

    if (port->host_count > SIM_HOSTS_MAX) {
        abort();
    }
    *host = (sim_host){.name = name, .address_count = 1, .addresses = {*address}};
    return host;
}

void sim_port_release(sim_port *port)
{
    for (size_t i = 0; i < port->host_count; i++) {
        port->hosts[i].is_held = false;
    }
    for (sim_client *client = port->clients; client != NULL; client = client->next) {
        for (int i = 0; i < SIM_QUERIES_MAX; i++) {
            if (client->queries[i].number != 0) {
                sim_world_after(port->world, 1, on_answer, client, client->queries[i].number);
            }
        }
    }
}

void sim_port_sleep(sim_port *port, uint32_t timeout_ms)
{
    if (port->clients == NULL) {
        return;
    }
    watch_for_busy_loop(port);
    if (!sleep_until_work(port->clients, timeout_ms)) {
        sim_fail(port->world, "the client wants to sleep for ever");
    }
}

cmx_address sim_address(const uint8_t ip[4], uint16_t port)
{
    cmx_address address = {.family = 4, .port = port};

    memcpy(address.ip, ip, 4);
    return address;
}
