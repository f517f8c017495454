/* SPDX-License-Identifier: MIT */
/*
 * A proxy is an http:// URL without a path; what it is asked for is the origin's host, or the
 * address that the caller pinned. See proxy.h.
 */
#include "client/proxy.h"

#include "base/base64.h"
#include "base/field.h"
#include "text/number.h"

_Static_assert(CMX_BASE64_BYTES(CMX_ORIGIN_PROXY_KEY_BYTES_MAX) == CMX_ORIGIN_PROXY_VALUE_BYTES,
               "the longest key fits");

enum { HOST_TEXT_MAX = CMX_URL_AUTHORITY_BYTES - sizeof "[]:65535" };
_Static_assert(CMX_URL_HOST_BYTES - 1 <= HOST_TEXT_MAX, "the longest host fits");

static int fail(const char **bad_field, const char *field, int status)
{
    *bad_field = field;
    return status;
}

/* Writes "host:port", an IPv6 literal in brackets: CONNECT knows no default port. */
static void write_authority(char *out, cmx_view host, uint16_t port)
{
    bool is_ipv6 = host.len > 0 && memchr(host.data, ':', host.len) != NULL;
    CMX_ASSERT(host.len <= HOST_TEXT_MAX);

    if (is_ipv6) {
        *out++ = '[';
    }
    memcpy(out, host.data, host.len);
    out += host.len;
    if (is_ipv6) {
        *out++ = ']';
    }
    *out++ = ':';
    out[cmx_number_write((uint8_t *)out, port)] = '\0'; /* five digits at most */
}

static int set_credentials(cmx_origin_row *row, const char *key, const char **bad_field)
{
    if (key == NULL) {
        return CMX_OK;
    }
    cmx_view text = cmx_view_text(key);
    if (!row->target.proxy.is_on || text.len == 0 || text.len > CMX_ORIGIN_PROXY_KEY_BYTES_MAX ||
        memchr(text.data, ':', text.len) == NULL) {
        return fail(bad_field, "proxy_key", CMX_ERR_ARGUMENT);
    }
    /* Base64 would hide a line break from the proxy, not the mistake of whoever gave it. */
    if (!cmx_field_value_ok(text)) {
        return fail(bad_field, "proxy_key", CMX_ERR_KEY);
    }
    size_t len = cmx_base64_write(text, row->proxy_value);
    row->target.proxy.credentials = (cmx_view){(const uint8_t *)row->proxy_value, len};
    return CMX_OK;
}

int cmx_proxy_set(cmx_origin_row *row, const cmx_origin *origin, const char **bad_field)
{
    cmx_conn_target *target = &row->target;
    cmx_conn_proxy *proxy = &target->proxy;

    if (origin->proxy_url != NULL) {
        cmx_url url;
        int rc = cmx_url_parse(origin->proxy_url, &url);
        if (rc != CMX_OK || url.secure || url.path[0] != '\0') {
            return fail(bad_field, "proxy_url", CMX_ERR_URL);
        }
        proxy->is_on = true;
        proxy->port = url.port;
        memcpy(proxy->host, url.host, sizeof proxy->host);
        const char *host = origin->address != NULL ? origin->address : target->url.host;
        write_authority(proxy->authority, cmx_view_text(host), target->url.port);
        target->address = url.address;
        target->address_known = url.host_is_ip;
    }
    return set_credentials(row, origin->proxy_key, bad_field);
}
