/* SPDX-License-Identifier: MIT */
/*
 * What the bytes of an answer prove about its end. See answer_verdict.c.
 */
#ifndef CMX_CHAT_ANSWER_VERDICT_H
#define CMX_CHAT_ANSWER_VERDICT_H

#include "chat/answer.h"

/* Judges the answer by its bytes, after end and after cmx_answer_next() had nothing more.
 *
 * end_stream  whether the server ended the stream in order
 * error       out: CMX_OK if the verdict is complete, else the cause
 *
 * Returns one of DONE, DONE_NO_SENTINEL, EMPTY, TRUNCATED, ERROR_INBAND, ERROR_HTTP, LIMIT; or
 * NETWORK with CMX_ERR_TRUNCATED if nothing speaks for any of them: the cause is the stream's. */
enum cmx_verdict cmx_answer_verdict(const cmx_answer *answer, bool end_stream, int *error);

#endif
