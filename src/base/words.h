/* SPDX-License-Identifier: MIT */
/*
 * Names of numbers that follow each other: words in one text, each with its NUL, instead of a table
 * of pointers. It knows no names.
 */
#ifndef CMX_BASE_WORDS_H
#define CMX_BASE_WORDS_H

#include "base/base.h"

/* Returns a word, counted from 0, or the empty one that ends the text if there are not so many. */
const char *cmx_words_at(const char *words, size_t index);

#endif
