/* SPDX-License-Identifier: MIT */
/*
 * Faults in action: which chat meets one, and what it does to a stream or its connection.
 * In: descriptions from fault.c. Out: frames of one session, marks in its relay_link, counts.
 * Must not know sockets: conn.c obeys the marks.
 */
#ifndef RELAY_TROUBLE_H
#define RELAY_TROUBLE_H

#include "env.h"
#include "fault.h"
#include "stream.h"

#include <stdbool.h>
#include <stddef.h>

/* The fault of a chat, by --fault or its model, if it is not spent and not between two flaps; NULL:
 * behave. Counts the chat either way. */
const relay_fault *relay_trouble_choose(relay_env *env, const char *model, size_t model_len);
/* Does what the reply's fault does before any answer; true: there will be no answer. */
bool relay_trouble_start(relay_stream *stream);
/* Breaks a body off where it was cut; true: it does not end, something else has happened. */
bool relay_trouble_cut(relay_stream *stream, const relay_fault *fault);
/* false: no memory, end without them */
bool relay_trouble_add_trailers(relay_stream *stream);

#endif
