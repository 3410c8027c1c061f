/*
 * save.h - files that appear whole or not at all: written under a temporary name in the same folder
 * (dlx-<process>-<n>.part, short enough for every file system) and renamed when complete. Devices
 * and pipes (/dev/stderr) are written to directly; a pipe that nobody reads from is refused.
 */
#ifndef DLX_TOOL_SAVE_H
#define DLX_TOOL_SAVE_H

#include <stdbool.h>
#include <stdio.h>

typedef struct save {
    FILE *file; /* NULL: nothing is open */
    char *path;
    char *temporary; /* NULL: written directly */
} save;

/* What to do about a file that cannot be written, by errno: "; choose another folder". */
const char *save_advice(int error);

/* Refuses early what cannot be written, with a sentence on stderr. */
bool save_open(save *s, const char *path);

/* Puts the file into its place. False, with a sentence, if anything could not be written. */
bool save_commit(save *s);

/* Leaves the place as it was. Harmless after save_commit and on a zeroed struct. */
void save_discard(save *s);

#endif
