/* SPDX-License-Identifier: MIT */
/*
 * The body as a sequence of pieces: literals, texts to be quoted and escaped, JSON to be copied.
 * The position is (piece, offset in its source, offset in the escape of one byte), so any read can
 * stop at any byte; the dry run walks the same pieces and only counts. A piece's source is looked
 * up once, where it begins: what the caller does to its pointers later cannot lead past its end.
 */
#include "chat/body.h"

#include "chat/body_check.h"
#include "text/json_text.h"
#include "text/number.h"

enum step {
    STEP_BEGIN,         /* {"model": */
    STEP_MODEL,         /* text */
    STEP_LIST,          /* ,"messages":[ */
    STEP_ROLE,          /* {"role":"user","content": behind the end of the message before */
    STEP_CONTENT,       /* text, JSON or null */
    STEP_CALL_NAME,     /* ,"tool_call_id": */
    STEP_CALL,          /* text */
    STEP_MESSAGE_EXTRA, /* members, and then the next message's STEP_ROLE */
    STEP_LAST,          /* }],"stream":...} where nothing else is sent, and then STEP_END */
    STEP_STREAM,        /* }],"stream":... */
    STEP_NAME,          /* ,"temperature": */
    STEP_VALUE,         /* a number or JSON, and then the next option's STEP_NAME */
    STEP_EXTRA,         /* members */
    STEP_FINISH,        /* } */
    STEP_END,
    STEP_CHANGED, /* what was borrowed changed: every later read fails */
};

enum kind {
    KIND_LITERAL, /* ours */
    KIND_MADE,    /* ours, made when it is read: a number */
    KIND_TEXT,    /* the caller's: quoted and escaped */
    KIND_JSON,    /* the caller's: as it is */
    KIND_MEMBERS, /* the caller's: an object without its end, its '{' becomes a comma */
};

static const char *const roles[] = {
    [CMX_ROLE_SYSTEM] = "},{\"role\":\"system\",\"content\":",
    [CMX_ROLE_DEVELOPER] = "},{\"role\":\"developer\",\"content\":",
    [CMX_ROLE_USER] = "},{\"role\":\"user\",\"content\":",
    [CMX_ROLE_ASSISTANT] = "},{\"role\":\"assistant\",\"content\":",
    [CMX_ROLE_TOOL] = "},{\"role\":\"tool\",\"content\":",
};

#define STREAM_OPTIONS(members) ("}],\"stream\":true,\"stream_options\":{" members "}}")

/* With the end of the body, which is left out where more follows. */
static const char *const streams[] = {
    [CMX_BODY_STREAM_OFF] = "}],\"stream\":false}",
    [CMX_BODY_STREAM_ON] = "}],\"stream\":true}",
    [CMX_BODY_STREAM_USAGE] = STREAM_OPTIONS("\"include_usage\":true"),
    [CMX_BODY_STREAM_BARE] = STREAM_OPTIONS("\"include_obfuscation\":false"),
    [CMX_BODY_STREAM_BARE_USAGE] =
        STREAM_OPTIONS("\"include_usage\":true,\"include_obfuscation\":false"),
};

static bool set_piece(cmx_body *body, enum kind kind, const char *source, size_t len)
{
    if (len > CMX_BODY_BYTES_MAX) {
        return false;
    }
    body->kind = (uint8_t)kind;
    body->source = (const uint8_t *)source;
    body->source_len = (uint32_t)len;
    return true;
}

static bool set_literal(cmx_body *body, const char *literal)
{
    return set_piece(body, KIND_LITERAL, literal, strlen(literal));
}

