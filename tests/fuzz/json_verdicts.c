/* SPDX-License-Identifier: MIT */
/*
 * What chatmux thinks of JSON texts. In, on stdin: texts, each behind its length (32 bits, low byte
 * first). Out, on stdout: three digits and a line end a text, 1 = accepted, by json_scan (what an
 * answer is walked with), by answer_json (takes objects only) and by json_check (the caller's
 * fields). Each text is an allocation of exactly its size.
 */
#include "chat/answer_json.h"
#include "text/json_check.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES_MAX = 1 << 20 };

static bool is_scanned(uint8_t *bytes, size_t len)
{
    cmx_json_span rest = {bytes, bytes + len};
    cmx_json_span value;
    if (!cmx_json_scan_value(&rest, &value)) {
        return false;
    }
    cmx_json_scan_space(&rest);
    return rest.at == rest.end;
}

static bool is_chunk(uint8_t *bytes, size_t len)
{
    cmx_answer_json_chunk chunk;
    return cmx_answer_json_read((cmx_json_span){bytes, bytes + len}, &chunk);
}

/* Also holds json_check to its word on where a text stops being one: what is before that byte could
 * still have become one, with the byte it cannot. */
static bool is_checked(const uint8_t *bytes, size_t len)
{
    size_t offset;
    size_t again;
    if (cmx_json_check((cmx_view){bytes, len}, &offset)) {
        return true;
    }
    bool before =
        offset <= len && (cmx_json_check((cmx_view){bytes, offset}, &again) || again == offset);
    bool behind = offset == len ||
                  (!cmx_json_check((cmx_view){bytes, offset + 1}, &again) && again == offset);
    if (!before || !behind) {
        (void)fprintf(stderr, "json_check: wrong offset %zu of %zu in: %.*s\n", offset, len,
                      (int)len, (const char *)bytes);
        exit(1);
    }
    return false;
}

static bool read_text(uint8_t **text, size_t *len)
{
    uint8_t head[4];
    if (fread(head, 1, sizeof head, stdin) != sizeof head) {
        return false;
    }
    *len = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    if (*len > TEXT_BYTES_MAX) {
        return false;
    }
    *text = malloc(*len > 0 ? *len : 1);
    return *text != NULL && fread(*text, 1, *len, stdin) == *len;
}

int main(void)
{
    uint8_t *text;
    size_t len;
    while (read_text(&text, &len)) {
        (void)putchar(is_scanned(text, len) ? '1' : '0');
        (void)putchar(is_chunk(text, len) ? '1' : '0');
        (void)putchar(is_checked(text, len) ? '1' : '0');
        (void)putchar('\n');
        free(text);
    }
    return ferror(stdin) != 0 || ferror(stdout) != 0;
}
