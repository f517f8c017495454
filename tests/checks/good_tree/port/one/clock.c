/* SPDX-License-Identifier: MIT */
/* The clock of this port. */
#include "one/one.h"
#include <time.h>

static uint64_t read_clock(void *ctx)
{
    (void)ctx;
    return (uint64_t)time(NULL) * 1000u;
}

const cmx_port *cmx_port_one(void)
{
    static const cmx_port port = {NULL, read_clock};
    return &port;
}
