/* SPDX-License-Identifier: MIT */
/*
 * Reads a URL from left to right: scheme, host, port, path. Every part is judged by what it may
 * contain, so that user names, queries, fragments and backslashes fail as bytes that do not
 * belong where they stand.
 */
#include "base/url.h"

#include "base/address.h"
#include "base/view.h"

enum {
    HOST_NAME_MAX = 253, /* bytes of a name in the DNS: RFC 1035, 2.3.4, as text */
    LABEL_MAX = 63,
    PORT_DIGITS_MAX = 5,
    URL_TEXT_MAX = 8 + HOST_NAME_MAX + 1 + PORT_DIGITS_MAX + CMX_URL_PATH_BYTES,
};

_Static_assert(HOST_NAME_MAX < (size_t)CMX_URL_HOST_BYTES, "every name fits");
_Static_assert(HOST_NAME_MAX + 2 + 1 + PORT_DIGITS_MAX < (size_t)CMX_URL_AUTHORITY_BYTES,
               "host, brackets and port fit");

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static uint8_t to_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

static bool is_letter(uint8_t byte)
{
    return to_lower(byte) >= 'a' && to_lower(byte) <= 'z';
}

static bool is_hex_digit(uint8_t byte)
{
    return is_digit(byte) || (to_lower(byte) >= 'a' && to_lower(byte) <= 'f');
}

static cmx_view skip(cmx_view text, size_t len)
{
    return (cmx_view){text.data + len, text.len - len};
}

/* Returns the bytes before the first `byte`, or the whole text. */
static cmx_view before(cmx_view text, char byte)
{
    const uint8_t *found = text.len > 0 ? memchr(text.data, byte, text.len) : NULL;
    return (cmx_view){text.data, found != NULL ? (size_t)(found - text.data) : text.len};
}

/* Takes `prefix` (lower case) from the front of *text if it is there in any case. */
static bool take_prefix(cmx_view *text, cmx_view prefix)
{
    if (text->len < prefix.len) {
        return false;
    }
    for (size_t i = 0; i < prefix.len; i++) {
        if (to_lower(text->data[i]) != prefix.data[i]) {
            return false;
        }
    }
    *text = skip(*text, prefix.len);
    return true;
}

static bool read_scheme(cmx_view *text, cmx_url *url)
{
    url->secure = take_prefix(text, CMX_VIEW_LITERAL("https://"));
    return url->secure || take_prefix(text, CMX_VIEW_LITERAL("http://"));
}

/* Letters, digits, inner hyphens; underscores too, because names of containers have them. */
static bool label_ok(cmx_view label)
{
    if (label.len == 0 || label.len > LABEL_MAX) {
        return false;
    }
    for (size_t i = 0; i < label.len; i++) {
        bool at_edge = i == 0 || i == label.len - 1;
        uint8_t byte = label.data[i];
        if (!is_letter(byte) && !is_digit(byte) && byte != '_' && (byte != '-' || at_edge)) {
            return false;
        }
    }
    return true;
}

/* Returns true for "7", "010" and "0x7f": libc's resolver takes a name that ends so for an
 * address, such as "127.1". */
static bool label_is_number(cmx_view label)
{
    bool is_hex = take_prefix(&label, CMX_VIEW_LITERAL("0x"));

    for (size_t i = 0; i < label.len; i++) {
        if (!is_digit(label.data[i]) && !(is_hex && is_hex_digit(label.data[i]))) {
            return false;
        }
    }
    return true;
}

static bool name_ok(cmx_view name)
{
    cmx_view label = {0};

    if (name.len == 0 || name.len > HOST_NAME_MAX) {
        return false;
    }
    for (;;) {
        label = before(name, '.');
        if (!label_ok(label)) {
            return false;
        }
        if (label.len == name.len) {
            return !label_is_number(label);
        }
        name = skip(name, label.len + 1);
    }
}

static bool read_host(cmx_view host, bool in_brackets, cmx_url *url)
{
    url->host_is_ip = cmx_address_parse(host, &url->address) == CMX_OK;
    if (in_brackets) {
        if (!url->host_is_ip || url->address.family != 6) {
            return false;
        }
    } else if (url->host_is_ip ? url->address.family != 4 : !name_ok(host)) {
        return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        url->host[i] = (char)to_lower(host.data[i]);
    }
    return true;
}

/* Reads ":443"; nothing means the scheme's default. */
static bool read_port(cmx_view text, cmx_url *url)
{
    uint32_t port = 0;

    if (text.len == 0) {
        url->port = url->secure ? 443 : 80;
        return true;
    }
    if (text.len < 2 || text.len > 1 + PORT_DIGITS_MAX || text.data[0] != ':' ||
        text.data[1] == '0') {
        return false;
    }
    for (size_t i = 1; i < text.len; i++) {
        if (!is_digit(text.data[i])) {
            return false;
        }
        port = port * 10 + (uint32_t)(text.data[i] - '0');
    }
    url->port = (uint16_t)port;
    return port <= UINT16_MAX;
}

static void append_byte(char *out, size_t *len, char byte)
{
    out[*len] = byte;
    (*len)++;
}

