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

static bool is_letter_or_digit(uint8_t byte)
{
    byte = cmx_view_lower(byte);
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static cmx_view skip(cmx_view text, size_t len)
{
    return (cmx_view){text.data + len, text.len - len};
}

static void copy_lower(char *out, cmx_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        out[i] = (char)cmx_view_lower(text.data[i]);
    }
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
    if (!cmx_view_begins(*text, (const char *)prefix.data, prefix.len)) {
        return false;
    }
    cmx_view_skip(text, prefix.len);
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
    for (size_t i = 0; i < label.len; i++) {
        uint8_t byte = label.data[i];
        bool is_inside = i > 0 && i + 1 < label.len;
        if (!is_letter_or_digit(byte) && byte != '_' && (byte != '-' || !is_inside)) {
            return false;
        }
    }
    return label.len > 0 && label.len <= LABEL_MAX;
}

static bool all_digits(cmx_view text, unsigned base)
{
    for (size_t i = 0; i < text.len; i++) {
        if (cmx_view_digit(text.data[i]) >= base) {
            return false;
        }
    }
    return true;
}

/* Returns true for "7", "010" and "0x7f": libc's resolver takes a name that ends so for an
 * address, such as "127.1". */
static bool label_is_number(cmx_view label)
{
    return take_prefix(&label, CMX_VIEW_LITERAL("0x")) ? all_digits(label, 16)
                                                       : all_digits(label, 10);
}

static bool name_ok(cmx_view name)
{
    if (name.len > HOST_NAME_MAX) {
        return false;
    }
    for (;;) {
        cmx_view label = before(name, '.');
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
    uint8_t family = url->address.family; /* 0 = a name */
    if (in_brackets ? family != 6 : family == 6 || (family == 0 && !name_ok(host))) {
        return false;
    }
    copy_lower(url->host, host);
    return true;
}

/* Reads ":443"; nothing means the scheme's default. */
static bool read_port(cmx_view text, unsigned usual, cmx_url *url)
{
    unsigned port = usual;

    if (text.len > 0) {
        if (text.len < 2 || text.len > 1 + PORT_DIGITS_MAX || text.data[0] != ':' ||
            text.data[1] == '0' || !all_digits(skip(text, 1), 10)) {
            return false;
        }
        port = 0;
        for (size_t i = 1; i < text.len; i++) {
            port = port * 10 + (text.data[i] - (unsigned)'0');
        }
    }
    url->port = (uint16_t)port;
    return port <= UINT16_MAX;
}

static bool read_authority(cmx_view text, cmx_url *url)
{
    bool in_brackets = text.len > 0 && text.data[0] == '[';
    unsigned usual = url->secure ? 443 : 80;
    cmx_view host = in_brackets ? before(skip(text, 1), ']') : before(text, ':');
    size_t host_len = host.len + (in_brackets ? 2 : 0);

    if (host_len > text.len || /* the bracket is never closed */
        !read_host(host, in_brackets, url) || !read_port(skip(text, host_len), usual, url)) {
        return false;
    }
    if (url->host_is_ip) {
        url->address.port = url->port;
    }
    /* A port has no leading zeros, so it stands there as it would be written. */
    copy_lower(url->authority, (cmx_view){text.data, url->port == usual ? host_len : text.len});
    return true;
}

/* pchar of RFC 3986, 3.3, but for escapes. */
static bool is_path_byte(uint8_t byte)
{
    static const char marks[] = "-._~!$&'()*+,;=:@";

    return is_letter_or_digit(byte) || memchr(marks, byte, sizeof(marks) - 1) != NULL;
}

/* Not ".", "..", nor their escaped forms, which servers resolve differently. */
static bool segment_ok(cmx_view segment)
{
    size_t count = 0;
    size_t dots = 0;

    for (; segment.len > 0; count++) {
        uint8_t byte = segment.data[0];
        if (byte == '%') {
            if (segment.len < 3 || !all_digits((cmx_view){segment.data + 1, 2}, 16)) {
                return false;
            }
            byte =
                (uint8_t)(cmx_view_digit(segment.data[1]) << 4 | cmx_view_digit(segment.data[2]));
            cmx_view_skip(&segment, 2);
        } else if (!is_path_byte(byte)) {
            return false;
        }
        dots += byte == '.' ? 1 : 0;
        cmx_view_skip(&segment, 1);
    }
    return count > 2 || dots < count;
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
    const char *end = text != NULL ? memchr(text, '\0', URL_TEXT_MAX + 1) : NULL;

    memset(url, 0, sizeof(*url));
    if (end == NULL || !read_url((cmx_view){(const uint8_t *)text, (size_t)(end - text)}, url)) {
        memset(url, 0, sizeof(*url));
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
