/* SPDX-License-Identifier: MIT */
/*
 * What the files of the Linux port share: the state of one client as it lies in the bytes that the
 * client lends, and the functions of the table, one group per file. Nothing here is seen outside
 * port/linux; the contract of every function is in chatmux/port.h.
 */
#ifndef CMX_LINUX_H
#define CMX_LINUX_H

#include "chatmux/port.h"

/* The event number of the wakeup descriptor; socket numbers stay below it. */
#define CMX_LINUX_WAKE UINT32_MAX

typedef struct cmx_linux_names cmx_linux_names;

/* One entry of the socket table. */
typedef struct cmx_linux_socket {
    int descriptor;           /* -1: this number is not in use */
    uint32_t interest;        /* what epoll watches now; 0: epoll does not know the descriptor */
    int failure;              /* first fatal status, so that no later call tells another story */
    uint32_t user_timeout_ms; /* see cmx_socket_options */
    bool is_connected;
} cmx_linux_socket;

/* One client's state. */
typedef struct cmx_linux {
    int epoll;
    int wake;              /* eventfd; the number is written by init only, any thread may read it */
    bool is_interest_lost; /* the system refused to watch a socket; told by the next wait */
    uint32_t socket_count; /* entries in `sockets` */
    cmx_linux_names *names; /* NULL until the first host name */
    cmx_linux_socket sockets[];
} cmx_linux;

_Static_assert(sizeof(cmx_linux) <= CMX_PORT_STATE_BYTES(0u), "the head must fit the lent bytes");
_Static_assert(sizeof(cmx_linux_socket) <= CMX_PORT_STATE_BYTES(1u) - CMX_PORT_STATE_BYTES(0u),
               "a socket must fit the lent bytes");

/* wait.c: readiness. Opens and closes the epoll and wakeup descriptors of a state. */
int cmx_linux_wait_open(cmx_linux *client);
void cmx_linux_wait_close(cmx_linux *client);
/* Forgets a descriptor that is about to be closed: a copy in a forked child would keep it alive. */
void cmx_linux_wait_forget(cmx_linux *client, cmx_linux_socket *entry);
void cmx_linux_socket_want(void *state, uint32_t socket, uint32_t interest);
int cmx_linux_wait(void *state, uint32_t timeout_ms, cmx_port_ready *out, size_t capacity,
                   size_t *count);
void cmx_linux_wakeup(void *state);
int cmx_linux_descriptor(void *state);

/* sockets.c */
/* Returns the entry of an open socket, or NULL if there is none with this number. */
cmx_linux_socket *cmx_linux_socket_find(cmx_linux *client, uint32_t socket);
int cmx_linux_socket_open(void *state, const cmx_address *to, const cmx_socket_options *options,
                          uint32_t *socket_number);
int cmx_linux_socket_connected(void *state, uint32_t socket);
int cmx_linux_socket_recv(void *state, uint32_t socket, void *out, size_t capacity, size_t *got);
int cmx_linux_socket_send(void *state, uint32_t socket, const void *bytes, size_t len,
                          size_t *sent);
void cmx_linux_socket_close(void *state, uint32_t socket);

/* clock.c */
/* Returns true if the system has the clock that now_ms reads. */
bool cmx_linux_clock_check(void);
uint64_t cmx_linux_now_ms(void *state);
int cmx_linux_wall_clock(void *ctx, int64_t *unix_s);

/* entropy.c */
int cmx_linux_entropy(void *ctx, void *out, size_t len);

/* trust.c */
int cmx_linux_file_read(void *ctx, const char *path, uint64_t offset, void *out, size_t *len);
int cmx_linux_dir_entry(void *ctx, const char *path, uint32_t index, char *name, size_t capacity);
const char *cmx_linux_system_trust(void *ctx);

/* resolve.c */
/* Leaves the worker to itself; it never touches the wakeup descriptor afterwards. */
void cmx_linux_names_close(cmx_linux *client);
int cmx_linux_resolve_start(void *state, const char *host, uint16_t port, uint32_t *query);
int cmx_linux_resolve_poll(void *state, uint32_t query, cmx_address *out, size_t capacity,
                           size_t *count);
void cmx_linux_resolve_cancel(void *state, uint32_t query);

#endif
