/* SPDX-License-Identifier: MIT */
/*
 * The body as a sequence of pieces, each either literal JSON or a text to be escaped. The position
 * is (piece, offset in its source, offset in the escape of one byte), so any read can stop at any
 * byte; the dry run walks the same pieces and only counts.
 */
#include "chat/body.h"

#include "text/json_text.h"
#include "text/number.h"

enum step {
    STEP_BEGIN,   /* {"model":" */
    STEP_MODEL,   /* text */
    STEP_LIST,    /* ","messages":[ */
    STEP_ROLE,    /* {"role":"user","content":" with a comma before all but the first */
    STEP_CONTENT, /* text */
    STEP_CLOSE,   /* "} */
    STEP_OPTIONS, /* ],"stream":... */
    STEP_TEMPERATURE,
    STEP_TOKENS,
    STEP_FINISH, /* } */
    STEP_END,
};

enum { PIECE_BYTES_MAX = 64 };

static const cmx_view roles[] = {
    [CMX_ROLE_SYSTEM] = {(const uint8_t *)",{\"role\":\"system\",\"content\":\"", 29},
    [CMX_ROLE_DEVELOPER] = {(const uint8_t *)",{\"role\":\"developer\",\"content\":\"", 32},
    [CMX_ROLE_USER] = {(const uint8_t *)",{\"role\":\"user\",\"content\":\"", 27},
    [CMX_ROLE_ASSISTANT] = {(const uint8_t *)",{\"role\":\"assistant\",\"content\":\"", 32},
};

static size_t message_text_len(const cmx_message *message)
{
    return message->text_len > 0 ? message->text_len : strlen(message->text);
}

static cmx_view options_piece(const cmx_chat *chat)
{
    if (!chat->stream) {
        return CMX_VIEW_LITERAL("],\"stream\":false");
    }
    if (!chat->include_usage) {
        return CMX_VIEW_LITERAL("],\"stream\":true");
    }
    return CMX_VIEW_LITERAL("],\"stream\":true,\"stream_options\":{\"include_usage\":true}");
}

/* Joins a name and a number in `out`. */
static cmx_view number_piece(uint8_t out[PIECE_BYTES_MAX], cmx_view name, uint32_t value,
                             bool milli)
{
    CMX_ASSERT(name.len + CMX_NUMBER_BYTES_MAX <= PIECE_BYTES_MAX);
    memcpy(out, name.data, name.len);
    size_t len = milli ? cmx_number_write_milli(out + name.len, value)
                       : cmx_number_write(out + name.len, value);
    return (cmx_view){out, name.len + len};
}

/* Returns the source bytes of the current piece.
 *
 * scratch  may be what the result lies in */
static cmx_view current_piece(const cmx_body *body, uint8_t scratch[PIECE_BYTES_MAX])
{
    const cmx_chat *chat = &body->chat;
    switch ((enum step)body->step) {
    case STEP_BEGIN:
        return CMX_VIEW_LITERAL("{\"model\":\"");
    case STEP_MODEL:
        return (cmx_view){(const uint8_t *)chat->model, body->text_len};
    case STEP_LIST:
        return CMX_VIEW_LITERAL("\",\"messages\":[");
    case STEP_ROLE: {
        cmx_view role = roles[chat->messages[body->message].role];
        size_t comma = body->message == 0 ? 1 : 0;
        return (cmx_view){role.data + comma, role.len - comma};
    }
    case STEP_CONTENT:
        return (cmx_view){(const uint8_t *)chat->messages[body->message].text, body->text_len};
    case STEP_CLOSE:
        return CMX_VIEW_LITERAL("\"}");
    case STEP_OPTIONS:
        return options_piece(chat);
    case STEP_TEMPERATURE:
        return chat->temperature_milli == CMX_UNSET
                   ? (cmx_view){NULL, 0}
                   : number_piece(scratch, CMX_VIEW_LITERAL(",\"temperature\":"),
                                  chat->temperature_milli, true);
    case STEP_TOKENS:
        return chat->max_tokens == CMX_UNSET
                   ? (cmx_view){NULL, 0}
                   : number_piece(scratch, CMX_VIEW_LITERAL(",\"max_tokens\":"), chat->max_tokens,
                                  false);
    case STEP_FINISH:
        return CMX_VIEW_LITERAL("}");
    case STEP_END:
        break;
    }
    CMX_UNREACHABLE();
}

