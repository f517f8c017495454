/* SPDX-License-Identifier: MIT */
/*
 * Two readers, one per family, over the whole text; each takes the text from the front and fails
 * on the first byte that does not belong. Leading zeros in IPv4 are refused because others read
 * them as octal.
 */
#include "base/address.h"

enum {
    IP_GROUPS = 8,   /* 16-bit groups of an IPv6 address */
    IP_TEXT_MAX = 45 /* bytes of the longest literal: six groups and an embedded IPv4 address */
};

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    if (byte >= 'a' && byte <= 'f') {
        return byte - 'a' + 10;
    }
    if (byte >= 'A' && byte <= 'F') {
        return byte - 'A' + 10;
    }
    return -1;
}

/* Reads up to `digits_max` digits at *at. Returns how many there were; 0 = none. */
static size_t read_number(cmx_view text, size_t *at, unsigned base, size_t digits_max,
                          unsigned *number)
{
    size_t start = *at;

    *number = 0;
    while (*at < text.len && *at - start < digits_max) {
        int digit = hex_digit(text.data[*at]);
        if (digit < 0 || (unsigned)digit >= base) {
            break;
        }
        *number = *number * base + (unsigned)digit;
        (*at)++;
    }
    return *at - start;
}

static bool read_ipv4(cmx_view text, uint8_t ip[4])
{
    size_t at = 0;

    for (unsigned i = 0; i < 4; i++) {
        if (i > 0) {
            if (at == text.len || text.data[at] != '.') {
                return false;
            }
            at++;
        }
        unsigned number;
        size_t start = at;
        size_t digits = read_number(text, &at, 10, 3, &number);
        if (digits == 0 || number > 255 || (digits > 1 && text.data[start] == '0')) {
            return false;
        }
        ip[i] = (uint8_t)number;
    }
    return at == text.len;
}

/* The groups read so far and where "::" stood among them. */
struct groups {
    unsigned count;
    unsigned gap; /* groups before "::"; IP_GROUPS + 1 = it has not come */
};

static void put_group(struct groups *groups, uint8_t ip[16], unsigned number)
{
    ip[2 * groups->count] = (uint8_t)(number >> 8);
    ip[2 * groups->count + 1] = (uint8_t)number;
    groups->count++;
}

/* Reads the group at *at: hexadecimal, or the IPv4 address that ends the text. */
static bool read_group(cmx_view text, size_t *at, struct groups *groups, uint8_t ip[16])
{
    unsigned number;
    size_t start = *at;

    if (groups->count == IP_GROUPS || read_number(text, at, 16, 4, &number) == 0) {
        return false;
    }
    if (*at == text.len || text.data[*at] != '.') {
        put_group(groups, ip, number);
        return true;
    }
    uint8_t ipv4[4];
    if (groups->count > IP_GROUPS - 2 ||
        !read_ipv4((cmx_view){text.data + start, text.len - start}, ipv4)) {
        return false;
    }
    put_group(groups, ip, (unsigned)ipv4[0] << 8 | ipv4[1]);
    put_group(groups, ip, (unsigned)ipv4[2] << 8 | ipv4[3]);
    *at = text.len;
    return true;
}

/* Reads what stands between two groups, or before the first: nothing, ":" or "::". */
static bool read_separator(cmx_view text, size_t *at, struct groups *groups)
{
    bool colon = text.data[*at] == ':';
    bool twice = colon && *at + 1 < text.len && text.data[*at + 1] == ':';

    if (twice) {
        if (groups->gap <= IP_GROUPS) {
            return false;
        }
        groups->gap = groups->count;
        *at += 2;
        return true;
    }
    if (groups->count == 0) {
        return !colon;
    }
    *at += 1;
    return colon && *at < text.len;
}

static bool read_ipv6(cmx_view text, uint8_t ip[16])
{
    struct groups groups = {.gap = IP_GROUPS + 1};
    size_t at = 0;

    while (at < text.len) {
        if (!read_separator(text, &at, &groups)) {
            return false;
        }
        if (at < text.len && !read_group(text, &at, &groups, ip)) {
            return false;
        }
    }
    if (groups.gap > IP_GROUPS) {
        return groups.count == IP_GROUPS;
    }
    if (groups.count == IP_GROUPS) {
        return false; /* "::" stands for at least one group */
    }
    unsigned behind = groups.count - groups.gap;
    unsigned missing = IP_GROUPS - groups.count;
    memmove(ip + 2 * (groups.gap + missing), ip + 2 * groups.gap, 2 * (size_t)behind);
    memset(ip + 2 * groups.gap, 0, 2 * (size_t)missing);
    return true;
}

int cmx_address_parse(cmx_view text, cmx_address *out)
{
    bool is_ipv6 = text.len > 0 && memchr(text.data, ':', text.len) != NULL;

    *out = (cmx_address){.family = is_ipv6 ? 6 : 4};
    if (text.len > IP_TEXT_MAX ||
        !(is_ipv6 ? read_ipv6(text, out->ip) : read_ipv4(text, out->ip))) {
        *out = (cmx_address){0};
        return CMX_ERR_URL;
    }
    return CMX_OK;
}
