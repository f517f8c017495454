/* SPDX-License-Identifier: MIT */
/*
 * The script behind port_linux_names.h: a gate before which threads are held, and errors by name.
 */
#define _GNU_SOURCE 1

#include "port_linux_names.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_open;
static unsigned
    openings; /* a held thread goes with the next one, even if the gate closes at once */
static int held;
static bool is_signal_let_through;

static void pass_gate(void)
{
    unsigned mine;

    (void)pthread_mutex_lock(&lock);
    mine = openings;
    held++;
    (void)pthread_cond_broadcast(&changed);
    while (!is_open && openings == mine) {
        (void)pthread_cond_wait(&changed, &lock);
    }
    held--;
    (void)pthread_mutex_unlock(&lock);
}

static void note_signals(void)
{
    sigset_t mask;

    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    (void)pthread_mutex_lock(&lock);
    if (sigismember(&mask, SIGALRM) != 1 || sigismember(&mask, SIGTERM) != 1 ||
        sigismember(&mask, SIGCHLD) != 1) {
        is_signal_let_through = true;
    }
    (void)pthread_mutex_unlock(&lock);
}

static void set_gate(bool open)
{
    (void)pthread_mutex_lock(&lock);
    is_open = open;
    openings++;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

/* Without a name libc gives both loopback addresses, whatever the machine's network. */
static int find_loopback(const struct addrinfo *hints, struct addrinfo **list)
{
    struct addrinfo plain = *hints;

    plain.ai_flags = AI_NUMERICSERV;
    return __real_getaddrinfo(NULL, "1", &plain, list);
}

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list)
{
    note_signals();
    if (strcmp(host, NAMES_LOCAL) == 0) {
        return __real_getaddrinfo(host, service, hints, list);
    }
    if (strcmp(host, NAMES_TWO) == 0) {
        return find_loopback(hints, list);
    }
    if (strcmp(host, NAMES_SLOW) == 0) {
        pass_gate();
        return find_loopback(hints, list);
    }
#if defined(EAI_NODATA)
    if (strcmp(host, NAMES_NO_ADDRESS) == 0) {
        return EAI_NODATA;
    }
#endif
    return strcmp(host, NAMES_NO_ANSWER) == 0 ? EAI_AGAIN : EAI_NONAME;
}

void names_wait_held(void)
{
    (void)pthread_mutex_lock(&lock);
    while (held == 0) {
        (void)pthread_cond_wait(&changed, &lock);
    }
    (void)pthread_mutex_unlock(&lock);
}

void names_release(void)
{
    set_gate(true);
}

void names_hold(void)
{
    set_gate(false);
}

bool names_signals_blocked(void)
{
    bool is_blocked;

    (void)pthread_mutex_lock(&lock);
    is_blocked = !is_signal_let_through;
    (void)pthread_mutex_unlock(&lock);
    return is_blocked;
}
