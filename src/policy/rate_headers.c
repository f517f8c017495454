/* SPDX-License-Identifier: MIT */
/*
 * Rate-limit headers. See rate_headers.h. A name with one value is read word by word; RateLimit and
 * RateLimit-Policy are lists of structured fields (RFC 9651), of which one syntax error discards
 * the whole field, as that RFC demands.
 */
#include "policy/rate_headers.h"

#include "text/duration.h"
#include "text/number.h"

_Static_assert(sizeof(cmx_rate_headers) <= 64, "one may exist per stream");

/* Of the spellings for requests; the higher one wins. */
enum rank { RANK_NONE, RANK_IETF, RANK_PLAIN, RANK_EXACT };

enum { INTEGER_DIGITS_MAX = 15 }; /* RFC 9651, 3.3.1 */

#define REQUESTS CMX_RATE_HEADERS_REQUESTS
#define TOKENS CMX_RATE_HEADERS_TOKENS
#define INPUT CMX_RATE_HEADERS_INPUT_TOKENS
#define OUTPUT CMX_RATE_HEADERS_OUTPUT_TOKENS
#define LIMIT CMX_RATE_HEADERS_LIMIT
#define REMAINING CMX_RATE_HEADERS_REMAINING
#define RESET CMX_RATE_HEADERS_RESET

/* What the name of a field with one value says. */
struct row {
    uint8_t kind;
    uint8_t member;
    uint8_t rank;
};

/* One item of an IETF list. Its numbers are UINT64_MAX where they are missing. */
struct item {
    cmx_view name; /* without quotes; empty for drafts that had no names */
    uint64_t quota;
    uint64_t window_s;
    uint64_t remaining;
    uint64_t reset_s;
    bool requests; /* its unit is requests */
};

/* A bare item of RFC 9651, as far as it matters here. */
struct value {
    cmx_view text;   /* of a string or token, without quotes */
    uint64_t number; /* of a whole number that is not negative, else UINT64_MAX */
    bool is_string;  /* or token */
};

