/* SPDX-License-Identifier: MIT */
/*
 * Decimal numbers. See number.h.
 */
#include "cli/number.h"

bool cli_number_read(const char *text, unsigned digits, bool is_exact, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    unsigned behind = 0; /* digits behind the point */
    bool has_point = false;
    bool has_digit = false;
    for (; *text != '\0'; text++) {
        unsigned digit = (unsigned)*text - '0';
        if (*text == '.' && !has_point && digits > 0) {
            has_point = true;
            continue;
        }
        if (digit > 9 || value > max || (is_exact && has_point && behind == digits)) {
            return false;
        }
        has_digit = true;
        if (behind < digits || !has_point) {
            value = value * 10 + digit;
        } else if (behind == digits && digit >= 5) {
            value++;
        }
        behind += has_point ? 1u : 0u;
    }
    for (; behind < digits && value <= max; behind++) {
        value *= 10;
    }
    *out = value;
    return has_digit && value <= max;
}
