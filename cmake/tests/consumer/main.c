/* SPDX-License-Identifier: MIT */
/*
 * The smallest program that pulls the whole library in: it opens a client in a static block and
 * closes it. Exit 0 means that headers, library, HTTP/2 and TLS all linked and started.
 */
#include <chatmux/chatmux.h>

#include <stdio.h>

CMX_BLOCK(memory, 8u * 1024u * 1024u);

int main(void)
{
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_TINY);
    cmx_client *client = NULL;
    const char *bad_field = NULL;
    int rc = cmx_client_init(&client, memory, sizeof memory, &config, cmx_port_linux(), &bad_field);
    if (rc != CMX_OK) {
        printf("cmx_client_init: %s %s\n", cmx_error_name(rc), bad_field != NULL ? bad_field : "");
        return 1;
    }
    cmx_client_deinit(client);
    printf("chatmux %s: %lu bytes for the tiny preset\n", CMX_VERSION_TEXT,
           (unsigned long)cmx_client_bytes(&config));
    return 0;
}
