/* SPDX-License-Identifier: MIT */
/*
 * The tunnel through an HTTP proxy: one CONNECT and its answer (RFC 9110, 9.3.6), in HTTP/1.1, the
 * only words of it that chatmux speaks. In: a row connected to the proxy. Out: the same row
 * connected to the origin. It knows neither TLS nor the origin's key, which never come here.
 */
#ifndef CMX_WIRE_CONN_PROXY_H
#define CMX_WIRE_CONN_PROXY_H

#include "wire/conn.h"

#include "chatmux/limits.h"

enum {
    CMX_CONN_PROXY_HEAD_BYTES_MAX =
        CMX_LIMIT_PROXY_HEAD_BYTES, /* of the proxy's answer; read_bytes if that is less */
};

/* Puts the request into `to_send`, which must be empty; the next state is AWAIT_PROXY. */
void cmx_conn_proxy_open(cmx_conn *conn, uint64_t now_ms);

/* Sends the request and reads the answer, as far as the socket allows.
 *
 * Returns CMX_OK (the tunnel is open; bytes that came behind the answer are the origin's and still
 * in `received`), CMX_AGAIN, or CMX_ERR_PROXY_AUTH (407), CMX_ERR_PROXY (any other answer, or none
 * at all), or the port's error. */
CMX_MUST_CHECK int cmx_conn_proxy_step(cmx_conn *conn, uint64_t now_ms);

#endif
