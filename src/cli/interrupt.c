/* SPDX-License-Identifier: MIT */
/*
 * The signal and the wait that it interrupts. See interrupt.h.
 */
#include "cli/interrupt.h"

#include <signal.h>
#include <string.h>

static cmx_client *interrupted_client; /* for the handler below */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
    cmx_client_wakeup(interrupted_client);
}

static void handle(void (*handler)(int number))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
}

void cli_interrupt_catch(cmx_client *client)
{
    interrupted_client = client;
    handle(on_interrupt);
}

void cli_interrupt_release(void)
{
    handle(SIG_DFL);
}

int cli_interrupt_wait(cmx_client *client, cmx_id id, cmx_event *event)
{
    for (;;) {
        if (interrupted != 0) {
            interrupted = 0;
            /* It may have ended meanwhile: then its DONE event is on its way as it is. */
            int ignored = cmx_client_cancel(client, id);
            (void)ignored;
        }
        int rc = cmx_client_wait(client, event, UINT32_MAX);
        if (rc != CMX_AGAIN) {
            return rc;
        }
    }
}
