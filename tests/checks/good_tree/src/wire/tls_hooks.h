/* SPDX-License-Identifier: MIT */
/* The allocator that wolfSSL is built to call. */
#ifndef CMX_TLS_HOOKS_H
#define CMX_TLS_HOOKS_H

#include <stddef.h>

void *XMALLOC(size_t bytes, void *heap, int type);

#endif
