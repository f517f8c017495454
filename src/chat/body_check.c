/* SPDX-License-Identifier: MIT */
/*
 * The checks, in the order of the fields. Each one names its field in `fault`, so that every error
 * says where it was.
 */
#include "chat/body_check.h"

#include "chat/body_fields.h"
#include "text/json_check.h"
#include "text/json_text.h"
#include "text/utf8.h"

/* Names of members that chatmux sends itself. */
typedef struct own_names {
    const char *names; /* as cmx_json_text_which() has them */
    unsigned sent;     /* bit per number of a name */
} own_names;

static int refuse(cmx_chat_fault *fault, int status, size_t offset)
{
    fault->offset = offset;
    return status;
}

static int check_text(cmx_view text, cmx_chat_fault *fault)
{
    size_t valid = cmx_utf8_valid_len(text.data, text.len);
    return valid == text.len ? CMX_OK : refuse(fault, CMX_ERR_UTF8, valid);
}

/* The scanner reads only; its spans are not const for those that decode in place. */
static cmx_json_span span_of(cmx_view text, size_t offset)
{
    uint8_t *data = (uint8_t *)text.data;
    return (cmx_json_span){data + offset, data + text.len};
}

/* `text` is a valid array. Returns whether it holds nothing but strings.
 *
 * offset  out: the first value that is none; only on false */
static bool holds_strings(cmx_view text, size_t *offset)
{
    cmx_json_span rest = span_of(text, 0);
    cmx_json_span value;
    int rc = cmx_json_scan_enter(&rest, '[');
    while (rc == CMX_OK && cmx_json_scan_value(&rest, &value)) {
        if (*value.at != '"') {
            *offset = (size_t)(value.at - text.data);
            return false;
        }
        rc = cmx_json_scan_next(&rest);
    }
    return true;
}

/* Returns the kind of a valid value by its first byte. */
static unsigned kind_of(uint8_t first)
{
    switch (first) {
    case '"':
        return CMX_BODY_FIELDS_STRING;
    case '[':
        return CMX_BODY_FIELDS_ARRAY | CMX_BODY_FIELDS_STRINGS;
    case '{':
        return CMX_BODY_FIELDS_OBJECT;
    default:
        return 0;
    }
}

static int check_json(const char *json, unsigned kinds, cmx_chat_fault *fault)
{
    cmx_view text = cmx_view_text(json);
    int rc = check_text(text, fault);
    if (rc != CMX_OK) {
        return rc;
    }
    size_t offset = 0;
    if (!cmx_json_check(text, &offset)) {
        return refuse(fault, CMX_ERR_JSON, offset);
    }
    if (kinds == CMX_BODY_FIELDS_ANY) {
        return CMX_OK;
    }
    unsigned kind = kind_of(text.data[offset]) & kinds;
    if (kind == 0 || (kind == CMX_BODY_FIELDS_STRINGS && !holds_strings(text, &offset))) {
        return refuse(fault, CMX_ERR_JSON, offset);
    }
    return CMX_OK;
}

/* Checks an object whose members are to join those in `own`. NULL is none. */
static int check_members(const char *json, const own_names *own, cmx_chat_fault *fault)
{
    if (json == NULL) {
        return CMX_OK;
    }
    int rc = check_json(json, CMX_BODY_FIELDS_OBJECT, fault);
    if (rc != CMX_OK) {
        return rc;
    }
    cmx_view text = cmx_view_text(json);
    cmx_json_span rest = span_of(text, 0);
    rc = cmx_json_scan_enter(&rest, '{');
    while (rc == CMX_OK) {
        cmx_json_member member;
        size_t offset = (size_t)(rest.at - text.data);
        rc = cmx_json_scan_member(&rest, &member);
        if (rc < 0 || (own->sent >> cmx_json_text_which(&member.key, own->names) & 1) != 0) {
            return refuse(fault, CMX_ERR_JSON, offset);
        }
    }
    return CMX_OK;
}

static int check_model(const char *model, cmx_chat_fault *fault)
{
    fault->field = "model";
    if (model == NULL) {
        return CMX_OK; /* one of the targets; whether there is one is not known here */
    }
    cmx_view text = cmx_view_text(model);
    if (text.len == 0 || text.len > CMX_BODY_MODEL_BYTES_MAX) {
        return CMX_ERR_ARGUMENT;
    }
    return check_text(text, fault);
}

