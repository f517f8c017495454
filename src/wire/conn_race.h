/* SPDX-License-Identifier: MIT */
/*
 * The race of a host's addresses for one TCP connection: opens and closes the sockets that
 * eyeballs.c decides on. In: a row with addresses, in AWAIT_CONNECT. Out: its socket. What is sent
 * over it is not known here.
 */
#ifndef CMX_WIRE_CONN_RACE_H
#define CMX_WIRE_CONN_RACE_H

#include "wire/conn.h"

/* Puts a host's addresses into the order in which they are tried.
 *
 * found  in-out: as the resolver has them, 1..CMX_EYEBALLS_SORTED_MAX; the best of each family, in
 *        all CMX_CONN_ADDRESSES_MAX, are copied into the row */
void cmx_conn_race_init(cmx_conn *conn, cmx_address *found, size_t count);

/* Advances the race as far as possible.
 *
 * Returns CMX_OK (connected: `socket` is the winner's, the others are closed), CMX_AGAIN (until
 * `due_ms` or until a socket is ready), or the error of the address that failed last. */
CMX_MUST_CHECK int cmx_conn_race_step(cmx_conn *conn, uint64_t now_ms);

#endif
