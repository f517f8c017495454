/* SPDX-License-Identifier: MIT */
/*
 * Judges names and values of header fields before they may enter an HTTP/2 header block: what
 * passes here cannot smuggle a second field into a proxy that speaks HTTP/1.1 behind.
 */
#ifndef CMX_BASE_FIELD_H
#define CMX_BASE_FIELD_H

#include "base/base.h"
#include "base/view.h"

/* Returns true for a token (RFC 9110, 5.6.2) without upper case (RFC 9113, 8.2.1); so not for the
 * empty name and not for pseudo-header fields. */
bool cmx_field_name_ok(cmx_view name);

/* Returns true for a value without control characters other than TAB that does not start or end
 * with a space or TAB (RFC 9110, 5.5; RFC 9113, 8.2.1). The empty value is one. */
bool cmx_field_value_ok(cmx_view value);

#endif
