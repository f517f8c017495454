/* SPDX-License-Identifier: MIT */
/*
 * The program chatmux is measured against: libcurl's multi interface and jsmn doing the same work.
 * It POSTs chat completions, multiplexes them over a few HTTP/2 connections, splits the stream into
 * events, tokenises each payload, takes choices[0].delta.content out and unescapes it.
 * In: -n -c -p --url --cacert --model [--stamps]. Out: one JSON object on stdout.
 * Must not be made weaker than libcurl allows: the socket interface on epoll (not multi_perform,
 * which visits every handle), handles reused, lines parsed where libcurl lends them, no allocation
 * per event.
 *
 * Pinned: Debian 12's libcurl4-openssl-dev (7.88.1), jsmn 1.1.0, and the flags in curl_multi.flags:
 *     cc $(cat curl_multi.flags) -I JSMN_DIR curl_multi.c -lcurl -o curl_multi
 *
 * Counted as CPU: user and system time of the whole process (getrusage), from before the first
 * connection until the last answer. A delta is an event with a non-empty content string; bytes are
 * those of its text, unescaped. A completion counts when status 200, a finish_reason and [DONE]
 * came.
 * --stamps measures each token's age against the send stamp that chatmux-relay --stamp puts in it.
 */
#include "curl_multi_json.h"
#include "memory.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#define JSON_TOKENS_MAX 256
#define LINE_MAX_BYTES 65536
#define EVENTS_MAX 64
#define IN_FLIGHT_MAX 10000
#define LAG_BUCKETS 1000000 /* one per microsecond; what is later counts in the last */
#define REQUEST_TIMEOUT_S 60L
#define SWEEP_US 20000
#define URL_MAX 1024
#define BODY_MAX 1024

typedef struct options {
    long total;
    long in_flight;
    long connections;
    const char *url;
    const char *cacert;
    const char *model;
    bool stamps;
} options;

typedef struct totals {
    long completions;
    long failed;
    long connects;
    uint64_t deltas;
    uint64_t bytes;
    uint64_t lags;
} totals;

typedef struct bench bench;

/* Of memory/heap_counted.c, which memory.sh links; otherwise nothing is counted. */
unsigned long heap_calls(void) __attribute__((weak));
size_t heap_bytes(void) __attribute__((weak));
size_t heap_bytes_most(void) __attribute__((weak));

typedef struct transfer {
    bench *owner;
    CURL *easy;
    bool finish_seen;
    bool done_seen;
    bool broken;
    size_t line_len; /* of a line whose end has not come yet */
    char *line;
} transfer;

