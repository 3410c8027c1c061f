/*
 * sys.h - everything that differs between operating systems. sys_posix.c and sys_win.c implement
 * it; no other file of the command may include a system header beyond the C library's.
 */
#ifndef DLX_TOOL_SYS_H
#define DLX_TOOL_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * First thing in main: a write to a closed pipe, or to a file that may not grow, becomes an error
 * instead of a signal, closed
 * standard streams cannot be taken over by the next file that is opened, text is UTF-8, escapes
 * work.
 */
void sys_start(void);

bool sys_is_terminal(FILE *stream);
bool sys_can_write(FILE *stream);   /* false: it was closed when the process began */
bool sys_reader_gone(FILE *stream); /* nobody is left at the other end of a pipe */
void sys_terminal_size(FILE *stream, size_t *columns, size_t *rows); /* 80 x 24 when unknown */

/* Calls handler on Ctrl-C (and a polite kill) once; the next one ends the process as usual. */
void sys_on_interrupt(void (*handler)(int signal_number));
void sys_off_interrupt(void);

typedef enum sys_kind { SYS_ABSENT, SYS_FILE, SYS_FOLDER, SYS_OTHER } sys_kind;
sys_kind sys_kind_of(const char *path);

/* Bytes of the folder's part of a path, its last separator included. */
size_t sys_folder_bytes(const char *path);

/* Is it the device that takes everything and keeps nothing? */
bool sys_is_null(const char *path);

/* Opens a device or pipe to write to; NULL on failure, also where nobody reads from the pipe. */
FILE *sys_open_device(const char *path);

/* Creates a file that must not exist yet; NULL on failure, errno says why. */
FILE *sys_create_new(const char *path);
bool sys_replace(const char *from, const char *to); /* atomic where the system allows it */
bool sys_flush_to_disk(FILE *file);
bool sys_same_file(const char *a, const char *b); /* false also when one is not there */
bool sys_make_folder(const char *path);           /* true also when it exists */
/* The first path, by name, that a pattern of the shell's fits; NULL: none. Free it with free(). */
char *sys_find(const char *pattern);
unsigned long sys_process_id(void);
double sys_seconds(void); /* a clock that only moves forward */

#endif
