/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer on JSON: the walk over a value and the check of a caller's text must agree on every
 * text, a string that passed must decode to valid UTF-8, and looking members up reads nothing
 * beyond the text.
 */
#include "text/json.h"
#include "text/json_check.h"
#include "text/json_text.h"
#include "text/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool is_value(uint8_t *bytes, size_t len, cmx_json_span *value)
{
    cmx_json_span rest = {bytes, bytes + len};
    if (!cmx_json_scan_value(&rest, value)) {
        return false;
    }
    cmx_json_scan_space(&rest);
    return rest.at == rest.end;
}

static void decode_string(cmx_json_span string)
{
    cmx_json_span rest = {string.at + 1, string.end - 1};
    uint16_t surrogate = 0;
    cmx_view piece;
    while (cmx_json_text_piece(&rest, &surrogate, &piece)) {
        demand(piece.len > 0 && cmx_utf8_is_valid(piece.data, piece.len));
    }
}

/* An empty array or object at the deepest level is one level too many for json_check alone. */
static bool is_deep(const uint8_t *bytes, size_t len)
{
    size_t open = 0;
    for (size_t i = 0; i < len; i++) {
        open += bytes[i] == '[' || bytes[i] == '{' ? 1 : 0;
    }
    return open > CMX_JSON_SCAN_DEPTH_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"a", "a.b", "usage.prompt_tokens", "error.message"};
    cmx_json_value values[CMX_ARRAY_LEN(paths)];
    cmx_json_span value;
    size_t offset;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    demand(copy != NULL);
    memcpy(copy, data, size);
    bool scanned = is_value(copy, size, &value);
    bool checked = cmx_json_check((cmx_view){copy, size}, &offset);
    demand(scanned == checked || is_deep(copy, size));
    int rc = cmx_json_find((cmx_json_span){copy, copy + size}, paths, CMX_ARRAY_LEN(paths), values);
    demand(rc == CMX_OK || rc == CMX_ERR_MALFORMED || rc == CMX_ERR_EVENT_LARGE);
    demand(rc != CMX_OK || (scanned && *value.at == '{'));
    if (scanned && *value.at == '"') {
        decode_string(value);
    }
    free(copy);
    return 0;
}
