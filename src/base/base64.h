/* SPDX-License-Identifier: MIT */
/*
 * Base64 (RFC 4648, 4): written for credentials of a proxy, read for certificates. It keeps
 * nothing: wiping what is written is the caller's.
 */
#ifndef CMX_BASE_BASE64_H
#define CMX_BASE_BASE64_H

#include "base/base.h"
#include "base/view.h"

/* Bytes that `len` bytes become; no NUL follows. */
#define CMX_BASE64_BYTES(len) (((len) + 2) / 3 * 4)

/* Writes CMX_BASE64_BYTES(bytes.len) bytes to `out` and returns how many. */
size_t cmx_base64_write(cmx_view bytes, char *out);

/* Reads base64 with spaces and line ends anywhere in it into `out`, which may be where it lies: it
 * becomes shorter. Returns how many bytes it became; 0 = none, or `text` is not base64. */
size_t cmx_base64_read(cmx_view text, uint8_t *out);

#endif
