/* SPDX-License-Identifier: MIT */
/*
 * The tables. A new optional member of the body is a line here. In: the caller's struct. Out: what
 * it asks for.
 */
#include "chat/body_fields.h"

_Static_assert(sizeof(cmx_chat) <= UINT8_MAX, "an offset in it fits into a byte");

const char cmx_body_fields_names[] =
    "\25max_completion_tokens\17response_format\16stream_options\13temperature\13tool_choice"
    "\12max_tokens\10messages\6stream\5model\5top_p\5tools\4stop\1n";

#define FIELD(member, name) #member, ",\"" name "\":"
#define NUMBER(member, name, number, least, most, kind)                            \
    {                                                                              \
        FIELD(member, name), most, least, kind, number, offsetof(cmx_chat, member) \
    }
#define JSON(member, name, number, kinds)                                    \
    {                                                                        \
        FIELD(member, name), 0, 0, kinds, number, offsetof(cmx_chat, member) \
    }

const cmx_body_field cmx_body_fields[CMX_BODY_FIELDS] = {
    NUMBER(temperature_milli, "temperature", CMX_BODY_NAME_TEMPERATURE, 0, CMX_BODY_TEMPERATURE_MAX,
           CMX_BODY_FIELDS_MILLI),
    NUMBER(top_p_milli, "top_p", CMX_BODY_NAME_TOP_P, 0, CMX_BODY_TOP_P_MAX, CMX_BODY_FIELDS_MILLI),
    NUMBER(max_tokens, "max_tokens", CMX_BODY_NAME_MAX_TOKENS, 1, CMX_UNSET - 1,
           CMX_BODY_FIELDS_WHOLE),
    NUMBER(max_completion_tokens, "max_completion_tokens", CMX_BODY_NAME_MAX_COMPLETION_TOKENS, 1,
           CMX_UNSET - 1, CMX_BODY_FIELDS_WHOLE),
    NUMBER(choices, "n", CMX_BODY_NAME_N, 1, CMX_BODY_CHOICES_MAX, CMX_BODY_FIELDS_WHOLE),
    JSON(stop_json, "stop", CMX_BODY_NAME_STOP, CMX_BODY_FIELDS_STRING | CMX_BODY_FIELDS_STRINGS),
    JSON(tools_json, "tools", CMX_BODY_NAME_TOOLS, CMX_BODY_FIELDS_ARRAY),
    JSON(tool_choice_json, "tool_choice", CMX_BODY_NAME_TOOL_CHOICE,
         CMX_BODY_FIELDS_STRING | CMX_BODY_FIELDS_OBJECT),
    JSON(response_format_json, "response_format", CMX_BODY_NAME_RESPONSE_FORMAT,
         CMX_BODY_FIELDS_OBJECT),
};

uint32_t cmx_body_fields_number(const cmx_chat *chat, const cmx_body_field *field)
{
    uint32_t value;
    memcpy(&value, (const uint8_t *)chat + field->at, sizeof value);
    return value;
}

const char *cmx_body_fields_json(const cmx_chat *chat, const cmx_body_field *field)
{
    const char *text;
    memcpy(&text, (const uint8_t *)chat + field->at, sizeof text);
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
