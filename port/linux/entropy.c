/* SPDX-License-Identifier: MIT */
/*
 * Random bytes of the Linux port: getrandom, which needs no descriptor and no file system. Never
 * waits for a kernel that has not gathered enough yet; early at boot that is an error.
 */
#define _GNU_SOURCE 1

#include "linux.h"

#include <sys/random.h>

/* Up to this many bytes the kernel gives all or nothing, and no signal interrupts it. */
#define CMX_LINUX_ENTROPY_CHUNK 256u

int cmx_linux_entropy(void *ctx, void *out, size_t len)
{
    uint8_t *bytes = out;

    (void)ctx;
    while (len > 0) {
        size_t chunk = len < CMX_LINUX_ENTROPY_CHUNK ? len : CMX_LINUX_ENTROPY_CHUNK;

        if (getrandom(bytes, chunk, GRND_NONBLOCK) != (ssize_t)chunk) {
            return CMX_ERR_PORT;
        }
        bytes += chunk;
        len -= chunk;
    }
    return CMX_OK;
}
