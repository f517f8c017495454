/* SPDX-License-Identifier: MIT */
/*
 * The least that HTTP/2 with TLS can cost, for the table of pool.py: nghttp2 and wolfSSL as chatmux
 * builds them, an epoll loop, and nothing else. No pool, no clocks, no parsing beyond the status
 * and the end of each stream; memory from malloc. It verifies the server's certificate.
 * In: see load.h. Out: one JSON object on stdout.
 */
#include "load.h"

#include "base/base64.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wolfssl/ssl.h>

enum { EVENTS_MAX = 64, OUT_BYTES = 16384, IN_BYTES = 16384, WINDOW_BYTES = 1 << 24 };

typedef struct request {
    int64_t started_us;
    size_t sent; /* bytes of the body */
    int status;
} request;

typedef struct connection {
    struct loop *owner;
    int fd;
    WOLFSSL *tls;
    nghttp2_session *session;
    size_t out_len;
    size_t out_at;
    size_t in_len;
    size_t in_at;
    uint8_t out[OUT_BYTES];
    uint8_t in[IN_BYTES]; /* read ahead: one recv for many records */
} connection;

typedef struct loop {
    load load;
    int epoll_fd;
    WOLFSSL_CTX *context;
    connection *connections;
} loop;

/* The hooks that chatmux's build of wolfSSL calls. */

void *cmx_tls_hooks_malloc(size_t n, void *heap, int type);
void *cmx_tls_hooks_realloc(void *p, size_t n, void *heap, int type);
void cmx_tls_hooks_free(void *p, void *heap, int type);
int cmx_tls_hooks_seed(unsigned char *out, unsigned int len);
time_t cmx_tls_hooks_time(time_t *out);

void *cmx_tls_hooks_malloc(size_t n, void *heap, int type)
{
    (void)heap;
    (void)type;
    return malloc(n);
}

void *cmx_tls_hooks_realloc(void *p, size_t n, void *heap, int type)
{
    (void)heap;
    (void)type;
    return realloc(p, n);
}

void cmx_tls_hooks_free(void *p, void *heap, int type)
{
    (void)heap;
    (void)type;
    free(p);
}

int cmx_tls_hooks_seed(unsigned char *out, unsigned int len)
{
    return getrandom(out, len, 0) == (ssize_t)len ? 0 : -1;
}

time_t cmx_tls_hooks_time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

static nghttp2_ssize read_body(nghttp2_session *session, int32_t id, uint8_t *out, size_t capacity,
                               uint32_t *flags, nghttp2_data_source *source, void *user)
{
    request *r = source->ptr;
    size_t left = sizeof LOAD_BODY - 1 - r->sent;
    size_t len = left < capacity ? left : capacity;

    (void)session;
    (void)id;
    (void)user;
    memcpy(out, &LOAD_BODY[r->sent], len);
    r->sent += len;
    if (r->sent == sizeof LOAD_BODY - 1) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (nghttp2_ssize)len;
}

#define FIELD(name, value)                                                             \
    {                                                                                  \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1, \
            sizeof(value) - 1, NGHTTP2_NV_FLAG_NONE                                    \
    }

