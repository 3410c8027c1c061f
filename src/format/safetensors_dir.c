/*
 * safetensors_dir.c - a directory of safetensors: one file, or shards with an index. Each shard is
 * mapped once. The index is believed only where the shards confirm it.
 */
#include "base/fail.h"
#include "base/mem.h"
#include "format/json_file.h"
#include "format/safetensors.h"
#include "format/safetensors_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SINGLE_NAME "model.safetensors"
#define INDEX_NAME "model.safetensors.index.json"

typedef struct opener {
    dlx__weights *w;
    const char *dir;
    bool index_only;
    const dlx_allocator *mem;
    dlx_error *err;
    dlx__found_list list;
    const char **shards; /* [n_shards] sorted paths, each once */
    size_t n_shards;
} opener;

static char *join(opener *o, const char *name)
{
    size_t room = dlx__add(dlx__add(strlen(o->dir), strlen(name)), 2);
    char *path = dlx__arena_alloc(&o->w->arena, room, 1);
    if (path)
        snprintf(path, room, "%s/%s", o->dir, name);
    return path;
}

static dlx_result fail_names(const opener *o)
{
    return dlx__fail_memory(o->err, "listing the files of a checkpoint", o->w->arena.n_bytes);
}

/* Maps one file as maps[n_maps] and appends its tensors. */
static dlx_result add_file(opener *o, const char *path)
{
    dlx__map *map = &o->w->maps[o->w->n_maps];
    DLX__TRY(dlx__os_map(map, path, o->err));
    o->w->n_maps++;
    return dlx__safetensors_read(o->w, &o->list, map->data, map->len, path, o->err);
}

static dlx_result add_files(opener *o, const char *const *paths, size_t n)
{
    o->w->maps = dlx__arena_alloc(&o->w->arena, n, sizeof *o->w->maps);
    if (!o->w->maps)
        return fail_names(o);
    for (size_t i = 0; i < n; i++)
        DLX__TRY(add_file(o, paths[i]));
    o->w->shapes_known = true;
    return dlx__weights_fill(o->w, &o->list, o->err);
}

/* A plain name of a file in the same directory: an index must not lead anywhere else. */
static bool plain_name(const json_t *value)
{
    const char *name = json_string_value(value); /* NULL for anything but a text */
    return name && name[0] && strlen(name) == json_string_length(value) && !strpbrk(name, "/\\:") &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* The index as a list of names with the path of the shard that should hold each. */
static dlx_result read_index(opener *o, const char *path, const json_t *index)
{
    const json_t *map = json_object_get(index, "weight_map");
    if (!json_is_object(map) || json_object_size(map) == 0)
        return dlx__fail(o->err, DLX_E_FORMAT,
                         "%s: expected a \"weight_map\" of tensor names and files, found none; "
                         "fetch the file again",
                         path);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)map, name, value)
    { /* jansson takes no const here */
        if (!plain_name(value))
            return dlx__fail(o->err, DLX_E_FORMAT,
                             "%s: tensor %.200s: expected the name of a file in the same "
                             "directory, found \"%.80s\"; do not use this checkpoint",
                             path, name, json_is_string(value) ? json_string_value(value) : "?");
        dlx__found_tensor *added = dlx__found_add(&o->list);
        if (!added)
            return fail_names(o);
        added->tensor.name = dlx__arena_strdup(&o->w->arena, name);
        added->file = join(o, json_string_value(value));
        if (!added->tensor.name || !added->file)
            return fail_names(o);
    }
    return DLX_OK;
}

static int by_text(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/* The shards that the tensors of `list` name, each once. */
static dlx_result collect_shards(opener *o, const dlx__found_list *list)
{
    const char **shards = dlx__arena_alloc(&o->w->arena, list->n, sizeof *shards);
    if (!shards)
        return fail_names(o);
    for (size_t i = 0; i < list->n; i++)
        shards[i] = list->items[i].file;
    qsort(shards, list->n, sizeof *shards, by_text);
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (n == 0 || strcmp(shards[n - 1], shards[i]) != 0)
            shards[n++] = shards[i];
    }
    o->shards = shards;
    o->n_shards = n;
    return DLX_OK;
}

