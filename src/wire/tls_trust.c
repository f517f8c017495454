/* SPDX-License-Identifier: MIT */
/*
 * A window of one certificate slides over the bytes. PEM is cut at its marker lines and decoded
 * where it lies; judging is the library's. A cut or damaged certificate in the middle costs only
 * itself.
 */
#include "wire/tls_trust.h"

#include "base/base64.h"

#include <string.h>

enum {
    WINDOW_BYTES = CMX_TLS_TRUST_CERT_BYTES_MAX,
    DER_SEQUENCE = 0x30, /* first byte of every DER certificate */
    NAME_BYTES_MAX = 256,
};

#define PEM_BEGIN CMX_VIEW_LITERAL("-----BEGIN CERTIFICATE-----")
#define PEM_END CMX_VIEW_LITERAL("-----END CERTIFICATE-----")

/* One run over memory, a file, or the files of a directory. */
typedef struct trust_load {
    cmx_tls_context *context;
    const cmx_port *port; /* whose file is read; NULL = `memory` is */
    cmx_view memory;
    uint8_t *window; /* WINDOW_BYTES of the region, while loading */
    size_t len;      /* bytes in the window */
    bool is_der;     /* the source started like DER */
    bool is_over;    /* DER was followed by something else: the rest is not looked at */
    uint32_t found;  /* what looked like a certificate */
    uint32_t usable; /* of these, trusted now */
} trust_load;

/* Reads at `offset`; *len is the room at `out` before and the bytes read after, 0 at the end. */
static int read_source(const trust_load *load, const char *path, uint64_t offset, uint8_t *out,
                       size_t *len)
{
    const cmx_port *port = load->port;
    size_t room = *len;

    if (port != NULL) {
        int rc = port->file_read(port->ctx, path, offset, out, len);
        if (rc == CMX_OK && *len <= room) {
            return CMX_OK;
        }
        return rc == CMX_ERR_TRUST ? rc : CMX_ERR_PORT;
    }
    size_t rest = load->memory.len - (size_t)offset;
    *len = rest < room ? rest : room;
    memcpy(out, load->memory.data + offset, *len);
    return CMX_OK;
}

/* Returns where `needle` starts in the window at or after `from`, or the window's length. */
static size_t find_marker(const trust_load *load, size_t from, cmx_view needle)
{
    for (; from + needle.len <= load->len; from++) {
        const uint8_t *at = load->window + from;
        if (*at == needle.data[0] && memcmp(at, needle.data, needle.len) == 0) {
            return from;
        }
    }
    return load->len;
}

static void drop_bytes(trust_load *load, size_t len)
{
    memmove(load->window, load->window + len, load->len - len);
    load->len -= len;
}

/* Counts what became of one certificate. Returns CMX_OK unless loading must stop. */
static int count_certificate(trust_load *load, int rc)
{
    load->found++;
    if (rc == CMX_OK) {
        load->usable++;
    }
    return rc == CMX_ERR_NO_MEMORY ? rc : CMX_OK;
}

/* Decodes what lies between the markers, where it lies. */
static int add_pem(trust_load *load, size_t end)
{
    uint8_t *bytes = load->window + PEM_BEGIN.len;
    size_t len = cmx_base64_read((cmx_view){bytes, end - PEM_BEGIN.len}, bytes);

    return count_certificate(load, cmx_tls_context_add_der(load->context, bytes, len));
}

/* Takes all complete PEM certificates out of the window and leaves what may be the start of one. */
static int take_pem(trust_load *load)
{
    for (;;) {
        size_t begin = find_marker(load, 0, PEM_BEGIN);
        if (begin == load->len) {
            size_t keep = load->len < PEM_BEGIN.len ? load->len : PEM_BEGIN.len - 1;
            drop_bytes(load, load->len - keep);
            return CMX_OK;
        }
        drop_bytes(load, begin);
        size_t end = find_marker(load, 0, PEM_END);
        size_t next = find_marker(load, PEM_BEGIN.len, PEM_BEGIN);
        int rc = CMX_OK;
        if (next < end) {
            /* A second beginning before the end: the first one was cut. */
            rc = count_certificate(load, CMX_ERR_CERT_INVALID);
            drop_bytes(load, next);
        } else if (end < load->len) {
            rc = add_pem(load, end);
            drop_bytes(load, end + PEM_END.len);
        } else if (load->len == WINDOW_BYTES) {
            rc = count_certificate(load, CMX_ERR_CERT_INVALID);
            drop_bytes(load, PEM_BEGIN.len);
        } else {
            return CMX_OK;
        }
        if (rc != CMX_OK) {
            return rc;
        }
    }
}

/* Returns the length of the DER element at the start of the window; 0 = its head is not complete,
 * WINDOW_BYTES + 1 = it is not a certificate that fits. */
