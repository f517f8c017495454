/* SPDX-License-Identifier: MIT */
/*
 * The HTTP/2 side of one connection: an honest nghttp2 server session.
 * In: decrypted bytes. Out: frames to send, and streams with whole requests.
 * Must not know TLS or sockets.
 */
#ifndef RELAY_H2_H
#define RELAY_H2_H

#include "stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* false: no memory. Submits SETTINGS. `link` lives as long as the connection. */
bool relay_h2_open(relay_link *link, relay_env *env, void (*wake)(void *owner), void *owner);
void relay_h2_close(relay_link *link);
/* false: the connection must end once what is queued was sent */
bool relay_h2_receive(relay_link *link, const uint8_t *data, size_t len);
/* The next bytes to send, valid until the next call; *len 0: nothing. false: the session is broken.
 */
bool relay_h2_next_output(relay_link *link, const uint8_t **data, size_t *len);
/* true: nothing more will be sent or received */
bool relay_h2_done(const relay_link *link);
/* The graceful end: GOAWAY with the largest id now, with the real one when what the client sent
 * meanwhile has arrived; then the streams finish. */
void relay_h2_drain(relay_link *link);
/* Queues GOAWAY(NO_ERROR). */
void relay_h2_stop(relay_link *link);

#endif