static void write_authority(cmx_url *url)
{
    bool in_brackets = url->host_is_ip && url->address.family == 6;
    char digits[PORT_DIGITS_MAX];
    size_t digit_count = 0;
    size_t len = 0;

    if (in_brackets) {
        append_byte(url->authority, &len, '[');
    }
    for (size_t i = 0; url->host[i] != '\0'; i++) {
        append_byte(url->authority, &len, url->host[i]);
    }
    if (in_brackets) {
        append_byte(url->authority, &len, ']');
    }
    if (url->port == (url->secure ? 443 : 80)) {
        return;
    }
    append_byte(url->authority, &len, ':');
    for (unsigned rest = url->port; rest > 0; rest /= 10) {
        append_byte(digits, &digit_count, (char)('0' + rest % 10));
    }
    while (digit_count > 0) {
        digit_count--;
        append_byte(url->authority, &len, digits[digit_count]);
    }
}

static bool read_authority(cmx_view text, cmx_url *url)
{
    bool in_brackets = text.len > 0 && text.data[0] == '[';
    cmx_view host = before(text, ':');
    cmx_view rest = skip(text, host.len);

    if (in_brackets) {
        host = before(skip(text, 1), ']');
        if (host.len + 2 > text.len) {
            return false; /* the bracket is never closed */
        }
        rest = skip(text, host.len + 2);
    }
    if (!read_host(host, in_brackets, url) || !read_port(rest, url)) {
        return false;
    }
    if (url->host_is_ip) {
        url->address.port = url->port;
    }
    write_authority(url);
    return true;
}

/* pchar of RFC 3986, 3.3; `left` bytes follow the byte, for its escapes. */
static bool path_byte_ok(const uint8_t *at, size_t left)
{
    static const char marks[] = "-._~!$&'()*+,;=:@";

    if (*at == '%') {
        return left >= 2 && is_hex_digit(at[1]) && is_hex_digit(at[2]);
    }
    return is_letter(*at) || is_digit(*at) || memchr(marks, *at, sizeof(marks) - 1) != NULL;
}

/* Returns true for ".", ".." and their escaped forms, which servers resolve differently. */
static bool is_dot_segment(cmx_view segment)
{
    unsigned dots = 0;

    while (segment.len > 0 && dots < 3) {
        if (!take_prefix(&segment, CMX_VIEW_LITERAL(".")) &&
            !take_prefix(&segment, CMX_VIEW_LITERAL("%2e"))) {
            return false;
        }
        dots++;
    }
    return dots == 1 || dots == 2;
}

static bool segment_ok(cmx_view segment)
{
    for (size_t i = 0; i < segment.len; i++) {
        if (!path_byte_ok(segment.data + i, segment.len - i - 1)) {
            return false;
        }
    }
    return segment.len > 0 && !is_dot_segment(segment);
}

/* Reads "/v1/": nothing, or a slash before each segment; one slash at the end is dropped. */
static bool read_path(cmx_view text, cmx_url *url)
{
    if (text.len > 0 && text.data[text.len - 1] == '/') {
        text.len--;
    }
    if (text.len >= CMX_URL_PATH_BYTES) {
        return false;
    }
    if (text.len > 0) {
        memcpy(url->path, text.data, text.len);
    }
    while (text.len > 0) {
        cmx_view segment = before(skip(text, 1), '/');
        if (!segment_ok(segment)) {
            return false;
        }
        text = skip(text, 1 + segment.len);
    }
    return true;
}

static bool read_url(cmx_view text, cmx_url *url)
{
    if (!read_scheme(&text, url)) {
        return false;
    }
    cmx_view authority = before(text, '/');
    return read_authority(authority, url) && read_path(skip(text, authority.len), url);
}

int cmx_url_parse(const char *text, cmx_url *url)
{
    size_t len = 0;

    *url = (cmx_url){0};
    while (text != NULL && len <= URL_TEXT_MAX && text[len] != '\0') {
        len++;
    }
    if (len > URL_TEXT_MAX || !read_url((cmx_view){(const uint8_t *)text, len}, url)) {
        *url = (cmx_url){0};
        return CMX_ERR_URL;
    }
    return CMX_OK;
}

/* Visible ASCII without '#', at most `max` bytes. */
static bool target_ok(const char *text, size_t max)
{
    for (size_t i = 0; i <= max; i++) {
        if (text[i] == '\0') {
            return true;
        }
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '#') {
            return false;
        }
    }
    return false;
}

bool cmx_url_path_ok(const char *path)
{
    return path != NULL && path[0] == '/' && target_ok(path, CMX_URL_REQUEST_PATH_MAX);
}

bool cmx_url_query_ok(const char *query)
{
    return query != NULL && query[0] != '?' && target_ok(query, CMX_URL_QUERY_BYTES_MAX);
}

char cmx_url_query_mark(cmx_view path)
{
    if (path.len == 0 || memchr(path.data, '?', path.len) == NULL) {
        return '?';
    }
    uint8_t last = path.data[path.len - 1];
    return last == '?' || last == '&' ? '\0' : '&';
}
