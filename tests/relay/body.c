/* SPDX-License-Identifier: MIT */
/*
 * Reads the file of --body-file into a reply.
 * In: the file. Out: status, content-type, body, and how it ends. Must not know frames.
 */
#include "body.h"

#include "fault.h"

#include <stdio.h>
#include <stdlib.h>

static const relay_fault cut = {.cut = RELAY_CUT_RESET};

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *data = malloc(RELAY_BODY_MAX);

    *len = 0;
    if (file != NULL && data != NULL) {
        *len = fread(data, 1, RELAY_BODY_MAX, file);
    }
    if (file == NULL || data == NULL || ferror(file) || *len == RELAY_BODY_MAX) {
        free(data);
        data = NULL;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return data;
}

bool relay_body_reply(const relay_env *env, relay_reply *reply)
{
    const relay_options *options = &env->options;

    reply->status = (int)options->body_status;
    reply->content_type = options->body_type;
    reply->fault = options->body_cut ? &cut : NULL;
    reply->raw = true;
    reply->body = read_file(options->body_file, &reply->body_len);
    return reply->body != NULL;
}
