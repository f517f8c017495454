/* SPDX-License-Identifier: MIT */
/*
 * An answer from a file: whatever bytes a test wants a server to say.
 * In: --body-file and its companions. Out: a reply with those bytes. Must not look at what they
 * mean.
 */
#ifndef RELAY_BODY_H
#define RELAY_BODY_H

#include "env.h"
#include "route.h"

#include <stdbool.h>

/* Fills the reply of a chat. The file is read anew for each, so that a test may change it between
 * two. false: it cannot be read, or no memory. */
bool relay_body_reply(const relay_env *env, relay_reply *reply);

#endif
