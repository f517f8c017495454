/* SPDX-License-Identifier: MIT */
/*
 * Numbers as they stand in JSON: counts read from what servers write ("12", "12.0", "1.2e1"), and
 * integers and thousandths written. No floating point: every value is exact or refused.
 */
#ifndef CMX_TEXT_NUMBER_H
#define CMX_TEXT_NUMBER_H

#include "base/view.h"

/* Room for any value that is written here. */
enum { CMX_NUMBER_BYTES_MAX = 24 };

/* Reads a JSON number that is a whole, not negative number, with a fraction of zeros or an exponent
 * if need be. Returns false for everything else and for what does not fit. */
bool cmx_number_read_count(cmx_view text, uint64_t *value);

/* Reads a JSON number that is not negative in millionths of a millionth, as dollars are counted:
 * 0.5 and 5e-1 are 500000000000. What lies beyond twelve digits is rounded, half up; what does not
 * fit is UINT64_MAX. Returns false for everything else. */
bool cmx_number_read_pico(cmx_view text, uint64_t *value);

/* Writes `value` in decimal. Returns the bytes written. */
size_t cmx_number_write(uint8_t out[CMX_NUMBER_BYTES_MAX], uint64_t value);

/* Writes value / 10^decimals as a decimal without needless zeros: 700 thousandths as 0.7, 2000
 * as 2.
 *
 * decimals  0..19
 *
 * Returns the bytes written. */
size_t cmx_number_write_decimal(uint8_t out[CMX_NUMBER_BYTES_MAX], uint64_t value,
                                uint32_t decimals);

#endif
