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
    uint32_t table_bytes;             /* of header fields kept in each direction, as HPACK counts */
} cmx_h2_library;

enum { CMX_H2_TABLE_BYTES_MAX = 4096 };

/* Returns CMX_OK, or CMX_ERR_NO_MEMORY. */
CMX_MUST_CHECK int cmx_h2_library_init(cmx_h2_library *library, uint32_t streams_before_settings);

/* Bounds the header tables of sessions opened from now on; CMX_H2_TABLE_BYTES_MAX at first. */
void cmx_h2_library_set_tables(cmx_h2_library *library, uint32_t table_bytes);

void cmx_h2_library_deinit(cmx_h2_library *library);

#endif