static uint32_t clamp(uint64_t number)
{
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

static void advance(cmx_view *text, size_t bytes)
{
    text->data += bytes;
    text->len -= bytes;
}

static bool take_text(cmx_view *text, cmx_view prefix)
{
    /* The first byte tells most words apart without a call. */
    if (text->len < prefix.len || text->data[0] != prefix.data[0] ||
        memcmp(text->data, prefix.data, prefix.len) != 0) {
        return false;
    }
    advance(text, prefix.len);
    return true;
}

static bool take_byte(cmx_view *text, uint8_t byte)
{
    if (text->len == 0 || text->data[0] != byte) {
        return false;
    }
    advance(text, 1);
    return true;
}

static void skip_spaces(cmx_view *text)
{
    while (text->len > 0 && (text->data[0] == ' ' || text->data[0] == '\t')) {
        advance(text, 1);
    }
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_lower(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z';
}

/* Of a token: RFC 9110's, ':' and '/'. */
static bool is_token_byte(uint8_t byte)
{
    return is_digit(byte) || is_lower((uint8_t)(byte | 0x20)) ||
           (byte != 0 && strchr("!#$%&'*+-.^_`|~:/", byte) != NULL);
}

/* A string after its opening quote; escapes stay as they are, for only equality matters. */
static bool take_string(cmx_view *text, struct value *value)
{
    for (size_t i = 0; i < text->len && text->data[i] >= ' ' && text->data[i] <= '~'; i++) {
        if (text->data[i] == '"') {
            *value = (struct value){{text->data, i}, UINT64_MAX, true};
            advance(text, i + 1);
            return true;
        }
        if (text->data[i] == '\\') {
            i++;
            if (i == text->len || (text->data[i] != '"' && text->data[i] != '\\')) {
                return false;
            }
        }
    }
    return false;
}

/* "12", "-1" or "1.5": only whole ones that are not negative have a number. */
static bool take_number(cmx_view *text, struct value *value)
{
    bool whole = !take_byte(text, '-');
    uint64_t number = 0;
    size_t digits = 0;
    while (text->len > 0 && is_digit(text->data[0]) && digits < INTEGER_DIGITS_MAX) {
        number = number * 10 + (uint64_t)(text->data[0] - '0');
        digits++;
        advance(text, 1);
    }
    if (digits == 0) {
        return false;
    }
    if (take_byte(text, '.')) {
        whole = false;
        for (digits = 0; text->len > 0 && is_digit(text->data[0]); digits++) {
            advance(text, 1);
        }
        if (digits < 1 || digits > 3) {
            return false;
        }
    }
    *value = (struct value){{NULL, 0}, whole ? number : UINT64_MAX, false};
    return true;
}

/* A byte sequence after its opening colon. */
static bool take_bytes(cmx_view *text, struct value *value)
{
    const uint8_t *end = text->len > 0 ? memchr(text->data, ':', text->len) : NULL;
    if (end == NULL) {
        return false;
    }
    advance(text, (size_t)(end - text->data) + 1);
    *value = (struct value){{NULL, 0}, UINT64_MAX, false};
    return true;
}

static bool take_value(cmx_view *text, struct value *value)
{
    if (text->len == 0) {
        return false;
    }
    uint8_t first = text->data[0];
    if (first == '-' || is_digit(first)) {
        return take_number(text, value);
    }
    if (first == '*' || is_lower((uint8_t)(first | 0x20))) {
        size_t len = 1;
        while (len < text->len && is_token_byte(text->data[len])) {
            len++;
        }
        *value = (struct value){{text->data, len}, UINT64_MAX, true};
        advance(text, len);
        return true;
    }
    advance(text, 1);
    if (first == '?') {
        *value = (struct value){{NULL, 0}, UINT64_MAX, false};
        return take_byte(text, '0') || take_byte(text, '1');
    }
    if (first == ':') {
        return take_bytes(text, value);
    }
    return first == '"' && take_string(text, value);
}

static bool take_key(cmx_view *text, cmx_view *key)
{
    size_t len = 0;
    while (len < text->len && (is_lower(text->data[len]) || text->data[len] == '*' ||
                               (len > 0 && (is_digit(text->data[len]) || text->data[len] == '_' ||
                                            text->data[len] == '-' || text->data[len] == '.')))) {
        len++;
    }
    *key = (cmx_view){text->data, len};
    if (len > 0) {
        advance(text, len);
    }
    return len > 0;
}

static void set_parameter(struct item *item, cmx_view key, const struct value *value)
{
    if (cmx_view_equal(key, CMX_VIEW_LITERAL("q"))) {
        item->quota = value->number;
    } else if (cmx_view_equal(key, CMX_VIEW_LITERAL("w"))) {
        item->window_s = value->number;
    } else if (cmx_view_equal(key, CMX_VIEW_LITERAL("r"))) {
        item->remaining = value->number;
    } else if (cmx_view_equal(key, CMX_VIEW_LITERAL("t"))) {
        item->reset_s = value->number;
    } else if (cmx_view_equal(key, CMX_VIEW_LITERAL("qu"))) {
        item->requests = cmx_view_equal(value->text, CMX_VIEW_LITERAL("requests")) ||
                         cmx_view_equal(value->text, CMX_VIEW_LITERAL("request"));
    }
}

static bool take_parameters(cmx_view *text, struct item *item)
{
    while (take_byte(text, ';')) {
        skip_spaces(text);
        cmx_view key;
        struct value value = {{NULL, 0}, UINT64_MAX, false};
        if (!take_key(text, &key) || (take_byte(text, '=') && !take_value(text, &value))) {
            return false;
        }
        set_parameter(item, key, &value);
    }
    return true;
}

static bool take_item(cmx_view *text, struct item *item)
{
    struct value value = {{NULL, 0}, UINT64_MAX, false};
    if (!take_value(text, &value)) {
        return false;
    }
    /* Up to draft 7 a policy was the number itself: "100;w=60". */
    *item = (struct item){.name = value.is_string ? value.text : (cmx_view){NULL, 0},
                          .quota = value.number,
                          .window_s = UINT64_MAX,
                          .remaining = UINT64_MAX,
                          .reset_s = UINT64_MAX,
                          .requests = true};
    return take_parameters(text, item);
}

/* FNV-1a folded to 16 bits; 0 stands for none. */
static uint16_t hash_name(cmx_view name)
{
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ name.data[i]) * UINT32_C(16777619);
    }
    uint16_t folded = (uint16_t)((hash >> 16) ^ hash);
    return folded == 0 ? 1 : folded;
}