/* NULL when all shards are there, else the first that is not. */
static const char *missing_shard(const opener *o)
{
    for (size_t i = 0; i < o->n_shards; i++) {
        if (dlx__os_path_kind(o->shards[i]) != DLX__PATH_FILE)
            return o->shards[i];
    }
    return NULL;
}

/* Every tensor of the index must be in the shard that the index names. */
static dlx_result check_index(const opener *o, const dlx__found_list *index, const char *path)
{
    for (size_t i = 0; i < index->n; i++) {
        const char *name = index->items[i].tensor.name;
        size_t at = dlx__weights_find(o->w, name);
        if (at == SIZE_MAX || strcmp(o->w->files[at], index->items[i].file) != 0)
            return dlx__fail(
                o->err, DLX_E_MISMATCH,
                "%s: expected tensor %.200s in %s, found it %s; fetch index and shards "
                "of the same model",
                path, name, index->items[i].file, at == SIZE_MAX ? "nowhere" : "in another shard");
    }
    return DLX_OK;
}

static dlx_result open_shards(opener *o, const char *index_path, dlx__found_list *index)
{
    DLX__TRY(collect_shards(o, index));
    const char *missing = missing_shard(o);
    if (missing && o->index_only)
        return dlx__weights_fill(o->w, index, o->err);
    if (missing)
        return dlx__fail(o->err, DLX_E_IO,
                         "%s: expected this file because %s names it, found nothing; fetch all of "
                         "the %zu shards",
                         missing, INDEX_NAME, o->n_shards);
    DLX__TRY(add_files(o, o->shards, o->n_shards));
    return check_index(o, index, index_path);
}

static dlx_result open_index(opener *o, const char *path)
{
    json_t *json;
    DLX__TRY(dlx__json_load(&json, path, o->mem, o->err));
    dlx_result r = read_index(o, path, json);
    json_decref(json);
    dlx__found_list index = o->list;
    o->list = (dlx__found_list){.mem = o->mem};
    if (r == DLX_OK)
        r = open_shards(o, path, &index);
    dlx__found_release(&index);
    return r;
}

static bool is_pickle(void *user, const char *name)
{
    bool *found = user;
    size_t len = strlen(name);
    *found =
        len > 4 && (strcmp(name + len - 4, ".bin") == 0 || strcmp(name + len - 4, ".pth") == 0);
    return !*found;
}

static dlx_result fail_nothing(const opener *o)
{
    bool pickle = false;
    dlx_result r = dlx__os_list_dir(o->dir, is_pickle, &pickle, o->mem, o->err);
    if (r != DLX_OK)
        return r;
    return dlx__fail(o->err, DLX_E_IO, "no " SINGLE_NAME " or " INDEX_NAME " in %s: %s", o->dir,
                     pickle ? "it has PyTorch weights only, save them as safetensors first"
                            : "fetch the weights of the model into it");
}

static dlx_result open_any(opener *o)
{
    const char *single = join(o, SINGLE_NAME);
    const char *index = join(o, INDEX_NAME);
    if (!single || !index)
        return fail_names(o);
    if (dlx__os_path_kind(single) == DLX__PATH_FILE)
        return add_files(o, &single, 1);
    if (dlx__os_path_kind(index) == DLX__PATH_FILE)
        return open_index(o, index);
    return fail_nothing(o);
}

dlx_result dlx__safetensors_open_dir(dlx__weights *w, const char *dir, bool index_only,
                                     const dlx_allocator *mem, dlx_error *err)
{
    *w = (dlx__weights){.n = 0};
    dlx__arena_init(&w->arena, mem);
    opener o = {
        .w = w, .dir = dir, .index_only = index_only, .mem = mem, .err = err, .list = {.mem = mem}};
    dlx_result r = open_any(&o);
    dlx__found_release(&o.list);
    if (r != DLX_OK)
        dlx__weights_release(w);
    return r;
}
