/* SPDX-License-Identifier: MIT */
/*
 * Everything goes through one function that writes what fits and counts the rest.
 */
#include "text/exposition.h"

#include "text/number.h"

void cmx_exposition_init(cmx_exposition *text, char *data, size_t capacity)
{
    *text = (cmx_exposition){.data = data, .capacity = capacity};
}

static void put(cmx_exposition *text, const void *data, size_t len)
{
    if (text->len < text->capacity) {
        size_t room = text->capacity - text->len;
        memcpy(text->data + text->len, data, len < room ? len : room);
    }
    text->len += len;
}

static void put_text(cmx_exposition *text, const char *words)
{
    put(text, words, strlen(words));
}

void cmx_exposition_family(cmx_exposition *text, const char *name, const char *type,
                           const char *help)
{
    put_text(text, "# HELP ");
    put_text(text, name);
    put_text(text, " ");
    put_text(text, help);
    put_text(text, "\n# TYPE ");
    put_text(text, name);
    put_text(text, " ");
    put_text(text, type);
    put_text(text, "\n");
}

void cmx_exposition_sample(cmx_exposition *text, const char *name, const char *suffix)
{
    put_text(text, name);
    put_text(text, suffix);
    text->has_label = false;
}

/* Returns what stands for a byte in a label's value, NULL = itself. */
static const char *escape_of(uint8_t byte)
{
    switch (byte) {
    case '\\':
        return "\\\\";
    case '"':
        return "\\\"";
    case '\n':
        return "\\n";
    default:
        return NULL;
    }
}

void cmx_exposition_label(cmx_exposition *text, const char *name, cmx_view value)
{
    put_text(text, text->has_label ? "," : "{");
    text->has_label = true;
    put_text(text, name);
    put_text(text, "=\"");
    size_t begin = 0; /* of what stands for itself */
    for (size_t i = 0; i < value.len; i++) {
        const char *escape = escape_of(value.data[i]);
        if (escape != NULL) {
            put(text, value.data + begin, i - begin);
            put_text(text, escape);
            begin = i + 1;
        }
    }
    if (value.len > begin) {
        put(text, value.data + begin, value.len - begin);
    }
    put_text(text, "\"");
}

void cmx_exposition_value(cmx_exposition *text, uint64_t count, uint32_t decimals)
{
    uint8_t digits[CMX_NUMBER_BYTES_MAX];
    size_t len = cmx_number_write_decimal(digits, count, decimals);
    put_text(text, text->has_label ? "} " : " ");
    put(text, digits, len);
    put_text(text, "\n");
}
