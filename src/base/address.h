/* SPDX-License-Identifier: MIT */
/*
 * Reads an IP address literal. Strict, so that no name or number is mistaken for an address:
 * IPv4 only as four decimal numbers, IPv6 as RFC 4291, 2.2 has it, without zone and brackets.
 */
#ifndef CMX_BASE_ADDRESS_H
#define CMX_BASE_ADDRESS_H

#include "base/base.h"
#include "base/view.h"

#include "chatmux/port.h"

/* Reads `text` as a whole.
 *
 * out  out: family and ip, port and scope_id 0; all zero unless CMX_OK
 *
 * Returns CMX_OK, or
 *   CMX_ERR_URL  not an address literal -> take it as a name, or refuse it */
CMX_MUST_CHECK int cmx_address_parse(cmx_view text, cmx_address *out);

#endif
