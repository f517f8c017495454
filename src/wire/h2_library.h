/* SPDX-License-Identifier: MIT */
/*
 * The library's side of a session: the callbacks that record what arrived or left, and the options
 * that bound what a hostile server can make it do. The same for all sessions of a process. A
 * callback only records: none calls back into the caller, and only the one for DATA stops the
 * library.
 */
#ifndef CMX_WIRE_H2_LIBRARY_H
#define CMX_WIRE_H2_LIBRARY_H

#include "base/base.h"

/* What the process needs once; created outside the region because the library uses calloc here. */
typedef struct cmx_h2_library {
    void *callbacks;                  /* owned */
    void *option;                     /* owned */
    uint32_t streams_before_settings; /* assumed by sessions that know no better */
} cmx_h2_library;

/* Returns CMX_OK, or CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_h2_library_init(cmx_h2_library *library, uint32_t streams_before_settings);
void cmx_h2_library_deinit(cmx_h2_library *library);

#endif
