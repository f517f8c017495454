/* SPDX-License-Identifier: MIT */
/*
 * The file of figures. See metrics_file.h.
 */
#include "cli/metrics_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".new"

static bool say(const char *path)
{
    fprintf(stderr, "chatmux: --metrics-file %s: %s\n", path, strerror(errno));
    return false;
}

bool cli_metrics_file_open(cli_metrics_file *file, const char *path)
{
    memset(file, 0, sizeof *file);
    file->path = path;
    if (path == NULL) {
        return true;
    }
    size_t len = strlen(path);
    file->beside = malloc(len + sizeof SUFFIX);
    if (file->beside == NULL) {
        return say(path);
    }
    memcpy(file->beside, path, len);
    memcpy(file->beside + len, SUFFIX, sizeof SUFFIX);
    return true;
}

/* Makes the text, with more room if it needs more. */
static bool make_text(cli_metrics_file *file, const cmx_client *client, size_t *len)
{
    int rc = cmx_client_metrics(client, CMX_METRICS_RELAY, file->text, file->capacity, len);
    if (rc == CMX_ERR_BUFFER_SMALL) {
        free(file->text);
        file->capacity = *len + 1;
        file->text = malloc(file->capacity);
        if (file->text == NULL) {
            file->capacity = 0;
            return say(file->path);
        }
        rc = cmx_client_metrics(client, CMX_METRICS_RELAY, file->text, file->capacity, len);
    }
    if (rc != CMX_OK) {
        fprintf(stderr, "chatmux: --metrics-file: %s\n", cmx_error_text(rc));
    }
    return rc == CMX_OK;
}

bool cli_metrics_file_write(cli_metrics_file *file, const cmx_client *client)
{
    size_t len = 0;
    if (file->path == NULL) {
        return true;
    }
    if (!make_text(file, client, &len)) {
        return false;
    }
    FILE *out = fopen(file->beside, "w");
    if (out == NULL) {
        return say(file->beside);
    }
    bool is_whole = fwrite(file->text, 1, len, out) == len;
    is_whole = fclose(out) == 0 && is_whole;
    if (!is_whole || rename(file->beside, file->path) != 0) {
        say(file->path);
        remove(file->beside);
        return false;
    }
    return true;
}

void cli_metrics_file_close(cli_metrics_file *file)
{
    free(file->beside);
    free(file->text);
    memset(file, 0, sizeof *file);
}
