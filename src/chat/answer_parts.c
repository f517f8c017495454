/* SPDX-License-Identifier: MIT */
/*
 * One pass per element, because the order of members is the server's own: an id may stand behind
 * the arguments that it belongs to.
 */
#include "chat/answer_parts.h"

#include "text/json_text.h"

/* Returns the inside of a string that is not empty, else a span without `at`. */
static cmx_json_span inside_of(cmx_json_span value)
{
    if (value.at == NULL || *value.at != '"' || cmx_json_span_len(value) == 2) {
        return (cmx_json_span){NULL, NULL};
    }
    return (cmx_json_span){value.at + 1, value.end - 1};
}

/* Steps to the next element; `taken` tells whether this one was stepped over. */
static void step_over(cmx_json_span *elements, bool taken)
{
    if (!taken || cmx_json_scan_next(elements) != CMX_OK) {
        elements->at = NULL;
    }
}

/* Steps over an element that is no object. */
static void skip_element(cmx_json_span *elements)
{
    step_over(elements, cmx_json_scan_skip(elements, CMX_JSON_SCAN_DEPTH_MAX));
}

/* Takes the members of an object.
 *
 * names   of those that matter, as cmx_json_text_which() has them
 * values  out: what stands under each name, from 1, untouched if it is not there
 *
 * Returns whether the object was stepped over. */
static bool take_members(cmx_json_span *object, const char *names, cmx_json_span *values)
{
    cmx_json_member member;
    int rc = cmx_json_scan_enter(object, '{');
    while (cmx_json_scan_step(object, &rc, &member)) {
        values[cmx_json_text_which(&member.key, names)] = member.value;
    }
    return rc == CMX_AGAIN;
}

/* Kinds of parts, each with its text in a member of the same name. */
enum { PART_THINKING = 1, PART_REFUSAL, PART_TEXT, PART_TYPE, PART_NAMES };

static const char part_names[] = "\10thinking\7refusal\4text\4type";

/* Returns what a part is by its type; one that does not say its type is a text. */
static unsigned kind_of(cmx_json_span type)
{
    if (type.at == NULL) {
        return PART_TEXT;
    }
    size_t len = cmx_json_span_len(type);
    const cmx_json_key name = {type.at, len, memchr(type.at, '\\', len) != NULL};
    return cmx_json_text_which(&name, part_names);
}

enum cmx_answer_json_part cmx_answer_parts_take(cmx_json_span *parts, cmx_json_span *value)
{
    static const uint8_t kinds[] = {
        [PART_THINKING] = CMX_ANSWER_JSON_REASONING,
        [PART_REFUSAL] = CMX_ANSWER_JSON_REFUSAL,
        [PART_TEXT] = CMX_ANSWER_JSON_CONTENT,
    };
    if (*parts->at != '{') {
        skip_element(parts);
        return CMX_ANSWER_JSON_NOTHING;
    }
    cmx_json_span values[PART_NAMES] = {{NULL, NULL}};
    step_over(parts, take_members(parts, part_names, values));
    unsigned kind = kind_of(inside_of(values[PART_TYPE]));
    if (kind == 0 || kind > PART_TEXT) {
        return CMX_ANSWER_JSON_NOTHING;
    }
    *value = values[kind];
    if (kind == PART_THINKING && value->at != NULL && *value->at == '[') {
        return cmx_answer_json_enter(value) ? CMX_ANSWER_JSON_PARTS : CMX_ANSWER_JSON_NOTHING;
    }
    *value = inside_of(*value);
    return value->at == NULL ? CMX_ANSWER_JSON_NOTHING : (enum cmx_answer_json_part)kinds[kind];
}

/* A custom tool has `input`, a text, where a function has `arguments`. */
static void read_function(cmx_json_span object, cmx_answer_parts_tool *tool)
{
    enum { ARGUMENTS = 1, INPUT, NAME, NAMES };
    cmx_json_span values[NAMES] = {{NULL, NULL}};
    (void)take_members(&object, "\11arguments\5input\4name", values);
    const cmx_json_span *text = &values[values[INPUT].at == NULL ? ARGUMENTS : INPUT];
    tool->name = inside_of(values[NAME]);
    tool->is_raw = text->at != NULL && (*text->at == '{' || *text->at == '[');
    tool->arguments = tool->is_raw ? *text : inside_of(*text);
}

void cmx_answer_parts_tool_take(cmx_json_span *tools, cmx_answer_parts_tool *tool)
{
    enum { FUNCTION = 1, CUSTOM, INDEX, ID, NAMES };
    *tool = (cmx_answer_parts_tool){0};
    if (*tools->at != '{') {
        skip_element(tools);
        return;
    }
    cmx_json_span values[NAMES] = {{NULL, NULL}};
    step_over(tools, take_members(tools, "\10function\6custom\5index\2id", values));
    tool->has_index =
        values[INDEX].at != NULL && cmx_answer_json_index(values[INDEX], &tool->index);
    tool->id = inside_of(values[ID]);
    const cmx_json_span *function = &values[values[CUSTOM].at == NULL ? FUNCTION : CUSTOM];
    if (function->at != NULL && *function->at == '{') {
        read_function(*function, tool);
    }
}

void cmx_answer_parts_function_read(cmx_json_span object, cmx_answer_parts_tool *tool)
{
    *tool = (cmx_answer_parts_tool){0};
    read_function(object, tool);
}
