/* SPDX-License-Identifier: MIT */
/*
 * Moves a connection's bytes: socket to TLS to HTTP/2 on the way in, the same road back on the way
 * out. See conn_pump.c.
 */
#ifndef CMX_WIRE_CONN_PUMP_H
#define CMX_WIRE_CONN_PUMP_H

#include "wire/conn.h"

/* Receives what the socket has into `received`, once.
 *
 * Returns CMX_OK (more bytes), CMX_AGAIN (none now, or the buffer is full), or the port's error;
 * with a TLS session an orderly end is CMX_AGAIN and noted in the session, which knows what was cut
 * off. */
CMX_MUST_CHECK int cmx_conn_pump_receive(cmx_conn *conn);

/* Pulls the next record or body chunk, reading the socket as needed. A chunk must be given back
 * with cmx_h2_release() before the next call.
 *
 * Returns CMX_OK, CMX_AGAIN (nothing now; `unread` tells whether the budget or the input ended),
 * or the error that ends the connection. */
CMX_MUST_CHECK int cmx_conn_pump_next(cmx_conn *conn, uint64_t now_ms, cmx_h2_item *item);

/* Sends frames and cipher bytes until nothing is left, the socket is full or the budget of one
 * turn is used. A socket that fails is not an error here: it may still hold an answer to be read.
 *
 * Returns CMX_OK, or CMX_ERR_HTTP2, CMX_ERR_TLS, CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_conn_pump_flush(cmx_conn *conn, uint64_t now_ms);

/* Takes frames that are ready over into `to_send`, so that their memory serves others, and leaves
 * sending to the next flush; flushes if there is no room for them. Returns as flush does. */
CMX_MUST_CHECK int cmx_conn_pump_gather(cmx_conn *conn, uint64_t now_ms);

/* Ends in good order: GOAWAY and close_notify as far as the socket takes them now, then close. */
void cmx_conn_pump_goodbye(cmx_conn *conn, uint64_t now_ms);

#endif
