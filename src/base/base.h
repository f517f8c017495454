/* SPDX-License-Identifier: MIT */
/*
 * What the compiler must provide: assertions, unreachable code, array lengths. The one place in
 * src/ where the preprocessor may look at the compiler. A failed assertion is our own mistake and
 * ends the process; bytes from network, port or file never reach one.
 */
#ifndef CMX_BASE_BASE_H
#define CMX_BASE_BASE_H

#include "chatmux/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CMX_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#if defined(CMX_NO_ASSERT)
#define CMX_ASSERT(condition) ((void)sizeof(condition))
#else
#define CMX_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())
#endif

/* An instruction where it stands: smaller than a call, and the address says which one it was. */
#define CMX_UNREACHABLE() __builtin_trap()

/* Before an array or record that is filled before it is read: hardened builds zero all others each
 * time. */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define CMX_FILLED_LATER __attribute__((uninitialized))
#endif
#endif
#if !defined(CMX_FILLED_LATER)
#define CMX_FILLED_LATER
#endif

/* Ends the process: chatmux contradicted itself. Never returns. Implemented in error.c. */
__attribute__((noreturn)) void cmx_error_panic(void);

#endif
