/* SPDX-License-Identifier: MIT */
/*
 * A connection's life as lines of the trace: where it goes, how far it came, why it ended. It only
 * writes lines, and never anything of a request.
 */
#ifndef CMX_WIRE_CONN_TRACE_H
#define CMX_WIRE_CONN_TRACE_H

#include "base/lines.h"
#include "chatmux/port.h"

/* The host name is being resolved. */
void cmx_conn_trace_resolve(cmx_lines *lines, uint32_t conn, const char *host);

/* A socket connects to an address. */
void cmx_conn_trace_dial(cmx_lines *lines, uint32_t conn, const cmx_address *address);

/* What the port's log is told, too; `a` and `b` as there. A dial has the line above instead. */
void cmx_conn_trace_event(cmx_lines *lines, uint32_t conn, enum cmx_log_code code, uint64_t a,
                          uint64_t b);

#endif
