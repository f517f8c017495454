/* SPDX-License-Identifier: MIT */
/*
 * Where the Linux port finds CA certificates: regular files by path, the entries of a directory,
 * and the places where distributions keep their bundle. Reads no environment: which file is meant
 * is the application's business. Keeps nothing open between calls.
 */
#define _GNU_SOURCE 1

#include "linux.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Most entries of a directory that are looked at. */
#define CMX_LINUX_DIR_ENTRIES_MAX 4096u

/* Farthest place of a file that is read: what off_t holds on every system. */
#define CMX_LINUX_FILE_OFFSET_MAX ((uint64_t)INT32_MAX)

/* Reads from an open descriptor, but only if it is a regular file: a pipe could block. */
static int read_regular(int descriptor, uint64_t offset, void *out, size_t *len)
{
    struct stat info;
    ssize_t bytes;

    if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode) ||
        offset > CMX_LINUX_FILE_OFFSET_MAX) {
        return CMX_ERR_TRUST;
    }
    bytes = pread(descriptor, out, *len, (off_t)offset);
    if (bytes < 0) {
        return CMX_ERR_TRUST;
    }
    *len = (size_t)bytes;
    return CMX_OK;
}

/* Links count as what they point to: distributions fill the directory with them. */
static bool is_regular(DIR *dir, const struct dirent *entry)
{
    struct stat info;

    return fstatat(dirfd(dir), entry->d_name, &info, 0) == 0 && S_ISREG(info.st_mode);
}

/* Copies the name of the `index`-th regular file. */
static int find_entry(DIR *dir, uint32_t index, char *name, size_t capacity)
{
    for (uint32_t looked_at = 0; looked_at < CMX_LINUX_DIR_ENTRIES_MAX; looked_at++) {
        const struct dirent *entry = readdir(dir);
        size_t len;

        if (entry == NULL) {
            return CMX_IDLE;
        }
        if (!is_regular(dir, entry)) {
            continue;
        }
        if (index > 0) {
            index--;
            continue;
        }
        len = strlen(entry->d_name);
        if (len >= capacity) {
            return CMX_ERR_TRUST;
        }
        memcpy(name, entry->d_name, len + 1);
        return CMX_OK;
    }
    return CMX_IDLE;
}

int cmx_linux_file_read(void *ctx, const char *path, uint64_t offset, void *out, size_t *len)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int status = CMX_ERR_TRUST;

    (void)ctx;
    if (descriptor >= 0) {
        status = read_regular(descriptor, offset, out, len);
        (void)close(descriptor);
    }
    if (status != CMX_OK) {
        *len = 0;
    }
    return status;
}

int cmx_linux_dir_entry(void *ctx, const char *path, uint32_t index, char *name, size_t capacity)
{
    DIR *dir = opendir(path);
    int status;

    (void)ctx;
    if (dir == NULL) {
        return CMX_ERR_TRUST;
    }
    status = find_entry(dir, index, name, capacity);
    (void)closedir(dir);
    return status;
}

const char *cmx_linux_system_trust(void *ctx)
{
    static const char *const places[] = {
        "/etc/ssl/certs/ca-certificates.crt", /* Debian, OpenWrt, Buildroot, Arch */
        "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
        "/etc/ssl/cert.pem",                  /* Alpine, Yocto */
    };

    (void)ctx;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (access(places[i], R_OK) == 0) {
            return places[i];
        }
    }
    return NULL;
}
