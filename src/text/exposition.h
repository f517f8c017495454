/* SPDX-License-Identifier: MIT */
/*
 * Prometheus' text format 0.0.4, written line by line into a buffer of the caller's. It counts on
 * when the buffer is full, so that the caller learns how much is needed. It knows the format and no
 * metric.
 */
#ifndef CMX_TEXT_EXPOSITION_H
#define CMX_TEXT_EXPOSITION_H

#include "base/view.h"

typedef struct cmx_exposition {
    char *data;      /* borrowed: `capacity` bytes */
    size_t capacity; /* bytes at data */
    size_t len;      /* bytes of the whole text so far, whether they fitted or not */
    bool has_label;  /* the sample being written has one */
} cmx_exposition;

/* Starts an empty text. */
void cmx_exposition_init(cmx_exposition *text, char *data, size_t capacity);

/* Begins a family of samples.
 *
 * name  a metric's name
 * type  "counter", "gauge", "histogram"
 * help  one line, without backslashes */
void cmx_exposition_family(cmx_exposition *text, const char *name, const char *type,
                           const char *help);

/* Begins a sample: name and suffix, such as "_bucket" or "". */
void cmx_exposition_sample(cmx_exposition *text, const char *name, const char *suffix);

/* Adds a label to the sample; its value is escaped. */
void cmx_exposition_label(cmx_exposition *text, const char *name, cmx_view value);

/* Ends the sample with the value count / 10^decimals, exact. */
void cmx_exposition_value(cmx_exposition *text, uint64_t count, uint32_t decimals);

#endif
