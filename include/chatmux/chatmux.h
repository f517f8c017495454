/* SPDX-License-Identifier: MIT */
/*
 * chatmux: many LLM chat completions over a few HTTP/2 connections, in one block of memory.
 * The only header that an application includes; read the others in this order.
 */
#ifndef CHATMUX_H
#define CHATMUX_H

#include "chatmux/version.h"

#include "chatmux/limits.h"

#include "chatmux/error.h"

#include "chatmux/config.h"

#include "chatmux/block.h"

#include "chatmux/port.h"

#include "chatmux/request.h"

#include "chatmux/chat.h"

#include "chatmux/client.h"

#include "chatmux/collect.h"
#include "chatmux/money.h"
#include "chatmux/route.h"
#include "chatmux/stats.h"

#endif