static size_t der_element_len(const trust_load *load)
{
    const uint8_t *head = load->window;

    if (load->len < 4) {
        return 0;
    }
    if (head[0] != DER_SEQUENCE) {
        return WINDOW_BYTES + 1;
    }
    if (head[1] < 0x80) {
        return 2 + (size_t)head[1];
    }
    if (head[1] == 0x81) {
        return 3 + (size_t)head[2];
    }
    if (head[1] == 0x82) {
        return 4 + ((size_t)head[2] << 8) + head[3];
    }
    return WINDOW_BYTES + 1;
}

static int take_der(trust_load *load)
{
    for (;;) {
        size_t len = der_element_len(load);
        if (len > WINDOW_BYTES) {
            load->is_over = true;
            return CMX_OK;
        }
        if (len == 0 || len > load->len) {
            return CMX_OK;
        }
        int rc = count_certificate(load, cmx_tls_context_add_der(load->context, load->window, len));
        if (rc != CMX_OK) {
            return rc;
        }
        drop_bytes(load, len);
    }
}

/* Runs over one source; the counts go on. */
static int load_source(trust_load *load, const char *path)
{
    uint64_t offset = 0;

    load->len = 0;
    load->is_over = false;
    while (offset < CMX_TLS_TRUST_FILE_BYTES_MAX && !load->is_over) {
        size_t got = WINDOW_BYTES - load->len;
        int rc = read_source(load, path, offset, load->window + load->len, &got);
        if (rc != CMX_OK) {
            return rc;
        }
        if (got == 0) {
            break;
        }
        if (offset == 0) {
            load->is_der = load->window[0] == DER_SEQUENCE;
        }
        offset += got;
        load->len += got;
        rc = load->is_der ? take_der(load) : take_pem(load);
        if (rc != CMX_OK) {
            return rc;
        }
    }
    if (load->len > 0 && !load->is_der && find_marker(load, 0, PEM_BEGIN) == 0) {
        return count_certificate(load, CMX_ERR_CERT_INVALID);
    }
    return CMX_OK;
}

/* Joins directory and name. Returns false if the result would be too long. */
static bool join_path(const char *dir, const char *name, char out[CMX_TLS_TRUST_PATH_BYTES_MAX])
{
    size_t dir_len = strlen(dir);
    size_t name_len = strlen(name);

    if (dir_len >= CMX_TLS_TRUST_PATH_BYTES_MAX ||
        name_len + 2 > CMX_TLS_TRUST_PATH_BYTES_MAX - dir_len) {
        return false;
    }
    memcpy(out, dir, dir_len);
    out[dir_len] = '/';
    memcpy(out + dir_len + 1, name, name_len + 1);
    return true;
}

static int load_dir(trust_load *load, const char *dir)
{
    const cmx_port *port = load->port;
    char name[NAME_BYTES_MAX];
    char path[CMX_TLS_TRUST_PATH_BYTES_MAX];

    for (uint32_t i = 0; i < CMX_TLS_TRUST_FILES_MAX; i++) {
        int rc = port->dir_entry(port->ctx, dir, i, name, sizeof(name));
        if (rc == CMX_IDLE) {
            break;
        }
        if (rc != CMX_OK) {
            return rc == CMX_ERR_TRUST ? rc : CMX_ERR_PORT;
        }
        if (!join_path(dir, name, path)) {
            continue;
        }
        rc = load_source(load, path);
        if (rc != CMX_OK && rc != CMX_ERR_TRUST) {
            return rc;
        }
    }
    return CMX_OK;
}

/* Lends the window to a run. Returns its own error first, else success if anything is usable. */
static int run_load(trust_load *load, const char *path, bool is_dir)
{
    cmx_region *region = load->context->region;

    cmx_region_charge(region, 0);
    load->window = cmx_region_take(region, WINDOW_BYTES);
    if (load->window == NULL) {
        return CMX_ERR_NO_MEMORY;
    }
    int rc = is_dir ? load_dir(load, path) : load_source(load, path);
    cmx_region_give(region, load->window);
    return rc == CMX_OK && load->usable == 0 ? CMX_ERR_TRUST : rc;
}

int cmx_tls_trust_memory(cmx_tls_context *context, const void *bytes, size_t len)
{
    trust_load load = {.context = context, .memory = {bytes, len}};

    if (bytes == NULL || len == 0) {
        return CMX_ERR_CERT_INVALID;
    }
    int rc = run_load(&load, NULL, false);
    return rc == CMX_ERR_TRUST && load.found == 0 ? CMX_ERR_CERT_INVALID : rc;
}

int cmx_tls_trust_file(cmx_tls_context *context, const cmx_port *port, const char *path)
{
    trust_load load = {.context = context, .port = port};

    return run_load(&load, path, false);
}

int cmx_tls_trust_dir(cmx_tls_context *context, const cmx_port *port, const char *path)
{
    trust_load load = {.context = context, .port = port};

    return run_load(&load, path, true);
}
