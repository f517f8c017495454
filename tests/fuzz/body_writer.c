/* SPDX-License-Identifier: MIT */
/*
 * The body generator for roundtrip.py. In, on stdin: chats as numbers and texts, see read_chat().
 * Out, on stdout: for each the status, where the fault is, and the body. Each body is read twice:
 * in pieces of random sizes with rewinds at random bytes, and at once; that both are the same and
 * as long as announced is checked here. Texts are allocations of exactly their size.
 */
#include "chat/body.h"
#include "fuzz/random.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES_MAX = 1 << 22, ALLOCATIONS_MAX = 4096, MESSAGES_MAX = 256, REWINDS_MAX = 4 };

static void *allocations[ALLOCATIONS_MAX];
static size_t allocation_count;

static void give_up(const char *what)
{
    (void)fprintf(stderr, "body_writer: %s\n", what);
    exit(1);
}

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes > 0 ? bytes : 1);
    if (memory == NULL || allocation_count == ALLOCATIONS_MAX) {
        give_up("out of memory");
    }
    allocations[allocation_count++] = memory;
    return memory;
}

static void release_all(void)
{
    while (allocation_count > 0) {
        free(allocations[--allocation_count]);
    }
}

/* ---- reading what to write ---- */

static bool try_number(uint32_t *number)
{
    uint8_t raw[4];
    if (fread(raw, 1, sizeof raw, stdin) != sizeof raw) {
        return false;
    }
    *number =
        (uint32_t)raw[0] | (uint32_t)raw[1] << 8 | (uint32_t)raw[2] << 16 | (uint32_t)raw[3] << 24;
    return true;
}

static uint32_t read_number(void)
{
    uint32_t number;
    if (!try_number(&number)) {
        give_up("the description is cut");
    }
    return number;
}

/* A text is its length, UINT32_MAX for NULL, and its bytes; all but counted texts end at a NUL. */
static const char *read_text(size_t *len)
{
    uint32_t text_len = read_number();
    if (text_len == UINT32_MAX) {
        return NULL;
    }
    bool is_counted = len != NULL && text_len > 0;
    if (text_len > TEXT_BYTES_MAX) {
        give_up("a text is too long");
    }
    char *text = allocate(text_len + (is_counted ? 0U : 1U));
    if (fread(text, 1, text_len, stdin) != text_len) {
        give_up("the description is cut");
    }
    if (is_counted) {
        *len = text_len;
    } else {
        text[text_len] = '\0';
    }
    return text;
}

static void read_message(cmx_message *message)
{
    *message = (cmx_message){.role = (enum cmx_role)read_number()};
    bool is_counted = read_number() != 0;
    message->text = read_text(is_counted ? &message->text_len : NULL);
    message->content_json = read_text(NULL);
    message->tool_call_id = read_text(NULL);
    message->extra_json = read_text(NULL);
}

static void read_chat(cmx_chat *chat)
{
    static char room[1];
    uint32_t flags = read_number();
    *chat = (cmx_chat){
        .stream = (flags & 1) != 0,
        .include_usage = (flags & 2) != 0,
        .no_obfuscation = (flags & 4) != 0,
        .answer = room,
        .answer_bytes = sizeof room,
    };
    chat->temperature_milli = read_number();
    chat->top_p_milli = read_number();
    chat->max_tokens = read_number();
    chat->max_completion_tokens = read_number();
    chat->choices = read_number();
    chat->model = read_text(NULL);
    chat->stop_json = read_text(NULL);
    chat->tools_json = read_text(NULL);
    chat->tool_choice_json = read_text(NULL);
    chat->response_format_json = read_text(NULL);
    chat->extra_json = read_text(NULL);
    chat->message_count = read_number();
    if (chat->message_count > MESSAGES_MAX) {
        give_up("too many messages");
    }
    cmx_message *messages = allocate(chat->message_count * sizeof *messages);
    for (size_t i = 0; i < chat->message_count; i++) {
        read_message(&messages[i]);
    }
    chat->messages = messages;
}

/* ---- writing it ---- */

static void write_number(uint32_t number)
{
    for (int shift = 0; shift < 32; shift += 8) {
        (void)putchar((int)(number >> shift & 0xff));
    }
}

/* Reads up to `until` bytes of the body in pieces of any size. */
static size_t read_pieces(cmx_body *body, uint8_t *out, size_t until, struct fuzz_random *random)
{
    static const size_t capacities[] = {1, 1, 2, 7, 64, 1000, 16384};
    size_t most = capacities[fuzz_random_below(random, CMX_ARRAY_LEN(capacities))];
    size_t len = 0;
    while (len < until) {
        size_t capacity = 1 + fuzz_random_below(random, most);
        size_t got = 0;
        capacity = capacity < until - len ? capacity : until - len;
        uint8_t *piece = malloc(capacity);
        if (piece == NULL || cmx_body_read(body, piece, capacity, &got) != CMX_OK ||
            got > capacity) {
            give_up("a read failed");
        }
        memcpy(out + len, piece, got);
        free(piece);
        if (got == 0) {
            break;
        }
        len += got;
    }
    return len;
}

static void write_body(cmx_body *body, uint32_t seed)
{
    struct fuzz_random random = {seed};
    size_t length = (size_t)body->length;
    uint8_t *once = allocate(length + 1);
    uint8_t *pieces = allocate(length + 1);
    for (size_t i = fuzz_random_below(&random, REWINDS_MAX); i > 0; i--) {
        (void)read_pieces(body, pieces, fuzz_random_below(&random, length + 1), &random);
        cmx_body_rewind(body);
    }
    /* One byte more than announced: it must not come. */
    size_t len = read_pieces(body, pieces, length + 1, &random);
    cmx_body_rewind(body);
    size_t got;
    size_t once_len = 0;
    do {
        if (cmx_body_read(body, once + once_len, length + 1 - once_len, &got) != CMX_OK) {
            give_up("a read failed");
        }
        once_len += got;
    } while (got > 0 && once_len <= length);
    if (len != length || once_len != length || memcmp(once, pieces, length) != 0) {
        give_up("the body is not as long as announced, or not the same in pieces");
    }
    write_number((uint32_t)length);
    (void)fwrite(once, 1, length, stdout);
}

static void write_result(const cmx_chat *chat, uint32_t seed)
{
    cmx_body body;
    cmx_chat_fault fault;
    int rc = cmx_body_init(&body, chat, &fault);
    write_number((uint32_t)-rc);
    write_number((uint32_t)fault.message);
    write_number((uint32_t)fault.offset);
    size_t field_len = fault.field == NULL ? 0 : strlen(fault.field);
    write_number((uint32_t)field_len);
    (void)fwrite(field_len > 0 ? fault.field : "", 1, field_len, stdout);
    if (rc == CMX_OK) {
        write_body(&body, seed);
    } else {
        write_number(0);
    }
}

int main(void)
{
    uint32_t seed;
    while (try_number(&seed)) {
        cmx_chat chat;
        read_chat(&chat);
        write_result(&chat, seed);
        release_all();
    }
    return ferror(stdout) != 0;
}
