/* SPDX-License-Identifier: MIT */
/*
 * How long to wait, in whatever form a server says it: a Go duration ("6m0s", "12ms"), seconds,
 * seconds or milliseconds since 1970, an RFC 3339 or HTTP date. Out come milliseconds from now. No
 * floating point: parts of a millisecond round up, what is too long saturates. It knows no header
 * and reads no clock.
 */
#ifndef CMX_TEXT_DURATION_H
#define CMX_TEXT_DURATION_H

#include "base/view.h"

enum { CMX_DURATION_BYTES_MAX = 64 }; /* a longer text is none of these forms */

/* "This long or longer": 49.7 days. */
#define CMX_DURATION_MS_MAX UINT32_MAX

/* Reads a text in any of the forms above; spaces around it are ignored. A bare number is seconds
 * since 1970 from 1e9 on, milliseconds since 1970 from 1e12 on, and seconds below. A moment that is
 * past is 0 milliseconds away.
 *
 * now_unix_ms  since 1970; 0 = not known, then moments are refused
 * ms           out: untouched if the text is refused
 *
 * Returns false for everything else, such as "-1", by which servers mean that they do not know. */
bool cmx_duration_read(cmx_view text, int64_t now_unix_ms, uint32_t *ms);

/* Reads a bare number of milliseconds, "12" or "12.5"; spaces around it are ignored.
 *
 * ms  out: untouched if the text is refused
 *
 * Returns false for everything else. */
bool cmx_duration_read_ms(cmx_view text, uint32_t *ms);

#endif
