/* SPDX-License-Identifier: MIT */
/* A port of the small tree. */
#ifndef CMX_ONE_H
#define CMX_ONE_H

#include "chatmux/port.h"

const cmx_port *cmx_port_one(void);

#endif
