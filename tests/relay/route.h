/* SPDX-License-Identifier: MIT */
/*
 * What is answered to which request.
 * In: method, path, body, whether the key was right. Out: a reply: status, headers' values, body or
 * a streamed answer. Must not know frames or time.
 */
#ifndef RELAY_ROUTE_H
#define RELAY_ROUTE_H

#include "answer.h"
#include "env.h"

#include <stdbool.h>
#include <stddef.h>

#define RELAY_METHOD_MAX 15
#define RELAY_PATH_MAX 255
#define RELAY_BODY_MAX (8u * 1024 * 1024)

typedef struct relay_request {
    char method[RELAY_METHOD_MAX + 1];
    char path[RELAY_PATH_MAX + 1];
    bool authorized;
    bool header_found; /* the one of --require-header, or none is asked */
    bool body_too_large;
    char *body; /* malloc */
    size_t body_len;
    size_t body_capacity;
} relay_request;

typedef struct relay_reply {
    int status;
    const char *content_type;
    const char *allow; /* of a 405, else NULL */
    bool retry_after;
    bool chat;     /* of the chat endpoint: has latency */
    bool limits;   /* has rate-limit headers */
    bool no_head;  /* say nothing, ever */
    bool streamed; /* the answer makes the bytes; else the body below */
    bool raw;      /* the body below is --body-file's: not sized, split as the flag says */
    const relay_fault *fault;
    char *body; /* malloc */
    size_t body_len;
} relay_reply;

/* false: no memory. `answer` is set when the reply is a chat completion. */
bool relay_route(relay_env *env, const relay_request *request, relay_reply *reply,
                 relay_answer *answer);

#endif
