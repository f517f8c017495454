/* SPDX-License-Identifier: MIT */
/*
 * What the TLS library asks of its surroundings: memory, entropy and the date. Its memory hooks
 * name the region of the client; the hooks for entropy and date carry no context, so the one
 * pointer to the port of this process lives here. It knows nothing of sessions.
 */
#ifndef CMX_WIRE_TLS_HOOKS_H
#define CMX_WIRE_TLS_HOOKS_H

#include "base/base.h"
#include "chatmux/port.h"

/* Counts one more user of the port that answers the hooks. May be called from any thread.
 *
 * Returns CMX_OK, CMX_ERR_PORT_CONFLICT (users of a different port are left), or CMX_ERR_TLS
 * (another thread held the gate for longer than a preempted thread would). */
CMX_MUST_CHECK int cmx_tls_hooks_attach(const cmx_port *port);

/* Balances one successful cmx_tls_hooks_attach(). May be called from any thread. */
void cmx_tls_hooks_detach(void);

/* Returns how often the library asked for memory, or gave it back, without naming a region: each
 * time it was refused. Stays 0 with a library that keeps its word; for tests. */
uint32_t cmx_tls_hooks_strays(void);

#endif
