/* SPDX-License-Identifier: MIT */
/*
 * Names are compared by length first: a chunk has a dozen members and two or three matter. The
 * walk that validates steps into choices and usage and notes what it sees there; nothing of it is
 * acted upon before the end of the text. What is taken later walks sound JSON; its checks remain
 * because they cost nothing and keep each function true by itself.
 */
#include "chat/answer_json.h"

#include "text/json.h"
#include "text/json_text.h"
#include "text/number.h"

#define IS(key, name) cmx_json_text_is(key, CMX_VIEW_LITERAL(name))

/* ---- walking ---- */

/* Levels that a value may have: all together are those of a value at the top. */
enum {
    LEVELS_TOP = CMX_JSON_SCAN_DEPTH_MAX,
    LEVELS_CHOICE = LEVELS_TOP - 1, /* an element of choices */
    LEVELS_COUNT = LEVELS_TOP - 1,  /* a member of usage */
    LEVELS_DETAIL = LEVELS_TOP - 2, /* a member of an object in usage */
    LEVELS_FACT = LEVELS_TOP - 2,   /* a member of a choice */
    LEVELS_PART = LEVELS_TOP - 3,   /* a member of a delta */
};

static const cmx_json_span none = {NULL, NULL};

static bool is_string(cmx_json_span value)
{
    return *value.at == '"';
}

/* ---- usage ---- */

/* Names of counts in the usage object, or of objects with one in it; a row of `usage_counts` each.
 */
static const char usage_names[] =
    "\31completion_tokens_details\27prompt_cache_hit_tokens\25prompt_tokens_details"
    "\25output_tokens_details\24input_tokens_details\21completion_tokens\15prompt_tokens"
    "\15output_tokens\14input_tokens\14total_tokens\4cost";

#define AT(count) offsetof(cmx_usage, count)

static const struct usage_count {
    uint8_t at;     /* offset in cmx_usage */
    uint8_t detail; /* the count in the object; 0 = the member is the count itself */
} usage_counts[] = {
    {AT(reasoning_tokens), 1},
    {AT(cached_tokens), 0},
    {AT(cached_tokens), 2},
    {AT(reasoning_tokens), 1},
    {AT(cached_tokens), 2},
    {AT(completion_tokens), 0},
    {AT(prompt_tokens), 0},
    {AT(completion_tokens), 0},
    {AT(prompt_tokens), 0},
    {AT(total_tokens), 0},
    {AT(cost), 0}, /* in dollars, with a fraction */
};

/* The rows, so that of several which are one count the last that has it counts. */
static const uint8_t usage_ranks[] = {10, 9, 8, 7, 6, 5, 1, 4, 2, 3, 0};

static const cmx_view details[] = {
    {NULL, 0}, {(const uint8_t *)"reasoning_tokens", 16}, {(const uint8_t *)"cached_tokens", 13}};

_Static_assert(CMX_ARRAY_LEN(usage_counts) == CMX_ANSWER_JSON_COUNTS &&
                   CMX_ARRAY_LEN(usage_ranks) == CMX_ANSWER_JSON_COUNTS && sizeof(cmx_usage) < 256,
               "a row each, an offset in a byte");

/* A value that is looked for in an object; the last one of the name counts. */
typedef struct wanted {
    cmx_view name;
    cmx_json_span value; /* `at` NULL = none */
} wanted;

static bool take_wanted(void *ctx, const cmx_json_key *key, cmx_json_span *value)
{
    wanted *one = ctx;
    if (cmx_json_text_is(key, one->name)) {
        one->value = *value;
    }
    return true;
}

static bool take_count(void *ctx, const cmx_json_key *key, cmx_json_span *value)
{
    cmx_json_span *counts = ctx;
    unsigned which = cmx_json_text_which(key, usage_names);
    if (which == 0) {
        return true;
    }
    cmx_json_span *count = &counts[which - 1];
    uint8_t detail = usage_counts[which - 1].detail;
    if (detail == 0) {
        *count = *value;
        return true;
    }
    wanted inside = {details[detail], none};
    bool valid =
        *value->at != '{' || cmx_json_scan_walk(value, LEVELS_DETAIL, take_wanted, &inside);
    *count = inside.value;
    return valid;
}

/* `object` is at one. */
static bool read_usage(cmx_answer_json_chunk *chunk, cmx_json_span *object)
{
    memset(chunk->counts, 0, sizeof chunk->counts);
    chunk->has_usage = true;
    return cmx_json_scan_walk(object, LEVELS_COUNT, take_count, chunk->counts);
}

