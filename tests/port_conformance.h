/* SPDX-License-Identifier: MIT */
/*
 * The one judge of every port: the checks behind chatmux/port.h, run against a port's table and a
 * peer that plays the other end of its network. The peer is a small table, too, so that real
 * sockets and a simulated network pass the same checks. Checks never sleep: all waiting is done by
 * the port's own `wait`, which is where a simulated clock moves.
 */
#ifndef PORT_CONFORMANCE_H
#define PORT_CONFORMANCE_H

#include "chatmux/port.h"

/* The other end. Its calls happen at once and never wait for the port under test to be called. */
typedef struct conformance_peer {
    void *ctx;

    /* Opens a listener that lets at least 16 connections wait for `accept`; tells its address. */
    bool (*listen)(void *ctx, cmx_address *at);
    /* Tells an address that refuses every connection until `finish`. */
    bool (*refuse)(void *ctx, cmx_address *at);
    /* Takes the oldest waiting connection; the port has said that it is connected. A number from 0,
     * or -1. */
    int (*accept)(void *ctx);
    /* Sends up to 4096 bytes, which always fit while the port reads. */
    bool (*send)(void *ctx, int connection, const void *bytes, size_t len);
    /* Receives what is there: the count, 0 if nothing is there now, -1 if the port's end is gone.
     */
    int (*recv)(void *ctx, int connection, void *out, size_t capacity);
    /* Ends a connection in order, after the bytes sent. */
    void (*close)(void *ctx, int connection);
    /* Tears a connection down at once. */
    void (*reset)(void *ctx, int connection);
    /* Ends a check: the listener and all connections are gone. */
    void (*finish)(void *ctx);

    /* What follows is optional: NULL leaves the checks out that need it. */

    const char *local_name;   /* a host name that resolves */
    const char *missing_name; /* one that does not */
    const char *slow_name;    /* one whose answer is held back until slow_release */
    /* Waits until the answer to slow_name is being held back. */
    void (*slow_begun)(void *ctx);
    void (*slow_release)(void *ctx);

    /* Counts the descriptors of the process. */
    int (*count_descriptors)(void *ctx);
    /* Tells whether cmx_port.descriptor is readable now. */
    bool (*is_readable)(void *ctx, int descriptor);
    /* Runs a function on another thread, a moment later; `thread_join` waits for its end. */
    bool (*thread_start)(void *ctx, void (*run)(void *argument), void *argument);
    void (*thread_join)(void *ctx);
} conformance_peer;

/* Runs all checks and prints them. Returns how many failed. */
int port_conformance_run(const cmx_port *port, const conformance_peer *peer);

#endif
