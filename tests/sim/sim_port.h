/* SPDX-License-Identifier: MIT */
/*
 * The simulated port: the contract of chatmux/port.h over a world and its network. In: who listens
 * where, which names exist, which call fails. Out: a table of functions for clients, and what they
 * did with it. It must not know chatmux's client nor what is sent.
 */
#ifndef SIM_PORT_H
#define SIM_PORT_H

#include "net.h"
#include "world.h"

#include "chatmux/port.h"

enum {
    SIM_LISTENERS_MAX = 16,
    SIM_HOSTS_MAX = 8,
    SIM_HOST_ADDRESSES_MAX = 4,
    SIM_QUERIES_MAX = 16,
    SIM_SOCKETS_MAX = 64,
    SIM_IDLE_WAITS_MAX = 3000, /* waits in a row in which nothing at all happened: a busy loop */
    SIM_LOG_CODES = 8,
};

/* Gives the peer of a new connection. */
typedef sim_peer (*sim_accept)(void *ctx, sim_link *link);

typedef struct sim_listener {
    cmx_address at;
    int status;   /* how a connect ends: CMX_OK, CMX_ERR_REFUSED, CMX_ERR_UNREACHABLE */
    bool is_hole; /* a connect never ends */
    sim_accept accept;
    void *ctx;
} sim_listener;

typedef struct sim_host {
    const char *name;
    cmx_address addresses[SIM_HOST_ADDRESSES_MAX]; /* ports are filled in */
    size_t address_count;
    uint32_t delay_ms;
    int status;   /* CMX_OK, CMX_ERR_DNS_NOT_FOUND, CMX_ERR_DNS_FAILED */
    bool is_held; /* no answer before sim_port_release() */
} sim_host;

typedef struct sim_port sim_port;

typedef struct sim_query {
    uint32_t number; /* 0 = free */
    uint16_t port;
    const sim_host *host;
    bool is_answered;
} sim_query;

/* What one client has of the port. */
typedef struct sim_client {
    sim_port *port;
    struct sim_client *next;
    uint32_t socket_count;
    sim_link *sockets[SIM_SOCKETS_MAX];
    sim_query queries[SIM_QUERIES_MAX];
    uint32_t query_last;
    uint32_t turn;  /* socket that is reported first by the next wait */
    bool is_woken;  /* wakeup, or an answer of a resolution */
    bool is_closed; /* deinit was called */
} sim_client;

struct sim_port {
    cmx_port table; /* what clients get */
    sim_world *world;
    sim_net net; /* of new links */
    sim_link *links;
    sim_client *clients;
    sim_listener listeners[SIM_LISTENERS_MAX];
    size_t listener_count;
    sim_host hosts[SIM_HOSTS_MAX];
    size_t host_count;
    int64_t wall_s;
    bool is_wall_unset;
    uint64_t calls;         /* of functions that may fail */
    uint64_t fail_call;     /* number of the call that fails; 0 = none */
    uint64_t last_progress; /* of the world, at the last wait */
    uint32_t idle_waits;
    uint32_t wait_cost_ms; /* what a wait takes at least; 0 = a computer without any delay */
    uint32_t sockets_opened;
    uint32_t sockets_open;
    uint64_t log_counts[SIM_LOG_CODES];
    uint64_t log_last[SIM_LOG_CODES][3];
};

void sim_port_init(sim_port *port, sim_world *world);

/* Lets the table's functions use the heap where a client may not; sim_port_init() calls it. */
void sim_port_outside(cmx_port *table);

/* Frees links and clients; all clients of the library must be gone. */
void sim_port_deinit(sim_port *port);

/* Adds a listener or a host; returns it to be changed. */
sim_listener *sim_port_listen(sim_port *port, const cmx_address *at, sim_accept accept, void *ctx);
sim_host *sim_port_host(sim_port *port, const char *name, const cmx_address *address);

/* Lets held answers go. */
void sim_port_release(sim_port *port);

/* Lets time pass until the client has something to do or the time is over, for foreign loops. */
void sim_port_sleep(sim_port *port, uint32_t timeout_ms);

/* An IPv4 address. */
cmx_address sim_address(const uint8_t ip[4], uint16_t port);

#endif
