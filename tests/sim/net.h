/* SPDX-License-Identifier: MIT */
/*
 * The simulated network: links between a client's socket and a peer, as two queues of bytes with
 * delay, rate, splits, full buffers, end, reset and black hole. In: bytes from either side. Out:
 * what is readable and writable at an instant of the world's clock. Must not know what bytes mean.
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "world.h"

#include "chatmux/port.h"

/* How a link treats its bytes. All zero: at once, whole. */
typedef struct sim_net {
    uint32_t delay_ms;       /* each way */
    uint32_t jitter_ms;      /* at most this much more, drawn per write */
    uint32_t bytes_per_ms;   /* rate towards the client; 0 = unlimited */
    uint32_t recv_bytes_max; /* largest receive; 0 = no limit; each is 1..this */
    uint32_t send_bytes_max; /* largest send; 0 = no limit; each is 1..this */
    uint32_t send_capacity;  /* bytes on their way to a peer before the socket is full; 0 = 1 MiB */
    uint32_t again_per_mille; /* readiness that turns out to be none */
} sim_net;

typedef struct sim_link sim_link;

/* The other end. Functions may be NULL. */
typedef struct sim_peer {
    void (*opened)(void *ctx, sim_link *link); /* the client's connect succeeded */
    void (*received)(void *ctx, const uint8_t *bytes, size_t len);
    void (*closed)(void *ctx); /* the client closed, or the link was reset */
    void *ctx;
} sim_peer;

/* Bytes on their way: [head, visible) can be taken, [visible, len) has not arrived. */
typedef struct sim_pipe {
    uint8_t *bytes;
    size_t capacity;
    size_t head;
    size_t visible;
    size_t len;
    uint64_t last_due_ms; /* bytes never overtake each other */
} sim_pipe;

enum sim_link_state { SIM_LINK_CONNECTING, SIM_LINK_CONNECTED, SIM_LINK_FAILED };

struct sim_link {
    sim_world *world;
    sim_link *next;  /* all links of the network, newest first */
    void *client;    /* whose socket this is */
    uint32_t number; /* of the socket */
    bool is_open;    /* the client holds the socket */
    enum sim_link_state state;
    int failure; /* valid in FAILED, else what recv says after the last byte */
    sim_net net;
    sim_peer peer;
    sim_pipe to_client;
    sim_pipe to_server;
    bool is_hole;         /* nothing arrives any more, either way */
    bool is_fin_sent;     /* the peer closed, or knows that the client did */
    bool is_abrupt;       /* bytes that arrive after the peer closed are answered by a reset */
    bool is_peer_stopped; /* the peer does not take bytes out of to_server */
    bool is_ended;        /* the client sees the end after the last byte */
    uint32_t interest;
    uint64_t blocked_until_ms; /* not writable before */
};

/* Takes a link in state CONNECTING; it belongs to `list` from now on. */
sim_link *sim_link_open(sim_world *world, sim_link **list, const sim_net *net,
                        const sim_peer *peer);

/* Frees a list of links at the end of a world. */
void sim_link_free_all(sim_link **list);

/* The connect ends after `delay_ms`; `status` is CMX_OK or the error. */
void sim_link_settle(sim_link *link, uint64_t delay_ms, int status);

/* The peer's side. */
void sim_link_send(sim_link *link, const uint8_t *bytes, size_t len);
void sim_link_fin(sim_link *link);
void sim_link_reset(sim_link *link);
void sim_link_stop_reading(sim_link *link, bool is_stopped);
/* Takes what arrived while reading is stopped; returns how many bytes. */
size_t sim_link_peer_take(sim_link *link, void *out, size_t capacity);

/* The client's side, as in the port contract. */
int sim_link_recv(sim_link *link, void *out, size_t capacity, size_t *got);
int sim_link_take(sim_link *link, const void *bytes, size_t len, size_t *sent);
void sim_link_close(sim_link *link);

/* Returns what the socket is ready for now, whatever it waits for. */
uint32_t sim_link_ready(const sim_link *link);

#endif
