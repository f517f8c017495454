/* SPDX-License-Identifier: MIT */
/* The coordinator's own view of itself. */
#ifndef CMX_CLIENT_CLIENT_H
#define CMX_CLIENT_CLIENT_H

#include "chatmux/client.h"
#include "pool/slot.h"

struct cmx_client {
    const cmx_port *port; /* borrowed until deinit */
    cmx_slot slot;
};

#endif
