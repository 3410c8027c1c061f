/*
 * os.h - the portability contract: all that the library asks of an operating system.
 * A port is one file os_<system>.c. Paths are UTF-8.
 */
#ifndef DLX__OS_H
#define DLX__OS_H

#include "base/base.h"

/* A file mapped read-only. `data` is NULL when the file is empty. */
typedef struct dlx__map {
    const uint8_t *data;
    size_t len;   /* bytes */
    void *handle; /* the port's own */
} dlx__map;

dlx_result dlx__os_map(dlx__map *map, const char *path, dlx_error *err);
void dlx__os_unmap(dlx__map *map);

/* Tells the system that the pages of [offset, offset + len) will not be needed again soon. */
void dlx__os_map_drop(const dlx__map *map, size_t offset, size_t len);

/* Asks for large pages under [p, p + len): fewer misses while it is streamed. Only a hint. */
void dlx__os_advise_huge(void *p, size_t len);

typedef enum { DLX__PATH_ABSENT, DLX__PATH_FILE, DLX__PATH_DIR, DLX__PATH_OTHER } dlx__path_kind;
dlx__path_kind dlx__os_path_kind(const char *path);
bool dlx__os_is_link(const char *path); /* the name itself, whatever it leads to */

/* The whole file as bytes, terminated; free with dlx__free. Refuses files over max_bytes. */
dlx_result dlx__os_read_file(char **out, size_t *len, const char *path, size_t max_bytes,
                             const dlx_allocator *mem, dlx_error *err);

/*
 * Writing a file that is never seen half-written: bytes go to a temporary name beside `path`;
 * commit flushes and renames it, abandon removes it. Both end the life of the object.
 */
typedef struct dlx__writer dlx__writer;
dlx_result dlx__writer_open(dlx__writer **out, const char *path, const dlx_allocator *mem,
                            dlx_error *err);
dlx_result dlx__writer_write(dlx__writer *w, const void *bytes, size_t n, dlx_error *err);
uint64_t dlx__writer_tell(const dlx__writer *w);
bool dlx__writer_can_patch(const dlx__writer *w); /* false: a pipe or a device */
/* Writes over n bytes that were written at `offset`. */
dlx_result dlx__writer_patch(dlx__writer *w, uint64_t offset, const void *bytes, size_t n,
                             dlx_error *err);
dlx_result dlx__writer_commit(dlx__writer *w, dlx_error *err);
void dlx__writer_abandon(dlx__writer *w); /* w may be NULL */

/*
 * The primitives under dlx__os_read_file and dlx__writer (file.c); other code uses those. `path` is
 * for the sentence of a failure, and so is `name` beside a path that nobody gave. CREATE makes a
 * new file and fails when there is one; WRITE opens what is there (a device, a pipe), and fails
 * where nobody reads from it.
 */
typedef struct dlx__os_file {
    intptr_t id; /* the port's own */
} dlx__os_file;
typedef enum { DLX__OPEN_READ, DLX__OPEN_CREATE, DLX__OPEN_WRITE } dlx__open_mode;
dlx_result dlx__os_file_open(dlx__os_file *f, const char *path, dlx__open_mode mode,
                             const char *name, dlx_error *err);
dlx_result dlx__os_file_read(dlx__os_file f, void *bytes, size_t n, size_t *n_read,
                             const char *path, dlx_error *err); /* *n_read 0: the end */
dlx_result dlx__os_file_write(dlx__os_file f, const void *bytes, size_t n, const char *path,
                              dlx_error *err);
/* Where the next write goes; only in a file that was made by CREATE. */
dlx_result dlx__os_file_seek(dlx__os_file f, uint64_t offset, const char *path, dlx_error *err);
/* With `flush`, only after the bytes have reached the disk. Closes in any case. */
dlx_result dlx__os_file_close(dlx__os_file f, bool flush, const char *path, dlx_error *err);
dlx_result dlx__os_rename(const char *from, const char *to, dlx_error *err); /* replaces `to` */
void dlx__os_remove(const char *path); /* a file; a failure is of no interest */
dlx_result dlx__os_make_dir(const char *path, dlx_error *err); /* fails when there is something */
void dlx__os_remove_dir(const char *path); /* an empty one; a failure is of no interest */

/* Names in a directory, sorted, without "." and ".."; `visit` returns false to stop. */
dlx_result dlx__os_list_dir(const char *path, bool (*visit)(void *user, const char *name),
                            void *user, const dlx_allocator *mem, dlx_error *err);

/*
 * A shared library by its name, which the system's loader looks for (beside the program or library
 * that asks, then where it always looks), or by a path. It stays loaded after closing: libraries
 * that register themselves somewhere do not survive being taken away.
 */
typedef struct dlx__os_library {
    void *handle; /* the port's own */
} dlx__os_library;
dlx_result dlx__os_library_open(dlx__os_library *library, const char *name, dlx_error *err);
void (*dlx__os_library_find(dlx__os_library library, const char *symbol))(void); /* or NULL */
void dlx__os_library_close(dlx__os_library library);
/* The path by which the library was loaded that holds the function; false: it is not known. */
bool dlx__os_library_path(char *out, size_t room, void (*function)(void));

double dlx__os_seconds(void);      /* a steady clock */
uint64_t dlx__os_random(void);     /* unpredictable bits, for a default seed */
int dlx__os_n_cores(void);         /* cores this process may use, at least 1 */
int dlx__os_n_fast_cores(void);    /* those of the fastest kind, at least 1 */
size_t dlx__os_total_memory(void); /* bytes; 0 when unknown */
size_t dlx__os_peak_rss(void);     /* bytes of this process; 0 when unknown */
const char *dlx__os_name(void);    /* "linux", "darwin", "windows" ... */

#endif
