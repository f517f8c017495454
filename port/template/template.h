/* SPDX-License-Identifier: MIT */
/*
 * The name under which the port to start from is handed to a client. A copy renames it after its
 * system and is passed to cmx_client_init.
 */
#ifndef CMX_TEMPLATE_H
#define CMX_TEMPLATE_H

#include "chatmux/port.h"

/* Returns the table of the template; every function fails with CMX_ERR_PORT. */
const cmx_port *cmx_port_template(void);

#endif
