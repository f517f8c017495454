/* SPDX-License-Identifier: MIT */
/* One HTTP/2 session. */
#ifndef CMX_H2_H
#define CMX_H2_H

#include "chatmux/error.h"

CMX_MUST_CHECK int cmx_h2_feed(void *session);

#endif
