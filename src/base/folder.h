/*
 * folder.h - a directory that is never seen half-written: its files go into one of a temporary name
 * beside `path`; commit renames that one, abandon removes it with all that is in it. Both end the
 * life of the object.
 */
#ifndef DLX__FOLDER_H
#define DLX__FOLDER_H

#include "base/os.h"

typedef struct dlx__folder dlx__folder;

/* What such a directory has in it. */
typedef struct dlx__folder_kind {
    const char *about;               /* in a sentence: "a Core ML package" */
    const char *mark, *word;         /* a file that each one has, and what is written there */
    bool (*knows)(const char *name); /* may a file or directory of this path be in it? */
} dlx__folder_kind;

/*
 * A directory that is there already is replaced when it is empty, or an earlier one of the same
 * kind with nothing else in it: what somebody put there would be lost. Anything else under the name
 * is refused, links too. `kind` outlives the folder.
 */
dlx_result dlx__folder_open(dlx__folder **out, const char *path, const dlx__folder_kind *kind,
                            const dlx_allocator *mem, dlx_error *err);

/* The path of a file in it, which need not be there yet; valid until the next call. NULL: no
 * memory. */
const char *dlx__folder_at(dlx__folder *f, const char *name);

/* Makes a directory in it; those above it are there. */
dlx_result dlx__folder_make(dlx__folder *f, const char *name, dlx_error *err);

/* Writes a file in it: bytes [n]. */
dlx_result dlx__folder_write(dlx__folder *f, const char *name, const void *bytes, size_t n,
                             dlx_error *err);

dlx_result dlx__folder_commit(dlx__folder *f, dlx_error *err);
void dlx__folder_abandon(dlx__folder *f); /* f may be NULL */

#endif