static bool is_text(const cmx_body *body)
{
    return body->step == STEP_MODEL || body->step == STEP_CONTENT;
}

static bool message_ok(const cmx_message *message)
{
    return message->text != NULL && (unsigned)message->role < CMX_ARRAY_LEN(roles);
}

/* Goes to the piece behind the current one. Returns false if the message that begins is not what
 * it was at init. */
static bool next_piece(cmx_body *body)
{
    bool more = body->step == STEP_CLOSE && body->message + 1 < body->chat.message_count;
    body->offset = 0;
    body->utf8 = (cmx_utf8){0};
    if (more) {
        body->message++;
        body->step = STEP_ROLE;
    } else {
        body->step++;
    }
    if (body->step == STEP_MODEL) {
        body->text_len = strlen(body->chat.model);
    }
    if (body->step != STEP_ROLE) {
        return true;
    }
    const cmx_message *message = &body->chat.messages[body->message];
    if (!message_ok(message)) {
        return false;
    }
    body->text_len = message_text_len(message);
    return true;
}

/* Returns the bytes of a text once escaped. */
static uint64_t escaped_len(const uint8_t *data, size_t len)
{
    uint8_t escape[CMX_JSON_TEXT_ESCAPE_BYTES_MAX];
    uint64_t sum = 0;
    size_t i = 0;
    while (i < len) {
        size_t plain = cmx_json_scan_plain_len(data + i, len - i);
        sum += plain;
        i += plain;
        if (i < len) {
            sum += cmx_json_text_escape(escape, data[i]);
            i++;
        }
    }
    return sum;
}

/* The dry run. Returns the length, or UINT64_MAX if it is more than CMX_BODY_BYTES_MAX or the
 * messages change meanwhile. */
static uint64_t measure(cmx_body *body)
{
    uint8_t scratch[PIECE_BYTES_MAX];
    uint64_t sum = 0;
    cmx_body_rewind(body);
    while (body->step != STEP_END && sum <= CMX_BODY_BYTES_MAX) {
        cmx_view piece = current_piece(body, scratch);
        sum += is_text(body) ? escaped_len(piece.data, piece.len) : piece.len;
        if (!next_piece(body)) {
            return UINT64_MAX;
        }
    }
    cmx_body_rewind(body);
    return sum <= CMX_BODY_BYTES_MAX ? sum : UINT64_MAX;
}

static int check_model(const cmx_chat *chat, const char **bad_field)
{
    *bad_field = "model";
    if (chat->model == NULL) {
        return CMX_ERR_ARGUMENT;
    }
    size_t len = strlen(chat->model);
    if (len == 0 || len > CMX_BODY_MODEL_BYTES_MAX) {
        return CMX_ERR_ARGUMENT;
    }
    return cmx_utf8_is_valid((const uint8_t *)chat->model, len) ? CMX_OK : CMX_ERR_UTF8;
}

static int check_messages(const cmx_chat *chat, const char **bad_field)
{
    *bad_field = "messages";
    if (chat->messages == NULL) {
        return CMX_ERR_ARGUMENT;
    }
    *bad_field = "message_count";
    if (chat->message_count == 0 || chat->message_count > CMX_BODY_MESSAGES_MAX) {
        return CMX_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < chat->message_count; i++) {
        const cmx_message *message = &chat->messages[i];
        *bad_field = message->text == NULL ? "messages.text" : "messages.role";
        if (!message_ok(message)) {
            return CMX_ERR_ARGUMENT;
        }
        *bad_field = "messages.text";
        if (!cmx_utf8_is_valid((const uint8_t *)message->text, message_text_len(message))) {
            return CMX_ERR_UTF8;
        }
    }
    return CMX_OK;
}

static int check_options(const cmx_chat *chat, const char **bad_field)
{
    *bad_field = "temperature_milli";
    if (chat->temperature_milli != CMX_UNSET &&
        chat->temperature_milli > CMX_BODY_TEMPERATURE_MAX) {
        return CMX_ERR_ARGUMENT;
    }
    *bad_field = "max_tokens";
    if (chat->max_tokens == 0) {
        return CMX_ERR_ARGUMENT;
    }
    *bad_field = "answer";
    if (!chat->stream && (chat->answer == NULL || chat->answer_bytes == 0)) {
        return CMX_ERR_ARGUMENT;
    }
    return CMX_OK;
}