static bool start_request(connection *c, request *r)
{
    loop *l = c->owner;
    char length[24];
    int digits = snprintf(length, sizeof length, "%zu", sizeof LOAD_BODY - 1);
    nghttp2_nv fields[] = {
        FIELD(":method", "POST"),
        FIELD(":scheme", "https"),
        FIELD(":authority", "localhost"),
        FIELD(":path", "/v1/chat/completions"),
        FIELD("content-type", "application/json"),
        FIELD("accept", "application/json"),
        FIELD("authorization", "Bearer compare"),
        {(uint8_t *)(uintptr_t) "content-length", (uint8_t *)length, 14, (size_t)digits,
         NGHTTP2_NV_FLAG_NONE},
    };
    nghttp2_data_provider2 body = {.source = {.ptr = r}, .read_callback = read_body};

    *r = (request){.started_us = load_now_us()};
    l->load.started++;
    return nghttp2_submit_request2(c->session, NULL, fields, sizeof fields / sizeof fields[0],
                                   &body, r) > 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    (void)value_len;
    (void)flags;
    (void)user;
    if (name_len == 7 && memcmp(name, ":status", 7) == 0) {
        request *r = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
        r->status = atoi((const char *)value);
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    connection *c = user;
    load *l = &c->owner->load;
    request *r = nghttp2_session_get_stream_user_data(session, id);

    if (code == 0 && r->status == 200) {
        load_done(l, r->started_us);
    } else {
        l->failed++;
    }
    if (l->started < l->total && !start_request(c, r)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
}

/* Frames into one record, records into the socket, until it is full or nothing is left. */
static bool flush(connection *c)
{
    for (;;) {
        while (c->out_len - c->out_at == 0) {
            const uint8_t *data;
            size_t len = 0;
            nghttp2_ssize got;
            while (len < OUT_BYTES / 2 &&
                   (got = nghttp2_session_mem_send2(c->session, &data)) > 0) {
                if (len + (size_t)got > sizeof c->out) {
                    return false;
                }
                memcpy(c->out + len, data, (size_t)got);
                len += (size_t)got;
            }
            if (len == 0) {
                return true;
            }
            c->out_len = len;
            c->out_at = 0;
        }
        int rc = wolfSSL_write(c->tls, c->out + c->out_at, (int)(c->out_len - c->out_at));
        if (rc <= 0) {
            return wolfSSL_get_error(c->tls, rc) == WOLFSSL_ERROR_WANT_WRITE;
        }
        c->out_at += (size_t)rc;
    }
}

static bool receive(connection *c)
{
    static uint8_t plain[IN_BYTES];
    for (;;) {
        int rc = wolfSSL_read(c->tls, plain, sizeof plain);
        if (rc <= 0) {
            return wolfSSL_get_error(c->tls, rc) == WOLFSSL_ERROR_WANT_READ;
        }
        if (nghttp2_session_mem_recv2(c->session, plain, (size_t)rc) < 0) {
            return false;
        }
    }
}

/* The two functions by which wolfSSL reaches the socket. */

static int give_record(WOLFSSL *tls, char *out, int capacity, void *user)
{
    connection *c = user;
    (void)tls;
    if (c->in_at == c->in_len) {
        ssize_t got = recv(c->fd, c->in, sizeof c->in, 0);
        if (got <= 0) {
            return got == 0 ? WOLFSSL_CBIO_ERR_CONN_CLOSE : WOLFSSL_CBIO_ERR_WANT_READ;
        }
        c->in_at = 0;
        c->in_len = (size_t)got;
    }
    size_t left = c->in_len - c->in_at;
    size_t len = left < (size_t)capacity ? left : (size_t)capacity;
    memcpy(out, c->in + c->in_at, len);
    c->in_at += len;
    return (int)len;
}

static int take_record(WOLFSSL *tls, char *data, int len, void *user)
{
    connection *c = user;
    (void)tls;
    ssize_t sent = send(c->fd, data, (size_t)len, MSG_NOSIGNAL);
    return sent < 0 ? WOLFSSL_CBIO_ERR_WANT_WRITE : (int)sent;
}

static bool open_session(connection *c)
{
    nghttp2_session_callbacks *callbacks;
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                               {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 18}};
    if (nghttp2_session_callbacks_new(&callbacks) != 0) {
        return false;
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    int rc = nghttp2_session_client_new(&c->session, callbacks, c);
    nghttp2_session_callbacks_del(callbacks);
    return rc == 0 && nghttp2_submit_settings(c->session, 0, settings, 2) == 0 &&
           nghttp2_session_set_local_window_size(c->session, 0, 0, WINDOW_BYTES) == 0;
}

/* Connects and shakes hands while blocking: it is not what is measured. */
static bool open_connection(loop *l, connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->load.port)};
    int on = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->owner = l;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        return false;
    }
    char protocols[] = "h2";
    c->tls = wolfSSL_new(l->context);
    if (c->tls != NULL) {
        wolfSSL_SetIOReadCtx(c->tls, c);
        wolfSSL_SetIOWriteCtx(c->tls, c);
    }
    if (c->tls == NULL ||
        wolfSSL_UseSNI(c->tls, WOLFSSL_SNI_HOST_NAME, "localhost", 9) != WOLFSSL_SUCCESS ||
        wolfSSL_check_domain_name(c->tls, "localhost") != WOLFSSL_SUCCESS ||
        wolfSSL_UseALPN(c->tls, protocols, 2, WOLFSSL_ALPN_FAILED_ON_MISMATCH) != WOLFSSL_SUCCESS ||
        wolfSSL_connect(c->tls) != WOLFSSL_SUCCESS) {
        fprintf(stderr, "bare_loop: TLS error %d\n",
                c->tls == NULL ? 0 : wolfSSL_get_error(c->tls, 0));
        return false;
    }
    l->load.handshakes++;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    return fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0 && open_session(c) &&
           epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) == 0;
}

