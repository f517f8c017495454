/* SPDX-License-Identifier: MIT */
/* Status codes of the small tree. */
#ifndef CMX_ERROR_H
#define CMX_ERROR_H

#define CMX_OK 0
#define CMX_ERR_LIMIT (-200)

#if defined(__GNUC__)
#define CMX_MUST_CHECK __attribute__((warn_unused_result))
#else
#define CMX_MUST_CHECK
#endif

#endif
