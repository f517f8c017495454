/* SPDX-License-Identifier: MIT */
/*
 * Files of names and values. See ini.h.
 */
#include "cli/ini.h"

#include "cli/out.h"
#include "cli/system.h"

#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

enum { NAME_SHOWN = 64 };

static char empty[] = "";

/* Room for all of it at once. */
static const char *read_whole(cli_ini *ini, const char *path)
{
    ini->text = malloc(CLI_INI_BYTES_MAX + 2);
    if (ini->text == NULL) {
        return "not enough memory";
    }
    const char *wrong =
        cli_system_read(path, ini->text, CLI_INI_BYTES_MAX + 1, &ini->len, &ini->is_private);
    if (wrong != NULL) {
        return wrong;
    }
    ini->text[ini->len] = '\0';
    if (ini->len > CLI_INI_BYTES_MAX) {
        return "longer than 65536 bytes";
    }
    return strlen(ini->text) == ini->len ? NULL : "a NUL byte is in it";
}

bool cli_ini_open(cli_ini *ini, const char *what, const char *path)
{
    memset(ini, 0, sizeof *ini);
    const char *wrong = read_whole(ini, path);
    if (wrong != NULL) {
        cli_ini_close(ini);
        return cli_out_say(false, "%s %s: %s", what, path, wrong);
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

int cli_ini_refuse(const cli_ini *ini, int code, const char *wrong)
{
    bool is_named = ini->name != NULL && is_shown(ini->name);
    return cli_out_say(code, "%s, line %u%s%.*s: %s", ini->path, ini->line, is_named ? ", " : "",
                       NAME_SHOWN, is_named ? ini->name : "", wrong);
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
    return (enum cli_ini_line)cli_ini_refuse(ini, CLI_INI_WRONG, wrong);
}

static enum cli_ini_line take_section(cli_ini *ini, char *line)
{
    size_t len = strlen(line);
    if (line[len - 1] != ']') {
        return refuse_line(ini, "the section's ']' is missing");
    }
    line[len - 1] = '\0';
    ini->section = trim(line + 1);
    if (ini->section[0] == '\0') {
        return refuse_line(ini, "the section has no name");
    }
    return CLI_INI_SECTION;
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
    cli_system_wipe(ini->text, ini->len);
    free(ini->text);
    memset(ini, 0, sizeof *ini);
}