/* Groq tells usage of a stream in a member of its own. */
static bool take_groq(void *ctx, const cmx_json_key *key, cmx_json_span *value)
{
    bool is_usage = *value->at == '{' && IS(key, "usage");
    return !is_usage || read_usage(ctx, value);
}

/* Some send counts as strings. */
static bool read_count(cmx_json_span value, bool is_money, uint64_t *count)
{
    if (value.at == NULL) {
        return false;
    }
    size_t quote = is_string(value) ? 1 : 0;
    cmx_view digits = {value.at + quote, cmx_json_span_len(value) - 2 * quote};
    return is_money ? cmx_number_read_pico(digits, count) : cmx_number_read_count(digits, count);
}

bool cmx_answer_json_usage(const cmx_answer_json_chunk *chunk, cmx_usage *usage)
{
    bool found = false;
    for (size_t i = 0; i < CMX_ANSWER_JSON_COUNTS; i++) {
        uint64_t count;
        uint8_t row = usage_ranks[i];
        size_t at = usage_counts[row].at;
        bool is_money = at == AT(cost);
        if (read_count(chunk->counts[row], is_money, &count)) {
            memcpy((uint8_t *)usage + at, &count, sizeof count);
            usage->has_cost |= is_money;
            found = true;
        }
    }
    return found;
}

/* ---- choices ---- */

bool cmx_answer_json_index(cmx_json_span value, uint32_t *index)
{
    uint64_t count;
    cmx_view digits = {value.at, cmx_json_span_len(value)};
    if (!cmx_number_read_count(digits, &count) || count >= UINT32_MAX) {
        return false;
    }
    *index = (uint32_t)count;
    return true;
}

static enum cmx_answer_json_part name_part(const cmx_json_key *key)
{
    if (IS(key, "content")) {
        return CMX_ANSWER_JSON_CONTENT;
    }
    if (IS(key, "reasoning_content") || IS(key, "reasoning")) {
        return CMX_ANSWER_JSON_REASONING;
    }
    if (IS(key, "refusal")) {
        return CMX_ANSWER_JSON_REFUSAL;
    }
    return CMX_ANSWER_JSON_NOTHING;
}

static enum cmx_answer_json_part classify(const cmx_json_key *key, cmx_json_span value)
{
    switch (*value.at) {
    case '"':
        return cmx_json_span_len(value) == 2 ? CMX_ANSWER_JSON_NOTHING : name_part(key);
    case '[':
        if (cmx_json_scan_is_empty(value)) {
            return CMX_ANSWER_JSON_NOTHING;
        }
        if (IS(key, "content")) {
            return CMX_ANSWER_JSON_PARTS;
        }
        return IS(key, "tool_calls") ? CMX_ANSWER_JSON_TOOLS : CMX_ANSWER_JSON_NOTHING;
    case '{':
        return IS(key, "function_call") ? CMX_ANSWER_JSON_FUNCTION : CMX_ANSWER_JSON_NOTHING;
    default:
        return CMX_ANSWER_JSON_NOTHING;
    }
}

/* Notes the first text of a delta, and where the first member behind it that is something is. */
static bool take_part(void *ctx, const cmx_json_key *key, cmx_json_span *value)
{
    cmx_answer_json_choice *choice = ctx;
    if (choice->delta.at != NULL) {
        return true;
    }
    enum cmx_answer_json_part part = classify(key, *value);
    if (part == CMX_ANSWER_JSON_NOTHING) {
        return true;
    }
    if (is_string(*value) && choice->part == CMX_ANSWER_JSON_NOTHING) {
        choice->part = part;
        choice->text = (cmx_json_span){value->at + 1, value->end - 1};
    } else {
        choice->delta.at = value->at - (value->at - key->data) - 1; /* its name's quote */
    }
    return true;
}

/* `object` is at one. If it is empty, it takes nothing back of another. */
static bool read_delta(cmx_answer_json_choice *choice, cmx_json_span *object)
{
    if (!cmx_json_scan_is_empty(*object)) {
        choice->part = CMX_ANSWER_JSON_NOTHING;
        choice->delta = (cmx_json_span){NULL, object->end};
    }
    return cmx_json_scan_walk(object, LEVELS_PART, take_part, choice);
}

