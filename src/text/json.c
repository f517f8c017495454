/* SPDX-License-Identifier: MIT */
/*
 * The only file that sees jsmn. jsmn accepts what is not JSON and does not say where a value ends
 * in its token array, so the text is validated first, and every step below is bounded by the end
 * of the token it is in.
 */
#include "text/json.h"

#include "text/json_text.h"
#include "text/number.h"

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

typedef struct document {
    uint8_t *text; /* borrowed */
    int count;     /* tokens in use */
    jsmntok_t tokens[CMX_JSON_TOKENS_MAX];
} document;

enum { TOKEN_NONE = -1 };

static int tokenise(document *doc, cmx_json_span object)
{
    cmx_json_span rest = object;
    cmx_json_span value;
    if (!cmx_json_scan_value(&rest, &value) || *value.at != '{') {
        return CMX_ERR_MALFORMED;
    }
    cmx_json_scan_space(&rest);
    if (rest.at != rest.end) {
        return CMX_ERR_MALFORMED;
    }
    size_t len = cmx_json_span_len(value);
    if (len > INT32_MAX) {
        return CMX_ERR_EVENT_LARGE;
    }
    jsmn_parser parser;
    jsmn_init(&parser);
    doc->text = value.at;
    doc->count = jsmn_parse(&parser, (const char *)value.at, len, doc->tokens, CMX_JSON_TOKENS_MAX);
    if (doc->count == JSMN_ERROR_NOMEM) {
        return CMX_ERR_EVENT_LARGE;
    }
    return doc->count > 0 ? CMX_OK : CMX_ERR_MALFORMED;
}

/* Returns the token behind `token` and all that lies in it. */
static int skip_token(const document *doc, int token)
{
    int end = doc->tokens[token].end;
    do {
        token++;
    } while (token < doc->count && doc->tokens[token].start < end);
    return token;
}

static bool token_is(const document *doc, int token, cmx_view name)
{
    const jsmntok_t *key = &doc->tokens[token];
    const uint8_t *data = doc->text + key->start;
    size_t len = (size_t)(key->end - key->start);
    bool escaped = memchr(data, '\\', len) != NULL;
    return cmx_json_text_is(&(cmx_json_key){data, len, escaped}, name);
}

/* Returns the value of the last member called `name`, or TOKEN_NONE. */
static int find_member(const document *doc, int object, cmx_view name)
{
    int found = TOKEN_NONE;
    if (doc->tokens[object].type != JSMN_OBJECT) {
        return found;
    }
    int behind = skip_token(doc, object);
    for (int key = object + 1; key + 1 < behind; key = skip_token(doc, key + 1)) {
        if (token_is(doc, key, name)) {
            found = key + 1;
        }
    }
    return found;
}

static int find_path(const document *doc, const char *path)
{
    int token = 0;
    while (token != TOKEN_NONE) {
        const char *dot = strchr(path, '.');
        size_t len = dot == NULL ? strlen(path) : (size_t)(dot - path);
        token = find_member(doc, token, (cmx_view){(const uint8_t *)path, len});
        if (dot == NULL) {
            break;
        }
        path = dot + 1;
    }
    return token;
}

static enum cmx_json_type type_of(const document *doc, const jsmntok_t *token)
{
    switch (token->type) {
    case JSMN_OBJECT:
        return CMX_JSON_OBJECT;
    case JSMN_ARRAY:
        return CMX_JSON_ARRAY;
    case JSMN_STRING:
        return CMX_JSON_STRING;
    case JSMN_PRIMITIVE:
        break;
    case JSMN_UNDEFINED:
        return CMX_JSON_ABSENT;
    }
    switch (doc->text[token->start]) {
    case 'n':
        return CMX_JSON_NULL;
    case 't':
        return CMX_JSON_TRUE;
    case 'f':
        return CMX_JSON_FALSE;
    default:
        return CMX_JSON_NUMBER;
    }
}

int cmx_json_find(cmx_json_span object, const char *const *paths, size_t count,
                  cmx_json_value *values)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = (cmx_json_value){.type = CMX_JSON_ABSENT};
    }
    document doc;
    int rc = tokenise(&doc, object);
    if (rc != CMX_OK) {
        return rc;
    }
    for (size_t i = 0; i < count; i++) {
        int found = find_path(&doc, paths[i]);
        if (found != TOKEN_NONE) {
            const jsmntok_t *token = &doc.tokens[found];
            values[i].type = type_of(&doc, token);
            values[i].text = (cmx_json_span){doc.text + token->start, doc.text + token->end};
        }
    }
    return CMX_OK;
}

bool cmx_json_count(const cmx_json_value *value, uint64_t *count)
{
    if (value->type != CMX_JSON_NUMBER && value->type != CMX_JSON_STRING) {
        return false;
    }
    return cmx_number_read_count((cmx_view){value->text.at, cmx_json_span_len(value->text)}, count);
}
