/* SPDX-License-Identifier: MIT */
/*
 * Reading files whole. See input.h.
 */
#include "cli/input.h"

#include "cli/out.h"
#include "cli/system.h"

#include <stdlib.h>
#include <string.h>

/* Says what is wrong with a file that is given up. Returns NULL. */
static char *refuse(const char *what, const char *path, const char *wrong, char *text)
{
    bool named = strcmp(path, "-") != 0;
    cli_out_say(0, "%s%s%s: %s", what, named ? " " : "", named ? path : "", wrong);
    free(text);
    return NULL;
}

char *cli_input_read(const char *what, const char *path, size_t bytes_max, size_t *len)
{
    bool ignored;
    char *text = malloc(bytes_max + 2); /* what is not read into is never touched */
    if (text == NULL) {
        return refuse(what, path, "not enough memory", NULL);
    }
    const char *wrong = cli_system_read(path, text, bytes_max + 1, len, &ignored);
    char large[64];
    if (wrong == NULL && *len > bytes_max) {
        cli_out out = {large, sizeof large - 1, 0, -1, 0};
        cli_out_print(&out, "longer than %zu bytes", bytes_max);
        large[out.len] = '\0';
        wrong = large;
    }
    if (wrong != NULL) {
        return refuse(what, path, wrong, text);
    }
    text[*len] = '\0';
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
        return refuse(what, path, len == 0 ? "the file is empty" : "a NUL byte is in it", text);
    }
    return text;
}
