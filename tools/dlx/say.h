/*
 * say.h - how the command speaks to people: one sentence a line on stderr, and the exit codes.
 * Results never pass through here; they are out.h's.
 */
#ifndef DLX_TOOL_SAY_H
#define DLX_TOOL_SAY_H

#if defined(__MINGW32__)
#define TOOL_PRINTF(at, first) __attribute__((format(gnu_printf, at, first)))
#elif defined(__GNUC__)
#define TOOL_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define TOOL_PRINTF(at, first)
#endif

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_MISUSE = 2, EXIT_INTERRUPTED = 130 };

/* "dlx: <sentence>" */
void say(const char *format, ...) TOOL_PRINTF(1, 2);

/* The same, and returns EXIT_FAILED, so that `return say_failed("...")` is the usual form. */
int say_failed(const char *format, ...) TOOL_PRINTF(1, 2);

/* The same with a pointer to the help of a verb (NULL: of the whole command); EXIT_MISUSE. */
int say_misuse(const char *verb, const char *format, ...) TOOL_PRINTF(2, 3);

/* A remark without the "dlx: " in front: statistics, notes of a conversation. */
void say_note(const char *format, ...) TOOL_PRINTF(1, 2);

#endif
