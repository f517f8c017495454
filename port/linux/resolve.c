/* SPDX-License-Identifier: MIT */
/*
 * Host names in the Linux port: libc's getaddrinfo, which blocks for as long as it likes, in one
 * worker thread per client. In: names. Out: addresses, and a wakeup when they are there. The only
 * thread and the only allocation of the port.
 *
 * Owner and worker share one heap object, the mailbox, under its lock. It outlives whoever leaves
 * first: a worker that is stuck in getaddrinfo cannot be stopped, only left alone. An answer finds
 * its query by ticket, and tickets are never given twice, so a late one finds nothing.
 */
#define _GNU_SOURCE 1

#include "linux.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CMX_LINUX_QUERIES_MAX 16u   /* names waited for at once */
#define CMX_LINUX_ADDRESSES_MAX 16u /* addresses kept of one name */
#define CMX_LINUX_HOST_BYTES 256u   /* longest name that DNS knows, and a NUL */

/* What getaddrinfo needs with its buffers on the stack, on top of what the system needs itself,
 * instead of the usual 8 MiB. */
#define CMX_LINUX_WORKER_STACK_BYTES (256u * 1024u)

typedef enum cmx_linux_query_state {
    CMX_LINUX_QUERY_WAITING, /* for the worker */
    CMX_LINUX_QUERY_RUNNING, /* the worker has a copy of the name */
    CMX_LINUX_QUERY_DONE,    /* status and addresses are there */
} cmx_linux_query_state;

/* What the worker brings back. */
typedef struct cmx_linux_answer {
    int status;
    size_t count;
    cmx_address addresses[CMX_LINUX_ADDRESSES_MAX];
} cmx_linux_answer;

typedef struct cmx_linux_query {
    uint32_t ticket; /* 0: not in use */
    cmx_linux_query_state state;
    uint16_t port;
    char host[CMX_LINUX_HOST_BYTES];
    cmx_linux_answer answer;
} cmx_linux_query;

/* The mailbox. All of it belongs to who holds the lock. */
struct cmx_linux_names {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned users;       /* owner and worker; the last one out frees it */
    bool is_closing;      /* the owner has gone */
    int wake;             /* the client's eventfd; not to be touched once the owner has gone */
    uint32_t last_ticket; /* 0 is never a ticket */
    cmx_linux_query queries[CMX_LINUX_QUERIES_MAX];
};

/* Returns the query with a ticket, one that is not in use for 0, or NULL. */
static cmx_linux_query *find_query(cmx_linux_names *names, uint32_t ticket)
{
    for (uint32_t i = 0; i < CMX_LINUX_QUERIES_MAX; i++) {
        cmx_linux_query *query = &names->queries[i];

        if (query->ticket == ticket) {
            return query;
        }
    }
    return NULL;
}

/* Returns the query that waits longest for the worker, or NULL. */
static cmx_linux_query *find_oldest(cmx_linux_names *names)
{
    cmx_linux_query *oldest = NULL;

    for (uint32_t i = 0; i < CMX_LINUX_QUERIES_MAX; i++) {
        cmx_linux_query *query = &names->queries[i];

        /* The difference tells the order even when tickets start over. */
        if (query->ticket != 0 && query->state == CMX_LINUX_QUERY_WAITING &&
            (oldest == NULL || (int32_t)(query->ticket - oldest->ticket) < 0)) {
            oldest = query;
        }
    }
    return oldest;
}

/* Gives back the lock and one use of the mailbox. */
static void leave_names(cmx_linux_names *names)
{
    bool is_last;

    names->users--;
    is_last = names->users == 0;
    (void)pthread_mutex_unlock(&names->lock);
    if (is_last) {
        (void)pthread_cond_destroy(&names->changed);
        (void)pthread_mutex_destroy(&names->lock);
        free(names);
    }
}

static int status_of(int error)
{
    if (error == EAI_NONAME) {
        return CMX_ERR_DNS_NOT_FOUND;
    }
#if defined(EAI_NODATA)
    if (error == EAI_NODATA) {
        return CMX_ERR_DNS_NOT_FOUND;
    }
#endif
    return CMX_ERR_DNS_FAILED;
}

/* Returns false for an address of a family that chatmux does not know. */
static bool copy_address(cmx_address *out, const struct addrinfo *from, uint16_t port)
{
    const struct sockaddr_in *v4 = (const void *)from->ai_addr;
    const struct sockaddr_in6 *v6 = (const void *)from->ai_addr;

    memset(out, 0, sizeof(*out));
    out->port = port;
    if (from->ai_family == AF_INET) {
        memcpy(out->ip, &v4->sin_addr, sizeof(v4->sin_addr));
        out->family = 4;
        return true;
    }
    if (from->ai_family == AF_INET6) {
        memcpy(out->ip, &v6->sin6_addr, sizeof(v6->sin6_addr));
        out->family = 6;
        out->scope_id = v6->sin6_scope_id;
        return true;
    }
    return false;
}

/* Asks libc, for seconds if need be. Called without the lock. */
static void ask_libc(const char *host, uint16_t port, cmx_linux_answer *answer)
{
    const struct addrinfo hints = {
        .ai_flags = AI_ADDRCONFIG,
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_protocol = IPPROTO_TCP,
    };
    struct addrinfo *list = NULL;
    int error = getaddrinfo(host, NULL, &hints, &list);

    answer->count = 0;
    if (error != 0) {
        answer->status = status_of(error);
        return;
    }
    for (const struct addrinfo *item = list; item != NULL; item = item->ai_next) {
        if (answer->count == CMX_LINUX_ADDRESSES_MAX) {
            break;
        }
        if (copy_address(&answer->addresses[answer->count], item, port)) {
            answer->count++;
        }
    }
    freeaddrinfo(list);
    answer->status = answer->count > 0 ? CMX_OK : CMX_ERR_DNS_NOT_FOUND;
}

