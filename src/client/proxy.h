/* SPDX-License-Identifier: MIT */
/*
 * The proxy of an origin: its fields of cmx_origin, checked and copied into the row.
 */
#ifndef CMX_CLIENT_PROXY_H
#define CMX_CLIENT_PROXY_H

#include "chatmux/client.h"
#include "pool/origin.h"

/* Fills target.proxy, whose base URL and address are known already; with a proxy the address to
 * connect to becomes that of the proxy.
 *
 * bad_field  out: only with an error
 *
 * Returns CMX_OK, or CMX_ERR_URL, CMX_ERR_ARGUMENT, CMX_ERR_KEY -> correct the field named. */
CMX_MUST_CHECK int cmx_proxy_set(cmx_origin_row *row, const cmx_origin *origin,
                                 const char **bad_field);

#endif
