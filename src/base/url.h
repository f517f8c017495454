/* SPDX-License-Identifier: MIT */
/*
 * Takes a base URL apart: scheme, host, port, path prefix. Strict: whatever two programs could
 * read differently (user names, queries, backslashes, numbers that are almost an address) is
 * refused instead of guessed. It resolves nothing.
 */
#ifndef CMX_BASE_URL_H
#define CMX_BASE_URL_H

#include "base/base.h"
#include "base/view.h"

#include "chatmux/limits.h"
#include "chatmux/port.h"

/* Room for the parts, the NUL included. */
enum {
    CMX_URL_HOST_BYTES = 256,
    CMX_URL_AUTHORITY_BYTES = 272,
    CMX_URL_PATH_BYTES = CMX_LIMIT_BASE_PATH_BYTES,
    CMX_URL_REQUEST_PATH_MAX = 4096, /* bytes of a path that cmx_url_path_ok() accepts */
    CMX_URL_QUERY_BYTES_MAX =
        CMX_LIMIT_QUERY_BYTES, /* of a query that cmx_url_query_ok() accepts */
};

typedef struct cmx_url {
    bool secure;                             /* https */
    bool host_is_ip;                         /* host is an address literal: nothing to resolve */
    uint16_t port;                           /* 1..65535, the scheme's default if none is given */
    char host[CMX_URL_HOST_BYTES];           /* lower case, no brackets */
    char authority[CMX_URL_AUTHORITY_BYTES]; /* for :authority: brackets for IPv6, the port only
                                                if it is not the scheme's default */
    char path[CMX_URL_PATH_BYTES];           /* prefix of every path: "/v1"; "" = none */
    cmx_address address;                     /* with the port; only if host_is_ip */
} cmx_url;

/* Takes `text` apart.
 *
 * text  in: NUL-terminated; NULL is refused
 * url   out: copied; all zero unless CMX_OK
 *
 * Returns CMX_OK, or
 *   CMX_ERR_URL  doubtful or too long -> correct the URL
 * Source: RFC 3986; RFC 9113, 8.3.1 */
CMX_MUST_CHECK int cmx_url_parse(const char *text, cmx_url *url);

/* Returns true if `path` may follow a base URL as the path of a request: starts with '/', visible
 * ASCII, no fragment; a query is allowed. NULL is not a path. */
bool cmx_url_path_ok(const char *path);

/* Returns true if `query` may be appended to every path: visible ASCII, no fragment, no '?' in
 * front, at most CMX_URL_QUERY_BYTES_MAX; the empty one is. NULL is not a query. */
bool cmx_url_query_ok(const char *query);

/* Returns what belongs between a path and a query that is appended to it: '?', '&', or 0 if the
 * path ends in one of them. */
char cmx_url_query_mark(cmx_view path);

#endif
