/* weights.c - tables of named tensors, sorted by name. Knows no file format. */
#include "format/weights.h"

#include "base/fail.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void dlx__weights_release(dlx__weights *w)
{
    for (size_t i = 0; i < w->n_maps; i++)
        dlx__os_unmap(&w->maps[i]);
    dlx__arena_release(&w->arena);
    const dlx_allocator *mem = w->arena.mem;
    *w = (dlx__weights){.n = 0};
    dlx__arena_init(&w->arena, mem);
}

dlx__found_tensor *dlx__found_add(dlx__found_list *list)
{
    if (list->n == list->capacity) {
        size_t capacity = dlx__max(64, dlx__mul(list->capacity, 2));
        size_t n_bytes = dlx__mul(capacity, sizeof *list->items);
        dlx__found_tensor *items = dlx__realloc(list->mem, list->items, n_bytes);
        if (!items)
            return NULL;
        list->items = items;
        list->capacity = capacity;
    }
    dlx__found_tensor *added = &list->items[list->n++];
    *added = (dlx__found_tensor){.file = NULL};
    return added;
}

void dlx__found_release(dlx__found_list *list)
{
    dlx__free(list->mem, list->items);
    *list = (dlx__found_list){.mem = list->mem};
}

static int by_name(const void *a, const void *b)
{
    const dlx__found_tensor *left = a;
    const dlx__found_tensor *right = b;
    return strcmp(left->tensor.name, right->tensor.name);
}

dlx_result dlx__weights_fill(dlx__weights *w, dlx__found_list *list, dlx_error *err)
{
    size_t n = list->n;
    dlx__tensor *tensors = dlx__arena_alloc(&w->arena, n, sizeof *tensors);
    const char **files = dlx__arena_alloc(&w->arena, n, sizeof *files);
    if (!tensors || !files)
        return dlx__fail_memory(err, "listing tensors",
                                dlx__mul(n, sizeof *tensors + sizeof *files));
    if (n > 1)
        qsort(list->items, n, sizeof *list->items, by_name);
    for (size_t i = 0; i < n; i++) {
        const dlx__found_tensor *found = &list->items[i];
        if (i > 0 && strcmp(tensors[i - 1].name, found->tensor.name) == 0)
            return dlx__fail(err, DLX_E_FORMAT,
                             "%s: tensor %s occurs twice (also in %s); the files are damaged or of "
                             "two models",
                             found->file, found->tensor.name, files[i - 1]);
        tensors[i] = found->tensor;
        files[i] = found->file;
    }
    w->tensors = tensors;
    w->files = files;
    w->n = n;
    return DLX_OK;
}

size_t dlx__weights_find(const dlx__weights *w, const char *name)
{
    size_t low = 0, high = w->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(w->tensors[middle].name, name);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

uint64_t dlx__weights_bytes(const dlx__weights *w)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < w->n; i++)
        sum += w->tensors[i].n_bytes;
    return sum;
}
