/* SPDX-License-Identifier: MIT */
/*
 * Connections as text. See conn_trace.h.
 */
#include "wire/conn_trace.h"

static void begin_line(cmx_lines *lines, uint32_t conn, const char *text)
{
    cmx_lines_text(lines, "conn ");
    cmx_lines_number(lines, conn);
    cmx_lines_text(lines, text);
}

void cmx_conn_trace_resolve(cmx_lines *lines, uint32_t conn, const char *host)
{
    begin_line(lines, conn, " resolving ");
    cmx_lines_text(lines, host);
    cmx_lines_end(lines);
}

void cmx_conn_trace_dial(cmx_lines *lines, uint32_t conn, const cmx_address *address)
{
    begin_line(lines, conn, " connecting to ");
    if (address->family == 4) {
        for (size_t i = 0; i < 4; i++) {
            cmx_lines_text(lines, i == 0 ? "" : ".");
            cmx_lines_number(lines, address->ip[i]);
        }
        cmx_lines_text(lines, ":");
    } else {
        for (size_t i = 0; i < 16; i += 2) {
            cmx_lines_text(lines, i == 0 ? "[" : ":");
            cmx_lines_hex(lines, (uint32_t)address->ip[i] << 8 | address->ip[i + 1]);
        }
        cmx_lines_text(lines, "]:");
    }
    cmx_lines_number(lines, address->port);
    cmx_lines_end(lines);
}

static void add_end(cmx_lines *lines, uint64_t status)
{
    cmx_lines_text(lines, " closed");
    if (status == 0) {
        cmx_lines_text(lines, " in good order");
    } else {
        cmx_lines_text(lines, ": ");
        cmx_lines_text(lines, cmx_error_name(-(int)status));
    }
}

void cmx_conn_trace_event(cmx_lines *lines, uint32_t conn, enum cmx_log_code code, uint64_t a,
                          uint64_t b)
{
    if (code == CMX_LOG_DIAL) {
        return; /* the address has a line of its own */
    }
    begin_line(lines, conn, "");
    switch (code) {
    case CMX_LOG_DIAL:
        break;
    case CMX_LOG_PROXY:
        cmx_lines_text(lines, " the proxy answered ");
        cmx_lines_number(lines, b);
        break;
    case CMX_LOG_CONNECTED:
        cmx_lines_text(lines, " connected");
        break;
    case CMX_LOG_SECURE:
        /* The only version and protocol there is: anything else ends the handshake. */
        cmx_lines_text(lines, " TLS 1.3, ALPN h2, verified, cipher=0x");
        cmx_lines_hex(lines, (uint32_t)b);
        break;
    case CMX_LOG_OPEN:
        cmx_lines_text(lines, " open");
        break;
    case CMX_LOG_CLOSED:
        add_end(lines, a);
        break;
    case CMX_LOG_GOAWAY:
        cmx_lines_text(lines, " takes no more requests");
        break;
    }
    if (code != CMX_LOG_CLOSED && code != CMX_LOG_GOAWAY) {
        cmx_lines_text(lines, " after ms=");
        cmx_lines_number(lines, a);
    }
    cmx_lines_end(lines);
}