/* Resolves one query. Holds the lock on entry and on return, but not while libc works. */
static void run_query(cmx_linux_names *names, cmx_linux_query *query)
{
    const uint64_t one = 1;
    const uint32_t ticket = query->ticket;
    const uint16_t port = query->port;
    char host[CMX_LINUX_HOST_BYTES];
    cmx_linux_answer answer;

    memcpy(host, query->host, sizeof(host));
    query->state = CMX_LINUX_QUERY_RUNNING;
    (void)pthread_mutex_unlock(&names->lock);
    ask_libc(host, port, &answer);
    (void)pthread_mutex_lock(&names->lock);

    query = find_query(names, ticket);
    if (query != NULL && !names->is_closing) {
        query->answer = answer;
        query->state = CMX_LINUX_QUERY_DONE;
        (void)!write(names->wake, &one, sizeof(one));
    }
}

static void *run_worker(void *argument)
{
    cmx_linux_names *names = argument;

    (void)pthread_mutex_lock(&names->lock);
    while (!names->is_closing) {
        cmx_linux_query *query = find_oldest(names);

        if (query != NULL) {
            run_query(names, query);
        } else {
            (void)pthread_cond_wait(&names->changed, &names->lock);
        }
    }
    leave_names(names);
    return NULL;
}

/* Starts the worker with all signals blocked: they are the application's, not ours to take. */
static bool start_worker(cmx_linux_names *names)
{
    const long least = sysconf(_SC_THREAD_STACK_MIN);
    const size_t stack_bytes = CMX_LINUX_WORKER_STACK_BYTES + (least > 0 ? (size_t)least : 0u);
    pthread_attr_t attributes;
    pthread_t worker;
    sigset_t all, before;
    bool is_started;

    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    is_started = pthread_attr_setstacksize(&attributes, stack_bytes) == 0 &&
                 pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                 pthread_create(&worker, &attributes, run_worker, names) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return is_started;
}

/* Returns the mailbox with its worker running, or NULL. */
static cmx_linux_names *open_names(int wake)
{
    cmx_linux_names *names = calloc(1, sizeof(*names));

    if (names == NULL) {
        return NULL;
    }
    names->users = 2;
    names->wake = wake;
    names->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    names->changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    if (!start_worker(names)) {
        (void)pthread_mutex_lock(&names->lock);
        names->users = 1;
        leave_names(names);
        return NULL;
    }
    return names;
}

/* Puts a name into the queue. Called with the lock. */
static int enqueue(cmx_linux_names *names, const char *host, uint16_t port, uint32_t *ticket)
{
    cmx_linux_query *query = find_query(names, 0);

    if (query == NULL) {
        return CMX_ERR_BUSY;
    }
    names->last_ticket++;
    names->last_ticket += names->last_ticket == 0 ? 1u : 0u;
    memcpy(query->host, host, strlen(host) + 1);
    query->port = port;
    query->ticket = names->last_ticket;
    query->state = CMX_LINUX_QUERY_WAITING;
    *ticket = query->ticket;
    (void)pthread_cond_signal(&names->changed);
    return CMX_OK;
}

/* Hands a final answer over. */
static int take_answer(const cmx_linux_answer *answer, cmx_address *out, size_t capacity,
                       size_t *count)
{
    size_t taken = answer->count < capacity ? answer->count : capacity;

    if (answer->status != CMX_OK) {
        return answer->status;
    }
    memcpy(out, answer->addresses, taken * sizeof(*out));
    *count = taken;
    return CMX_OK;
}

void cmx_linux_names_close(cmx_linux *client)
{
    cmx_linux_names *names = client->names;

    if (names == NULL) {
        return;
    }
    client->names = NULL;
    (void)pthread_mutex_lock(&names->lock);
    names->is_closing = true;
    (void)pthread_cond_signal(&names->changed);
    leave_names(names);
}

int cmx_linux_resolve_start(void *state, const char *host, uint16_t port, uint32_t *query)
{
    cmx_linux *client = state;
    int status;

    if (strlen(host) >= CMX_LINUX_HOST_BYTES) {
        return CMX_ERR_DNS_FAILED;
    }
    if (client->names == NULL) {
        client->names = open_names(client->wake);
    }
    if (client->names == NULL) {
        return CMX_ERR_DNS_FAILED;
    }
    (void)pthread_mutex_lock(&client->names->lock);
    status = enqueue(client->names, host, port, query);
    (void)pthread_mutex_unlock(&client->names->lock);
    return status;
}

int cmx_linux_resolve_poll(void *state, uint32_t query, cmx_address *out, size_t capacity,
                           size_t *count)
{
    cmx_linux_names *names = ((cmx_linux *)state)->names;
    cmx_linux_query *found;
    int status = CMX_AGAIN;

    *count = 0;
    if (names == NULL || query == 0 || capacity == 0) {
        return CMX_ERR_PORT;
    }
    (void)pthread_mutex_lock(&names->lock);
    found = find_query(names, query);
    if (found == NULL) {
        status = CMX_ERR_PORT;
    } else if (found->state == CMX_LINUX_QUERY_DONE) {
        found->ticket = 0;
        status = take_answer(&found->answer, out, capacity, count);
    }
    (void)pthread_mutex_unlock(&names->lock);
    return status;
}

void cmx_linux_resolve_cancel(void *state, uint32_t query)
{
    cmx_linux_names *names = ((cmx_linux *)state)->names;
    cmx_linux_query *found;

    if (names == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&names->lock);
    found = find_query(names, query);
    if (found != NULL) {
        found->ticket = 0;
    }
    (void)pthread_mutex_unlock(&names->lock);
}
