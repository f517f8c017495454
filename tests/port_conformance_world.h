/* SPDX-License-Identifier: MIT */
/*
 * What the groups of conformance checks share: the world of one check (the port under test with one
 * initialised client, and the peer), and the steps that most checks begin with. A step that does
 * not succeed fails the check.
 */
#ifndef PORT_CONFORMANCE_WORLD_H
#define PORT_CONFORMANCE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>

#include "port_conformance.h"

#include <cmocka.h>

/* Sockets of the client under test. */
#define WORLD_SOCKETS 8u

/* A wait that nothing needs to last; one that is expected to end early does not reach it. */
#define WORLD_LONG_MS 20000u

/* One step of waiting for something, and how many steps before the check gives up. */
#define WORLD_STEP_MS 10u
#define WORLD_STEPS_MAX 1000

typedef struct conformance_world {
    const cmx_port *port;
    const conformance_peer *peer;
    void *state;          /* of the initialised client */
    bool is_initialised;  /* false: the check deinitialised it itself */
    cmx_address listener; /* only after world_listen */
} conformance_world;

extern conformance_world world;

/* No hook, and a user timeout that no check waits for: every port must take one. */
extern const cmx_socket_options world_options;

/* Lets the peer listen; fills world.listener. */
void world_listen(void);
/* Opens a socket to the listener and waits until it is connected. Returns its number. */
uint32_t world_connect(void);
/* The same, and the peer accepts it. Returns the peer's number in `connection`. */
uint32_t world_pair(int *connection);
/* Waits one step, in which nothing but time needs to pass. */
void world_step(void);
/* Waits once for at most `timeout_ms`; returns what `socket` is ready for, 0 if nothing. */
uint32_t world_ready(uint32_t socket, uint32_t timeout_ms);
/* Waits until `socket` is ready for `interest`, which it then wants. */
void world_until(uint32_t socket, uint32_t interest);
/* Receives at most `capacity` bytes as soon as there are any; returns the status. */
int world_recv(uint32_t socket, void *out, size_t capacity, size_t *got);
/* Sends all of it. */
void world_send(uint32_t socket, const void *bytes, size_t len);
/* Receives exactly `len` bytes at the peer. */
void world_peer_recv(int connection, void *out, size_t len);

/* Runs one group of checks; returns how many failed. */
int conformance_run_basics(void);
int conformance_run_sockets(void);
int conformance_run_readiness(void);
int conformance_run_names(void);

/* Set-up and tear-down of each check. */
int world_setup(void **unused);
int world_teardown(void **unused);

#define CONFORMANCE_CHECK(function) \
    cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

#endif
