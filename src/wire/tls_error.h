/* SPDX-License-Identifier: MIT */
/*
 * The one place where a number of the TLS library becomes a status. In: the number and the alert
 * that the peer sent. Out: a status that tells who must act. It keeps no state.
 */
#ifndef CMX_WIRE_TLS_ERROR_H
#define CMX_WIRE_TLS_ERROR_H

#include "base/base.h"

/* Translates a result of the library's session functions.
 *
 * native  the library's number, as wolfSSL_get_error() gives it
 * alert   description of the last alert received, or -1
 *
 * Returns CMX_AGAIN, CMX_ERR_CLOSED, CMX_ERR_TLS_TRUNCATED, CMX_ERR_NO_MEMORY, CMX_ERR_ALPN,
 * CMX_ERR_CERT_*, or CMX_ERR_TLS for everything that is none of these; never CMX_OK. */
CMX_MUST_CHECK int cmx_tls_error_status(int native, int alert);

#endif
