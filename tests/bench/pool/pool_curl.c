/* SPDX-License-Identifier: MIT */
/*
 * A classic pool, for the table of pool.py: libcurl's multi interface, one request at a time on
 * each connection, at most -p connections; -p 0 opens a new one for each request. Who finds no
 * connection waits inside libcurl, and that time counts, as it does for its user.
 * In: see load.h. Out: one JSON object on stdout.
 */
#include "load.h"

#include <curl/curl.h>
#include <sys/epoll.h>

enum { EVENTS_MAX = 64, URL_BYTES = 128, ANSWER_BYTES_MAX = 65536 };

typedef struct transfer {
    struct pool *owner;
    CURL *easy;
    int64_t started_us;
    size_t len;
    char answer[ANSWER_BYTES_MAX];
} transfer;

typedef struct pool {
    load load;
    CURLM *multi;
    struct curl_slist *headers;
    int epoll_fd;
    int64_t timer_due_us; /* -1 = not armed */
    long running;
    char url[URL_BYTES];
} pool;

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    transfer *t = user;
    size_t len = size * count;
    if (len > sizeof t->answer - t->len) {
        return 0;
    }
    memcpy(t->answer + t->len, data, len);
    t->len += len;
    return len;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    pool *p = user;
    struct epoll_event event = {.events = 0, .data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events |= (what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0;
    event.events |= (what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0;
    int rc = epoll_ctl(p->epoll_fd, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    (void)curl_multi_assign(p->multi, fd, p);
    return rc;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    pool *p = user;
    (void)multi;
    p->timer_due_us = timeout_ms < 0 ? -1 : load_now_us() + timeout_ms * 1000;
    return 0;
}

static bool start_transfer(transfer *t)
{
    pool *p = t->owner;
    t->len = 0;
    t->started_us = load_now_us();
    p->load.started++;
    p->running++;
    return curl_multi_add_handle(p->multi, t->easy) == CURLM_OK;
}

static void end_transfer(transfer *t, CURLcode result)
{
    pool *p = t->owner;
    long status = 0;
    long connects = 0;

    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
    p->load.handshakes += connects;
    p->running--;
    if (result == CURLE_OK && status == 200 && t->len > 2 &&
        memchr(t->answer + t->len - 2, '}', 2) != NULL) {
        load_done(&p->load, t->started_us);
    } else {
        p->load.failed++;
        p->load.timeouts += result == CURLE_OPERATION_TIMEDOUT;
    }
}

static bool collect_done(pool *p)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(p->multi, &left)) != NULL) {
        transfer *t = NULL;
        CURLcode result = message->data.result;
        CURL *easy = message->easy_handle;

        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
        (void)curl_multi_remove_handle(p->multi, easy);
        end_transfer(t, result);
        if (p->load.started < p->load.total && !start_transfer(t)) {
            return false;
        }
    }
    return true;
}

static int wait_ms(const pool *p)
{
    if (p->timer_due_us < 0) {
        return 100;
    }
    int64_t wait_us = p->timer_due_us - load_now_us();
    return wait_us <= 0 ? 0 : (int)((wait_us + 999) / 1000);
}

static bool run(pool *p)
{
    struct epoll_event events[EVENTS_MAX];
    int running;

    while (p->running > 0) {
        int count = epoll_wait(p->epoll_fd, events, EVENTS_MAX, wait_ms(p));
        for (int i = 0; i < count; i++) {
            int mask = (events[i].events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0;
            mask |= (events[i].events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
            mask |= (events[i].events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0;
            (void)curl_multi_socket_action(p->multi, events[i].data.fd, mask, &running);
        }
        if (p->timer_due_us >= 0 && load_now_us() >= p->timer_due_us) {
            p->timer_due_us = -1;
            (void)curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        if (!collect_done(p)) {
            return false;
        }
    }
    return true;
}

static transfer *open_transfer(pool *p)
{
    transfer *t = malloc(sizeof *t);
    if (t == NULL || (t->easy = curl_easy_init()) == NULL) {
        return NULL;
    }
    t->owner = p;
    (void)curl_easy_setopt(t->easy, CURLOPT_URL, p->url);
    (void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, p->headers);
    (void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, LOAD_BODY);
    (void)curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
    (void)curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, p->load.timeout_ms);
    (void)curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    (void)curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    (void)curl_easy_setopt(t->easy, CURLOPT_CAINFO, p->load.cacert);
    (void)curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, p->load.connections == 0 ? 1L : 0L);
    (void)curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, p->load.connections == 0 ? 1L : 0L);
    return t;
}

static bool open_pool(pool *p)
{
    (void)snprintf(p->url, sizeof p->url, "https://%s:%ld/v1/chat/completions", p->load.host,
                   p->load.port);
    p->timer_due_us = -1;
    p->headers = curl_slist_append(NULL, "content-type: application/json");
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    p->multi = curl_multi_init();
    if (p->headers == NULL || p->epoll_fd < 0 || p->multi == NULL) {
        return false;
    }
    (void)curl_multi_setopt(p->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    (void)curl_multi_setopt(p->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, p->load.connections);
    (void)curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS,
                            p->load.connections == 0 ? 1L : p->load.connections);
    (void)curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
    (void)curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    (void)curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
    return true;
}

int main(int argc, char **argv)
{
    static pool p;

    if (!load_parse(&p.load, argc, argv)) {
        return 2;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || !open_pool(&p)) {
        return 1;
    }
    load_begin(&p.load);
    for (long i = 0; i < p.load.in_flight && i < p.load.total; i++) {
        transfer *t = open_transfer(&p);
        if (t == NULL || !start_transfer(t)) {
            return 1;
        }
    }
    if (!run(&p)) {
        return 1;
    }
    p.load.connections_peak = p.load.connections == 0 ? p.load.in_flight : p.load.handshakes;
    return load_report(&p.load);
}
