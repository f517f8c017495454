/* SPDX-License-Identifier: MIT */
/* One HTTP/2 session; the only file that sees nghttp2. */
#include "wire/h2.h"
#include "base/arena.h"
#include <nghttp2/nghttp2.h>

static int on_data(nghttp2_session *session, unsigned flags, int stream_id,
                   const unsigned char *data, size_t len, void *user_data)
{
    (void)session, (void)flags, (void)stream_id, (void)data, (void)len, (void)user_data;
    return CMX_OK;
}

int cmx_h2_feed(void *session)
{
    return nghttp2_zero(session) + on_data(session, 0, 0, NULL, 0, NULL);
}
