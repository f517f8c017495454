/* SPDX-License-Identifier: MIT */
/*
 * Token counts that differ from chat to chat, as servers write them, and a record of each in a
 * file: what a client must arrive at by itself. In: chats. Out: usage objects, and lines of JSON.
 * Must not know prices.
 */
#ifndef RELAY_BILL_H
#define RELAY_BILL_H

#include "chat.h"
#include "env.h"

#include <stdbool.h>
#include <stddef.h>

/* Opens --bills for appending; true without that flag, too. */
bool relay_bill_open(relay_env *env);
/* A whole chat came; its body has so many bytes. */
void relay_bill_chat(relay_env *env, const relay_chat *chat, size_t body_len);
/* Writes "usage": and an object, or null; returns the bytes. `out` holds `capacity`. */
size_t relay_bill_usage(relay_env *env, const char *model, char *out, size_t capacity);

#endif
