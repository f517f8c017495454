/* SPDX-License-Identifier: MIT */
/*
 * One HTTP/2 stream: its request while it arrives, its reply while it leaves, and its own clock.
 * In: a whole request. Out: headers and DATA to the session, token by token when paced.
 * Must not know the socket: it only says that the connection has something to send.
 */
#ifndef RELAY_STREAM_H
#define RELAY_STREAM_H

#include "answer.h"
#include "env.h"
#include "route.h"

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct relay_stream relay_stream;

/* What a stream needs of its connection. */
typedef struct relay_link {
    relay_env *env;
    nghttp2_session *session;
    void (*wake)(void *owner); /* there are frames to send */
    void *owner;
    relay_stream *streams; /* all of this connection's */
    bool drop;             /* reset the connection */
    bool finish;           /* close it in good order, its streams not */
    bool mute;             /* it says nothing any more */
    bool mute_pings;       /* it acknowledges no PING any more */
    relay_timer restore;   /* MAX_CONCURRENT_STREAMS rises again */
    relay_timer farewell;  /* between the two GOAWAYs of a graceful end */
    bool part;             /* the second is due */
} relay_link;

struct relay_stream {
    relay_link *link;
    relay_stream *next;
    relay_stream *previous;
    int32_t id;
    bool answered;
    relay_timer timer;
    relay_request request;
    relay_reply reply;
    relay_answer answer;
    size_t body_sent;
    size_t event_sent; /* an event that did not fit the window: what of it left */
    size_t event_len;
    char event[RELAY_ANSWER_EVENT_MAX];
};

/* NULL: no memory */
relay_stream *relay_stream_open(relay_link *link, int32_t id);
void relay_stream_close(relay_stream *stream);
/* false: no memory */
bool relay_stream_take_body(relay_stream *stream, const uint8_t *data, size_t len);
/* The request is complete: answer it now or after the latency. 0 or an nghttp2 error. */
int relay_stream_respond(relay_stream *stream);

#endif
