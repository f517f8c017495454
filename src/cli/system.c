/* SPDX-License-Identifier: MIT */
/*
 * Files and errno. See system.h.
 */
#include "cli/system.h"

#include "cli/out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* libc's strerror() has a text for each of a hundred errors, in static programs too; files make
 * these. */
const char *cli_system_text(int error)
{
    static const struct {
        uint16_t error;
        char text[26];
    } rows[] = {
        {ENOENT, "No such file or directory"},
        {EACCES, "Permission denied"},
        {EPERM, "Operation not permitted"},
        {EISDIR, "Is a directory"},
        {ENOTDIR, "Not a directory"},
        {ENOSPC, "No space left on device"},
        {EIO, "Input/output error"},
        {ENOMEM, "Cannot allocate memory"},
        {EPIPE, "Broken pipe"},
        {EROFS, "Read-only file system"},
        {EFBIG, "File too large"},
        {EDQUOT, "Disk quota exceeded"},
        {EMFILE, "Too many open files"},
        {EBADF, "Bad file descriptor"},
    };
    static char other[24];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].error == error) {
            return rows[i].text;
        }
    }
    cli_out text = {other, sizeof other - 1, 0, -1, 0};
    cli_out_print(&text, "system error %u", (unsigned)error);
    other[text.len] = '\0';
    return other;
}

static bool read_all(int fd, char *bytes, size_t capacity, size_t *len)
{
    *len = 0;
    while (*len < capacity) {
        ssize_t got = read(fd, bytes + *len, capacity - *len);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return false;
        }
        *len += got > 0 ? (size_t)got : 0;
    }
    return true;
}

const char *cli_system_read(const char *path, char *bytes, size_t capacity, size_t *len,
                            bool *is_private)
{
    struct stat status;
    bool is_file = strcmp(path, "-") != 0;
    int fd = is_file ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (fd < 0) {
        return cli_system_text(errno);
    }
    *is_private = fstat(fd, &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    const char *wrong = read_all(fd, bytes, capacity, len) ? NULL : cli_system_text(errno);
    if (is_file) {
        close(fd);
    }
    return wrong;
}

void cli_system_wipe(void *bytes, size_t len)
{
    volatile char *at = bytes;
    for (size_t i = 0; i < len; i++) {
        at[i] = 0;
    }
}

const char *cli_system_environment(const char *name, const char *otherwise)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? text : otherwise;
}
