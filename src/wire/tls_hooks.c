/* SPDX-License-Identifier: MIT */
/*
 * The functions that the TLS library was configured to call. Memory comes from the region that the
 * call names and from nowhere else. The shared state is 16 bytes; it is changed with the compiler's
 * atomic builtins because several clients may start in several threads, C11's atomics are not part
 * of the dialect, and a mutex would need more room and an initialiser of the system.
 */
#include "wire/tls_hooks.h"

#include "base/region.h"
#include "wire/tls_build.h"

#include <wolfssl/wolfcrypt/types.h>
#include <wolfssl/wolfcrypt/wc_port.h>

enum {
    /* Tries at the gate. Who holds it runs a handful of instructions, so this is reached only if
     * that thread cannot run at all, and then waiting on would be a hang. */
    GATE_TRIES_MAX = 1 << 22,
};

static struct {
    const cmx_port *port; /* borrowed: valid while users > 0 */
    uint32_t users;       /* attached and not detached */
    uint16_t strays;      /* calls for memory without a region, saturating */
    bool gate;            /* set while a thread attaches */
} hooks;

_Static_assert(sizeof(hooks) <= 16, "the state shared by all clients of a process is 16 bytes");

static void count_stray(void)
{
    /* Not one addition: some CPUs have none of 16 bits, and what matters is whether it is 0. */
    uint16_t strays = __atomic_load_n(&hooks.strays, __ATOMIC_RELAXED);
    if (strays < UINT16_MAX) {
        __atomic_store_n(&hooks.strays, (uint16_t)(strays + 1), __ATOMIC_RELAXED);
    }
}

static bool enter_gate(void)
{
    for (uint32_t i = 0; i < GATE_TRIES_MAX; i++) {
        if (!__atomic_test_and_set(&hooks.gate, __ATOMIC_ACQUIRE)) {
            return true;
        }
    }
    return false;
}

static void leave_gate(void)
{
    __atomic_clear(&hooks.gate, __ATOMIC_RELEASE);
}

static const cmx_port *attached_port(void)
{
    CMX_ASSERT(__atomic_load_n(&hooks.users, __ATOMIC_ACQUIRE) > 0);
    return __atomic_load_n(&hooks.port, __ATOMIC_ACQUIRE);
}

int cmx_tls_hooks_attach(const cmx_port *port)
{
    if (!enter_gate()) {
        return CMX_ERR_TLS;
    }
    /* A detach may bring `users` to zero at any time, but only an attach raises it from there, and
     * that is us: the port is replaced only while nobody uses it. */
    uint32_t users = __atomic_load_n(&hooks.users, __ATOMIC_ACQUIRE);
    if (users == 0) {
        __atomic_store_n(&hooks.port, port, __ATOMIC_RELEASE);
    } else if (__atomic_load_n(&hooks.port, __ATOMIC_ACQUIRE) != port) {
        leave_gate();
        return CMX_ERR_PORT_CONFLICT;
    }
    (void)__atomic_fetch_add(&hooks.users, 1, __ATOMIC_ACQ_REL);
    leave_gate();
    return CMX_OK;
}

void cmx_tls_hooks_detach(void)
{
    uint32_t users = __atomic_fetch_sub(&hooks.users, 1, __ATOMIC_ACQ_REL);
    CMX_ASSERT(users > 0);
}

uint32_t cmx_tls_hooks_strays(void)
{
    return __atomic_load_n(&hooks.strays, __ATOMIC_RELAXED);
}

/* Returns the region that a call names, or NULL: refuse. */
static cmx_region *named_region(void *heap)
{
    if (heap == NULL) {
        count_stray();
    }
    return heap;
}

/* The names of the next three are chosen by the library's settings. */

void *XMALLOC(size_t n, void *heap, int type)
{
    (void)type;
    cmx_region *region = named_region(heap);
    return region == NULL ? NULL : cmx_region_take(region, n);
}

void *XREALLOC(void *p, size_t n, void *heap, int type)
{
    (void)type;
    cmx_region *region = named_region(heap);
    return region == NULL ? NULL : cmx_region_resize(region, p, n);
}

void XFREE(void *p, void *heap, int type)
{
    (void)type;
    if (p == NULL) {
        return;
    }
    cmx_region *region = named_region(heap);
    if (region != NULL) {
        cmx_region_give(region, p);
    }
}

/* Seeds the library's generator; 0 is success, anything else stops it. */
int cmx_tls_hooks_seed(unsigned char *out, unsigned int len)
{
    const cmx_port *port = attached_port();
    return port->entropy(port->ctx, out, len) == CMX_OK ? 0 : -1;
}

/* Tells the date against which certificates are checked. A clock that is not set, or that claims a
 * day before this library was built, is corrected to the build, so that no certificate passes
 * that had expired before. */
time_t cmx_tls_hooks_time(time_t *out)
{
    const cmx_port *port = attached_port();
    int64_t now_s = 0;

    if (port->wall_clock(port->ctx, &now_s) != CMX_OK || now_s < CMX_BUILD_TIME) {
        now_s = CMX_BUILD_TIME;
    }
    time_t date = (time_t)now_s;
    if ((int64_t)date != now_s) {
        /* A 32-bit time_t after 2038: the last day it knows expires more than it should. */
        date = (time_t)INT32_MAX;
    }
    if (out != NULL) {
        *out = date;
    }
    return date;
}
