/*
 * pool.h - a team of threads that run one function together and then wait for the next.
 * Workers spin a short while, then sleep. Nobody steals work: a caller splits its index range by
 * thread number, so each output element has one writer and the result does not depend on timing.
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
 * Runs fn(arg, thread, n_threads) once on every thread, the caller being thread 0, and returns
 * when all are done. pool NULL: the caller alone. Not to be nested; one caller at a time.
 */
typedef void (*dlx__pool_fn)(void *arg, int thread, int n_threads);
void dlx__pool_run(dlx__pool *pool, dlx__pool_fn fn, void *arg);

/*
 * The part of [0, n) that belongs to one thread, its bounds being multiples of `grain` (except n
 * itself). Every index belongs to exactly one thread.
 */
void dlx__pool_share(size_t n, size_t grain, int thread, int n_threads, size_t *begin, size_t *end);

#endif
