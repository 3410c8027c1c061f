/*
 * contained.h - files of a folder that somebody else packed: each is a file in the folder, not a
 * link that may lead out of it, and nothing that is waited for when it is opened (a pipe, a
 * device).
 */
#ifndef DLX__CONTAINED_H
#define DLX__CONTAINED_H

#include "base/base.h"

/*
 * Refuses "<folder>/<name>" unless it is a file and neither it nor a folder of `name` below
 * `folder` is a link. `name` is a plain path, with / between its parts. Nothing is opened.
 */
dlx_result dlx__contained_file(const char *folder, const char *name, const dlx_allocator *mem,
                               dlx_error *err);

/* The same, but it may also be a folder. */
dlx_result dlx__contained_path(const char *folder, const char *name, const dlx_allocator *mem,
                               dlx_error *err);

#endif
