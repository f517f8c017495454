/* SPDX-License-Identifier: MIT */
/*
 * Ids of models. See names.h.
 */
#include "cli/names.h"

#include <string.h>

enum { LIST_DEPTH = 2, ITEM_DEPTH = 3 }; /* object, "data": list, object */

/* A string ended: a name or a value. Returns true if it is an id. */
static bool end_string(cli_names *names)
{
    bool is_item = names->depth == ITEM_DEPTH;
    names->in_string = false;
    if (names->is_value) {
        return is_item && names->is_id;
    }
    names->is_id = is_item && names->text_len == 2 && memcmp(names->text, "id", 2) == 0;
    return false;
}

static void keep(cli_names *names, char byte)
{
    if (names->text_len < sizeof names->text) {
        names->text[names->text_len++] = byte;
    }
}

/* Some servers write "vendor\/model". Other escapes, which ids have none of, are kept as they are:
 * what stands for a control character must not become one. */
static bool take_in_string(cli_names *names, char byte)
{
    if (names->in_escape) {
        names->in_escape = false;
        if (byte != '/' && byte != '"' && byte != '\\') {
            keep(names, '\\');
        }
        keep(names, byte);
        return false;
    }
    if (byte == '"') {
        return end_string(names);
    }
    names->in_escape = byte == '\\';
    if (!names->in_escape) {
        keep(names, byte);
    }
    return false;
}

static void take_bracket(cli_names *names, char byte)
{
    names->is_id = false;
    if (byte == '{' || byte == '[') {
        names->depth++;
        names->is_value = byte == '[';
        names->is_list = names->is_list || (byte == '[' && names->depth == LIST_DEPTH);
        names->is_whole = false;
        return;
    }
    names->depth -= names->depth > 0 ? 1 : 0;
    names->is_value = false;
    names->is_whole = names->is_list && names->depth == 0;
}

bool cli_names_take(cli_names *names, char byte)
{
    if (names->in_string) {
        return take_in_string(names, byte);
    }
    switch (byte) {
    case '"':
        names->in_string = true;
        names->in_escape = false;
        names->text_len = 0;
        break;
    case ':':
        names->is_value = true;
        break;
    case ',':
        names->is_value = false;
        break;
    case '{':
    case '[':
    case '}':
    case ']':
        take_bracket(names, byte);
        break;
    default:
        break;
    }
    return false;
}