/* Makes room for a spelling of requests. Returns false if a better one was seen. */
static bool claim_rank(cmx_rate_headers *headers, enum rank rank)
{
    if (rank < headers->rank) {
        return false;
    }
    if (rank > headers->rank) {
        headers->rank = (uint8_t)rank;
        headers->quotas[REQUESTS] = (cmx_rate_headers_quota){0, 0, 0};
        headers->known[REQUESTS] = 0;
        headers->window_ms = 0;
        headers->policy = 0;
        headers->service = 0;
    }
    return true;
}

static void set_member(cmx_rate_headers *headers, uint8_t kind, uint8_t member, uint32_t number)
{
    cmx_rate_headers_quota *quota = &headers->quotas[kind];
    uint32_t *place = member == LIMIT       ? &quota->limit
                      : member == REMAINING ? &quota->remaining
                                            : &quota->reset_ms;
    *place = number;
    headers->known[kind] |= member;
}

static uint32_t seconds_to_ms(uint64_t seconds)
{
    return seconds > CMX_DURATION_MS_MAX / 1000 ? CMX_DURATION_MS_MAX : (uint32_t)seconds * 1000;
}

static void consider_policy(cmx_rate_headers *headers, const struct item *item)
{
    uint16_t hash = hash_name(item->name);
    bool wanted = headers->service == 0 ? headers->policy == 0 : headers->service == hash;
    if (!item->requests || item->quota == UINT64_MAX || item->quota == 0 || !wanted ||
        !claim_rank(headers, RANK_IETF)) {
        return;
    }
    headers->policy = hash;
    set_member(headers, REQUESTS, LIMIT, clamp(item->quota));
    headers->window_ms = item->window_s == UINT64_MAX ? 0 : seconds_to_ms(item->window_s);
}

static void consider_service(cmx_rate_headers *headers, const struct item *item)
{
    if (!item->requests || item->remaining == UINT64_MAX || !claim_rank(headers, RANK_IETF)) {
        return;
    }
    if (headers->service != 0 && clamp(item->remaining) >= headers->quotas[REQUESTS].remaining) {
        return;
    }
    headers->service = hash_name(item->name);
    headers->known[REQUESTS] &= LIMIT;
    set_member(headers, REQUESTS, REMAINING, clamp(item->remaining));
    if (item->reset_s != UINT64_MAX) {
        set_member(headers, REQUESTS, RESET, seconds_to_ms(item->reset_s));
    }
    if (headers->policy != headers->service) { /* the limit is another policy's */
        headers->known[REQUESTS] &= (uint8_t)~LIMIT;
        headers->window_ms = 0;
        headers->policy = 0;
    }
}

static void feed_list(cmx_rate_headers *headers, cmx_view text, bool is_policy)
{
    cmx_rate_headers result = *headers;
    skip_spaces(&text);
    for (;;) {
        struct item item;
        if (!take_item(&text, &item)) {
            return;
        }
        if (is_policy) {
            consider_policy(&result, &item);
        } else {
            consider_service(&result, &item);
        }
        skip_spaces(&text);
        if (text.len == 0) {
            break;
        }
        if (!take_byte(&text, ',')) {
            return;
        }
        skip_spaces(&text);
    }
    *headers = result;
}

/* Up to draft 6 the policies could follow the number: "100, 100;w=60". */
static cmx_view cut_list(cmx_view value)
{
    size_t len = 0;
    while (len < value.len && value.data[len] != ',' && value.data[len] != ';') {
        len++;
    }
    while (len > 0 && value.data[len - 1] == ' ') {
        len--;
    }
    return (cmx_view){value.data, len};
}

