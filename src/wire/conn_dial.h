/* SPDX-License-Identifier: MIT */
/*
 * The way from a free row to an HTTP/2 session: resolve, connect, proxy, TLS. See conn_dial.c.
 */
#ifndef CMX_WIRE_CONN_DIAL_H
#define CMX_WIRE_CONN_DIAL_H

#include "wire/conn.h"

/* Starts to dial; the row must be CLOSED.
 *
 * target  borrowed until the row is CLOSED again; the family of the winner is remembered in it
 *
 * Returns CMX_OK, or the error that ends the dial: the row is then still to be closed. */
CMX_MUST_CHECK int cmx_conn_dial_start(cmx_conn *conn, uint32_t origin, cmx_conn_target *target,
                                       uint64_t now_ms);

/* Advances a dial as far as possible; does nothing in other states. Addresses race: one that fails
 * or takes longer than attempt_delay_ms is followed by the next one.
 *
 * Returns CMX_OK, or the error that ends the dial. */
CMX_MUST_CHECK int cmx_conn_dial_step(cmx_conn *conn, uint64_t now_ms);

#endif
