/* SPDX-License-Identifier: MIT */
/*
 * Two readers, one per family, over the whole text; each takes the text from the front and fails
 * on the first byte that does not belong. Leading zeros in IPv4 are refused because others read
 * them as octal.
 */
#include "base/address.h"

enum {
    GROUP_BYTES = 2,
    IPV4_BYTES = 4,
    IPV6_BYTES = 16,
    IP_TEXT_MAX = 45 /* bytes of the longest literal: six groups and an embedded IPv4 address */
};

/* Takes up to `digits_max` digits. Returns how many there were; 0 = none. */
static unsigned take_number(cmx_view *text, unsigned base, unsigned digits_max, unsigned *number)
{
    unsigned digits = 0;

    *number = 0;
    for (; text->len > 0 && digits < digits_max; digits++) {
        unsigned digit = cmx_view_digit(text->data[0]);
        if (digit >= base) {
            break;
        }
        *number = *number * base + digit;
        cmx_view_skip(text, 1);
    }
    return digits;
}

static bool read_ipv4(cmx_view text, uint8_t ip[4])
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0 && !cmx_view_take_byte(&text, '.')) {
            return false;
        }
        unsigned number;
        const uint8_t *start = text.data;
        unsigned digits = take_number(&text, 10, 3, &number);
        if (digits == 0 || number > 255 || (digits > 1 && start[0] == '0')) {
            return false;
        }
        ip[i] = (uint8_t)number;
    }
    return text.len == 0;
}

/* Takes a group, or the IPv4 address that ends the text. Returns its bytes, 0 = neither is there,
 * or has no room. */
static unsigned take_group(cmx_view *text, uint8_t *ip, unsigned room)
{
    unsigned number;
    cmx_view start = *text;

    if (room < GROUP_BYTES || take_number(text, 16, 4, &number) == 0) {
        return 0;
    }
    if (text->len > 0 && text->data[0] == '.') {
        text->len = 0;
        return room >= IPV4_BYTES && read_ipv4(start, ip) ? IPV4_BYTES : 0;
    }
    ip[0] = (uint8_t)(number >> 8);
    ip[1] = (uint8_t)number;
    return GROUP_BYTES;
}

static bool read_ipv6(cmx_view text, uint8_t ip[IPV6_BYTES])
{
    unsigned len = 0;
    unsigned gap = IPV6_BYTES; /* bytes before "::"; it stands for at least one group */

    do {
        if (cmx_view_take_word(&text, "\2::") == 0) {
            if (gap < IPV6_BYTES || len == IPV6_BYTES) {
                return false;
            }
            gap = len;
            if (text.len == 0) {
                break;
            }
        } else if (len > 0 && !cmx_view_take_byte(&text, ':')) {
            return false;
        }
        unsigned more = take_group(&text, ip + len, IPV6_BYTES - len);
        if (more == 0) {
            return false;
        }
        len += more;
    } while (text.len > 0);
    if (len == IPV6_BYTES || gap == IPV6_BYTES) {
        return len == gap; /* all groups are there, and no "::" */
    }
    memmove(ip + IPV6_BYTES - (len - gap), ip + gap, len - gap);
    memset(ip + gap, 0, IPV6_BYTES - len);
    return true;
}

int cmx_address_parse(cmx_view text, cmx_address *out)
{
    bool is_ipv6 = text.len > 0 && memchr(text.data, ':', text.len) != NULL;

    memset(out, 0, sizeof(*out));
    if (text.len <= IP_TEXT_MAX &&
        (is_ipv6 ? read_ipv6(text, out->ip) : read_ipv4(text, out->ip))) {
        out->family = is_ipv6 ? 6 : 4;
        return CMX_OK;
    }
    memset(out, 0, sizeof(*out));
    return CMX_ERR_URL;
}
