/* SPDX-License-Identifier: MIT */
/*
 * A plain request: GET /models, the answer as bytes; and one that does not exist.
 * usage: models URL CA_FILE
 */
#include "common.h"

static cmx_done run(cmx_client *client, const char *path, char *body, size_t capacity)
{
    cmx_request request;
    cmx_request_default(&request);
    request.path = path;
    cmx_id id = 0;
    size_t len = 0;
    REQUIRE(cmx_request_start(client, &request, &id, NULL) == CMX_OK);
    for (;;) {
        cmx_event event;
        REQUIRE(cmx_client_wait(client, &event, UINT32_MAX) == CMX_OK);
        REQUIRE(event.id == id);
        if (event.kind == CMX_EVENT_DATA) {
            REQUIRE(len + event.data.len < capacity);
            memcpy(body + len, event.data.data, event.data.len);
            len += event.data.len;
        } else if (event.kind == CMX_EVENT_DONE) {
            body[len] = '\0';
            REQUIRE(event.done.bytes == len);
            return event.done;
        } else {
            REQUIRE(event.kind == CMX_EVENT_OPEN);
        }
    }
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 3);
    cmx_config config;
    cmx_config_preset(&config, CMX_PRESET_TINY);
    fence memory;
    cmx_client *client = common_client(&config, &memory);
    common_origin(client, argv[1], argv[2]);
    char body[16384];

    cmx_done done = run(client, "/models", body, sizeof body);
    REQUIRE(done.verdict == CMX_VERDICT_DONE);
    REQUIRE(done.http_status == 200);
    REQUIRE(strstr(body, "\"object\"") != NULL);

    done = run(client, "/nothing", body, sizeof body);
    REQUIRE(done.verdict == CMX_VERDICT_ERROR_HTTP);
    REQUIRE(done.error == CMX_ERR_HTTP_STATUS);
    REQUIRE(done.http_status == 404);
    REQUIRE(strstr(body, "error") != NULL);

    common_end(client, &memory);
    puts("models listed, unknown path refused");
    return 0;
}
