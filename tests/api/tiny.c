/* SPDX-License-Identifier: MIT */
/*
 * The smallest client at its limits, in a static block of the size that was promised: a chat alone,
 * then eight at once, three times over. Before that, perhaps, a server or certificates beyond the
 * limits: the error is told, and the same client goes on. Prints what of the libraries' region was
 * used at most; fails if a chat of the second part does.
 * usage: tiny URL CA_FILE [FIRST_URL FIRST_CA_FILE]
 */
#include "chatmux/block.h"
#include "common.h"

enum {
    AT_ONCE = CMX_TINY_REQUESTS_MAX,
    ROUNDS = 3,
    BLOCK_BYTES_MAX = (sizeof(void *) > 4 ? 112 : 96) * 1024,
};

CMX_BLOCK(block, BLOCK_BYTES_MAX);

static int add_origin(cmx_client *client, const char *url, const char *ca_file, cmx_origin_id *id)
{
    cmx_origin origin;
    cmx_origin_default(&origin);
    origin.base_url = url;
    origin.key = "sk-test";
    origin.ca_file = ca_file;
    origin.address = "127.0.0.1";
    return cmx_client_add_origin(client, &origin, id, NULL);
}

static void start_chats(cmx_client *client, cmx_origin_id origin, unsigned count)
{
    cmx_chat chat = common_chat(origin, "gpt-4.1");
    for (unsigned i = 0; i < count; i++) {
        cmx_id id = 0;
        REQUIRE(cmx_chat_start(client, &chat, &id, NULL) == CMX_OK);
    }
}

/* Returns how many of all that were started ended well; notes how the last one ended. */
static unsigned finish_chats(cmx_client *client, cmx_done *last)
{
    unsigned well = 0;
    cmx_event event;
    int rc;
    while ((rc = cmx_client_wait(client, &event, UINT32_MAX)) == CMX_OK) {
        if (event.kind == CMX_EVENT_DONE) {
            *last = event.done;
            well += event.done.verdict == CMX_VERDICT_DONE;
        }
    }
    REQUIRE(rc == CMX_IDLE);
    return well;
}

/* What is beyond the limits; its error is printed. */
static void try_first(cmx_client *client, const char *url, const char *ca_file)
{
    cmx_origin_id origin = 0;
    cmx_done done;
    int rc = add_origin(client, url, ca_file, &origin);
    if (rc != CMX_OK) {
        printf("add=%s ", cmx_error_name(rc));
        return;
    }
    memset(&done, 0, sizeof(done));
    start_chats(client, origin, 1);
    (void)finish_chats(client, &done);
    printf("verdict=%s error=%s ", cmx_verdict_name(done.verdict), cmx_error_name(done.error));
    REQUIRE(cmx_client_remove_origin(client, origin) == CMX_OK);
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 3 || argc == 5);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_TINY);
    config.attempts_max = 1;
    config.replays_max = 0;
    size_t bytes = cmx_client_bytes(&config);
    REQUIRE(bytes <= sizeof(block));

    cmx_client *client = NULL;
    REQUIRE(cmx_client_init(&client, block, bytes, &config, cmx_port_linux(), NULL) == CMX_OK);
    if (argc == 5) {
        try_first(client, argv[3], argv[4]);
    }
    cmx_origin_id origin = 0;
    cmx_done done;
    REQUIRE(add_origin(client, argv[1], argv[2], &origin) == CMX_OK);
    start_chats(client, origin, 1);
    REQUIRE(finish_chats(client, &done) == 1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        start_chats(client, origin, AT_ONCE);
        REQUIRE(finish_chats(client, &done) == AT_ONCE);
    }
    cmx_stats stats;
    cmx_client_stats(client, &stats);
    cmx_client_deinit(client);
    printf("block=%zu region=%llu peak=%llu\n", bytes, (unsigned long long)stats.library_capacity,
           (unsigned long long)stats.library_peak);
    return 0;
}
