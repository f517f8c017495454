/* SPDX-License-Identifier: MIT */
/*
 * What only the Linux port promises beyond the conformance checks: how descriptors are made, what
 * becomes of them in the child of a fork, and which errno means what. Link
 * with -Wl,--wrap=getaddrinfo,--wrap=epoll_ctl,--wrap=connect.
 */
#define _GNU_SOURCE 1

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chatmux/port.h"
#include "port_linux_names.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKETS 4u
#define LONG_MS 20000u
#define DESCRIPTORS_MAX 64

int __real_epoll_ctl(int epoll, int action, int descriptor, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int action, int descriptor, struct epoll_event *event);
int __real_connect(int descriptor, const struct sockaddr *to, socklen_t to_len);
int __wrap_connect(int descriptor, const struct sockaddr *to, socklen_t to_len);

static _Alignas(16) unsigned char state[CMX_PORT_STATE_BYTES(SOCKETS)];
static int note_native(void *user, intptr_t native, const cmx_address *to);
static int native_last;
static const cmx_socket_options plain = {note_native, &native_last, 4321};
static const cmx_port *port;
static int listener;
static cmx_address address;
static int threads_at_start;
static int epoll_calls;
static int epoll_error;   /* what epoll_ctl fails with; 0: the system answers */
static int connect_error; /* the same for connect */

int __wrap_epoll_ctl(int epoll, int action, int descriptor, struct epoll_event *event)
{
    epoll_calls++;
    errno = epoll_error;
    return epoll_error != 0 ? -1 : __real_epoll_ctl(epoll, action, descriptor, event);
}

int __wrap_connect(int descriptor, const struct sockaddr *to, socklen_t to_len)
{
    errno = connect_error;
    return connect_error != 0 ? -1 : __real_connect(descriptor, to, to_len);
}

static int setup(void **unused)
{
    struct sockaddr_in local = {.sin_family = AF_INET};
    socklen_t local_len = sizeof(local);

    (void)unused;
    port = cmx_port_linux();
    epoll_error = 0;
    connect_error = 0;
    names_hold();
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (const struct sockaddr *)&local, local_len) != 0 ||
        listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&local, &local_len) != 0) {
        return -1;
    }
    memset(&address, 0, sizeof(address));
    memcpy(address.ip, &local.sin_addr, sizeof(local.sin_addr));
    address.family = 4;
    address.port = ntohs(local.sin_port);
    memset(state, 0, sizeof(state));
    return port->init(port->ctx, state, sizeof(state), SOCKETS);
}

static int teardown(void **unused)
{
    (void)unused;
    port->deinit(state, false);
    (void)close(listener);
    return 0;
}

static int note_native(void *user, intptr_t native, const cmx_address *to)
{
    (void)to;
    *(int *)user = (int)native;
    return CMX_OK;
}

static uint32_t open_connected(void)
{
    uint32_t socket_number;
    cmx_port_ready out;
    size_t count;

    assert_int_equal(port->socket_open(state, &address, &plain, &socket_number), CMX_OK);
    port->socket_want(state, socket_number, CMX_SOCKET_WRITE);
    assert_int_equal(port->wait(state, LONG_MS, &out, 1, &count), CMX_OK);
    assert_int_equal(count, 1);
    assert_int_equal(port->socket_connected(state, socket_number), CMX_OK);
    return socket_number;
}

/* Lists the process's descriptors; returns how many. */
static int list_descriptors(int *out)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;
    int count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL && count < DESCRIPTORS_MAX) {
        int descriptor = atoi(entry->d_name);

        if (entry->d_name[0] != '.' && descriptor != dirfd(dir)) {
            out[count] = descriptor;
            count++;
        }
    }
    (void)closedir(dir);
    return count;
}

