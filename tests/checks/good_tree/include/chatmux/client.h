/* SPDX-License-Identifier: MIT */
/* The client, as a program sees it. */
#ifndef CMX_CLIENT_H
#define CMX_CLIENT_H

#include <stddef.h>
#include "chatmux/error.h"
#include "chatmux/port.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cmx_client cmx_client;

/* How long a connection may take. */
enum cmx_phase {
    CMX_PHASE_CONNECT, /* dialling */
    CMX_PHASE_TIMEOUT, /* over */
};

/* Starts the client in the caller's block. */
CMX_MUST_CHECK int cmx_client_init(cmx_client **client, void *block, size_t block_bytes,
                                   const cmx_port *port, uint32_t connect_timeout_ms);

/* Gives the number of open chats. */
CMX_MUST_CHECK
int cmx_open_chats(const cmx_client *client, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
