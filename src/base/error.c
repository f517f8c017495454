/* SPDX-License-Identifier: MIT */
/*
 * Names, texts and classes of statuses, generated from the one list in chatmux/error.h, and the
 * end of the process when chatmux contradicts itself. Any int is a legal question: statuses also
 * come from ports, and those may be wrong.
 */
#include "base/base.h"

#include "chatmux/error.h"

struct row {
    int status;
    const char *name;
    const char *text;
};

#define CMX_ERROR_ROW(name, code, text) {(code), "CMX_ERR_" #name, (text)},

static const struct row rows[] = {
    {CMX_OK, "CMX_OK", "done"},
    {CMX_AGAIN, "CMX_AGAIN", "nothing now; ask again later"},
    {CMX_IDLE, "CMX_IDLE", "nothing is in flight"},
    /* clang-format off */
    CMX_ERROR_LIST(CMX_ERROR_ROW)
    /* clang-format on */
};

static const struct row unknown_row = {0, "CMX_ERR_UNKNOWN", "not a status that chatmux knows"};

static const struct row *find_row(int status)
{
    for (size_t i = 0; i < CMX_ARRAY_LEN(rows); i++) {
        if (rows[i].status == status) {
            return &rows[i];
        }
    }
    return &unknown_row;
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
    return find_row(status)->name;
}

const char *cmx_error_text(int status)
{
    return find_row(status)->text;
}

void cmx_error_panic(void)
{
    __builtin_trap();
}
