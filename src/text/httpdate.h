/* SPDX-License-Identifier: MIT */
/*
 * Dates as HTTP headers carry them, in and seconds or milliseconds since 1970 out: HTTP-date in its
 * three forms (RFC 9110, 5.6.7) and RFC 3339. Exact calendar; a date that contradicts itself, such
 * as one with the wrong weekday, is no date. It knows no clock: where one is needed, it comes in.
 */
#ifndef CMX_TEXT_HTTPDATE_H
#define CMX_TEXT_HTTPDATE_H

#include "base/view.h"

/* Reads "Sun, 06 Nov 1994 08:49:37 GMT" or one of the obsolete forms "Sunday, 06-Nov-94 08:49:37
 * GMT" and "Sun Nov  6 08:49:37 1994". A leap second counts as the second after it.
 *
 * now_s   since 1970: a year of two digits is at most 50 years ahead of it; 0 = not known, then
 *         the years are 1971..2070
 * unix_s  out: seconds since 1970, negative before; untouched if it is not a date
 *
 * Returns whether it is a date. */
bool cmx_httpdate_read(cmx_view text, int64_t now_s, int64_t *unix_s);

/* Reads "2026-11-23T01:02:03.5Z" or the same with an offset such as "+01:00".
 *
 * unix_ms  out: milliseconds since 1970, finer digits cut; untouched if it is not a date
 *
 * Returns whether it is a date. */
bool cmx_httpdate_read_rfc3339(cmx_view text, int64_t *unix_ms);

#endif
