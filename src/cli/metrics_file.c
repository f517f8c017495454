/* SPDX-License-Identifier: MIT */
/*
 * The file of figures. See metrics_file.h.
 */
#include "cli/metrics_file.h"

#include "cli/out.h"
#include "cli/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".new"

enum { FILE_MODE = 0666 }; /* what the umask leaves of it */

static bool refuse(const char *path, int error)
{
    return cli_out_say(false, "--metrics-file %s: %s", path, cli_system_text(error));
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
        return refuse(path, ENOMEM);
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
            return refuse(file->path, ENOMEM);
        }
        rc = cmx_client_metrics(client, CMX_METRICS_RELAY, file->text, file->capacity, len);
    }
    return rc == CMX_OK || cli_out_say(false, "--metrics-file: %s", cmx_error_text(rc));
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
    int fd = open(file->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return refuse(file->beside, errno);
    }
    cli_out out = {file->text, len, len, fd, 0};
    int error = cli_out_flush(&out);
    if (close(fd) != 0 && error == 0) {
        error = errno;
    }
    if (error == 0 && rename(file->beside, file->path) != 0) {
        error = errno;
    }
    if (error != 0) {
        unlink(file->beside);
        return refuse(file->path, error);
    }
    return true;
}

void cli_metrics_file_close(cli_metrics_file *file)
{
    free(file->beside);
    free(file->text);
    memset(file, 0, sizeof *file);
}
