/*
 * weights.h - the named tensors of a checkpoint, whatever file they come from. Bytes stay in the
 * file mapping: nothing is copied, so `data` may lie at any address (safetensors does not align).
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

/*
 * For the readers of formats: a growing list of tensors that have been found, and the step that
 * sorts it into the tables of w, where a name that occurs twice is refused. Names belong to
 * w->arena.
 */
typedef struct dlx__found_tensor {
    dlx__tensor tensor;
    const char *file;
} dlx__found_tensor;

typedef struct dlx__found_list {
    const dlx_allocator *mem;
    dlx__found_tensor *items; /* [n] */
    size_t n;
    size_t capacity;
} dlx__found_list;

dlx__found_tensor *dlx__found_add(dlx__found_list *list); /* zeroed; NULL: no memory */
void dlx__found_release(dlx__found_list *list);

dlx_result dlx__weights_fill(dlx__weights *w, dlx__found_list *list, dlx_error *err);

/* Index into tensors/files, or SIZE_MAX. */
size_t dlx__weights_find(const dlx__weights *w, const char *name);

/* Total bytes of the tensors. */
uint64_t dlx__weights_bytes(const dlx__weights *w);

#endif
