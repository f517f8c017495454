/* SPDX-License-Identifier: MIT */
/*
 * The decoder of one answer: response bytes in, pieces of text and facts out. Bytes are lent chunk
 * by chunk and decoded where they lie: events that are whole in a chunk are never copied, texts
 * are unescaped in place. Pulling is what decodes; nothing is queued. It knows neither HTTP/2 nor
 * the clock: what it says of the end is what the bytes say.
 *
 * Order of calls: init, head once, then feed and next until AGAIN as often as chunks come, then end
 * and next until AGAIN, then result and verdict; deinit from anywhere.
 */
#ifndef CMX_CHAT_ANSWER_H
#define CMX_CHAT_ANSWER_H

#include "chatmux/chat.h"
#include "base/blocks.h"
#include "base/view.h"
#include "chat/answer_deltas.h"
#include "chat/answer_shape.h"
#include "text/sse.h"

enum {
    CMX_ANSWER_MESSAGE_BYTES_MAX = 192,
    CMX_ANSWER_MODEL_BYTES_MAX = 64,
    CMX_ANSWER_ID_BYTES_MAX = 64,
    CMX_ANSWER_MALFORMED_MAX = 3, /* events that are skipped; one more ends the stream */
};

/* What the response head says of the body. */
enum cmx_answer_content {
    CMX_ANSWER_EVENT_STREAM, /* text/event-stream */
    CMX_ANSWER_JSON,         /* application/json and its like */
    CMX_ANSWER_OTHER,        /* anything else, or no content-type: the first bytes decide */
};

/* How the body is being read. */
enum cmx_answer_mode {
    CMX_ANSWER_MODE_HEAD,   /* no response head yet */
    CMX_ANSWER_MODE_SNIFF,  /* 2xx, no byte of the body yet that says what it is */
    CMX_ANSWER_MODE_EVENTS, /* server-sent events */
    CMX_ANSWER_MODE_OBJECT, /* one JSON object, kept until the end */
    CMX_ANSWER_MODE_PAGE,   /* an error body, or no answer at all: a prefix is kept until the end */
    CMX_ANSWER_MODE_DROP,   /* the rest does not matter */
};

/* Memory that an answer may use; all of it borrowed until deinit. */
typedef struct cmx_answer_memory {
    uint8_t *tail; /* for an event or error body that is split over chunks */
    size_t tail_capacity;
    cmx_blocks *blocks;     /* shared, for what outgrows the tail; each of event_bytes_max */
    size_t event_bytes_max; /* a larger event ends the stream */
    uint8_t *shape;         /* for what stays the same from event to event; may be NULL */
    size_t shape_capacity;
    uint8_t *body; /* the caller's room for an answer that is not streamed; may be NULL */
    size_t body_capacity;
} cmx_answer_memory;

typedef struct cmx_answer {
    cmx_answer_memory memory;
    uint8_t *chunk; /* lent by feed until AGAIN: what is not used yet */
    size_t chunk_len;
    uint8_t *block;  /* taken from memory.blocks, or NULL */
    size_t kept_len; /* bytes kept in `block`, else in body or tail as the mode says */
    cmx_sse sse;

    cmx_answer_deltas deltas; /* of the event at hand */
    cmx_answer_shape shape;   /* of the events before */
    cmx_json_span event;      /* the event at hand; valid while event_plain */

    uint8_t mode;        /* enum cmx_answer_mode */
    uint8_t content;     /* enum cmx_answer_content */
    uint16_t status;     /* HTTP status; 0 = no head came */
    bool event_kept;     /* the event at hand lies in the kept bytes */
    bool event_plain;    /* it said nothing but deltas: its shape may be learned */
    bool done;           /* `[DONE]` was seen */
    bool ended;          /* end was called */
    bool whole;          /* a JSON answer was parsed to its end */
    bool has_error;      /* the server reported an error in the answer */
    bool has_usage;      /* `usage` is known */
    bool usage_due;      /* `usage` changed and was not delivered */
    bool id_from_head;   /* `id` came with the head: the completion's id does not replace it */
    int failure;         /* why decoding ended, or CMX_OK; sticky */
    uint32_t malformed;  /* events skipped */
    uint32_t error_code; /* `code` of the reported error, if it is a number */
    cmx_usage usage;
    uint8_t message_len;
    uint8_t model_len;
    uint8_t id_len;
    char message[CMX_ANSWER_MESSAGE_BYTES_MAX];
    char model[CMX_ANSWER_MODEL_BYTES_MAX];
    char id[CMX_ANSWER_ID_BYTES_MAX];
} cmx_answer;

enum cmx_answer_kind { CMX_ANSWER_DELTA, CMX_ANSWER_USAGE };

typedef struct cmx_answer_item {
    enum cmx_answer_kind kind;
    union {
        cmx_delta delta; /* at least one byte of text; lent until the next call with this answer */
        cmx_usage usage; /* the latest counts */
    };
} cmx_answer_item;

/* What the bytes said. Texts lie in the answer and live until deinit. */
typedef struct cmx_answer_result {
    bool has_text;
    bool done; /* `[DONE]` came */
    bool has_error;
    bool has_usage;
    uint16_t status;
    uint32_t malformed;  /* events that were skipped */
    uint32_t error_code; /* the in-band error's `code` if it is a number, else 0 */
    cmx_text message;    /* of the in-band error or error body: one line of UTF-8 */
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
 * request_id  value of x-request-id, copied; may be empty */
void cmx_answer_head(cmx_answer *answer, uint32_t status, enum cmx_answer_content content,
                     cmx_view request_id);

/* Lends the next bytes of the body. They may be written to, and stay lent until cmx_answer_next()
 * returned AGAIN or an error; before that no other chunk may be lent. */
void cmx_answer_feed(cmx_answer *answer, uint8_t *data, size_t len);

/* Decodes up to the next item.
 *
 * item  out: only on CMX_OK
 *
 * Returns CMX_OK (one item), CMX_AGAIN (the chunk is used up, or nothing is left after the end),
 * or an error that ends the answer and is returned from then on; the rest of the chunk is dropped:
 *   CMX_ERR_INBAND        the server reported an error
 *   CMX_ERR_MALFORMED     too many events that are not JSON, or an answer that is not one
 *   CMX_ERR_EVENT_LARGE   larger than event_bytes_max
 *   CMX_ERR_BUFFER_SMALL  the answer does not fit the caller's buffer
 *   CMX_ERR_NO_BUFFER     no shared block was free for an event split over chunks */
CMX_MUST_CHECK int cmx_answer_next(cmx_answer *answer, cmx_answer_item *item);

/* The stream ended, complete or not; what is left is decoded by further calls of
 * cmx_answer_next(): a pending `[DONE]`, a JSON answer, an error body. */
void cmx_answer_end(cmx_answer *answer);

/* Returns whether `[DONE]` came: the stream may be ended after a short grace. */
bool cmx_answer_finished(const cmx_answer *answer);

/* Fills `result` with the facts so far; cannot fail. */
void cmx_answer_result_get(const cmx_answer *answer, cmx_answer_result *result);

/* Returns whether the head said 2xx. */
static inline bool cmx_answer_is_success(const cmx_answer *answer)
{
    return answer->status >= 200 && answer->status <= 299;
}

#endif