static int check_content(const cmx_message *message, cmx_chat_fault *fault)
{
    if (message->text != NULL) {
        fault->field = "messages.text";
        size_t len = message->text_len > 0 ? message->text_len : strlen(message->text);
        return check_text((cmx_view){(const uint8_t *)message->text, len}, fault);
    }
    if (message->content_json != NULL) {
        fault->field = "messages.content_json";
        return check_json(message->content_json, CMX_BODY_FIELDS_ANY, fault);
    }
    fault->field = "messages.text";
    return message->extra_json != NULL ? CMX_OK : CMX_ERR_ARGUMENT;
}

/* Members of a message that chatmux sends itself. */
enum { NAME_CALL = 1, NAME_CONTENT, NAME_ROLE };

static int check_message(const cmx_message *message, cmx_chat_fault *fault)
{
    fault->field = "messages.role";
    if ((unsigned)message->role > CMX_ROLE_TOOL) {
        return CMX_ERR_ARGUMENT;
    }
    int rc = check_content(message, fault);
    own_names own = {"\14tool_call_id\7content\4role", 1u << NAME_CONTENT | 1u << NAME_ROLE};
    if (rc == CMX_OK && message->tool_call_id != NULL) {
        fault->field = "messages.tool_call_id";
        rc = check_text(cmx_view_text(message->tool_call_id), fault);
        own.sent |= 1u << NAME_CALL;
    }
    if (rc == CMX_OK) {
        fault->field = "messages.extra_json";
        rc = check_members(message->extra_json, &own, fault);
    }
    return rc;
}

static int check_messages(const cmx_chat *chat, cmx_chat_fault *fault)
{
    fault->field = "messages";
    if (chat->messages == NULL) {
        return CMX_ERR_ARGUMENT;
    }
    fault->field = "message_count";
    if (chat->message_count == 0 || chat->message_count > CMX_BODY_MESSAGES_MAX) {
        return CMX_ERR_ARGUMENT;
    }
    int rc = CMX_OK;
    for (size_t i = 0; rc == CMX_OK && i < chat->message_count; i++) {
        fault->message = i;
        rc = check_message(&chat->messages[i], fault);
    }
    fault->message = rc == CMX_OK ? 0 : fault->message;
    return rc;
}

/* Checks the optional fields, and adds the names of those that are set to `own`. */
static int check_options(const cmx_chat *chat, own_names *own, cmx_chat_fault *fault)
{
    for (size_t i = 0; i < CMX_BODY_FIELDS; i++) {
        const cmx_body_field *field = &cmx_body_fields[i];
        int rc = CMX_OK;
        if (i < CMX_BODY_FIELDS_NUMBERS) {
            uint32_t value = cmx_body_fields_number(chat, field);
            if (value == CMX_UNSET) {
                continue;
            }
            rc = value < field->least || value > field->most ? CMX_ERR_ARGUMENT : CMX_OK;
        } else {
            const char *json = cmx_body_fields_json(chat, field);
            if (json == NULL) {
                continue;
            }
            rc = check_json(json, field->kinds, fault);
        }
        if (rc != CMX_OK) {
            fault->field = field->field;
            return rc;
        }
        own->sent |= 1u << field->number;
    }
    return CMX_OK;
}

static int check_fields(const cmx_chat *chat, cmx_chat_fault *fault)
{
    own_names own = {cmx_body_fields_names, 1u << CMX_BODY_NAME_MODEL |
                                                1u << CMX_BODY_NAME_MESSAGES |
                                                1u << CMX_BODY_NAME_STREAM};
    if (cmx_body_fields_stream(chat) > CMX_BODY_STREAM_ON) {
        own.sent |= 1u << CMX_BODY_NAME_STREAM_OPTIONS;
    }
    int rc = check_model(chat->model, fault);
    if (rc == CMX_OK) {
        rc = check_messages(chat, fault);
    }
    if (rc == CMX_OK) {
        rc = check_options(chat, &own, fault);
    }
    if (rc == CMX_OK) {
        fault->field = "extra_json";
        rc = check_members(chat->extra_json, &own, fault);
    }
    if (rc != CMX_OK) {
        return rc;
    }
    fault->field = "answer";
    bool room = chat->answer != NULL && chat->answer_bytes > 0;
    return chat->stream || room ? CMX_OK : CMX_ERR_ARGUMENT;
}

int cmx_body_check(const cmx_chat *chat, cmx_chat_fault *fault)
{
    *fault = (cmx_chat_fault){0};
    int rc = check_fields(chat, fault);
    if (rc == CMX_OK) {
        *fault = (cmx_chat_fault){0};
    }
    return rc;
}
