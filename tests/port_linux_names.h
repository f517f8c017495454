/* SPDX-License-Identifier: MIT */
/*
 * Host names with a script, for the tests of the Linux port: getaddrinfo is taken over when the
 * test is linked with -Wl,--wrap=getaddrinfo. No test asks a name server: "localhost" is libc's own
 * answer, every other name has its fate in port_linux_names.c.
 */
#ifndef PORT_LINUX_NAMES_H
#define PORT_LINUX_NAMES_H

#include <stdbool.h>

#define NAMES_LOCAL "localhost"
#define NAMES_TWO "two.test"                 /* both loopback addresses */
#define NAMES_SLOW "slow.test"               /* the same, after names_release */
#define NAMES_MISSING "nonexistent.invalid"  /* EAI_NONAME */
#define NAMES_NO_ADDRESS "noaddress.invalid" /* EAI_NODATA, where libc has it */
#define NAMES_NO_ANSWER "noanswer.invalid"   /* EAI_AGAIN */

/* Waits until a thread is held in getaddrinfo. */
void names_wait_held(void);
/* Lets all held threads go, and those to come until names_hold. */
void names_release(void);
/* Lets all held threads go, and holds those to come. */
void names_hold(void);
/* Tells whether every thread that resolved a name had all signals blocked. */
bool names_signals_blocked(void);

#endif
