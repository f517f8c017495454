/* SPDX-License-Identifier: MIT */
/*
 * Views against lists of words. A list is one literal, each word with its length before it: without
 * the pointers of a table, and the empty word that ends it is the literal's own NUL.
 */
#include "base/view.h"

/* Finds the first word that `text` begins with, with at most `rest_max` bytes behind it. */
static unsigned find_word(cmx_view *text, const char *words, size_t rest_max)
{
    if (text->len == 0) {
        return CMX_VIEW_NONE;
    }
    /* The first byte tells most words apart without a call. */
    const char first = (char)text->data[0];
    for (unsigned index = 0; *words != '\0'; index++) {
        size_t len = (uint8_t)*words++;
        if (*words == first && text->len >= len && text->len - len <= rest_max &&
            memcmp(text->data, words, len) == 0) {
            cmx_view_skip(text, len);
            return index;
        }
        words += len;
    }
    return CMX_VIEW_NONE;
}

void cmx_view_skip(cmx_view *text, size_t len)
{
    CMX_ASSERT(len <= text->len);
    text->data += len;
    text->len -= len;
}

unsigned cmx_view_word(cmx_view text, const char *words)
{
    return find_word(&text, words, 0);
}

unsigned cmx_view_take_word(cmx_view *text, const char *words)
{
    return find_word(text, words, SIZE_MAX);
}

bool cmx_view_take_byte(cmx_view *text, char byte)
{
    if (text->len == 0 || text->data[0] != (uint8_t)byte) {
        return false;
    }
    cmx_view_skip(text, 1);
    return true;
}

bool cmx_view_begins(cmx_view text, const char *word, size_t len)
{
    size_t i = 0;
    while (i < len && i < text.len && cmx_view_lower(text.data[i]) == (uint8_t)word[i]) {
        i++;
    }
    return i == len;
}

unsigned cmx_view_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - (unsigned)'0';
    }
    byte |= 0x20; /* makes letters small */
    return byte >= 'a' && byte <= 'f' ? byte - (unsigned)'a' + 10 : CMX_VIEW_NONE;
}

uint32_t cmx_view_hash(cmx_view text)
{
    uint32_t hash = UINT32_C(2166136261);

    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ text.data[i]) * UINT32_C(16777619);
    }
    return hash;
}