static void feed_member(cmx_rate_headers *headers, const struct row *row, cmx_view value,
                        int64_t now_unix_ms)
{
    uint32_t number = 0;
    if (row->member == RESET) {
        if (!cmx_duration_read(value, now_unix_ms, &number)) {
            return;
        }
    } else {
        uint64_t count = 0;
        bool known =
            cmx_number_read_count(value, &count) || cmx_number_read_count(cut_list(value), &count);
        if (!known || (row->member == LIMIT && count == 0)) {
            return;
        }
        number = clamp(count);
    }
    if (row->kind == REQUESTS && !claim_rank(headers, row->rank)) {
        return;
    }
    set_member(headers, row->kind, row->member, number);
}

static bool take_member(cmx_view *name, struct row *row)
{
    if (take_text(name, CMX_VIEW_LITERAL("limit"))) {
        row->member = LIMIT;
        return true;
    }
    if (take_text(name, CMX_VIEW_LITERAL("remaining"))) {
        row->member = REMAINING;
        return true;
    }
    row->member = RESET;
    return take_text(name, CMX_VIEW_LITERAL("reset"));
}

/* Behind the member's name. */
static bool take_kind(cmx_view *name, struct row *row)
{
    if (take_text(name, CMX_VIEW_LITERAL("requests"))) {
        row->kind = REQUESTS;
        return true;
    }
    row->kind = TOKENS;
    return take_text(name, CMX_VIEW_LITERAL("tokens"));
}

/* Before the member's name, as Anthropic has them. */
static bool take_first_kind(cmx_view *name, struct row *row)
{
    if (take_text(name, CMX_VIEW_LITERAL("input-"))) {
        row->kind = INPUT;
    } else if (take_text(name, CMX_VIEW_LITERAL("output-"))) {
        row->kind = OUTPUT;
    } else {
        return take_kind(name, row);
    }
    return take_text(name, CMX_VIEW_LITERAL("tokens"));
}

/* Reads x-ratelimit-limit-requests, x-ratelimit-limit, anthropic-ratelimit-requests-limit,
 * ratelimit-limit and their like. */
static bool read_name(cmx_view name, struct row *row)
{
    *row = (struct row){REQUESTS, 0, RANK_EXACT};
    if (take_text(&name, CMX_VIEW_LITERAL("x-ratelimit-"))) {
        if (!take_member(&name, row)) {
            return false;
        }
        if (name.len == 0) {
            row->rank = RANK_PLAIN;
            return true;
        }
        return take_byte(&name, '-') && take_kind(&name, row) && name.len == 0;
    }
    if (take_text(&name, CMX_VIEW_LITERAL("anthropic-ratelimit-"))) {
        return take_first_kind(&name, row) && take_byte(&name, '-') && take_member(&name, row) &&
               name.len == 0;
    }
    row->rank = RANK_IETF;
    return take_text(&name, CMX_VIEW_LITERAL("ratelimit-")) && take_member(&name, row) &&
           name.len == 0;
}

bool cmx_rate_headers_wants(cmx_view name)
{
    return take_text(&name, CMX_VIEW_LITERAL("x-ratelimit-")) ||
           take_text(&name, CMX_VIEW_LITERAL("anthropic-ratelimit-")) ||
           take_text(&name, CMX_VIEW_LITERAL("ratelimit"));
}

void cmx_rate_headers_feed(cmx_rate_headers *headers, cmx_view name, cmx_view value,
                           int64_t now_unix_ms)
{
    struct row row;
    if (read_name(name, &row)) {
        feed_member(headers, &row, value, now_unix_ms);
    } else if (cmx_view_equal(name, CMX_VIEW_LITERAL("ratelimit"))) {
        feed_list(headers, value, false);
    } else if (cmx_view_equal(name, CMX_VIEW_LITERAL("ratelimit-policy"))) {
        feed_list(headers, value, true);
    }
}
