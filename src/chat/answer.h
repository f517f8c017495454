/* SPDX-License-Identifier: MIT */
/*
 * The decoder of one answer: response bytes in, pieces of text and facts out. Bytes are lent chunk
 * by chunk and decoded where they lie: events that are whole in a chunk are never copied, texts are
 * unescaped in place. Pulling is what decodes; nothing is queued. It knows neither HTTP/2 nor the
 * clock: what it says of the end is what the bytes say.
 *
 * Order of calls: init, head once, then feed and next until AGAIN as often as chunks come, then end
 * and next until AGAIN, then result and verdict; deinit from anywhere.
 */
#ifndef CMX_CHAT_ANSWER_H
#define CMX_CHAT_ANSWER_H

#include "chat/answer_state.h"
#include "chatmux/chat.h"

/* Memory that an answer may use, all of it borrowed until deinit, and its limits. */
typedef struct cmx_answer_memory {
    uint8_t *tail; /* for an event or error body that is split over chunks */
    size_t tail_capacity;
    cmx_blocks *tails;  /* shared, each of tail_capacity: one of them serves if `tail` is NULL */
    cmx_blocks *blocks; /* shared, for what outgrows the tail; each of event_bytes_max */
    size_t event_bytes_max; /* a larger event does not fit */
    uint8_t *shape;         /* for what stays the same from event to event; may be NULL */
    cmx_blocks *shapes;     /* shared, each of shape_capacity: if `shape` is NULL; may be, too */
    size_t shape_capacity;
    cmx_answer_tool *tools;  /* one row per tool call; may be NULL */
    cmx_blocks *tables;      /* shared, each of tools_capacity rows: if `tools` is NULL */
    size_t tools_capacity;   /* rows at `tools`; a call more ends the answer */
    char *id;                /* CMX_ANSWER_ID_BYTES_MAX bytes; NULL = no id is kept */
    cmx_answer_notes *notes; /* shared, for the messages of errors; NULL = none is kept */
    uint8_t *body;           /* the caller's room for an answer that is not streamed; may be NULL */
    size_t body_capacity;
    uint32_t malformed_events_max; /* that are skipped; one more ends the answer */
    uint32_t skipped_events_max;   /* that do not fit and are skipped; one more ends the answer */
} cmx_answer_memory;

enum cmx_answer_kind { CMX_ANSWER_DELTA, CMX_ANSWER_USAGE };

typedef struct cmx_answer_item {
    enum cmx_answer_kind kind;
    union {
        cmx_delta delta; /* lent until the next call with this answer */
        cmx_usage usage; /* the latest counts */
    };
} cmx_answer_item;

/* What the bytes said. Texts lie in the answer and live until deinit. */
typedef struct cmx_answer_result {
    bool has_text; /* text or a tool call was delivered */
    bool done;     /* `[DONE]` came */
    bool has_error;
    bool has_usage;
    uint16_t status;
    uint32_t tool_calls; /* in all choices */
    uint32_t malformed;  /* events that were skipped because they were not JSON */
    uint32_t skipped;    /* events that were skipped because they did not fit */
    uint32_t replaced;   /* U+FFFD that were made in delivered text */
    uint32_t error_code; /* the error's `code` if it is a number, else 0 */
    cmx_text error_name; /* its `code` if it is text, cut to 28 bytes */
    cmx_text error_type; /* its `type`, cut to 28 bytes */
    cmx_text message; /* of the in-band error or error body, or where the server redirects to: one
                         line of UTF-8 */
    cmx_text model;
    cmx_text id; /* request id of the head if there was one, else the completion's id */
    cmx_text finish_reason;
    cmx_usage usage;
} cmx_answer_result;

/* Makes an answer that waits for its head. Needed again before an attempt is repeated.
 *
 * memory  copied; what it points to is borrowed until deinit */
void cmx_answer_init(cmx_answer *answer, const cmx_answer_memory *memory);

/* Gives back what was taken from the shared blocks; further use begins with init. */
void cmx_answer_deinit(cmx_answer *answer);

/* The final response head came.
 *
 * status      100..599
 * request_id  value of x-request-id, copied unless it lies in the room for the id; may be empty
 * location    value of location, copied if the status is 300..399; may be empty */
void cmx_answer_head(cmx_answer *answer, uint32_t status, enum cmx_answer_content content,
                     cmx_view request_id, cmx_view location);

/* Lends the next bytes of the body. They may be written to, and stay lent until cmx_answer_next()
 * returned AGAIN or an error; before that no other chunk may be lent. */
void cmx_answer_feed(cmx_answer *answer, uint8_t *data, size_t len);

/* Returns the bytes of the lent chunk from its first to its last that are still needed; `len` 0 if
 * none is. The texts of the item delivered last are not among them. */
cmx_view cmx_answer_lent(const cmx_answer *answer);

/* Goes on at another place, to which what cmx_answer_lent() returned was copied. */
void cmx_answer_move(cmx_answer *answer, uint8_t *to);

/* Decodes up to the next item.
 *
 * item  out: only on CMX_OK
 *
 * Returns CMX_OK (one item), CMX_AGAIN (the chunk is used up, or nothing is left after the end), or
 * an error that ends the answer and is returned from then on; the rest of the chunk is dropped:
 *   CMX_ERR_INBAND        the server reported an error
 *   CMX_ERR_MALFORMED     too many events that are not JSON, or an answer that is not one
 *   CMX_ERR_EVENT_LARGE   an event larger than event_bytes_max, and no more may be skipped
 *   CMX_ERR_NO_BUFFER     no shared tail or block was free for a split event, and no more may be
 *                         skipped
 *   CMX_ERR_BUFFER_SMALL  the answer does not fit the caller's buffer
 *   CMX_ERR_TOOL_CALLS    more tool calls than rows, or no shared table was free for the first */
CMX_MUST_CHECK int cmx_answer_next(cmx_answer *answer, cmx_answer_item *item);

/* The stream ended, complete or not; what is left is decoded by further calls of cmx_answer_next():
 * a pending `[DONE]`, a JSON answer, an error body. */
void cmx_answer_end(cmx_answer *answer);

/* Returns whether `[DONE]` came: the stream may be ended after a short grace. */
bool cmx_answer_finished(const cmx_answer *answer);

/* Fills `result` with the facts so far; cannot fail. */
void cmx_answer_result_get(const cmx_answer *answer, cmx_answer_result *result);

#endif
