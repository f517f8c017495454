/* SPDX-License-Identifier: MIT */
/*
 * Readiness in the Linux port: one epoll set per client, level-triggered, and one eventfd in it
 * for wakeups and resolved names. In: what sockets want. Out: which are ready. Does not know what
 * is sent or received.
 */
#define _GNU_SOURCE 1

#include "linux.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Most events taken from the system at once; the rest stays ready for the next call. */
#define CMX_LINUX_EVENTS_MAX 64u

static uint32_t events_of(uint32_t interest)
{
    uint32_t events = 0;

    if ((interest & CMX_SOCKET_READ) != 0) {
        events |= EPOLLIN;
    }
    if ((interest & CMX_SOCKET_WRITE) != 0) {
        events |= EPOLLOUT;
    }
    return events;
}

/* An error or a hang-up makes a socket ready for whatever it waits for: the next call tells. */
static uint32_t ready_of(uint32_t events)
{
    uint32_t ready = 0;

    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
        ready |= CMX_SOCKET_READ;
    }
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
        ready |= CMX_SOCKET_WRITE;
    }
    return ready;
}

static int watch_wake(const cmx_linux *client)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = CMX_LINUX_WAKE}};

    return epoll_ctl(client->epoll, EPOLL_CTL_ADD, client->wake, &event);
}

static void drain_wake(const cmx_linux *client)
{
    uint64_t wakeups;

    /* One read empties an eventfd; would-block means that it was empty already. */
    (void)!read(client->wake, &wakeups, sizeof(wakeups));
}

/* Returns how many of the events were ready sockets, now in `out`. */
static size_t report_events(cmx_linux *client, const struct epoll_event *events, int event_count,
                            cmx_port_ready *out, size_t capacity)
{
    size_t count = 0;

    for (int i = 0; i < event_count; i++) {
        uint32_t number = events[i].data.u32;
        const cmx_linux_socket *entry;

        if (number == CMX_LINUX_WAKE) {
            drain_wake(client);
            continue;
        }
        entry = cmx_linux_socket_find(client, number);
        if (entry != NULL && count < capacity) {
            out[count].socket = number;
            out[count].ready = ready_of(events[i].events) & entry->interest;
            count++;
        }
    }
    return count;
}

int cmx_linux_wait_open(cmx_linux *client)
{
    client->wake = -1;
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (client->epoll < 0) {
        return CMX_ERR_PORT;
    }
    client->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (client->wake < 0 || watch_wake(client) != 0) {
        cmx_linux_wait_close(client);
        return CMX_ERR_PORT;
    }
    return CMX_OK;
}

void cmx_linux_wait_close(cmx_linux *client)
{
    if (client->wake >= 0) {
        (void)close(client->wake);
    }
    if (client->epoll >= 0) {
        (void)close(client->epoll);
    }
    client->wake = -1;
    client->epoll = -1;
}

void cmx_linux_wait_forget(cmx_linux *client, cmx_linux_socket *entry)
{
    struct epoll_event unused = {.events = 0};

    if (entry->interest != 0) {
        (void)epoll_ctl(client->epoll, EPOLL_CTL_DEL, entry->descriptor, &unused);
        entry->interest = 0;
    }
}

void cmx_linux_socket_want(void *state, uint32_t socket, uint32_t interest)
{
    cmx_linux *client = state;
    cmx_linux_socket *entry = cmx_linux_socket_find(client, socket);
    struct epoll_event event = {.data = {.u32 = socket}};
    int action;

    interest &= CMX_SOCKET_READ | CMX_SOCKET_WRITE;
    if (entry == NULL || interest == entry->interest) {
        return;
    }
    if (interest == 0) {
        /* Epoll reports hang-ups whatever is asked for, so who wants nothing must leave the set. */
        cmx_linux_wait_forget(client, entry);
        return;
    }
    event.events = events_of(interest);
    action = entry->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(client->epoll, action, entry->descriptor, &event) != 0) {
        client->is_interest_lost = true;
        return;
    }
    entry->interest = interest;
}

int cmx_linux_wait(void *state, uint32_t timeout_ms, cmx_port_ready *out, size_t capacity,
                   size_t *count)
{
    cmx_linux *client = state;
    struct epoll_event events[CMX_LINUX_EVENTS_MAX];
    /* Never more than fit: the kernel moves what it reported to the end of its list, so an event
     * taken and dropped could starve behind the others. */
    size_t events_max = capacity < CMX_LINUX_EVENTS_MAX ? capacity : CMX_LINUX_EVENTS_MAX;
    int limit_ms = timeout_ms <= INT_MAX ? (int)timeout_ms : INT_MAX;
    int event_count;

    *count = 0;
    if (client->is_interest_lost) {
        client->is_interest_lost = false;
        return CMX_ERR_PORT;
    }
    if (timeout_ms == UINT32_MAX) {
        limit_ms = -1;
    }
    if (events_max == 0) {
        events_max = 1;
    }
    event_count = epoll_wait(client->epoll, events, (int)events_max, limit_ms);
    if (event_count < 0) {
        return errno == EINTR ? CMX_OK : CMX_ERR_PORT;
    }
    *count = report_events(client, events, event_count, out, capacity);
    return CMX_OK;
}

void cmx_linux_wakeup(void *state)
{
    const cmx_linux *client = state;
    const uint64_t one = 1;
    int saved = errno; /* a signal handler must leave it as it was */

    /* Would-block means that the counter is full: a wakeup is pending anyway. */
    (void)!write(client->wake, &one, sizeof(one));
    errno = saved;
}

int cmx_linux_descriptor(void *state)
{
    const cmx_linux *client = state;

    return client->epoll;
}
