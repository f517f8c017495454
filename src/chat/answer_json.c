/* SPDX-License-Identifier: MIT */
/*
 * Names are compared by length first: a chunk has a dozen members and two or three matter. The
 * first pass hands every value to the validating scanner, so all later ones walk sound JSON; their
 * checks remain because they cost nothing and keep each function true by itself.
 */
#include "chat/answer_json.h"

#include "text/json.h"
#include "text/json_text.h"
#include "text/number.h"

#define IS(key, name) cmx_json_text_is((key), CMX_VIEW_LITERAL(name))

static bool is_string(cmx_json_span value)
{
    return *value.at == '"';
}

/* Returns whether a value of `error` says that there is one. */
static bool is_something(cmx_json_span value)
{
    switch (*value.at) {
    case '{':
    case '[': {
        cmx_json_span inside = value;
        return cmx_json_scan_enter(&inside, *value.at) == CMX_OK;
    }
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

static void note_member(cmx_answer_json_chunk *chunk, cmx_json_key key, cmx_json_span value)
{
    const cmx_json_span none = {NULL, NULL};
    if (!key.escaped && key.len > sizeof "choices" - 1) {
        return; /* the longest name that matters */
    }
    if (IS(key, "choices")) {
        chunk->choices = *value.at == '[' ? value : none;
    } else if (IS(key, "id")) {
        chunk->id = is_string(value) ? value : none;
    } else if (IS(key, "model")) {
        chunk->model = is_string(value) ? value : none;
    } else if (IS(key, "usage")) {
        chunk->usage = *value.at == '{' ? value : none;
    } else if (IS(key, "error")) {
        chunk->error = is_something(value) ? value : none;
    } else if (IS(key, "object") || IS(key, "type")) {
        cmx_view text = {value.at, cmx_json_span_len(value)};
        bool is_error = cmx_view_equal(text, CMX_VIEW_LITERAL("\"error\""));
        chunk->is_error = chunk->is_error || is_error;
    } else if (IS(key, "x_groq")) {
        chunk->groq = *value.at == '{' ? value : none;
    }
}

/* Groq tells usage of a stream in a member of its own. */
static cmx_json_span groq_usage(cmx_json_span object)
{
    cmx_json_span found = {NULL, NULL};
    cmx_json_member member;
    int rc = cmx_json_scan_enter(&object, '{');
    while (cmx_json_scan_step(&object, &rc, &member)) {
        if (IS(member.key, "usage") && *member.value.at == '{') {
            found = member.value;
        }
    }
    return found;
}

bool cmx_answer_json_read(cmx_json_span text, cmx_answer_json_chunk *chunk)
{
    *chunk = (cmx_answer_json_chunk){0};
    int rc = cmx_json_scan_enter(&text, '{');
    cmx_json_member member;
    while (cmx_json_scan_step(&text, &rc, &member)) {
        note_member(chunk, member.key, member.value);
    }
    cmx_json_scan_space(&text);
    if (rc != CMX_AGAIN || text.at != text.end) {
        return false;
    }
    if (chunk->usage.at == NULL && chunk->groq.at != NULL) {
        chunk->usage = groq_usage(chunk->groq);
    }
    return true;
}

bool cmx_answer_json_enter(cmx_json_span *choices)
{
    if (choices->at != NULL && cmx_json_scan_enter(choices, '[') == CMX_OK) {
        return true;
    }
    choices->at = NULL;
    return false;
}

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

static void note_choice(cmx_answer_json_choice *choice, cmx_json_key key, cmx_json_span value)
{
    if (IS(key, "delta") || IS(key, "message")) {
        if (*value.at == '{' && cmx_json_scan_enter(&value, '{') == CMX_OK) {
            choice->delta = value;
        }
    } else if (IS(key, "index")) {
        choice->index = 0;
        (void)cmx_answer_json_index(value, &choice->index);
    } else if (IS(key, "finish_reason")) {
        bool some = is_string(value) && cmx_json_span_len(value) > 2;
        choice->finish = some ? value : (cmx_json_span){NULL, NULL};
    }
}

/* Steps over an object, noting its members. */
static bool take_members(cmx_json_span *element, cmx_answer_json_choice *choice)
{
    int rc = cmx_json_scan_enter(element, '{');
    cmx_json_member member;
    while (cmx_json_scan_step(element, &rc, &member)) {
        note_choice(choice, member.key, member.value);
    }
    return rc == CMX_AGAIN;
}

void cmx_answer_json_choice_take(cmx_json_span *choices, cmx_answer_json_choice *choice)
{
    *choice = (cmx_answer_json_choice){0};
    cmx_json_span other;
    bool taken = choices->at < choices->end && *choices->at == '{'
                     ? take_members(choices, choice)
                     : cmx_json_scan_value(choices, &other);
    if (!taken || cmx_json_scan_next(choices) != CMX_OK) {
        choices->at = NULL;
    }
}

static enum cmx_answer_json_part name_part(cmx_json_key key)
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

/* A member of a delta that is an array or object. */
static enum cmx_answer_json_part take_nested(const cmx_json_member *member, cmx_json_span *value)
{
    *value = member->value;
    if (*value->at == '[') {
        bool is_parts = IS(member->key, "content");
        if ((is_parts || IS(member->key, "tool_calls")) && cmx_answer_json_enter(value)) {
            return is_parts ? CMX_ANSWER_JSON_PARTS : CMX_ANSWER_JSON_TOOLS;
        }
    } else if (*value->at == '{' && IS(member->key, "function_call")) {
        return CMX_ANSWER_JSON_FUNCTION;
    }
    return CMX_ANSWER_JSON_NOTHING;
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
    if (!is_string(member.value)) {
        return take_nested(&member, value);
    }
    if (cmx_json_span_len(member.value) == 2) {
        return CMX_ANSWER_JSON_NOTHING;
    }
    *value = (cmx_json_span){member.value.at + 1, member.value.end - 1};
    return name_part(member.key);
}

/* A count of the usage object: a member of it, or of an object in it. Where several are one count,
 * the first in this order that has it counts. */
typedef struct usage_name {
    cmx_view member;
    cmx_view inside; /* empty = the member is the count itself */
    size_t at;       /* offset in cmx_usage */
} usage_name;

#define NAME(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static const usage_name usage_names[] = {
    {NAME("prompt_tokens"), NAME(""), offsetof(cmx_usage, prompt_tokens)},
    {NAME("input_tokens"), NAME(""), offsetof(cmx_usage, prompt_tokens)},
    {NAME("completion_tokens"), NAME(""), offsetof(cmx_usage, completion_tokens)},
    {NAME("output_tokens"), NAME(""), offsetof(cmx_usage, completion_tokens)},
    {NAME("total_tokens"), NAME(""), offsetof(cmx_usage, total_tokens)},
    {NAME("prompt_tokens_details"), NAME("cached_tokens"), offsetof(cmx_usage, cached_tokens)},
    {NAME("input_tokens_details"), NAME("cached_tokens"), offsetof(cmx_usage, cached_tokens)},
    {NAME("prompt_cache_hit_tokens"), NAME(""), offsetof(cmx_usage, cached_tokens)},
    {NAME("completion_tokens_details"), NAME("reasoning_tokens"),
     offsetof(cmx_usage, reasoning_tokens)},
    {NAME("output_tokens_details"), NAME("reasoning_tokens"),
     offsetof(cmx_usage, reasoning_tokens)},
};

/* Returns the last member of `object` with that name; `at` is NULL if there is none. */
static cmx_json_span find_inside(cmx_json_span object, cmx_view name)
{
    cmx_json_span found = {NULL, NULL};
    cmx_json_member member;
    int rc = cmx_json_scan_enter(&object, '{');
    while (cmx_json_scan_step(&object, &rc, &member)) {
        found = cmx_json_text_is(member.key, name) ? member.value : found;
    }
    return found;
}

/* Some send counts as strings. */
static bool read_count(cmx_json_span value, uint64_t *count)
{
    if (value.at == NULL) {
        return false;
    }
    size_t quote = is_string(value) ? 1 : 0;
    cmx_view digits = {value.at + quote, cmx_json_span_len(value) - 2 * quote};
    return cmx_number_read_count(digits, count);
}

bool cmx_answer_json_usage(cmx_json_span object, cmx_usage *usage)
{
    cmx_json_span values[CMX_ARRAY_LEN(usage_names)] = {{NULL, NULL}};
    cmx_json_member member;
    int rc = cmx_json_scan_enter(&object, '{');
    while (cmx_json_scan_step(&object, &rc, &member)) {
        for (size_t i = 0; i < CMX_ARRAY_LEN(usage_names); i++) {
            const usage_name *name = &usage_names[i];
            if (cmx_json_text_is(member.key, name->member)) {
                bool deep = name->inside.len > 0;
                values[i] = deep ? find_inside(member.value, name->inside) : member.value;
                break;
            }
        }
    }
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < CMX_ARRAY_LEN(usage_names); i++) {
        uint64_t count;
        size_t at = usage_names[i].at;
        if (at != found && read_count(values[i], &count)) {
            memcpy((uint8_t *)usage + at, &count, sizeof count);
            found = at;
        }
    }
    return found != SIZE_MAX;
}

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
    return value->type == CMX_JSON_STRING ? value->text : (cmx_json_span){NULL, NULL};
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