static void test_linux_state_fits_the_lent_bytes(void **unused)
{
    static const uint32_t counts[] = {0, 1, 4, 32, 256};
    void *bytes;

    (void)unused;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        assert_int_equal(posix_memalign(&bytes, 16, CMX_PORT_STATE_BYTES(counts[i])), 0);
        memset(bytes, 0, CMX_PORT_STATE_BYTES(counts[i]));
        assert_int_equal(port->init(port->ctx, bytes, CMX_PORT_STATE_BYTES(counts[i]), counts[i]),
                         CMX_OK);
        port->deinit(bytes, false);
        free(bytes);
    }
}

static void test_linux_too_few_bytes_are_an_error(void **unused)
{
    static _Alignas(16) unsigned char bytes[CMX_PORT_STATE_BYTES(1)];

    (void)unused;
    assert_int_equal(port->init(port->ctx, bytes, 8, 0), CMX_ERR_NO_MEMORY);
    assert_int_equal(port->init(port->ctx, bytes, sizeof(bytes), 1000), CMX_ERR_NO_MEMORY);
    assert_int_equal(port->init(port->ctx, bytes, sizeof(bytes), UINT32_MAX), CMX_ERR_NO_MEMORY);
}

static void test_linux_descriptors_close_on_exec(void **unused)
{
    int before[DESCRIPTORS_MAX], descriptors[DESCRIPTORS_MAX];
    int fresh = 0, count, before_count;

    (void)unused;
    port->deinit(state, false);
    before_count = list_descriptors(before);
    assert_int_equal(port->init(port->ctx, state, sizeof(state), SOCKETS), CMX_OK);
    (void)open_connected();
    count = list_descriptors(descriptors);
    for (int i = 0; i < count; i++) {
        bool is_old = false;

        for (int j = 0; j < before_count; j++) {
            is_old = is_old || before[j] == descriptors[i];
        }
        if (!is_old) {
            fresh++;
            assert_int_not_equal(fcntl(descriptors[i], F_GETFD) & FD_CLOEXEC, 0);
        }
    }
    assert_int_equal(fresh, 3); /* epoll, eventfd, socket */
}

/* Checks what the hook of an application finds. */
static int check_native(void *user, intptr_t native, const cmx_address *to)
{
    const int descriptor = (int)native;
    int no_delay = 0;
    socklen_t len = sizeof(no_delay);

    (void)to;
    *(bool *)user = getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &no_delay, &len) == 0 &&
                    no_delay != 0 && (fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0 &&
                    getpeername(descriptor, &(struct sockaddr){0}, &len) != 0;
    return CMX_OK;
}

static void test_linux_hook_sees_an_unconnected_tcp_descriptor(void **unused)
{
    uint32_t socket_number;
    bool is_fine = false;

    (void)unused;
    const cmx_socket_options options = {.hook = check_native, .hook_user = &is_fine};
    assert_int_equal(port->socket_open(state, &address, &options, &socket_number), CMX_OK);
    assert_true(is_fine);
}

static void test_linux_user_timeout_is_set_once_connected(void **unused)
{
    uint32_t timeout_ms = 0;
    socklen_t len = sizeof(timeout_ms);

    (void)unused;
    (void)open_connected();
    assert_int_equal(getsockopt(native_last, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, &len), 0);
    assert_int_equal(timeout_ms, plain.user_timeout_ms);
}

static int answer_again(void *user, intptr_t native, const cmx_address *to)
{
    (void)user;
    (void)native;
    (void)to;
    return CMX_AGAIN;
}

static void test_linux_hook_cannot_make_the_client_wait(void **unused)
{
    const cmx_socket_options options = {.hook = answer_again};
    uint32_t socket_number;

    (void)unused;
    assert_int_equal(port->socket_open(state, &address, &options, &socket_number), CMX_ERR_PORT);
}

static void test_linux_unchanged_interest_costs_no_call(void **unused)
{
    uint32_t socket_number;
    int before;

    (void)unused;
    socket_number = open_connected();
    before = epoll_calls;
    port->socket_want(state, socket_number, CMX_SOCKET_WRITE);
    assert_int_equal(epoll_calls, before);
    port->socket_want(state, socket_number, CMX_SOCKET_READ);
    assert_int_equal(epoll_calls, before + 1);
    port->socket_want(state, socket_number, CMX_SOCKET_READ);
    port->socket_want(state, socket_number, CMX_SOCKET_READ);
    assert_int_equal(epoll_calls, before + 1);
    port->socket_want(state, socket_number, 0);
    port->socket_want(state, socket_number, 0);
    assert_int_equal(epoll_calls, before + 2);
}

