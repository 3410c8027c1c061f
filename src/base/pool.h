/*
 * pool.h - a team of threads that run one function together and then wait for the next.
 * A caller splits its index range by the number of the share: each output element has one writer,
 * and the result does not depend on timing, though the thread that runs a share does.
 */
#ifndef DLX__POOL_H
#define DLX__POOL_H

#include "base/base.h"

typedef struct dlx__pool dlx__pool;

/* n_threads counts the caller: 1 makes no thread at all. 0: as many as there are fast cores. */
dlx_result dlx__pool_open(dlx__pool **out, int n_threads, const dlx_allocator *mem, dlx_error *err);
void dlx__pool_free(dlx__pool *pool); /* pool may be NULL */

int dlx__pool_size(const dlx__pool *pool); /* 1 for NULL */

/*
 * Runs fn(arg, share, n_shares) once for every share 0 .. dlx__pool_size - 1, on the caller and the
 * other threads, and returns when all are done. Share t is meant for thread t, but a thread that
 * the system lets wait (another process is on its core) loses it to one that runs. So a share may
 * have scratch memory of its own, and nothing may be told from the thread that runs it.
 * pool NULL: the caller alone. Not to be nested; one caller at a time.
 */
typedef void (*dlx__pool_fn)(void *arg, int share, int n_shares);
void dlx__pool_run(dlx__pool *pool, dlx__pool_fn fn, void *arg);

/*
 * The part of [0, n) that is one share's, its bounds being multiples of `grain` (except n itself).
 * Every index belongs to exactly one share.
 */
void dlx__pool_share(size_t n, size_t grain, int share, int n_shares, size_t *begin, size_t *end);

#endif
