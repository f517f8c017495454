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

enum { INTEGER_DIGITS_MAX = 15, FRACTION_DIGITS_MAX = 3 }; /* RFC 9651, 3.3.1 and 3.3.2 */

#define REQUESTS CMX_RATE_HEADERS_REQUESTS
#define TOKENS CMX_RATE_HEADERS_TOKENS
#define LIMIT CMX_RATE_HEADERS_LIMIT
#define REMAINING CMX_RATE_HEADERS_REMAINING
#define RESET CMX_RATE_HEADERS_RESET

/* How the names begin: with OpenAI the kind comes last, with Anthropic before the member. */
enum { FAMILY_NONE, FAMILY_X, FAMILY_ANTHROPIC, FAMILY_POLICY, FAMILY_IETF, FAMILY_SERVICE };

/* What the name of a field with one value says. */
struct row {
    uint8_t kind;
    uint8_t member;
    uint8_t rank;
};

/* Parameters of an item; the first of all, its own value, is a quota where it is a number. */
static const char parameters[] = "\1q\1w\1r\1t\2qu";
enum { QUOTA, WINDOW_S, LEFT, RESET_S, UNIT, NUMBERS = UNIT };

/* One item of an IETF list. */
struct item {
    cmx_view name; /* without quotes; empty for drafts that had no names */
    uint32_t numbers[NUMBERS];
    bool known[NUMBERS];
    bool requests; /* its unit is requests */
};

/* A bare item of RFC 9651, as far as it matters here. */
struct value {
    cmx_view text;   /* of a string or token, without quotes; else empty */
    uint32_t number; /* UINT32_MAX = that or more */
    bool is_count;   /* a whole number that is not negative */
};

