/* SPDX-License-Identifier: MIT */
/*
 * Names, texts and classes of statuses, generated from the one list in chatmux/error.h, and the
 * end of the process when chatmux contradicts itself. Any int is a legal question: statuses also
 * come from ports, and those may be wrong.
 */
#include "base/base.h"
#include "base/words.h"

#include "chatmux/error.h"

#define CODE(name, code, text) (code),
#define NAME(name, code, text) "CMX_ERR_" #name "\0"
#define TEXT(name, code, text) text "\0"

/* Names and texts in the order of the codes, then of any other: in one piece each, because tables
 * of pointers are larger, and what is asked for is about to be printed. */
/* clang-format off */
static const int16_t codes[] = {CMX_OK, CMX_AGAIN, CMX_IDLE, CMX_ERROR_LIST(CODE)};
static const char names[] =
    "CMX_OK\0CMX_AGAIN\0CMX_IDLE\0" CMX_ERROR_LIST(NAME) "CMX_ERR_UNKNOWN";
static const char texts[] =
    "done\0nothing now; ask again later\0nothing is in flight\0"
    CMX_ERROR_LIST(TEXT) "not a status that chatmux knows";
/* clang-format on */

/* Finds what belongs to a status. */
static const char *find(const char *words, int status)
{
    size_t index = 0;
    while (index < CMX_ARRAY_LEN(codes) && codes[index] != status) {
        index++;
    }
    return cmx_words_at(words, index);
}

enum cmx_error_class cmx_error_class(int status)
{
    if (status >= 0) {
        return CMX_CLASS_NONE;
    }
    switch (status / -100) {
    case 1:
        return CMX_CLASS_USAGE;
    case 2:
        return CMX_CLASS_LIMIT;
    case 3:
        return CMX_CLASS_PEER;
    case 4:
        return CMX_CLASS_NETWORK;
    case 5:
        return CMX_CLASS_TLS;
    default: /* an int, not an enum: what is not on the list is a bug, ours or the port's */
        return CMX_CLASS_INTERNAL;
    }
}

const char *cmx_error_name(int status)
{
    return find(names, status);
}

const char *cmx_error_text(int status)
{
    return find(texts, status);
}

void cmx_error_panic(void)
{
    __builtin_trap();
}