/* NULL is one that has gone since its name was written. */
static bool set_string(cmx_body *body, enum kind kind, const char *string)
{
    return string != NULL && set_piece(body, kind, string, strlen(string));
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Sets an object up to its end as the piece; nothing if it has no members. Returns false if it is
 * no object any more. */
static bool set_members(cmx_body *body, const char *object)
{
    while (is_space(*object)) {
        object++;
    }
    size_t len = strlen(object);
    while (len > 0 && is_space(object[len - 1])) {
        len--;
    }
    if (len < 2 || object[0] != '{' || object[len - 1] != '}') {
        return false;
    }
    len--;
    while (is_space(object[len - 1])) {
        len--;
    }
    return len == 1 ? set_literal(body, "") : set_piece(body, KIND_MEMBERS, object, len);
}

static bool set_role(cmx_body *body, const cmx_message *message)
{
    if ((unsigned)message->role >= CMX_ARRAY_LEN(roles)) {
        return false;
    }
    size_t skipped = body->item == 0 ? 2 : 0; /* no message ends before the first */
    return set_literal(body, roles[message->role] + skipped);
}

static bool set_content(cmx_body *body, const cmx_message *message)
{
    if (message->text == NULL) {
        return message->content_json == NULL ? set_literal(body, "null")
                                             : set_string(body, KIND_JSON, message->content_json);
    }
    size_t len = message->text_len > 0 ? message->text_len : strlen(message->text);
    return set_piece(body, KIND_TEXT, message->text, len);
}

/* A number is made from what was copied at init, so it is made once more each time it is read
 * instead of being kept. Returns its length. */
static size_t make_number(const cmx_body *body, uint8_t out[CMX_NUMBER_BYTES_MAX])
{
    bool milli = cmx_body_fields[body->item].kinds == CMX_BODY_FIELDS_MILLI;
    return cmx_number_write_decimal(out, body->numbers[body->item], milli ? 3 : 0);
}

static bool set_value(cmx_body *body)
{
    if (body->item >= CMX_BODY_FIELDS_NUMBERS) {
        return set_string(body, KIND_JSON, body->jsons[body->item - CMX_BODY_FIELDS_NUMBERS]);
    }
    CMX_FILLED_LATER uint8_t number[CMX_NUMBER_BYTES_MAX];
    return set_piece(body, KIND_MADE, NULL, make_number(body, number));
}

/* Looks up the piece of the current step; an empty one where nothing is sent. Returns false if what
 * is borrowed is not what it was at init. */
static bool begin_piece(cmx_body *body)
{
    switch ((enum step)body->step) {
    case STEP_BEGIN:
        return set_literal(body, "{\"model\":");
    case STEP_MODEL:
        return set_string(body, KIND_TEXT, body->model);
    case STEP_LIST:
        return set_literal(body, ",\"messages\":[");
    case STEP_ROLE:
        return set_role(body, &body->messages[body->item]);
    case STEP_CONTENT:
        return set_content(body, &body->messages[body->item]);
    case STEP_CALL_NAME:
        return set_literal(body, ",\"tool_call_id\":");
    case STEP_CALL:
        return set_string(body, KIND_TEXT, body->messages[body->item].tool_call_id);
    case STEP_MESSAGE_EXTRA:
        return set_members(body, body->messages[body->item].extra_json);
    case STEP_LAST:
        return set_literal(body, streams[body->stream]);
    case STEP_STREAM:
        return set_piece(body, KIND_LITERAL, streams[body->stream],
                         strlen(streams[body->stream]) - 1);
    case STEP_NAME:
        return set_string(body, KIND_LITERAL, cmx_body_fields[body->item].name);
    case STEP_VALUE:
        return set_value(body);
    case STEP_EXTRA:
        return set_members(body, body->extra_json);
    case STEP_FINISH:
        return set_literal(body, "}");
    case STEP_END:
    case STEP_CHANGED:
        return true;
    }
    CMX_UNREACHABLE();
}

/* Returns whether an optional field is sent. */
static bool is_set(const cmx_body *body, size_t field)
{
    return field < CMX_BODY_FIELDS_NUMBERS ? body->numbers[field] != CMX_UNSET
                                           : body->jsons[field - CMX_BODY_FIELDS_NUMBERS] != NULL;
}

/* Most requests have no number and no JSON, and then there are no steps for them. */
static bool has_options(const cmx_body *body)
{
    bool found = body->extra_json != NULL;
    for (size_t i = 0; i < CMX_BODY_FIELDS; i++) {
        found |= is_set(body, i);
    }
    return found;
}

/* Goes on behind a message's content, or behind what may follow that. */
static void next_in_message(cmx_body *body)
{
    const cmx_message *message = &body->messages[body->item];
    bool has_call = body->step == STEP_CONTENT && message->tool_call_id != NULL;
    if (has_call || body->step == STEP_CALL_NAME) {
        body->step++;
    } else if (body->step != STEP_MESSAGE_EXTRA && message->extra_json != NULL) {
        body->step = STEP_MESSAGE_EXTRA;
    } else if (body->item < body->message_last) {
        body->item++;
        body->step = STEP_ROLE;
    } else {
        body->item = 0;
        body->step = has_options(body) ? STEP_STREAM : STEP_LAST;
    }
}

/* Goes to the step behind the current one. */
static void next_step(cmx_body *body)
{
    if (body->step >= STEP_CONTENT && body->step <= STEP_MESSAGE_EXTRA) {
        next_in_message(body);
    } else if (body->step == STEP_LAST) {
        body->step = STEP_END;
    } else if (body->step == STEP_VALUE && body->item + 1 < CMX_BODY_FIELDS) {
        body->item++;
        body->step = STEP_NAME;
    } else {
        body->step++;
    }
}

/* Returns whether the current step is that of an option which is not sent. */
static bool is_absent(const cmx_body *body)
{
    if (body->step == STEP_EXTRA) {
        return body->extra_json == NULL;
    }
    return (body->step == STEP_NAME || body->step == STEP_VALUE) && !is_set(body, body->item);
}

/* Begins the piece behind the current one, or goes to STEP_CHANGED. */
static void next_piece(cmx_body *body)
{
    body->offset = 0;
    body->quotes = 0;
    do {
        next_step(body);
    } while (is_absent(body));
    if (!begin_piece(body)) {
        body->step = STEP_CHANGED;
    }
}

/* Returns the bytes of a text once quoted and escaped. */
static uint64_t escaped_len(const uint8_t *data, size_t len)
{
    uint8_t escape[CMX_JSON_TEXT_ESCAPE_BYTES_MAX];
    uint64_t sum = 2;
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

/* The dry run. Returns the length, or UINT64_MAX if it is more than CMX_BODY_BYTES_MAX. */
static uint64_t measure(cmx_body *body)
{
    uint64_t sum = 0;
    cmx_body_rewind(body);
    while (body->step < STEP_END && sum <= CMX_BODY_BYTES_MAX) {
        sum += body->kind == KIND_TEXT ? escaped_len(body->source, body->source_len)
                                       : body->source_len;
        next_piece(body);
    }
    bool fits = body->step == STEP_END && sum <= CMX_BODY_BYTES_MAX;
    cmx_body_rewind(body);
    return fits ? sum : UINT64_MAX;
}

int cmx_body_init(cmx_body *body, const cmx_chat *chat, cmx_chat_fault *fault)
{
    cmx_chat_fault ignored;
    cmx_chat_fault *found = fault != NULL ? fault : &ignored;
    int rc = cmx_body_check(chat, found);
    if (rc != CMX_OK) {
        return rc;
    }
    *body = (cmx_body){
        .model = chat->model != NULL ? chat->model : "", /* cmx_body_set_model() follows */
        .messages = chat->messages,
        .extra_json = chat->extra_json,
        .message_last = (uint16_t)(chat->message_count - 1),
        .stream = (uint8_t)cmx_body_fields_stream(chat),
    };
    const cmx_body_field *field = cmx_body_fields;
    for (size_t i = 0; i < CMX_BODY_FIELDS_NUMBERS; i++) {
        body->numbers[i] = cmx_body_fields_number(chat, field++);
    }
    for (size_t i = 0; i < CMX_BODY_FIELDS_JSONS; i++) {
        body->jsons[i] = cmx_body_fields_json(chat, field++);
    }
    uint64_t length = measure(body);
    if (length == UINT64_MAX) {
        found->field = "messages"; /* what else would be so large */
        return CMX_ERR_ARGUMENT;
    }
    body->length = (uint32_t)length;
    return CMX_OK;
}

bool cmx_body_drop_stream_options(cmx_body *body)
{
    if (body->stream == CMX_BODY_STREAM_OFF || body->stream == CMX_BODY_STREAM_ON) {
        return false;
    }
    body->length -= (uint32_t)(strlen(streams[body->stream]) - strlen(streams[CMX_BODY_STREAM_ON]));
    body->stream = CMX_BODY_STREAM_ON;
    cmx_body_rewind(body);
    return true;
}

void cmx_body_set_model(cmx_body *body, const char *model)
{
    body->length -= (uint32_t)escaped_len((const uint8_t *)body->model, strlen(body->model));
    body->length += (uint32_t)escaped_len((const uint8_t *)model, strlen(model));
    body->model = model;
    cmx_body_rewind(body);
}

/* Copies bytes of the caller's and checks that they are still UTF-8. Returns false if not. */
static bool copy_borrowed(cmx_body *body, uint8_t *out, size_t len)
{
    memcpy(out, body->source + body->offset, len);
    if (body->kind == KIND_MEMBERS && body->offset == 0) {
        out[0] = ','; /* where the object's '{' stands */
    }
    body->offset += (uint32_t)len;
    return cmx_utf8_feed(&body->utf8, out, len) == len;
}

/* Writes the next bytes of a text, or one of its quotes.
 *
 * got  out: bytes written, at least one
 *
 * Returns false if the text is not UTF-8 any more. */
static bool write_text(cmx_body *body, uint8_t *out, size_t capacity, size_t *got)
{
    const uint8_t *from = body->source + body->offset;
    size_t left = body->source_len - body->offset;
    if (body->quotes == 0 || left == 0) {
        out[0] = '"';
        body->quotes++;
        *got = 1;
        return body->utf8.missing == 0;
    }
    *got = cmx_json_scan_plain_len(from, left < capacity ? left : capacity);
    if (*got > 0) {
        return body->escape_at == 0 && copy_borrowed(body, out, *got);
    }
    uint8_t escape[CMX_JSON_TEXT_ESCAPE_BYTES_MAX];
    size_t len = cmx_json_text_escape(escape, *from);
    if (body->escape_at >= len) {
        return false; /* another byte than the one whose escape began */
    }
    *got = len - body->escape_at < capacity ? len - body->escape_at : capacity;
    memcpy(out, escape + body->escape_at, *got);
    body->escape_at = (uint8_t)(body->escape_at + *got);
    if (body->escape_at == len) {
        body->escape_at = 0;
        body->offset++;
    }
    return body->utf8.missing == 0;
}

/* Writes the next bytes of the current piece, which is not used up; see write_text(). */
static bool write_piece(cmx_body *body, uint8_t *out, size_t capacity, size_t *got)
{
    if (body->kind == KIND_TEXT) {
        return write_text(body, out, capacity, got);
    }
    size_t left = body->source_len - body->offset;
    *got = left < capacity ? left : capacity;
    if (body->kind == KIND_JSON || body->kind == KIND_MEMBERS) {
        return copy_borrowed(body, out, *got);
    }
    CMX_FILLED_LATER uint8_t number[CMX_NUMBER_BYTES_MAX];
    const uint8_t *source = body->source;
    if (body->kind == KIND_MADE) {
        (void)make_number(body, number);
        source = number;
    }
    memcpy(out, source + body->offset, *got);
    body->offset += (uint32_t)*got;
    return true;
}

/* Goes to the next piece that has bytes left, or to the end. */
static void settle(cmx_body *body)
{
    while (body->step < STEP_END && body->offset == body->source_len &&
           (body->kind != KIND_TEXT || body->quotes == 2)) {
        if (body->utf8.missing > 0) {
            body->step = STEP_CHANGED;
            return;
        }
        next_piece(body);
    }
}

int cmx_body_read(void *ctx, uint8_t *out, size_t capacity, size_t *got)
{
    cmx_body *body = ctx;
    CMX_ASSERT(capacity > 0);
    size_t left = body->length - body->read_bytes;
    size_t room = capacity < left ? capacity : left;
    *got = 0;
    while (*got < room && body->step < STEP_END) {
        size_t len = 0;
        if (write_piece(body, out + *got, room - *got, &len)) {
            settle(body);
        } else {
            body->step = STEP_CHANGED;
        }
        *got += len;
    }
    body->read_bytes += (uint32_t)*got;
    /* The announced length and the real end must meet: else a part would pass for the whole. */
    bool at_end = body->step == STEP_END;
    if (at_end != (body->read_bytes == body->length)) {
        body->step = STEP_CHANGED;
    }
    if (body->step == STEP_CHANGED) {
        body->read_bytes = 0;
        *got = 0;
        return CMX_ERR_BODY_CHANGED;
    }
    return CMX_OK;
}

void cmx_body_rewind(void *ctx)
{
    cmx_body *body = ctx;
    body->offset = 0;
    body->read_bytes = 0;
    body->item = 0;
    body->step = STEP_BEGIN;
    body->quotes = 0;
    body->escape_at = 0;
    body->utf8 = (cmx_utf8){0};
    bool begun = begin_piece(body);
    CMX_ASSERT(begun); /* a literal */
}