static bool take_fact(void *ctx, const cmx_json_key *key, cmx_json_span *value)
{
    cmx_answer_json_choice *choice = ctx;
    if (IS(key, "delta") || IS(key, "message")) {
        return *value->at != '{' || read_delta(choice, value);
    }
    if (IS(key, "index")) {
        choice->index = 0;
        (void)cmx_answer_json_index(*value, &choice->index);
    } else if (IS(key, "finish_reason")) {
        choice->finish = is_string(*value) && cmx_json_span_len(*value) > 2 ? *value : none;
    }
    return true;
}

static bool read_choice(cmx_answer_json_choice *choice, cmx_json_span *rest)
{
    *choice = (cmx_answer_json_choice){.part = CMX_ANSWER_JSON_NOTHING};
    return rest->at < rest->end && *rest->at == '{'
               ? cmx_json_scan_walk(rest, LEVELS_FACT, take_fact, choice)
               : cmx_json_scan_skip(rest, LEVELS_CHOICE);
}

/* `rest` is at the array. */
static bool read_choices(cmx_answer_json_chunk *chunk, cmx_json_span *rest)
{
    int rc = cmx_json_scan_enter(rest, '[');
    if (rc != CMX_OK) {
        return rc == CMX_AGAIN;
    }
    chunk->has_choice = true;
    if (!read_choice(&chunk->choice, rest)) {
        return false;
    }
    rc = cmx_json_scan_next(rest);
    if (rc == CMX_OK) {
        chunk->choices = *rest;
    }
    while (rc == CMX_OK) {
        bool valid = cmx_json_scan_skip(rest, LEVELS_CHOICE);
        rc = valid ? cmx_json_scan_next(rest) : CMX_ERR_MALFORMED;
    }
    return rc == CMX_AGAIN;
}

void cmx_answer_json_choice_take(cmx_json_span *choices, cmx_answer_json_choice *choice)
{
    if (!read_choice(choice, choices) || cmx_json_scan_next(choices) != CMX_OK) {
        choices->at = NULL;
    }
}

bool cmx_answer_json_enter(cmx_json_span *array)
{
    if (cmx_json_scan_enter(array, '[') == CMX_OK) {
        return true;
    }
    array->at = NULL;
    return false;
}

enum cmx_answer_json_part cmx_answer_json_part_take(cmx_json_span *delta, cmx_json_span *value)
{
    cmx_json_member member;
    int rc = cmx_json_scan_member(delta, &member);
    if (rc != CMX_OK) {
        delta->at = NULL;
    }
    if (rc < CMX_OK) {
        return CMX_ANSWER_JSON_NOTHING;
    }
    *value = member.value;
    enum cmx_answer_json_part part = classify(&member.key, *value);
    if (is_string(*value)) {
        *value = (cmx_json_span){value->at + 1, value->end - 1};
    } else if (part == CMX_ANSWER_JSON_PARTS || part == CMX_ANSWER_JSON_TOOLS) {
        (void)cmx_answer_json_enter(value); /* it is not empty */
    }
    return part;
}

/* ---- the top ---- */

/* Returns whether a value of `error` says that there is one. */
static bool is_something(cmx_json_span value)
{
    switch (*value.at) {
    case '{':
    case '[':
        return !cmx_json_scan_is_empty(value);
    case '"':
        return cmx_json_span_len(value) > 2;
    case 'n':
    case 'f':
        return false;
    case '0':
        return cmx_json_span_len(value) > 1;
    default:
        return true;
    }
}

/* An error is kept whole: it is read by itself. */
static bool take_error(cmx_answer_json_chunk *chunk, cmx_json_span *value)
{
    bool opens = *value->at == '{' || *value->at == '[';
    chunk->error = *value;
    if (opens && !cmx_json_scan_value(value, &chunk->error)) {
        return false;
    }
    if (!is_something(chunk->error)) {
        chunk->error.at = NULL;
    }
    return true;
}

/* Keeps a value if it begins as it must. */
static void note(cmx_json_span *field, cmx_json_span value, uint8_t first)
{
    *field = *value.at == first ? value : none;
}

