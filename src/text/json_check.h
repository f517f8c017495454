/* SPDX-License-Identifier: MIT */
/*
 * Judges a whole JSON text (RFC 8259) and says where it stops being one, for texts that a person
 * wrote and must correct. Bytes that come from servers are json_scan's: it is faster, works in
 * place, and has nobody to tell a position to. Bytes above 0x7f are allowed in strings and not
 * looked at.
 */
#ifndef CMX_TEXT_JSON_CHECK_H
#define CMX_TEXT_JSON_CHECK_H

#include "text/json_scan.h"

/* Checks that `text` is one value, with nothing but space around it, nested no deeper than
 * CMX_JSON_SCAN_DEPTH_MAX.
 *
 * offset  out: where the value begins on true; else the first byte that cannot stand there, or
 *         text.len if more had to come */
bool cmx_json_check(cmx_view text, size_t *offset);

#endif