static uint32_t clamp(uint64_t number)
{
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

static void skip_spaces(cmx_view *text)
{
    while (cmx_view_take_byte(text, ' ') || cmx_view_take_byte(text, '\t')) {
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

/* Of a token or of a key, which differ in `marks`: what may stand there beside these. */
static bool is_word_byte(uint8_t byte, const char *marks)
{
    return is_digit(byte) || is_lower(byte) || (byte != 0 && strchr(marks, byte) != NULL);
}

/* Takes what may be empty; the caller has looked at the first byte. */
static cmx_view take_word(cmx_view *text, const char *marks)
{
    cmx_view word = {text->data, 0};
    while (text->len > 0 && is_word_byte(text->data[0], marks)) {
        word.len++;
        cmx_view_skip(text, 1);
    }
    return word;
}

/* A string after its opening quote; escapes stay as they are, for only equality matters. */
static bool take_string(cmx_view *text, struct value *value)
{
    value->text.data = text->data;
    while (text->len > 0 && text->data[0] >= ' ' && text->data[0] <= '~') {
        if (cmx_view_take_byte(text, '"')) {
            value->text.len = (size_t)(text->data - value->text.data) - 1;
            return true;
        }
        if (cmx_view_take_byte(text, '\\') &&
            (text->len == 0 || (text->data[0] != '"' && text->data[0] != '\\'))) {
            return false;
        }
        cmx_view_skip(text, 1);
    }
    return false;
}

/* Returns how many there were, at most `digits_max`. */
static unsigned take_digits(cmx_view *text, unsigned digits_max, uint64_t *number)
{
    unsigned digits = 0;
    *number = 0;
    while (text->len > 0 && is_digit(text->data[0]) && digits < digits_max) {
        *number = *number * 10 + (uint64_t)(text->data[0] - '0');
        digits++;
        cmx_view_skip(text, 1);
    }
    return digits;
}

/* "12", "-1" or "1.5": only whole ones that are not negative count. */
static bool take_number(cmx_view *text, struct value *value)
{
    uint64_t number = 0;
    value->is_count = !cmx_view_take_byte(text, '-');
    if (take_digits(text, INTEGER_DIGITS_MAX, &number) == 0) {
        return false;
    }
    value->number = clamp(number);
    if (cmx_view_take_byte(text, '.')) {
        value->is_count = false;
        return take_digits(text, FRACTION_DIGITS_MAX, &number) > 0;
    }
    return true;
}

/* A byte sequence after its opening colon. */
static bool take_bytes(cmx_view *text)
{
    while (text->len > 0) {
        if (cmx_view_take_byte(text, ':')) {
            return true;
        }
        cmx_view_skip(text, 1);
    }
    return false;
}

/* `value` is all zero. */
static bool take_value(cmx_view *text, struct value *value)
{
    uint8_t first = text->len > 0 ? text->data[0] : 0;
    if (first == '-' || is_digit(first)) {
        return take_number(text, value);
    }
    if (first == '*' || is_lower((uint8_t)(first | 0x20))) {
        /* RFC 9110's, ':' and '/' */
        value->text = take_word(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~:/");
        return true;
    }
    if (cmx_view_take_byte(text, '?')) {
        return cmx_view_take_byte(text, '0') || cmx_view_take_byte(text, '1');
    }
    if (cmx_view_take_byte(text, ':')) {
        return take_bytes(text);
    }
    return cmx_view_take_byte(text, '"') && take_string(text, value);
}

static bool take_parameters(cmx_view *text, struct item *item)
{
    while (cmx_view_take_byte(text, ';')) {
        struct value value = {.is_count = false};
        skip_spaces(text);
        bool begins = text->len > 0 && (text->data[0] == '*' || is_lower(text->data[0]));
        cmx_view key = take_word(text, "_-.*");
        if (!begins || (cmx_view_take_byte(text, '=') && !take_value(text, &value))) {
            return false;
        }
        unsigned at = cmx_view_word(key, parameters);
        if (at < NUMBERS) {
            item->numbers[at] = value.number;
            item->known[at] = value.is_count;
        } else if (at == UNIT) {
            item->requests = cmx_view_word(value.text, "\10requests\7request") != CMX_VIEW_NONE;
        }
    }
    return true;
}

static bool take_item(cmx_view *text, struct item *item)
{
    struct value value = {.is_count = false};
    if (!take_value(text, &value)) {
        return false;
    }
    /* Up to draft 7 a policy was the number itself: "100;w=60". */
    *item = (struct item){
        .name = value.text, .numbers = {value.number}, .known = {value.is_count}, .requests = true};
    return take_parameters(text, item);
}

/* FNV-1a folded to 16 bits; 0 stands for none. */
static uint16_t hash_name(cmx_view name)
{
    uint32_t hash = cmx_view_hash(name);
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

static uint32_t seconds_to_ms(uint32_t seconds)
{
    return seconds > CMX_DURATION_MS_MAX / 1000 ? CMX_DURATION_MS_MAX : seconds * 1000;
}

static void consider_policy(cmx_rate_headers *headers, const struct item *item)
{
    uint16_t hash = hash_name(item->name);
    bool wanted = headers->service == 0 ? headers->policy == 0 : headers->service == hash;
    if (!item->known[QUOTA] || item->numbers[QUOTA] == 0 || !wanted ||
        !claim_rank(headers, RANK_IETF)) {
        return;
    }
    headers->policy = hash;
    set_member(headers, REQUESTS, LIMIT, item->numbers[QUOTA]);
    headers->window_ms = item->known[WINDOW_S] ? seconds_to_ms(item->numbers[WINDOW_S]) : 0;
}

static void consider_service(cmx_rate_headers *headers, const struct item *item)
{
    if (!item->known[LEFT] || !claim_rank(headers, RANK_IETF)) {
        return;
    }
    if (headers->service != 0 && item->numbers[LEFT] >= headers->quotas[REQUESTS].remaining) {
        return;
    }
    headers->service = hash_name(item->name);
    headers->known[REQUESTS] &= LIMIT;
    set_member(headers, REQUESTS, REMAINING, item->numbers[LEFT]);
    if (item->known[RESET_S]) {
        set_member(headers, REQUESTS, RESET, seconds_to_ms(item->numbers[RESET_S]));
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
    struct item item;
    do {
        skip_spaces(&text);
        if (!take_item(&text, &item)) {
            return;
        }
        if (item.requests && is_policy) {
            consider_policy(&result, &item);
        } else if (item.requests) {
            consider_service(&result, &item);
        }
        skip_spaces(&text);
    } while (cmx_view_take_byte(&text, ','));
    if (text.len == 0) {
        *headers = result;
    }
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

/* Names are taken apart with constants, not with lists of words: a head has half a dozen of them,
 * and so comparing is no call. */
static bool take_text(cmx_view *name, cmx_view word)
{
    if (name->len < word.len || name->data[0] != word.data[0] ||
        memcmp(name->data, word.data, word.len) != 0) {
        return false;
    }
    name->data += word.len;
    name->len -= word.len;
    return true;
}

static unsigned take_family(cmx_view *name)
{
    if (take_text(name, CMX_VIEW_LITERAL("x-ratelimit-"))) {
        return FAMILY_X;
    }
    if (take_text(name, CMX_VIEW_LITERAL("anthropic-ratelimit-"))) {
        return FAMILY_ANTHROPIC;
    }
    if (!take_text(name, CMX_VIEW_LITERAL("ratelimit"))) {
        return FAMILY_NONE;
    }
    if (name->len == 0) {
        return FAMILY_SERVICE;
    }
    if (!take_text(name, CMX_VIEW_LITERAL("-"))) {
        return FAMILY_NONE;
    }
    return cmx_view_equal(*name, CMX_VIEW_LITERAL("policy")) ? FAMILY_POLICY : FAMILY_IETF;
}

/* Returns the member's bit, 0 for none. */
static unsigned take_member(cmx_view *name)
{
    if (take_text(name, CMX_VIEW_LITERAL("limit"))) {
        return LIMIT;
    }
    if (take_text(name, CMX_VIEW_LITERAL("remaining"))) {
        return REMAINING;
    }
    return take_text(name, CMX_VIEW_LITERAL("reset")) ? RESET : 0;
}

/* Reads what follows in x-ratelimit-limit-requests, x-ratelimit-limit, ratelimit-limit,
 * anthropic-ratelimit-requests-limit and their like. */
static bool read_name(cmx_view name, unsigned family, struct row *row)
{
    unsigned kind = REQUESTS;
    unsigned rank = RANK_EXACT;
    if (family == FAMILY_IETF) {
        rank = RANK_IETF;
    } else if (family == FAMILY_ANTHROPIC) {
        kind = cmx_view_take_word(&name, "\11requests-\7tokens-\15input-tokens-\16output-tokens-");
    }
    unsigned member = take_member(&name);
    if (family == FAMILY_X && name.len == 0) {
        rank = RANK_PLAIN;
    } else if (family == FAMILY_X && !take_text(&name, CMX_VIEW_LITERAL("-requests"))) {
        kind = take_text(&name, CMX_VIEW_LITERAL("-tokens")) ? TOKENS : CMX_VIEW_NONE;
    }
    if (kind == CMX_VIEW_NONE || member == 0 || name.len > 0) {
        return false;
    }
    *row = (struct row){(uint8_t)kind, (uint8_t)member, (uint8_t)rank};
    return true;
}

bool cmx_rate_headers_wants(cmx_view name)
{
    return take_family(&name) != FAMILY_NONE;
}

void cmx_rate_headers_feed(cmx_rate_headers *headers, cmx_view name, cmx_view value,
                           int64_t now_unix_ms)
{
    struct row row;
    unsigned family = take_family(&name);
    if (family == FAMILY_POLICY || family == FAMILY_SERVICE) {
        feed_list(headers, value, family == FAMILY_POLICY);
    } else if (family != FAMILY_NONE && read_name(name, family, &row)) {
        feed_member(headers, &row, value, now_unix_ms);
    }
}
