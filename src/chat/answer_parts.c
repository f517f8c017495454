/* SPDX-License-Identifier: MIT */
/*
 * One pass per element, because the order of members is the server's own: an id may stand behind
 * the arguments that it belongs to.
 */
#include "chat/answer_parts.h"

#include "text/json_text.h"

#define IS(key, name) cmx_json_text_is((key), CMX_VIEW_LITERAL(name))

/* Returns the inside of a string that is not empty, else a span without `at`. */
static cmx_json_span inside_of(cmx_json_span value)
{
    if (*value.at != '"' || cmx_json_span_len(value) == 2) {
        return (cmx_json_span){NULL, NULL};
    }
    return (cmx_json_span){value.at + 1, value.end - 1};
}

/* Returns whether a part is of a type; one that does not say its type is of the usual one. */
static bool is_type(cmx_json_span type, cmx_view name, bool usual)
{
    if (type.at == NULL) {
        return usual;
    }
    size_t len = cmx_json_span_len(type);
    bool escaped = memchr(type.at, '\\', len) != NULL;
    return cmx_json_text_is((cmx_json_key){type.at, len, escaped}, name);
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

typedef struct content_part {
    cmx_json_span type;
    cmx_json_span text;
    cmx_json_span thinking; /* inside of a string, or an array's first element with is_nested */
    cmx_json_span refusal;
    bool is_nested;
} content_part;

static void note_part(content_part *part, cmx_json_key key, cmx_json_span value)
{
    if (IS(key, "type")) {
        part->type = inside_of(value);
    } else if (IS(key, "text")) {
        part->text = inside_of(value);
    } else if (IS(key, "refusal")) {
        part->refusal = inside_of(value);
    } else if (IS(key, "thinking")) {
        part->is_nested = *value.at == '[';
        part->thinking = part->is_nested ? value : inside_of(value);
    }
}

enum cmx_answer_json_part cmx_answer_parts_take(cmx_json_span *parts, cmx_json_span *value)
{
    if (*parts->at != '{') {
        skip_element(parts);
        return CMX_ANSWER_JSON_NOTHING;
    }
    content_part part = {0};
    cmx_json_member member;
    int rc = cmx_json_scan_enter(parts, '{');
    while (cmx_json_scan_step(parts, &rc, &member)) {
        note_part(&part, member.key, member.value);
    }
    step_over(parts, rc == CMX_AGAIN);
    if (is_type(part.type, CMX_VIEW_LITERAL("text"), true)) {
        *value = part.text;
        return part.text.at == NULL ? CMX_ANSWER_JSON_NOTHING : CMX_ANSWER_JSON_CONTENT;
    }
    if (is_type(part.type, CMX_VIEW_LITERAL("refusal"), false)) {
        *value = part.refusal;
        return part.refusal.at == NULL ? CMX_ANSWER_JSON_NOTHING : CMX_ANSWER_JSON_REFUSAL;
    }
    if (!is_type(part.type, CMX_VIEW_LITERAL("thinking"), false)) {
        return CMX_ANSWER_JSON_NOTHING;
    }
    *value = part.thinking;
    if (part.is_nested) {
        return cmx_answer_json_enter(value) ? CMX_ANSWER_JSON_PARTS : CMX_ANSWER_JSON_NOTHING;
    }
    return part.thinking.at == NULL ? CMX_ANSWER_JSON_NOTHING : CMX_ANSWER_JSON_REASONING;
}

/* A custom tool has `input`, a text, where a function has `arguments`. */
static void note_function(cmx_answer_parts_tool *tool, cmx_json_key key, cmx_json_span value)
{
    if (IS(key, "name")) {
        tool->name = inside_of(value);
    } else if (IS(key, "arguments") || IS(key, "input")) {
        tool->is_raw = *value.at == '{' || *value.at == '[';
        tool->arguments = tool->is_raw ? value : inside_of(value);
    }
}

static void read_function(cmx_json_span object, cmx_answer_parts_tool *tool)
{
    cmx_json_member member;
    int rc = cmx_json_scan_enter(&object, '{');
    while (cmx_json_scan_step(&object, &rc, &member)) {
        note_function(tool, member.key, member.value);
    }
}

static void note_tool(cmx_answer_parts_tool *tool, cmx_json_key key, cmx_json_span value)
{
    if (IS(key, "index")) {
        tool->has_index = cmx_answer_json_index(value, &tool->index);
    } else if (IS(key, "id")) {
        tool->id = inside_of(value);
    } else if ((IS(key, "function") || IS(key, "custom")) && *value.at == '{') {
        read_function(value, tool);
    }
}

void cmx_answer_parts_tool_take(cmx_json_span *tools, cmx_answer_parts_tool *tool)
{
    *tool = (cmx_answer_parts_tool){0};
    if (*tools->at != '{') {
        skip_element(tools);
        return;
    }
    cmx_json_member member;
    int rc = cmx_json_scan_enter(tools, '{');
    while (cmx_json_scan_step(tools, &rc, &member)) {
        note_tool(tool, member.key, member.value);
    }
    step_over(tools, rc == CMX_AGAIN);
}

void cmx_answer_parts_function_read(cmx_json_span object, cmx_answer_parts_tool *tool)
{
    *tool = (cmx_answer_parts_tool){0};
    read_function(object, tool);
}
