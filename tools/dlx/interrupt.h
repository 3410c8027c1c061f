/*
 * interrupt.h - Ctrl-C. The first one stops the running generation within a pass, so that what
 * there is can still be printed; a second one ends the process.
 */
#ifndef DLX_TOOL_INTERRUPT_H
#define DLX_TOOL_INTERRUPT_H

#include <dlx/dlx.h>

/* From now on. session may be NULL: then only the note is taken. Forgets an earlier Ctrl-C. */
void interrupt_begin(dlx_session *session);
void interrupt_watch(dlx_session *session); /* another session, nothing forgotten */
void interrupt_end(void);
bool interrupted(void); /* since interrupt_begin */

/* EXIT_INTERRUPTED, or the shell's number for the signal that came instead. */
int interrupt_exit_code(void);

#endif
