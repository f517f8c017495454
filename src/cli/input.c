/* SPDX-License-Identifier: MIT */
/*
 * Reading files whole. See input.h.
 */
#include "cli/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 4096 };

static void say(const char *what, const char *path, const char *wrong)
{
    bool named = path != NULL && strcmp(path, "-") != 0;
    fprintf(stderr, "chatmux: %s%s%s: %s\n", what, named ? " " : "", named ? path : "", wrong);
}

/* Makes room for more, up to `bytes_max` and a NUL. Returns NULL if there is none. */
static char *grow(char *text, size_t *capacity, size_t bytes_max)
{
    size_t larger = *capacity == 0 ? FIRST_BYTES : *capacity * 2;
    *capacity = larger < bytes_max + 2 ? larger : bytes_max + 2;
    char *moved = realloc(text, *capacity);
    if (moved == NULL) {
        free(text);
    }
    return moved;
}

/* One byte more than allowed is read, to know whether there is more. */
static char *read_all(FILE *file, size_t bytes_max, size_t *len, const char **wrong)
{
    size_t capacity = 0;
    char *text = NULL;
    *len = 0;
    *wrong = "not enough memory";
    do {
        text = grow(text, &capacity, bytes_max);
        if (text == NULL) {
            return NULL;
        }
        *len += fread(text + *len, 1, capacity - 1 - *len, file);
    } while (*len == capacity - 1 && *len <= bytes_max);
    *wrong = NULL;
    if (ferror(file) != 0) {
        *wrong = strerror(errno);
    }
    text[*len] = '\0';
    return text;
}

char *cli_input_read(const char *what, const char *path, size_t bytes_max, size_t *len)
{
    bool is_stdin = path == NULL || strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    if (file == NULL) {
        say(what, path, strerror(errno));
        return NULL;
    }
    const char *wrong = NULL;
    char *text = read_all(file, bytes_max, len, &wrong);
    if (!is_stdin) {
        fclose(file);
    }
    char large[64];
    if (wrong == NULL && *len > bytes_max) {
        snprintf(large, sizeof large, "longer than %zu bytes", bytes_max);
        wrong = large;
    }
    if (wrong != NULL) {
        say(what, path, wrong);
        free(text);
        return NULL;
    }
    return text;
}

char *cli_input_json(const char *what, const char *path)
{
    size_t len = 0;
    char *text = cli_input_read(what, path, CLI_INPUT_JSON_BYTES_MAX, &len);
    if (text == NULL) {
        return NULL;
    }
    if (len == 0 || strlen(text) != len) {
        say(what, path, len == 0 ? "the file is empty" : "a NUL byte is in it");
        free(text);
        return NULL;
    }
    return text;
}