struct bench {
    options opts;
    totals sums;
    CURLM *multi;
    struct curl_slist *headers;
    int epoll_fd;
    long started;
    long running;
    int64_t timer_due_us; /* -1: not armed */
    int64_t sweep_due_us;
    transfer *transfers;
    char *lines; /* one per transfer, in a mapping of their own: libcurl's heap goes without them */
    memory_seen opening;
    memory_seen starting;
    unsigned long calls_before;
    size_t heap_before;
    char url[URL_MAX];
    char body[BODY_MAX];
    char text[LINE_MAX_BYTES];
    jsmntok_t tokens[JSON_TOKENS_MAX];
    uint32_t *lag_counts;
};

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static double cpu_s(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void count_lag(bench *b, const char *text, size_t len)
{
    int64_t stamp_us = 0;
    int64_t lag_us;

    if (len < 4 || text[0] != 't' || text[1] != '=') {
        return;
    }
    for (size_t i = 2; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
        stamp_us = stamp_us * 10 + (text[i] - '0');
    }
    lag_us = now_us() - stamp_us;
    if (lag_us < 0) {
        lag_us = 0;
    }
    b->lag_counts[lag_us < LAG_BUCKETS ? lag_us : LAG_BUCKETS - 1]++;
    b->sums.lags++;
}

static void take_payload(transfer *t, const char *json, size_t len)
{
    bench *b = t->owner;
    jsmn_parser parser;
    int count;
    int choice;
    int found;

    jsmn_init(&parser);
    count = jsmn_parse(&parser, json, len, b->tokens, JSON_TOKENS_MAX);
    if (count < 1) {
        t->broken = true;
        return;
    }
    choice = find_member(json, b->tokens, count, 0, "choices");
    if (choice < 0 || b->tokens[choice].type != JSMN_ARRAY || b->tokens[choice].size == 0) {
        return;
    }
    choice++;
    found = find_member(json, b->tokens, count, choice, "finish_reason");
    t->finish_seen |= found >= 0 && b->tokens[found].type == JSMN_STRING;
    found = find_member(json, b->tokens, count, choice, "delta");
    if (found >= 0) {
        found = find_member(json, b->tokens, count, found, "content");
    }
    if (found >= 0 && b->tokens[found].type == JSMN_STRING &&
        b->tokens[found].end > b->tokens[found].start) {
        const jsmntok_t *content = &b->tokens[found];
        const size_t text_len =
            unescape(json + content->start, (size_t)(content->end - content->start), b->text);

        b->sums.deltas++;
        b->sums.bytes += text_len;
        if (b->opts.stamps) {
            count_lag(b, b->text, text_len);
        }
    }
}

/* One line without its end; every event of this protocol is one data line. */
static void take_line(transfer *t, const char *line, size_t len)
{
    if (len > 0 && line[len - 1] == '\r') {
        len--;
    }
    if (len < 5 || memcmp(line, "data:", 5) != 0) {
        return;
    }
    line += 5;
    len -= 5;
    if (len > 0 && *line == ' ') {
        line++;
        len--;
    }
    if (len == 6 && memcmp(line, "[DONE]", 6) == 0) {
        t->done_seen = true;
        return;
    }
    take_payload(t, line, len);
}

static bool keep_tail(transfer *t, const char *data, size_t len)
{
    if (len > LINE_MAX_BYTES - t->line_len) {
        t->broken = true;
        return false;
    }
    memcpy(t->line + t->line_len, data, len);
    t->line_len += len;
    return true;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    transfer *t = user;
    const size_t total = size * count;
    const char *at = data;
    size_t left = total;

    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        const size_t len = end == NULL ? left : (size_t)(end - at);

        if (end == NULL || t->line_len > 0) {
            if (!keep_tail(t, at, len)) {
                return 0;
            }
        }
        if (end == NULL) {
            break;
        }
        if (t->line_len > 0) {
            take_line(t, t->line, t->line_len);
            t->line_len = 0;
        } else {
            take_line(t, at, len);
        }
        at = end + 1;
        left -= len + 1;
    }
    return total;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    bench *b = user;
    struct epoll_event event = {.events = 0, .data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(b->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        (void)curl_multi_assign(b->multi, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN) != 0 ? EPOLLIN : 0;
    if ((what & CURL_POLL_OUT) != 0) {
        event.events |= EPOLLOUT;
    }
    if (epoll_ctl(b->epoll_fd, socket_user != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) !=
        0) {
        return -1;
    }
    (void)curl_multi_assign(b->multi, fd, b);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    bench *b = user;

    (void)multi;
    /* in microseconds: libcurl is told once, and a call a moment too early would be its last */
    b->timer_due_us = timeout_ms < 0 ? -1 : now_us() + timeout_ms * 1000;
    return 0;
}

static bool start_transfer(transfer *t)
{
    bench *b = t->owner;

    t->finish_seen = false;
    t->done_seen = false;
    t->broken = false;
    t->line_len = 0;
    b->started++;
    b->running++;
    return curl_multi_add_handle(b->multi, t->easy) == CURLM_OK;
}

static void end_transfer(transfer *t, CURLcode result)
{
    bench *b = t->owner;
    long status = 0;
    long connects = 0;

    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
    b->sums.connects += connects;
    b->running--;
    if (result == CURLE_OK && status == 200 && t->finish_seen && t->done_seen && !t->broken) {
        b->sums.completions++;
    } else {
        b->sums.failed++;
    }
}

static bool collect_done(bench *b)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(b->multi, &left)) != NULL) {
        transfer *t = NULL;
        const CURLcode result = message->data.result;
        CURL *easy = message->easy_handle;

        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
        (void)curl_multi_remove_handle(b->multi, easy);
        end_transfer(t, result);
        if (b->started < b->opts.total && !start_transfer(t)) {
            return false;
        }
    }
    return true;
}

