/* SPDX-License-Identifier: MIT */
/*
 * What this program is made of. In: what src/CMakeLists.txt says of the build, the compiler's own
 * words, the list in chatmux/limits.h, of which no row can be left out. Out: lines of text. See
 * build_info.h.
 */
#include "cli/build_info.h"

#include "chatmux/limits.h"
#include "chatmux/version.h"

#include <stdbool.h>
#include <string.h>

typedef struct row {
    const char *name;
    long value;
    long min;
    long max;
} row;

#define LIMIT_ROW(name, min, max) {#name, CMX_LIMIT_##name, (min), (max)},

/* clang-format off */
static const row limits[] = {
    CMX_LIMIT_LIST(LIMIT_ROW)
};
/* clang-format on */

enum { LINE_BYTES = 4096 }; /* x86 lists a hundred features */

static bool has_word(const char *line, const char *word)
{
    const size_t len = strlen(word);
    for (const char *at = strstr(line, word); at != NULL; at = strstr(at + 1, word)) {
        bool begins = at != line && (at[-1] == ' ' || at[-1] == '\t');
        bool ends = at[len] == ' ' || at[len] == '\n' || at[len] == '\0';
        if (begins && ends) {
            return true;
        }
    }
    return false;
}

/* What the kernel says of this CPU: "flags" on x86, "Features" on ARM; others name no AES. */
static const char *aes_text(void)
{
    char line[LINE_BYTES];
    bool found = false;
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (file == NULL) {
        return "unknown";
    }
    while (!found && fgets(line, sizeof line, file) != NULL) {
        found = has_word(line, "aes");
    }
    fclose(file);
    return found ? "yes" : "no";
}

void cli_build_info_print(FILE *out)
{
    const int probe = 1;
    char first;
    memcpy(&first, &probe, 1);

    fprintf(out, "version %s\n", CMX_VERSION_TEXT);
    fprintf(out, "compiler %s\n", __VERSION__);
    fprintf(out, "build %s\n", CMX_BUILD_TYPE);
    fprintf(out, "options %s\n", CMX_BUILD_OPTIONS);
    fprintf(out, "nghttp2 %s\n", CMX_BUILD_NGHTTP2);
    fprintf(out, "wolfssl %s\n", CMX_BUILD_WOLFSSL);
    fprintf(out, "tls 1.3, %s\n", CMX_BUILD_TLS);
    fprintf(out, "cpu %s, %d-bit, %s-endian\n", CMX_BUILD_CPU, (int)(8 * sizeof(void *)),
            first == 1 ? "little" : "big");
    fprintf(out, "cpu_aes %s\n", aes_text());
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        fprintf(out, "CMX_LIMIT_%s %ld (%ld..%ld)\n", limits[i].name, limits[i].value,
                limits[i].min, limits[i].max);
    }
}
