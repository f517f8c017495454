/* SPDX-License-Identifier: MIT */
/*
 * Reads wire cases line by line. Whatever is not understood is a problem, never skipped: a typing
 * error in a vector must not make it weaker.
 */
#include "wire_vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_CHUNK "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define SAY_FRONT "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\""
#define SAY_BACK "\"},\"finish_reason\":null}]}\n\n"
#define SENTINEL "data: [DONE]\n\n"

enum { LINE_BYTES_MAX = 8192 };

/* ---- bytes and facts ---- */

bool wire_bytes_add(wire_bytes *bytes, const void *data, size_t len)
{
    size_t need = bytes->len + len;
    if (need > WIRE_BODY_BYTES_MAX) {
        return false;
    }
    if (need > bytes->capacity) {
        size_t capacity = need < 64 ? 64 : 2 * need;
        uint8_t *grown = realloc(bytes->data, capacity);
        if (grown == NULL) {
            return false;
        }
        bytes->data = grown;
        bytes->capacity = capacity;
    }
    if (len > 0) {
        memcpy(bytes->data + bytes->len, data, len);
        bytes->len = need;
    }
    return true;
}

wire_fact *wire_facts_find(wire_facts *facts, const char *key)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (strcmp(facts->rows[i].key, key) == 0) {
            return &facts->rows[i];
        }
    }
    return NULL;
}

wire_fact *wire_facts_get(wire_facts *facts, const char *key)
{
    wire_fact *fact = wire_facts_find(facts, key);
    if (fact != NULL) {
        return fact;
    }
    if (facts->count == WIRE_FACTS_MAX || strlen(key) >= WIRE_KEY_BYTES_MAX) {
        return NULL;
    }
    fact = &facts->rows[facts->count++];
    *fact = (wire_fact){.value = {NULL, 0, 0}};
    strcpy(fact->key, key);
    return fact;
}

void wire_facts_clear(wire_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        free(facts->rows[i].value.data);
    }
    facts->count = 0;
}

static bool copy_facts(wire_facts *to, const wire_facts *from)
{
    for (size_t i = 0; i < from->count; i++) {
        wire_fact *fact = wire_facts_get(to, from->rows[i].key);
        const wire_bytes *value = &from->rows[i].value;
        if (fact == NULL || !wire_bytes_add(&fact->value, value->data, value->len)) {
            return false;
        }
    }
    return true;
}

/* ---- texts ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Appends a text, its <..> resolved. */
static bool add_text(wire_bytes *out, const char *text)
{
    bool ok = true;
    while (ok && *text != '\0') {
        char byte = *text;
        size_t used = 1;
        if (byte == '<' && text[1] != '\0' && text[2] != '\0' && text[3] == '>') {
            int high = hex_digit(text[1]);
            int low = hex_digit(text[2]);
            if (high >= 0 && low >= 0) {
                byte = (char)(high * 16 + low);
                used = 4;
            } else if (memcmp(text, "<CR>", 4) == 0 || memcmp(text, "<LF>", 4) == 0) {
                byte = text[1] == 'C' ? '\r' : '\n';
                used = 4;
            }
        }
        ok = wire_bytes_add(out, &byte, 1);
        text += used;
    }
    return ok;
}

static bool add_times(wire_bytes *out, unsigned long times, const char *text)
{
    bool ok = times > 0;
    for (unsigned long i = 0; ok && i < times; i++) {
        ok = add_text(out, text);
    }
    return ok;
}

/* Reads "N", or "N TEXT" if `rest` is not NULL. */
static bool read_number(const char *text, unsigned long *number, const char **rest)
{
    char *end;
    *number = strtoul(text, &end, 10);
    if (end == text || (*end != '\0' && *end != ' ')) {
        return false;
    }
    if (rest == NULL) {
        return *end == '\0';
    }
    *rest = *end == ' ' ? end + 1 : end;
    return true;
}

static bool copy_title(char *out, size_t capacity, const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len >= capacity) {
        return false;
    }
    memcpy(out, text, len + 1);
    return true;
}

/* ---- lines ---- */

/* "= FACT: TEXT", "= FACT*N: TEXT", "= FACT+: TEXT" */
static bool take_fact(wire_facts *facts, char *line)
{
    char *colon = strchr(line, ':');
    if (colon == NULL || (colon[1] != '\0' && colon[1] != ' ')) {
        return false;
    }
    const char *text = colon[1] == ' ' ? colon + 2 : colon + 1;
    *colon = '\0';
    unsigned long times = 1;
    char *star = strchr(line, '*');
    bool more = colon > line && colon[-1] == '+';
    if (more) {
        colon[-1] = '\0';
    } else if (star != NULL) {
        *star = '\0';
        if (!read_number(star + 1, &times, NULL)) {
            return false;
        }
    }
    wire_fact *fact = wire_facts_get(facts, line);
    if (fact == NULL) {
        return false;
    }
    fact->value.len = more ? fact->value.len : 0;
    return add_times(&fact->value, times, text);
}

