/* SPDX-License-Identifier: MIT */
/*
 * Files of names and values. See ini.h.
 */
#include "cli/ini.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BLANKS " \t\r"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

enum { NAME_SHOWN = 64 };

static char empty[] = "";

/* Room for all of it at once, and no buffer of stdio's: no copy of a key stays behind. */
static const char *read_whole(cli_ini *ini, FILE *file)
{
    struct stat status;
    setvbuf(file, NULL, _IONBF, 0);
    ini->is_private =
        fstat(fileno(file), &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    ini->text = malloc(CLI_INI_BYTES_MAX + 2);
    if (ini->text == NULL) {
        return "not enough memory";
    }
    ini->len = fread(ini->text, 1, CLI_INI_BYTES_MAX + 1, file);
    ini->text[ini->len] = '\0';
    if (ferror(file) != 0) {
        return strerror(errno);
    }
    if (ini->len > CLI_INI_BYTES_MAX) {
        return "longer than 65536 bytes";
    }
    return strlen(ini->text) == ini->len ? NULL : "a NUL byte is in it";
}

bool cli_ini_open(cli_ini *ini, const char *what, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    memset(ini, 0, sizeof *ini);
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    const char *wrong = file == NULL ? strerror(errno) : read_whole(ini, file);
    if (file != NULL && !is_stdin) {
        fclose(file);
    }
    if (wrong != NULL) {
        fprintf(stderr, "chatmux: %s %s: %s\n", what, path, wrong);
        cli_ini_close(ini);
        return false;
    }
    bool has_mark = strncmp(ini->text, BYTE_ORDER_MARK, sizeof BYTE_ORDER_MARK - 1) == 0;
    ini->path = path;
    ini->section = empty;
    ini->at = ini->text + (has_mark ? sizeof BYTE_ORDER_MARK - 1 : 0);
    return true;
}

/* What is no text does not belong on a terminal. */
static bool is_shown(const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name < ' ' || *name > '~') {
            return false;
        }
    }
    return true;
}

void cli_ini_refuse(const cli_ini *ini, const char *wrong)
{
    fprintf(stderr, "chatmux: %s, line %u", ini->path, ini->line);
    if (ini->name != NULL && is_shown(ini->name)) {
        fprintf(stderr, ", %.*s", NAME_SHOWN, ini->name);
    }
    fprintf(stderr, ": %s\n", wrong);
}

/* Cuts blanks off both ends. */
static char *trim(char *text)
{
    text += strspn(text, BLANKS);
    size_t len = strlen(text);
    while (len > 0 && strchr(BLANKS, text[len - 1]) != NULL) {
        len--;
    }
    text[len] = '\0';
    return text;
}

/* Takes the line at hand off the text. Returns NULL when none is left. */
static char *cut_line(cli_ini *ini)
{
    char *line = ini->at;
    if (line == NULL || *line == '\0') {
        return NULL;
    }
    char *end = strchr(line, '\n');
    ini->at = end == NULL ? NULL : end + 1;
    if (end != NULL) {
        *end = '\0';
    }
    ini->line++;
    return trim(line);
}

static enum cli_ini_line refuse_line(const cli_ini *ini, const char *wrong)
{
    cli_ini_refuse(ini, wrong);
    return CLI_INI_WRONG;
}

static enum cli_ini_line take_section(cli_ini *ini, char *line)
{
    size_t len = strlen(line);
    if (line[len - 1] != ']') {
        return refuse_line(ini, "the section's ']' is missing");
    }
    line[len - 1] = '\0';
    ini->section = trim(line + 1);
    return ini->section[0] == '\0' ? refuse_line(ini, "the section has no name") : CLI_INI_SECTION;
}

static enum cli_ini_line take_pair(cli_ini *ini, char *line)
{
    char *sign = strchr(line, '=');
    if (sign != NULL) {
        *sign = '\0';
    }
    const char *name = trim(line);
    if (*name == '\0') {
        return refuse_line(ini, "a name is missing in front of '='");
    }
    ini->name = name;
    ini->value = sign == NULL ? NULL : trim(sign + 1);
    return CLI_INI_PAIR;
}

enum cli_ini_line cli_ini_next(cli_ini *ini)
{
    char *line;
    ini->name = NULL;
    ini->value = NULL;
    do {
        line = cut_line(ini);
        if (line == NULL) {
            return CLI_INI_END;
        }
    } while (*line == '\0' || *line == '#' || *line == ';');
    return *line == '[' ? take_section(ini, line) : take_pair(ini, line);
}

void cli_ini_close(cli_ini *ini)
{
    /* memset() of memory that is given up may be left out by the compiler; this may not. */
    for (volatile char *at = ini->text; at != NULL && at < ini->text + ini->len; at++) {
        *at = 0;
    }
    free(ini->text);
    memset(ini, 0, sizeof *ini);
}