static void test_linux_interest_that_was_lost_fails_the_wait(void **unused)
{
    uint32_t socket_number;
    cmx_port_ready out;
    size_t count;

    (void)unused;
    socket_number = open_connected();
    epoll_error = ENOSPC;
    port->socket_want(state, socket_number, CMX_SOCKET_READ);
    epoll_error = 0;
    assert_int_equal(port->wait(state, LONG_MS, &out, 1, &count), CMX_ERR_PORT);
    assert_int_equal(count, 0);
    port->socket_want(state, socket_number, CMX_SOCKET_WRITE);
    assert_int_equal(port->wait(state, LONG_MS, &out, 1, &count), CMX_OK);
    assert_int_equal(count, 1);
}

static void test_linux_connect_errors_have_their_status(void **unused)
{
    static const struct {
        int error;
        int status;
    } cases[] = {
        {ECONNREFUSED, CMX_ERR_REFUSED},
        {ENETUNREACH, CMX_ERR_UNREACHABLE},
        {EHOSTUNREACH, CMX_ERR_UNREACHABLE},
        {EADDRNOTAVAIL, CMX_ERR_UNREACHABLE},
        {EACCES, CMX_ERR_UNREACHABLE},
        {ETIMEDOUT, CMX_ERR_TIMEOUT_CONNECT},
        {ENOBUFS, CMX_ERR_BUSY},
        {EINVAL, CMX_ERR_NETWORK},
        {EINPROGRESS, CMX_OK},
        {EINTR, CMX_OK},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t socket_number = 0;

        connect_error = cases[i].error;
        assert_int_equal(port->socket_open(state, &address, &plain, &socket_number),
                         cases[i].status);
        if (cases[i].status == CMX_OK) {
            port->socket_close(state, socket_number);
        }
    }
}

static void test_linux_process_without_descriptors_is_busy(void **unused)
{
    static _Alignas(16) unsigned char second[CMX_PORT_STATE_BYTES(1)];
    struct rlimit before, none;
    uint32_t socket_number;
    int open_status, init_status;

    (void)unused;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    open_status = port->socket_open(state, &address, &plain, &socket_number);
    init_status = port->init(port->ctx, second, sizeof(second), 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(open_status, CMX_ERR_BUSY);
    assert_int_equal(init_status, CMX_ERR_PORT);
    (void)open_connected();
}

static void test_linux_ipv6_connects(void **unused)
{
    struct sockaddr_in6 local = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t local_len = sizeof(local);
    int v6 = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)unused;
    if (v6 < 0 || bind(v6, (const struct sockaddr *)&local, local_len) != 0) {
        (void)close(v6);
        skip();
    }
    assert_int_equal(listen(v6, 1), 0);
    assert_int_equal(getsockname(v6, (struct sockaddr *)&local, &local_len), 0);
    memcpy(address.ip, &local.sin6_addr, sizeof(local.sin6_addr));
    address.family = 6;
    address.port = ntohs(local.sin6_port);
    (void)open_connected();
    (void)close(v6);
}

static void test_linux_names_have_their_status(void **unused)
{
    static const struct {
        const char *name;
        int status;
    } cases[] = {
        {NAMES_MISSING, CMX_ERR_DNS_NOT_FOUND},
#if defined(EAI_NODATA)
        {NAMES_NO_ADDRESS, CMX_ERR_DNS_NOT_FOUND},
#endif
        {NAMES_NO_ANSWER, CMX_ERR_DNS_FAILED},
        {NAMES_LOCAL, CMX_OK},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cmx_address found[8];
        cmx_port_ready out;
        uint32_t query;
        size_t count;

        assert_int_equal(port->resolve_start(state, cases[i].name, 443, &query), CMX_OK);
        assert_int_equal(port->wait(state, LONG_MS, &out, 1, &count), CMX_OK);
        assert_int_equal(port->resolve_poll(state, query, found, 8, &count), cases[i].status);
        /* A final answer ends the query. */
        assert_int_equal(port->resolve_poll(state, query, found, 8, &count), CMX_ERR_PORT);
    }
    assert_true(names_signals_blocked());
}