int cmx_body_init(cmx_body *body, const cmx_chat *chat, const char **bad_field)
{
    const char *ignored;
    const char **field = bad_field != NULL ? bad_field : &ignored;
    int rc = check_model(chat, field);
    if (rc == CMX_OK) {
        rc = check_messages(chat, field);
    }
    if (rc == CMX_OK) {
        rc = check_options(chat, field);
    }
    if (rc != CMX_OK) {
        return rc;
    }
    *body = (cmx_body){.chat = *chat};
    body->length = measure(body);
    if (body->length == UINT64_MAX) {
        *field = "messages";
        return CMX_ERR_ARGUMENT;
    }
    *field = NULL;
    return CMX_OK;
}

/* Copies plain bytes of a text and checks that they are still UTF-8. Returns false if not. */
static bool copy_plain(cmx_body *body, cmx_view from, uint8_t *out, size_t len)
{
    memcpy(out, from.data, len);
    return cmx_utf8_feed(&body->utf8, out, len) == len;
}

/* Writes the next bytes of a text.
 *
 * got  out: bytes written, at least one
 *
 * Returns false if the text is not UTF-8 any more. */
static bool write_text(cmx_body *body, cmx_view piece, uint8_t *out, size_t capacity, size_t *got)
{
    cmx_view rest = {piece.data + body->offset, piece.len - body->offset};
    size_t plain = cmx_json_scan_plain_len(rest.data, rest.len < capacity ? rest.len : capacity);
    if (plain > 0) {
        body->offset += plain;
        *got = plain;
        return copy_plain(body, rest, out, plain);
    }
    uint8_t escape[CMX_JSON_TEXT_ESCAPE_BYTES_MAX];
    size_t len = cmx_json_text_escape(escape, rest.data[0]);
    size_t part = len - body->escape_at < capacity ? len - body->escape_at : capacity;
    memcpy(out, escape + body->escape_at, part);
    body->escape_at = (uint8_t)(body->escape_at + part);
    if (body->escape_at == len) {
        body->escape_at = 0;
        body->offset++;
    }
    *got = part;
    return body->utf8.missing == 0;
}

/* Writes the next bytes of the current piece, which is not used up. */
static bool write_piece(cmx_body *body, uint8_t *out, size_t capacity, size_t *got)
{
    uint8_t scratch[PIECE_BYTES_MAX];
    cmx_view piece = current_piece(body, scratch);
    if (is_text(body)) {
        return write_text(body, piece, out, capacity, got);
    }
    size_t left = piece.len - body->offset;
    *got = left < capacity ? left : capacity;
    memcpy(out, piece.data + body->offset, *got);
    body->offset += *got;
    return true;
}

/* Goes to the next piece that has bytes left, or to the end. */
static bool settle(cmx_body *body)
{
    uint8_t scratch[PIECE_BYTES_MAX];
    while (body->step != STEP_END && body->offset == current_piece(body, scratch).len) {
        if (body->utf8.missing > 0 || !next_piece(body)) {
            return false;
        }
    }
    return true;
}

int cmx_body_read(void *ctx, uint8_t *out, size_t capacity, size_t *got)
{
    cmx_body *body = ctx;
    CMX_ASSERT(capacity > 0);
    *got = 0;
    while (!body->changed && *got < capacity && body->step != STEP_END) {
        size_t len = 0;
        bool same = write_piece(body, out + *got, capacity - *got, &len) && settle(body);
        *got += len;
        body->read_bytes += len;
        body->changed = !same;
    }
    /* The announced length and the real end must meet: else a part would pass for the whole. */
    bool at_end = body->step == STEP_END;
    if (body->read_bytes > body->length || at_end != (body->read_bytes == body->length)) {
        body->changed = true;
    }
    if (body->changed) {
        *got = 0;
        return CMX_ERR_BODY_CHANGED;
    }
    return CMX_OK;
}

void cmx_body_rewind(void *ctx)
{
    cmx_body *body = ctx;
    body->read_bytes = 0;
    body->message = 0;
    body->offset = 0;
    body->text_len = 0;
    body->utf8 = (cmx_utf8){0};
    body->step = STEP_BEGIN;
    body->escape_at = 0;
    body->changed = false;
}