/* The one certificate of the emulator's file. wolfSSL takes DER alone, as chatmux builds it. */
static bool load_trust(loop *l)
{
    static const char end_mark[] = "-----END CERTIFICATE-----";
    static char pem[65536];
    FILE *file = fopen(l->load.cacert, "rb");
    size_t len = file == NULL ? 0 : fread(pem, 1, sizeof pem - 1, file);
    if (file != NULL) {
        (void)fclose(file);
    }
    pem[len] = '\0';
    char *begin = strchr(pem, '\n');
    char *end = strstr(pem, end_mark);
    if (begin == NULL || end == NULL || end < begin) {
        return false;
    }
    uint8_t *der = (uint8_t *)begin;
    len = cmx_base64_read((cmx_view){der, (size_t)(end - begin)}, der);
    return wolfSSL_CTX_load_verify_buffer(l->context, der, (long)len, WOLFSSL_FILETYPE_ASN1) ==
           WOLFSSL_SUCCESS;
}

static bool open_loop(loop *l)
{
    wolfSSL_Init();
    l->context = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->connections = calloc((size_t)l->load.connections, sizeof *l->connections);
    if (l->context == NULL || l->epoll_fd < 0 || l->connections == NULL) {
        return false;
    }
    wolfSSL_CTX_SetIORecv(l->context, give_record);
    wolfSSL_CTX_SetIOSend(l->context, take_record);
    wolfSSL_CTX_set_verify(l->context, WOLFSSL_VERIFY_PEER, NULL);

    return load_trust(l);
}

static bool run(loop *l, request *requests)
{
    struct epoll_event events[EVENTS_MAX];
    long ended = 0;

    for (long i = 0; i < l->load.in_flight && i < l->load.total; i++) {
        if (!start_request(&l->connections[i % l->load.connections], &requests[i])) {
            return false;
        }
    }
    for (long i = 0; i < l->load.connections; i++) {
        if (!flush(&l->connections[i])) {
            return false;
        }
    }
    while ((ended = l->load.completed + l->load.failed) < l->load.total) {
        int count = epoll_wait(l->epoll_fd, events, EVENTS_MAX, (int)l->load.timeout_ms);
        if (count == 0 || (count < 0 && errno != EINTR)) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            if (!receive(events[i].data.ptr) || !flush(events[i].data.ptr)) {
                return false;
            }
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    static loop l;

    if (!load_parse(&l.load, argc, argv) || l.load.connections < 1) {
        return 2;
    }
    request *requests = calloc((size_t)l.load.in_flight, sizeof *requests);
    if (requests == NULL || !open_loop(&l)) {
        fputs("bare_loop: cannot set up\n", stderr);
        return 1;
    }
    load_begin(&l.load);
    for (long i = 0; i < l.load.connections; i++) {
        if (!open_connection(&l, &l.connections[i])) {
            fputs("bare_loop: cannot connect\n", stderr);
            return 1;
        }
    }
    l.load.connections_peak = l.load.connections;
    if (!run(&l, requests)) {
        fputs("bare_loop: the loop failed\n", stderr);
        return 1;
    }
    int code = load_report(&l.load);
    free(requests);
    return code;
}
