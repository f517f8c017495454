/* SPDX-License-Identifier: MIT */
/*
 * Words in one text. See words.h.
 */
#include "base/words.h"

#include <string.h>

const char *cmx_words_at(const char *words, size_t index)
{
    for (; index > 0 && *words != '\0'; index--) {
        words += strlen(words) + 1;
    }
    return words;
}
