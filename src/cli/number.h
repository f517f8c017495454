/* SPDX-License-Identifier: MIT */
/*
 * Decimal numbers in options and files, without floating point.
 */
#ifndef CMX_CLI_NUMBER_H
#define CMX_CLI_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

enum { CLI_NUMBER_MILLI_DIGITS = 3 };

/* Reads digits with at most one point among them: "2.50" with six behind the point as 2500000.
 *
 * digits    behind the point that count
 * is_exact  more than these are a mistake; otherwise they round
 *
 * Returns false if it is no number, or above `max`. */
bool cli_number_read(const char *text, unsigned digits, bool is_exact, uint64_t max, uint64_t *out);

#endif
