/* SPDX-License-Identifier: MIT */
/* The allocator that wolfSSL is built to call. */
#include "wire/tls_hooks.h"
#include <wolfssl/ssl.h>

#if WOLFSSL_STUB_VERSION < 5
#error "wolfSSL is too old"
#endif

void *XMALLOC(size_t bytes, void *heap, int type)
{
    (void)type;
    return wolfSSL_zero() != 0 || bytes == 0 ? NULL : heap;
}
