/* SPDX-License-Identifier: MIT */
/* What the platform gives. */
#ifndef CMX_PORT_H
#define CMX_PORT_H

#include <stdint.h>

typedef struct cmx_port {
    void *ctx; /* borrowed until deinit */
    /* Monotonic milliseconds; never blocks. */
    uint64_t (*now_ms)(void *ctx);
} cmx_port;

#endif