static void test_linux_name_too_long_is_refused(void **unused)
{
    char name[257];
    uint32_t query;

    (void)unused;
    memset(name, 'a', sizeof(name));
    name[256] = '\0';
    assert_int_equal(port->resolve_start(state, name, 443, &query), CMX_ERR_DNS_FAILED);
}

static void test_linux_sixteen_names_at_once_and_no_more(void **unused)
{
    uint32_t queries[17];

    (void)unused;
    for (int i = 0; i < 16; i++) {
        assert_int_equal(port->resolve_start(state, NAMES_SLOW, 80, &queries[i]), CMX_OK);
    }
    assert_int_equal(port->resolve_start(state, NAMES_SLOW, 80, &queries[16]), CMX_ERR_BUSY);
    names_release();
}

static int count_threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    const struct dirent *entry;
    int count = 0;

    if (dir == NULL) {
        return -1;
    }
    while ((entry = readdir(dir)) != NULL) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    (void)closedir(dir);
    return count;
}

static void test_linux_worker_leaves_with_its_client(void **unused)
{
    /* A sanitizer adds one of its own to the first thread; a leak would be twenty. */
    const int most = threads_at_start + 1;
    uint32_t query;
    int steps = 0;

    (void)unused;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(port->resolve_start(state, NAMES_SLOW, 80, &query), CMX_OK);
        assert_int_equal(port->resolve_start(state, NAMES_LOCAL, 80, &query), CMX_OK);
        assert_true(count_threads() > threads_at_start);
        port->deinit(state, false);
        assert_int_equal(port->init(port->ctx, state, sizeof(state), SOCKETS), CMX_OK);
    }
    names_release();
    for (; count_threads() > most && steps < 1000; steps++) {
        cmx_port_ready out;
        size_t count;

        assert_int_equal(port->wait(state, 10, &out, 1, &count), CMX_OK);
    }
    assert_true(count_threads() <= most);
}

static void wake_from_handler(int number)
{
    (void)number;
    port->wakeup(state);
}

static void interrupt_soon(void (*handler)(int))
{
    const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    struct sigaction action = {.sa_handler = handler};

    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
}

static void ignore_signal(int number)
{
    (void)number;
}

static void test_linux_signal_ends_a_wait_early(void **unused)
{
    const uint64_t begin_ms = port->now_ms(state);
    cmx_port_ready out;
    size_t count = 77;

    (void)unused;
    interrupt_soon(ignore_signal);
    assert_int_equal(port->wait(state, LONG_MS, &out, 1, &count), CMX_OK);
    assert_int_equal(count, 0);
    assert_true(port->now_ms(state) - begin_ms < LONG_MS);
}

static void test_linux_wakeup_works_in_a_signal_handler(void **unused)
{
    cmx_port_ready out;
    size_t count;

    (void)unused;
    interrupt_soon(wake_from_handler);
    assert_int_equal(port->wait(state, LONG_MS, &out, 1, &count), CMX_OK);
    /* The signal ended that wait; the wakeup is still to come. */
    assert_int_equal(port->wait(state, UINT32_MAX, &out, 1, &count), CMX_OK);
    assert_int_equal(count, 0);
}

/* The child's half of the next test; returns its exit status. */
static int abandon_in_child(uint32_t socket_number)
{
    int before[DESCRIPTORS_MAX], after[DESCRIPTORS_MAX];
    int before_count = list_descriptors(before);
    size_t sent;

    port->deinit(state, true);
    if (before_count - list_descriptors(after) != 3) {
        return 1;
    }
    return port->socket_send(state, socket_number, "x", 1, &sent) == CMX_ERR_PORT ? 0 : 2;
}

