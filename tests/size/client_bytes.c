/* SPDX-License-Identifier: MIT */
/*
 * Prints what each preset asks for on the CPU that this was compiled for: "name bytes" per line.
 * Read by size.py; a program of a user, so it sees include/ alone.
 */
#include "chatmux/client.h"
#include "chatmux/config.h"

#include <stdio.h>

int main(void)
{
    static const struct {
        const char *name;
        enum cmx_preset preset;
    } rows[] = {
        {"tiny", CMX_PRESET_TINY},
        {"default", CMX_PRESET_DEFAULT},
        {"development", CMX_PRESET_DEVELOPMENT},
        {"startup", CMX_PRESET_STARTUP},
        {"growth", CMX_PRESET_GROWTH},
        {"enterprise", CMX_PRESET_ENTERPRISE},
    };
    cmx_config config;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cmx_config_preset(&config, rows[i].preset);
        printf("%s %lu\n", rows[i].name, (unsigned long)cmx_client_bytes(&config));
    }
    return 0;
}
