/* interrupt.c - Ctrl-C. The only global state of the command that a signal handler may touch. */
#include "interrupt.h"

#include "say.h"
#include "sys.h"

#include <signal.h>
#include <stdatomic.h>

static volatile sig_atomic_t came; /* the signal's number; 0: none */
static _Atomic(dlx_session *) watched;

static void on_signal(int number)
{
    dlx_session *session = atomic_load(&watched);
    came = number;
    if (session)
        dlx_session_cancel(session);
}

void interrupt_begin(dlx_session *session)
{
    came = 0;
    atomic_store(&watched, session);
    sys_on_interrupt(on_signal);
}

void interrupt_watch(dlx_session *session)
{
    atomic_store(&watched, session);
}

void interrupt_end(void)
{
    sys_off_interrupt();
    atomic_store(&watched, NULL);
}

bool interrupted(void)
{
    return came != 0;
}

int interrupt_exit_code(void)
{
    return came == SIGTERM ? 128 + SIGTERM : EXIT_INTERRUPTED;
}
