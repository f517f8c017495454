/* SPDX-License-Identifier: MIT */
/*
 * CONNECT and its answer. The answer is read from the connection's buffer and not a byte further:
 * what follows is the origin's. Of its fields none matters, not even a length (RFC 9110, 9.3.6).
 * See conn_proxy.h.
 */
#include "wire/conn_proxy.h"

#include "base/wipe.h"
#include "wire/conn_pump.h"

enum {
    STATUS_LINE_BYTES_MIN = 12, /* "HTTP/1.1 200", at least */
    STATUS_AUTH_REQUIRED = 407,
    RECEIVES_PER_STEP = 64, /* before others get a turn */
};

/* Fields are short, write_bytes is not: there is room. */
static void add_text(cmx_buffer *out, const char *text)
{
    cmx_buffer_append(out, text, strlen(text));
}

void cmx_conn_proxy_open(cmx_conn *conn, uint64_t now_ms)
{
    const cmx_conn_proxy *proxy = &conn->target->proxy;
    cmx_buffer *out = &conn->to_send;
    CMX_ASSERT(cmx_buffer_len(out) == 0);

    add_text(out, "CONNECT ");
    add_text(out, proxy->authority);
    add_text(out, " HTTP/1.1\r\nHost: ");
    add_text(out, proxy->authority);
    if (proxy->credentials.len > 0) {
        add_text(out, "\r\nProxy-Authorization: Basic ");
        cmx_buffer_append(out, proxy->credentials.data, proxy->credentials.len);
    }
    add_text(out, "\r\n\r\n");
    cmx_conn_set_state(conn, CMX_CONN_AWAIT_PROXY, now_ms);
}

/* Returns the length of the head with its empty line, or 0 if that did not come yet. Lines may end
 * without CR, as RFC 9112, 2.2 lets them. */
static size_t find_head_end(const uint8_t *bytes, size_t len)
{
    size_t line = 0; /* where it begins */

    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != '\n') {
            continue;
        }
        size_t line_len = i - line;
        if (line_len == 0 || (line_len == 1 && bytes[line] == '\r')) {
            return i + 1;
        }
        line = i + 1;
    }
    return 0;
}

/* Compares as much of a status line as there is: who speaks another protocol is not waited for. */
static bool is_http1(const uint8_t *bytes, size_t len)
{
    static const char version[] = "HTTP/1.";
    size_t known = len < sizeof(version) - 1 ? len : sizeof(version) - 1;
    return memcmp(bytes, version, known) == 0;
}

/* Returns the status of a head, or 0 if its first line has none. */
static uint32_t read_status(const uint8_t *head, size_t len)
{
    uint32_t status = 0;

    if (len <= STATUS_LINE_BYTES_MIN || head[8] != ' ') {
        return 0;
    }
    for (size_t i = 9; i < STATUS_LINE_BYTES_MIN; i++) {
        uint32_t digit = head[i] - (uint32_t)'0';
        if (digit > 9) {
            return 0;
        }
        status = status * 10 + digit;
    }
    return head[STATUS_LINE_BYTES_MIN] - (uint32_t)'0' <= 9 ? 0 : status; /* a fourth digit */
}

/* Tells what the proxy said. `status` 0 = nothing that is an answer. */
static void log_answer(const cmx_conn *conn, uint32_t status, uint64_t now_ms)
{
    cmx_conn_log(conn, CMX_LOG_PROXY, now_ms - conn->dialed_ms, status);
}

static int refuse(const cmx_conn *conn, uint32_t status, uint64_t now_ms)
{
    log_answer(conn, status, now_ms);
    return status == STATUS_AUTH_REQUIRED ? CMX_ERR_PROXY_AUTH : CMX_ERR_PROXY;
}

/* What the buffer cannot hold can never become whole. */
static size_t head_bytes_max(const cmx_buffer *in)
{
    return in->capacity < CMX_CONN_PROXY_HEAD_BYTES_MAX ? in->capacity
                                                        : CMX_CONN_PROXY_HEAD_BYTES_MAX;
}

/* Judges what was received. Returns CMX_OK, CMX_AGAIN (the head is not whole), or an error. */
static int read_answer(cmx_conn *conn, uint64_t now_ms)
{
    cmx_buffer *in = &conn->received;
    uint32_t status = 0;

    do { /* heads of 1xx announce another one */
        const uint8_t *bytes = cmx_buffer_head(in);
        size_t len = cmx_buffer_len(in);
        size_t head_max = head_bytes_max(in);
        len = len < head_max ? len : head_max;
        size_t head_len = find_head_end(bytes, len);
        if (!is_http1(bytes, len) || (head_len == 0 && len == head_max)) {
            return refuse(conn, 0, now_ms);
        }
        if (head_len == 0) {
            return CMX_AGAIN;
        }
        status = read_status(bytes, head_len);
        cmx_buffer_skip(in, head_len);
    } while (status >= 100 && status < 200);
    /* A proxy that agrees to what it has not read yet is none. */
    if (status < 200 || status >= 300 || cmx_buffer_len(&conn->to_send) > 0) {
        return refuse(conn, status, now_ms);
    }
    log_answer(conn, status, now_ms);
    return CMX_OK;
}

int cmx_conn_proxy_step(cmx_conn *conn, uint64_t now_ms)
{
    int rc = cmx_conn_pump_flush(conn, now_ms);
    if (rc != CMX_OK) {
        return rc;
    }
    for (unsigned i = 0; i < RECEIVES_PER_STEP; i++) {
        rc = cmx_conn_pump_receive(conn);
        if (rc == CMX_AGAIN) {
            return conn->send_error != CMX_OK ? conn->send_error : CMX_AGAIN;
        }
        if (rc == CMX_ERR_CLOSED || rc == CMX_ERR_RESET) {
            return refuse(conn, 0, now_ms); /* it did not even say why */
        }
        if (rc != CMX_OK) {
            return rc;
        }
        rc = read_answer(conn, now_ms);
        if (rc == CMX_OK) {
            /* The credentials were in it; from here on it has other things to hold. */
            cmx_wipe(conn->to_send.data, conn->to_send.capacity);
        }
        if (rc != CMX_AGAIN) {
            return rc;
        }
    }
    return CMX_AGAIN;
}
