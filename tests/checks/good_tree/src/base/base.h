/* SPDX-License-Identifier: MIT */
/* What the compiler differs in. */
#ifndef CMX_BASE_H
#define CMX_BASE_H

#if defined(__GNUC__)
#define CMX_UNREACHABLE() __builtin_unreachable()
#else
#define CMX_UNREACHABLE() ((void)0)
#endif

#endif
