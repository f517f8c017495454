/* SPDX-License-Identifier: MIT */
/*
 * Many opaque streams over few connections: fixed tables of origins, connections and slots, and
 * the coordinator that places, pumps and ends. It reports what happened to a stream and lends the
 * bytes; what they mean and what to do about an end is decided above.
 */
#ifndef CMX_POOL_POOL_H
#define CMX_POOL_POOL_H

#include "chatmux/client.h"
#include "pool/tables.h"

/* Prepares the pool; `env` is copied. */
void cmx_pool_init(cmx_pool *pool, const cmx_conn_env *env, const cmx_pool_tables *tables);

/* Ends every connection: in good order, or with nothing on the wire after a fork. */
void cmx_pool_close(cmx_pool *pool, bool abandon, uint64_t now_ms);

/* Accepts a request for an origin. Returns its slot, or CMX_SLOT_NONE if all are taken. */
uint16_t cmx_pool_submit(cmx_pool *pool, uint32_t origin, const cmx_slot_request *request);

/* Ends a slot in any live state without a report: RST_STREAM if it has a stream. Its request is
 * not read again. The slot stays ENDED until cmx_pool_release(). */
void cmx_pool_cancel(cmx_pool *pool, uint16_t slot);

/* Takes a slot out of the queue, or back after its END was taken; its body is rewound. It is not
 * sent before cmx_pool_admit(). */
void cmx_pool_hold(cmx_pool *pool, uint16_t slot);

/* Puts a held slot into the queue.
 *
 * first  in front of all others: it was there before */
void cmx_pool_admit(cmx_pool *pool, uint16_t slot, bool first);

/* Sends a held or queued slot to another origin. */
void cmx_pool_move(cmx_pool *pool, uint16_t slot, uint32_t origin);

/* Ends every connection in good order, while the client lives on. */
void cmx_pool_say_goodbye(cmx_pool *pool, uint64_t now_ms);

/* Frees a slot whose end is known; its handle is stale from now on. */
void cmx_pool_release(cmx_pool *pool, uint16_t slot);

/* Asks the port which sockets are ready, waiting for up to `timeout_ms`.
 *
 * Returns CMX_OK, or CMX_ERR_PORT. */
CMX_MUST_CHECK int cmx_pool_wait(cmx_pool *pool, uint32_t timeout_ms);

/* Does what is due: dials, deadlines of connections, placing. Nothing is sent. */
void cmx_pool_step(cmx_pool *pool, uint64_t now_ms);

/* Sends what was queued: requests; by pulling window updates, acknowledgements, resets. */
void cmx_pool_flush(cmx_pool *pool, uint64_t now_ms);

enum cmx_pool_item_kind {
    CMX_POOL_ITEM_STARTED, /* the request left the queue onto a connection */
    CMX_POOL_ITEM_HEAD,    /* the response head is in the slot */
    CMX_POOL_ITEM_DATA,    /* `data` is lent until cmx_pool_return() */
    CMX_POOL_ITEM_END,     /* the slot's `end` is final; release or replay it */
};

typedef struct cmx_pool_item {
    enum cmx_pool_item_kind kind;
    uint16_t slot;
    cmx_view data;
} cmx_pool_item;

/* Pulls the next item, connection after connection. Not while a chunk is lent.
 *
 * Returns CMX_OK, or CMX_AGAIN (nothing now). */
CMX_MUST_CHECK int cmx_pool_pull(cmx_pool *pool, uint64_t now_ms, cmx_pool_item *item);

/* Ends the lending of the chunk, if one is lent, and credits its bytes to the flow control. */
void cmx_pool_return(cmx_pool *pool);

/* The same for a chunk whose last `kept` bytes were copied: they are not credited to the stream. */
void cmx_pool_keep(cmx_pool *pool, size_t kept);

/* Credits bytes that were kept to their stream, if the slot still has it. */
void cmx_pool_credit(cmx_pool *pool, uint16_t slot, size_t len);

/* Returns whether something waits to be sent that a socket would take now. */
bool cmx_pool_has_output(const cmx_pool *pool);

/* Returns when the next step is due: 0 = now, UINT64_MAX = only readiness matters. */
uint64_t cmx_pool_next_due_ms(const cmx_pool *pool);

/* Returns why a slot waits, as of the last step: CMX_WAITING_NOT, CONNECTION, BACKOFF, STREAMS or
 * CONNECTIONS. */
enum cmx_waiting cmx_pool_waiting(const cmx_pool *pool, uint16_t slot);

/* Returns for how long input of the slot's connection waited for the caller in all, while which
 * the clocks of its streams stand still; 0 without a connection. */
uint64_t cmx_pool_unread_ms(const cmx_pool *pool, uint16_t slot, uint64_t now_ms);

/* Returns until when everything that came for a slot was pulled: before that, silence is known; an
 * item that waits may be the very thing that a later deadline waits for. */
uint64_t cmx_pool_heard_ms(const cmx_pool *pool, uint16_t slot, uint64_t now_ms);

#endif
