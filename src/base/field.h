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

/* Returns true for a value of visible ASCII, with spaces and tabs inside only, that is not empty:
 * what every server and proxy reads in the same way. */
bool cmx_field_text_ok(cmx_view value);

/* Returns true if a caller may add a field of this name to a request: not one that chatmux or
 * HTTP/2 sends itself, that HTTP/2 forbids (RFC 9113, 8.2.2), or that changes how the body or the
 * answer is to be read. `name` has passed cmx_field_name_ok(). */
bool cmx_field_name_allowed(cmx_view name);

/* Returns true if values under this name are likely credentials, of a field or of a parameter of a
 * query: they are sent never-indexed (RFC 7541, 7.1.3) and not shown. A name that has
 * "authorization", "cookie", "credential", "password" or "secret" in it, or ends in "auth", "key",
 * "sig", "signature" or "token", in any case. */
bool cmx_field_name_secret(cmx_view name);

#endif