static bool begin_variant(wire_case *out, const char *title)
{
    if (out->variant_count == WIRE_VARIANTS_MAX) {
        return false;
    }
    wire_variant *variant = &out->variants[out->variant_count++];
    *variant = (wire_variant){
        .type = "text/event-stream",
        .status = 200,
        .event_bytes_max = 16384,
        .malformed_max = 3,
        .tool_calls_max = 16,
    };
    return copy_title(variant->title, sizeof variant->title, title) &&
           copy_facts(&variant->facts, &out->facts);
}

static bool take_setting(wire_variant *variant, const char *name, const char *value)
{
    if (strcmp(name, "type") == 0) {
        return copy_title(variant->type, sizeof variant->type, value);
    }
    if (strcmp(name, "end") == 0) {
        variant->cut = strcmp(value, "cut") == 0;
        return variant->cut || strcmp(value, "order") == 0;
    }
    const struct {
        const char *name;
        uint32_t *field;
    } numbers[] = {
        {"status", &variant->status},
        {"event-bytes", &variant->event_bytes_max},
        {"skipped-max", &variant->skipped_max},
        {"malformed-max", &variant->malformed_max},
        {"tool-calls-max", &variant->tool_calls_max},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        unsigned long number;
        if (strcmp(name, numbers[i].name) == 0 && read_number(value, &number, NULL)) {
            *numbers[i].field = (uint32_t)number;
            return true;
        }
    }
    return false;
}

/* A line of the body. Returns false if it is none, or too much. */
static bool take_body(wire_bytes *body, const char *name, const char *text)
{
    if (strcmp(name, "|") == 0) {
        return add_text(body, text) && wire_bytes_add(body, "\n", 1);
    }
    if (strcmp(name, ">") == 0) {
        return add_text(body, text);
    }
    if (name[0] == '*') {
        unsigned long times;
        return read_number(name + 1, &times, NULL) && add_times(body, times, text);
    }
    if (strcmp(name, "@say") == 0) {
        return add_text(body, SAY_FRONT) && add_text(body, text) && add_text(body, SAY_BACK);
    }
    if (strcmp(name, "@stop") == 0) {
        return *text == '\0' && add_text(body, STOP_CHUNK);
    }
    return strcmp(name, "@done") == 0 && *text == '\0' && add_text(body, SENTINEL);
}

static bool take_line(wire_case *out, char *line)
{
    if (line[0] == '\0' || line[0] == '#') {
        return true;
    }
    wire_variant *variant = out->variant_count == 0 ? NULL : &out->variants[out->variant_count - 1];
    char *space = strchr(line, ' ');
    char *text = space == NULL ? line + strlen(line) : space + 1;
    if (space != NULL) {
        *space = '\0';
    }
    if (strcmp(line, "=") == 0) {
        return take_fact(variant == NULL ? &out->facts : &variant->facts, text);
    }
    if (strcmp(line, "variant") == 0) {
        return begin_variant(out, text);
    }
    if (variant != NULL) {
        return take_body(&variant->body, line, text) || take_setting(variant, line, text);
    }
    if (strcmp(line, "title") == 0) {
        return copy_title(out->title, sizeof out->title, text);
    }
    unsigned long number;
    if (strcmp(line, "case") != 0 || !read_number(text, &number, NULL)) {
        return false;
    }
    out->number = (uint32_t)number;
    return true;
}

static const char *read_lines(wire_case *out, FILE *file, unsigned *line_number)
{
    char line[LINE_BYTES_MAX];
    while (fgets(line, sizeof line, file) != NULL) {
        (*line_number)++;
        size_t len = strlen(line);
        if (len == 0 || line[len - 1] != '\n') {
            return "the line is too long or has a NUL";
        }
        line[len - 1] = '\0';
        if (!take_line(out, line)) {
            return "not understood";
        }
    }
    if (out->number == 0 || out->title[0] == '\0' || out->variant_count == 0) {
        return "number, title or variants are missing";
    }
    for (size_t i = 0; i < out->variant_count; i++) {
        if (wire_facts_find(&out->variants[i].facts, "verdict") == NULL) {
            return "a variant has no verdict";
        }
    }
    return NULL;
}

bool wire_case_load(wire_case *out, const char *path, char *problem, size_t problem_capacity)
{
    *out = (wire_case){.variants = calloc(WIRE_VARIANTS_MAX, sizeof *out->variants)};
    FILE *file = fopen(path, "rb");
    const char *what = file == NULL || out->variants == NULL ? "cannot be read" : NULL;
    unsigned line_number = 0;
    if (what == NULL) {
        what = read_lines(out, file, &line_number);
    }
    if (file != NULL) {
        fclose(file);
    }
    if (what != NULL) {
        (void)snprintf(problem, problem_capacity, "%s:%u: %s", path, line_number, what);
    }
    return what == NULL;
}

void wire_case_unload(wire_case *loaded)
{
    for (size_t i = 0; i < loaded->variant_count; i++) {
        free(loaded->variants[i].body.data);
        wire_facts_clear(&loaded->variants[i].facts);
    }
    wire_facts_clear(&loaded->facts);
    free(loaded->variants);
    *loaded = (wire_case){.variants = NULL};
}