static void test_linux_abandon_in_a_child_leaves_the_parent_alone(void **unused)
{
    cmx_port_ready out;
    uint32_t socket_number, query;
    int peer, child_status;
    size_t count;
    pid_t child;
    char byte;

    (void)unused;
    socket_number = open_connected();
    peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);
    port->socket_want(state, socket_number, CMX_SOCKET_READ);
    assert_int_equal(port->resolve_start(state, NAMES_SLOW, 80, &query), CMX_OK);
    names_wait_held();
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(abandon_in_child(socket_number));
    }
    assert_int_equal(waitpid(child, &child_status, 0), child);
    assert_int_equal(child_status, 0);
    assert_int_equal(recv(peer, &byte, 1, MSG_DONTWAIT), -1); /* still open, nothing sent */
    assert_int_equal(send(peer, "y", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(port->wait(state, LONG_MS, &out, 1, &count), CMX_OK);
    assert_int_equal(count, 1);
    assert_int_equal(out.ready, CMX_SOCKET_READ);
    assert_int_equal(port->socket_recv(state, socket_number, &byte, 1, &count), CMX_OK);
    names_release();
    (void)close(peer);
}

/* Keeps a second descriptor of the socket, as the child of a fork does. */
static int copy_native(void *user, intptr_t native, const cmx_address *to)
{
    (void)to;
    *(int *)user = dup((int)native);
    return *(int *)user >= 0 ? CMX_OK : CMX_ERR_PORT;
}

static void test_linux_closed_socket_with_a_copy_is_forgotten(void **unused)
{
    const uint64_t begin_ms = port->now_ms(state);
    uint32_t socket_number;
    cmx_port_ready out;
    size_t count;
    int copy = -1;
    const cmx_socket_options options = {.hook = copy_native, .hook_user = &copy};

    (void)unused;
    assert_int_equal(port->socket_open(state, &address, &options, &socket_number), CMX_OK);
    port->socket_want(state, socket_number, CMX_SOCKET_WRITE);
    port->socket_close(state, socket_number);
    assert_int_equal(port->wait(state, 20, &out, 1, &count), CMX_OK);
    assert_int_equal(count, 0);
    assert_true(port->now_ms(state) - begin_ms >= 19);
    (void)close(copy);
}

#define LINUX_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LINUX_TEST(test_linux_state_fits_the_lent_bytes),
        LINUX_TEST(test_linux_too_few_bytes_are_an_error),
        LINUX_TEST(test_linux_descriptors_close_on_exec),
        LINUX_TEST(test_linux_hook_sees_an_unconnected_tcp_descriptor),
        LINUX_TEST(test_linux_user_timeout_is_set_once_connected),
        LINUX_TEST(test_linux_hook_cannot_make_the_client_wait),
        LINUX_TEST(test_linux_unchanged_interest_costs_no_call),
        LINUX_TEST(test_linux_interest_that_was_lost_fails_the_wait),
        LINUX_TEST(test_linux_connect_errors_have_their_status),
        LINUX_TEST(test_linux_process_without_descriptors_is_busy),
        LINUX_TEST(test_linux_ipv6_connects),
        LINUX_TEST(test_linux_names_have_their_status),
        LINUX_TEST(test_linux_name_too_long_is_refused),
        LINUX_TEST(test_linux_sixteen_names_at_once_and_no_more),
        LINUX_TEST(test_linux_worker_leaves_with_its_client),
        LINUX_TEST(test_linux_signal_ends_a_wait_early),
        LINUX_TEST(test_linux_wakeup_works_in_a_signal_handler),
        LINUX_TEST(test_linux_abandon_in_a_child_leaves_the_parent_alone),
        LINUX_TEST(test_linux_closed_socket_with_a_copy_is_forgotten),
    };

    threads_at_start = count_threads();
    return cmocka_run_group_tests_name("port linux", tests, NULL, NULL);
}