static bool take_member(void *ctx, const cmx_json_key *key, cmx_json_span *value)
{
    static const cmx_view error = {(const uint8_t *)"\"error\"", 7};
    cmx_answer_json_chunk *chunk = ctx;
    if (IS(key, "choices")) {
        chunk->has_choice = false;
        chunk->choices = none;
        return *value->at != '[' || read_choices(chunk, value);
    }
    if (IS(key, "usage")) {
        chunk->has_usage = false;
        return *value->at != '{' || read_usage(chunk, value);
    }
    if (IS(key, "error")) {
        return take_error(chunk, value);
    }
    if (IS(key, "id")) {
        note(&chunk->id, *value, '"');
    } else if (IS(key, "model")) {
        note(&chunk->model, *value, '"');
    } else if (IS(key, "object") || IS(key, "type")) {
        chunk->is_error |= cmx_view_equal((cmx_view){value->at, cmx_json_span_len(*value)}, error);
    } else if (IS(key, "x_groq")) {
        note(&chunk->groq, *value, '{');
    }
    return true;
}

bool cmx_answer_json_read(cmx_json_span text, cmx_answer_json_chunk *chunk)
{
    /* What lies behind is meaningful only where something before it says so. */
    memset(chunk, 0, offsetof(cmx_answer_json_chunk, choice));
    bool valid = cmx_json_scan_walk(&text, LEVELS_TOP, take_member, chunk);
    cmx_json_scan_space(&text);
    if (!valid || text.at != text.end) {
        return false;
    }
    /* Valid as part of the whole. */
    return chunk->has_usage || chunk->groq.at == NULL ||
           cmx_json_scan_walk(&chunk->groq, LEVELS_COUNT, take_groq, chunk);
}

/* ---- errors ---- */

/* Returns whether bytes that nobody has validated are one JSON string. */
static bool is_whole_string(cmx_json_span bytes)
{
    cmx_json_span value;
    bool is_value = cmx_json_scan_value(&bytes, &value);
    return is_value && bytes.at == bytes.end && is_string(value);
}

enum error_path {
    ERROR_MESSAGE_DEEP,
    ERROR_CODE_DEEP,
    ERROR_STRING,
    ERROR_MESSAGE,
    ERROR_CODE,
    ERROR_DETAIL,
    ERROR_TYPE_DEEP,
    ERROR_TYPE,
    ERROR_PATHS,
};

static cmx_json_span string_of(const cmx_json_value *value)
{
    return value->type == CMX_JSON_STRING ? value->text : none;
}

void cmx_answer_json_error_read(cmx_json_span value, cmx_answer_json_error *error)
{
    static const char *const paths[ERROR_PATHS] = {
        [ERROR_MESSAGE_DEEP] = "error.message",
        [ERROR_CODE_DEEP] = "error.code",
        [ERROR_STRING] = "error",
        [ERROR_MESSAGE] = "message",
        [ERROR_CODE] = "code",
        [ERROR_DETAIL] = "detail",
        [ERROR_TYPE_DEEP] = "error.type",
        [ERROR_TYPE] = "type",
    };
    static const enum error_path messages[] = {ERROR_MESSAGE_DEEP, ERROR_STRING, ERROR_MESSAGE,
                                               ERROR_DETAIL};
    if (value.at < value.end && *value.at == '[') { /* Gemini wraps its error in an array */
        cmx_json_span rest = value;
        cmx_json_span element;
        if (cmx_json_scan_enter(&rest, '[') == CMX_OK && cmx_json_scan_value(&rest, &element)) {
            value = element;
        }
    }
    *error = (cmx_answer_json_error){.message = value};
    if (is_whole_string(value)) {
        error->message = (cmx_json_span){value.at + 1, value.end - 1};
        error->is_string = true;
        return;
    }
    cmx_json_value values[ERROR_PATHS];
    if (cmx_json_find(value, paths, ERROR_PATHS, values) != CMX_OK) {
        return;
    }
    for (size_t i = 0; i < CMX_ARRAY_LEN(messages); i++) {
        const cmx_json_value *message = &values[messages[i]];
        if (message->type == CMX_JSON_STRING && cmx_json_span_len(message->text) > 0) {
            error->message = message->text;
            error->is_string = true;
            break;
        }
    }
    uint64_t code;
    enum error_path path =
        values[ERROR_CODE_DEEP].type == CMX_JSON_ABSENT ? ERROR_CODE : ERROR_CODE_DEEP;
    if (cmx_json_count(&values[path], &code) && code <= UINT32_MAX) {
        error->code = (uint32_t)code;
    }
    error->name = string_of(&values[path]);
    path = values[ERROR_TYPE_DEEP].type == CMX_JSON_ABSENT ? ERROR_TYPE : ERROR_TYPE_DEEP;
    error->type = string_of(&values[path]);
}
