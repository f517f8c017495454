/* SPDX-License-Identifier: MIT */
/*
 * The tables. A new optional member of the body is a line here. In: the caller's struct. Out: what
 * it asks for.
 */
#include "chat/body_fields.h"

#define FIELD(member) #member, offsetof(cmx_chat, member)

/* The caller's field, its place, the name in the body. */
static const cmx_body_number numbers[CMX_BODY_FIELDS_NUMBERS] = {
    {FIELD(temperature_milli), "temperature", 0, CMX_BODY_TEMPERATURE_MAX, true},
    {FIELD(top_p_milli), "top_p", 0, CMX_BODY_TOP_P_MAX, true},
    {FIELD(max_tokens), "max_tokens", 1, CMX_UNSET - 1, false},
    {FIELD(max_completion_tokens), "max_completion_tokens", 1, CMX_UNSET - 1, false},
    {FIELD(choices), "n", 1, CMX_BODY_CHOICES_MAX, false},
};

static const cmx_body_json jsons[CMX_BODY_FIELDS_JSONS] = {
    {FIELD(stop_json), "stop", CMX_BODY_FIELDS_STRING | CMX_BODY_FIELDS_STRINGS},
    {FIELD(tools_json), "tools", CMX_BODY_FIELDS_ARRAY},
    {FIELD(tool_choice_json), "tool_choice", CMX_BODY_FIELDS_STRING | CMX_BODY_FIELDS_OBJECT},
    {FIELD(response_format_json), "response_format", CMX_BODY_FIELDS_OBJECT},
};

const cmx_body_number *cmx_body_fields_numbers(void)
{
    return numbers;
}

const cmx_body_json *cmx_body_fields_jsons(void)
{
    return jsons;
}

uint32_t cmx_body_fields_number(const cmx_chat *chat, const cmx_body_number *number)
{
    uint32_t value;
    memcpy(&value, (const uint8_t *)chat + number->at, sizeof value);
    return value;
}

const char *cmx_body_fields_json(const cmx_chat *chat, const cmx_body_json *json)
{
    const char *text;
    memcpy(&text, (const uint8_t *)chat + json->at, sizeof text);
    return text;
}

enum cmx_body_stream cmx_body_fields_stream(const cmx_chat *chat)
{
    if (!chat->stream) {
        return CMX_BODY_STREAM_OFF;
    }
    if (chat->no_obfuscation) {
        return chat->include_usage ? CMX_BODY_STREAM_BARE_USAGE : CMX_BODY_STREAM_BARE;
    }
    return chat->include_usage ? CMX_BODY_STREAM_USAGE : CMX_BODY_STREAM_ON;
}
