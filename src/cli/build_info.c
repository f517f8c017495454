/* SPDX-License-Identifier: MIT */
/*
 * What this program is made of. In: what src/CMakeLists.txt says of the build, the compiler's own
 * words, the list in chatmux/limits.h, of which no row can be left out. Out: lines of text. See
 * build_info.h.
 */
#include "cli/build_info.h"

#include "chatmux/limits.h"
#include "chatmux/version.h"

#include "cli/system.h"

#include <string.h>

#define LIMIT_ROW(name, min, max) {CMX_LIMIT_##name, (min), (max)},
#define LIMIT_NAME(name, min, max) #name "\0"

typedef struct row {
    uint32_t value;
    uint32_t min;
    uint32_t max;
} row;

/* clang-format off */
static const row limits[] = {
    CMX_LIMIT_LIST(LIMIT_ROW)
};
/* clang-format on */
static const char names[] = CMX_LIMIT_LIST(LIMIT_NAME); /* as many, a NUL behind each */

enum { CPU_BYTES = 8192 }; /* the first CPU's lines are among them: x86 lists a hundred features */

static bool has_word(const char *text, const char *word)
{
    const size_t len = strlen(word);
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        bool begins = at != text && (at[-1] == ' ' || at[-1] == '\t');
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
    char text[CPU_BYTES];
    size_t len = 0;
    bool ignored;
    if (cli_system_read("/proc/cpuinfo", text, sizeof text - 1, &len, &ignored) != NULL) {
        return "unknown";
    }
    text[len] = '\0';
    return has_word(text, "aes") ? "yes" : "no";
}

void cli_build_info_print(cli_out *out)
{
    const int probe = 1;
    char first;
    memcpy(&first, &probe, 1);

    cli_out_print(out, "%s",
                  "version " CMX_VERSION_TEXT "\n"
                  "compiler " __VERSION__ "\n"
                  "build " CMX_BUILD_TYPE "\n"
                  "options " CMX_BUILD_OPTIONS "\n"
                  "nghttp2 " CMX_BUILD_NGHTTP2 "\n"
                  "wolfssl " CMX_BUILD_WOLFSSL "\n"
                  "tls 1.3, " CMX_BUILD_TLS "\n"
                  "cpu " CMX_BUILD_CPU);
    cli_out_print(out, ", %u-bit, %s-endian\ncpu_aes %s\n", (unsigned)(8 * sizeof(void *)),
                  first == 1 ? "little" : "big", aes_text());
    const char *name = names;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++, name += strlen(name) + 1) {
        cli_out_print(out, "CMX_LIMIT_%s %u (%u..%u)\n", name, limits[i].value, limits[i].min,
                      limits[i].max);
    }
}
