/*
 * weights.h - the named tensors of a checkpoint, whatever file they come from. Bytes stay in the
 * file mapping: nothing is copied.
 */
#ifndef DLX__WEIGHTS_H
#define DLX__WEIGHTS_H

#include "base/arena.h"
#include "base/os.h"
#include "base/tensor.h"

typedef struct dlx__weights {
    dlx__arena arena;     /* names and the tables below */
    dlx__tensor *tensors; /* [n], sorted by name */
    const char **files;   /* [n], the file that holds tensors[i] */
    size_t n;
    dlx__map *maps; /* [n_maps] */
    size_t n_maps;
    bool shapes_known; /* false: an index without its shards; only names are known */
} dlx__weights;

void dlx__weights_release(dlx__weights *w);

/* Index into tensors/files, or SIZE_MAX. */
size_t dlx__weights_find(const dlx__weights *w, const char *name);

/* Total bytes of the tensors. */
uint64_t dlx__weights_bytes(const dlx__weights *w);

#endif