static int wait_for_ms(const bench *b)
{
    int64_t wait_us;

    if (b->timer_due_us < 0 || b->timer_due_us > b->sweep_due_us) {
        wait_us = b->sweep_due_us - now_us();
    } else {
        wait_us = b->timer_due_us - now_us();
    }
    return wait_us <= 0 ? 0 : (int)((wait_us + 999) / 1000);
}

static int action_mask(uint32_t epoll_events)
{
    int mask = 0;

    mask |= (epoll_events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0;
    mask |= (epoll_events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
    mask |= (epoll_events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0;
    return mask;
}

/*
 * libcurl 7.88.1 now and then forgets to run a handle whose data arrived while another handle read
 * the shared connection: that stream would wait for its timeout. Running all handles finds it
 * again.
 */
static void sweep(bench *b)
{
    const int64_t now = now_us();
    int running;

    if (now >= b->sweep_due_us) {
        (void)curl_multi_perform(b->multi, &running);
        b->sweep_due_us = now + SWEEP_US;
    }
}

static bool run(bench *b)
{
    struct epoll_event events[EVENTS_MAX];
    int running;

    while (b->running > 0) {
        const int count = epoll_wait(b->epoll_fd, events, EVENTS_MAX, wait_for_ms(b));

        if (count < 0 && errno != EINTR) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            (void)curl_multi_socket_action(b->multi, events[i].data.fd,
                                           action_mask(events[i].events), &running);
        }
        if (b->timer_due_us >= 0 && now_us() >= b->timer_due_us) {
            b->timer_due_us = -1;
            (void)curl_multi_socket_action(b->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        sweep(b);
        if (!collect_done(b)) {
            return false;
        }
    }
    return true;
}

static transfer *open_transfer(bench *b, long index)
{
    transfer *t = &b->transfers[index];

    t->owner = b;
    t->line = b->lines + (size_t)index * LINE_MAX_BYTES;
    t->easy = curl_easy_init();
    if (t->easy == NULL) {
        return NULL;
    }
    (void)curl_easy_setopt(t->easy, CURLOPT_URL, b->url);
    (void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, b->headers);
    (void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, b->body);
    (void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(b->body));
    (void)curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION,
                           strncmp(b->url, "http:", 5) == 0 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
                                                            : CURL_HTTP_VERSION_2TLS);
    (void)curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, 1L);
    (void)curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, REQUEST_TIMEOUT_S);
    (void)curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    (void)curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    if (b->opts.cacert != NULL) {
        (void)curl_easy_setopt(t->easy, CURLOPT_CAINFO, b->opts.cacert);
    }
    return t;
}

static bool open_bench(bench *b)
{
    const long per_connection = (b->opts.in_flight + b->opts.connections - 1) / b->opts.connections;

    b->transfers = calloc((size_t)b->opts.in_flight, sizeof *b->transfers);
    b->lines = mmap(NULL, (size_t)b->opts.in_flight * LINE_MAX_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    (void)snprintf(b->url, sizeof b->url, "%s/chat/completions", b->opts.url);
    (void)snprintf(b->body, sizeof b->body,
                   "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":"
                   "\"Explain connection pooling\"}],\"stream\":true,"
                   "\"stream_options\":{\"include_usage\":true}}",
                   b->opts.model);
    b->timer_due_us = -1;
    b->headers = curl_slist_append(NULL, "content-type: application/json");
    b->lag_counts = calloc(LAG_BUCKETS, sizeof *b->lag_counts);
    b->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    b->multi = curl_multi_init();
    if (b->transfers == NULL || b->lines == MAP_FAILED || b->headers == NULL ||
        b->lag_counts == NULL || b->epoll_fd < 0 || b->multi == NULL) {
        return false;
    }
    (void)curl_multi_setopt(b->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    (void)curl_multi_setopt(b->multi, CURLMOPT_MAX_HOST_CONNECTIONS, b->opts.connections);
    /* fills one connection, then opens the next: both end up with the same share */
    (void)curl_multi_setopt(b->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, per_connection);
    (void)curl_multi_setopt(b->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(b->multi, CURLMOPT_SOCKETDATA, b);
    (void)curl_multi_setopt(b->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    (void)curl_multi_setopt(b->multi, CURLMOPT_TIMERDATA, b);
    return true;
}

static double lag_ms_at(const bench *b, double share)
{
    const uint64_t wanted = (uint64_t)((double)b->sums.lags * share);
    uint64_t seen = 0;

    for (size_t i = 0; i < LAG_BUCKETS; i++) {
        seen += b->lag_counts[i];
        if (seen > 0 && seen >= wanted) {
            return (double)i / 1000.0;
        }
    }
    return 0.0;
}

static void print_result(const bench *b, double wall, double cpu)
{
    const totals *sums = &b->sums;
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    printf("{\"completions\":%ld,\"failed\":%ld,\"deltas\":%llu,\"bytes\":%llu,", sums->completions,
           sums->failed, (unsigned long long)sums->deltas, (unsigned long long)sums->bytes);
    printf("\"wall_s\":%.3f,\"cpu_s\":%.3f,\"cpu_us_per_delta\":%.3f,\"rps\":%.1f,", wall, cpu,
           sums->deltas > 0 ? cpu * 1e6 / (double)sums->deltas : 0.0,
           wall > 0 ? (double)sums->completions / wall : 0.0);
    if (b->opts.stamps) {
        printf("\"lag_p50_ms\":%.3f,\"lag_p99_ms\":%.3f,", lag_ms_at(b, 0.50), lag_ms_at(b, 0.99));
    }
    if (heap_calls != NULL) {
        printf("\"allocations\":%lu,\"heap_most_bytes\":%zu,", heap_calls() - b->calls_before,
               heap_bytes_most() - b->heap_before);
        memory_print(b->opening, b->starting);
    }
    printf("\"rss_kib\":%ld,\"connections\":%ld,\"libcurl\":\"%s\"}\n", usage.ru_maxrss,
           sums->connects, curl_version());
}

static bool parse_count(const char *text, long max, long *out)
{
    char *end;

    *out = strtol(text, &end, 10);
    return end != text && *end == '\0' && *out >= 1 && *out <= max;
}

static bool parse_options(options *opts, int argc, char **argv)
{
    bool good = true;

    for (int i = 1; i < argc && good; i++) {
        const char *name = argv[i];
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(name, "--stamps") == 0) {
            opts->stamps = true;
            continue;
        }
        i++;
        if (strcmp(name, "-n") == 0) {
            good = parse_count(value, 100000000, &opts->total);
        } else if (strcmp(name, "-c") == 0) {
            good = parse_count(value, IN_FLIGHT_MAX, &opts->in_flight);
        } else if (strcmp(name, "-p") == 0) {
            good = parse_count(value, 1000, &opts->connections);
        } else if (strcmp(name, "--url") == 0) {
            opts->url = value;
        } else if (strcmp(name, "--cacert") == 0) {
            opts->cacert = value;
        } else if (strcmp(name, "--model") == 0) {
            opts->model = value;
        } else {
            good = false;
        }
    }
    return good && opts->url != NULL && strlen(opts->url) < URL_MAX - 32 &&
           strlen(opts->model) < BODY_MAX / 2;
}

/* The transfers are left to the end of the process: measured work is over by then. */
static int measure(bench *b)
{
    b->starting = memory_look();
    if (heap_calls != NULL) {
        b->calls_before = heap_calls();
        b->heap_before = heap_bytes();
    }
    const int64_t begin_us = now_us();
    const double begin_cpu_s = cpu_s();

    for (long i = 0; i < b->opts.in_flight && i < b->opts.total; i++) {
        transfer *t = open_transfer(b, i);

        if (t == NULL || !start_transfer(t)) {
            fputs("curl_multi: cannot start a transfer\n", stderr);
            return 1;
        }
    }
    if (!run(b)) {
        fputs("curl_multi: the loop failed\n", stderr);
        return 1;
    }
    print_result(b, (double)(now_us() - begin_us) / 1e6, cpu_s() - begin_cpu_s);
    return b->sums.failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static bench b;

    b.opts = (options){.total = 1000, .in_flight = 100, .connections = 2, .model = "gpt-4.1"};
    if (!parse_options(&b.opts, argc, argv)) {
        fputs("usage: curl_multi -n TOTAL -c IN_FLIGHT -p CONNECTIONS --url BASE_URL [--cacert F]"
              " [--model M] [--stamps]\n",
              stderr);
        return 2;
    }
    b.opening = memory_look();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || !open_bench(&b)) {
        fputs("curl_multi: cannot set up\n", stderr);
        return 1;
    }
    return measure(&b);
}
