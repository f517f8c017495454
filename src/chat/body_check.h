/* SPDX-License-Identifier: MIT */
/*
 * Judges what a caller wants to send, before anything is sent: fields, ranges, UTF-8, JSON. It
 * says where the first fault is, and changes nothing.
 */
#ifndef CMX_CHAT_BODY_CHECK_H
#define CMX_CHAT_BODY_CHECK_H

#include "chatmux/chat.h"

/* As cmx_chat_check(), but for the length of the whole body. */
CMX_MUST_CHECK int cmx_body_check(const cmx_chat *chat, cmx_chat_fault *fault);

#endif
