/* ml_package.c - functions first, which give every weight its record; then the files. */
#include "export/ml_package.h"

#include "base/fail.h"
#include "base/folder.h"
#include "export/ml_model.h"
#include "export/weight_bytes.h"

#include <string.h>

typedef struct job {
    const dlx__model *m;
    const dlx__ml_package_opts *o;
    dlx__ml_store store;
    dlx__ml_functions functions;
    dlx__folder *folder;
    dlx__ml_store_writing writing;
    dlx__ml_package_facts *facts;
    char model_sha[DLX__SHA256_HEX], description_sha[DLX__SHA256_HEX];
} job;

static void hash(char out[DLX__SHA256_HEX], const void *bytes, size_t n)
{
    dlx__sha256 sha;
    dlx__sha256_init(&sha);
    dlx__sha256_add(&sha, bytes, n);
    dlx__sha256_hex(&sha, out);
}

static dlx_result write_weights(job *j, dlx_error *err)
{
    static const char name[] = "Data/" DLX__ML_WEIGHTS "/weight.bin";
    DLX__TRY(dlx__folder_make(j->folder, "Data/" DLX__ML_WEIGHTS, err));
    const char *path = dlx__folder_at(j->folder, name);
    if (!path)
        return dlx__fail_memory(err, "naming a file", sizeof name);
    j->writing.on_progress = j->o->on_progress;
    j->writing.user = j->o->user;
    DLX__TRY(dlx__pool_open(&j->writing.pool, j->o->n_threads, j->o->mem, err));
    const dlx_result r = dlx__ml_store_write(&j->store, path, &j->writing, err);
    dlx__pool_free(j->writing.pool);
    return r;
}

static dlx_result write_model(job *j, dlx_error *err)
{
    dlx__proto p;
    const uint8_t *bytes = NULL;
    size_t n = 0;
    dlx__proto_init(&p, j->o->mem);
    dlx__ml_model_put(j->m, j->o, &j->functions, &p);
    dlx_result r = dlx__proto_finish(&p, &bytes, &n, err);
    if (r == DLX_OK) {
        hash(j->model_sha, bytes, n);
        j->facts->model_bytes = n;
        r = dlx__folder_write(j->folder, "Data/" DLX__ML_MODEL, bytes, n, err);
    }
    dlx__proto_release(&p);
    return r;
}

static dlx_result write_description(job *j, dlx_error *err)
{
    hash(j->description_sha, j->o->description, j->o->n_description);
    DLX__TRY(dlx__folder_make(j->folder, "Data/dlx", err));
    return dlx__folder_write(j->folder, "Data/" DLX__ML_DESCRIPTION, j->o->description,
                             j->o->n_description, err);
}

static dlx_result write_manifest(job *j, dlx_error *err)
{
    static const char apple[] = "com.apple.CoreML";
    const dlx__ml_part parts[] = {
        {DLX__ML_MODEL, apple, "model.mlmodel", "CoreML Model Specification", j->model_sha},
        {DLX__ML_WEIGHTS, apple, "weights", "CoreML Model Weights", j->writing.sha256},
        {DLX__ML_DESCRIPTION, "dlx", "model.gguf", "keys and vocabulary of the model",
         j->description_sha}};
    dlx__buf text;
    dlx__buf_init(&text, j->o->mem);
    const dlx_result r =
        dlx__ml_manifest_put(parts, DLX__LEN(parts), &text)
            ? dlx__folder_write(j->folder, DLX__ML_MANIFEST, text.data, text.len, err)
            : dlx__fail_memory(err, "describing a package", text.len);
    dlx__buf_release(&text);
    return r;
}

/* ---- what it is made of -------------------------------------------------------------------- */

/* A tied head is looked up and multiplied by in one form: it counts as the table. */
static void count_parts(job *j)
{
    const dlx__graph *g = &j->m->graph;
    uint64_t *bytes = j->facts->parts.bytes, known = 0;
    for (size_t i = 0; i < j->store.n; i++) {
        const dlx__ml_item *item = &j->store.items[i];
        const bool is_table =
            item->tensor == g->nodes[g->embedded].weight && item->packing == j->o->forms.table;
        const dlx__export_part part =
            item->tensor ? dlx__export_part_of(j->m, item->tensor, is_table) : DLX__PART_BIASES;
        bytes[part] += item->n_bytes;
        known += item->n_bytes;
    }
    bytes[DLX__PART_VOCABULARY] = j->o->n_description;
    bytes[DLX__PART_PROGRAM] = j->facts->model_bytes + j->store.n_bytes - known;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static dlx_result write_files(job *j, dlx_error *err)
{
    DLX__TRY(dlx__folder_make(j->folder, "Data", err));
    DLX__TRY(dlx__folder_make(j->folder, "Data/com.apple.CoreML", err));
    DLX__TRY(write_weights(j, err));
    j->facts->weight_bytes = j->store.n_bytes;
    j->facts->n_again = j->store.n_again;
    DLX__TRY(write_model(j, err));
    DLX__TRY(write_description(j, err));
    count_parts(j);
    return write_manifest(j, err);
}

static dlx_result write_folder(job *j, const char *path, dlx_error *err)
{
    DLX__TRY(
        dlx__folder_open(&j->folder, path, DLX__ML_MANIFEST, "a Core ML package", j->o->mem, err));
    const dlx_result r = write_files(j, err);
    if (r == DLX_OK)
        return dlx__folder_commit(j->folder, err);
    dlx__folder_abandon(j->folder);
    return r;
}

dlx_result dlx__ml_package_write(const dlx__model *m, const char *path,
                                 const dlx__ml_package_opts *opts, dlx__ml_package_facts *facts,
                                 dlx_error *err)
{
    job j = {.m = m, .o = opts, .facts = facts};
    *facts = (dlx__ml_package_facts){0};
    dlx__ml_store_init(&j.store, m, opts->mem);
    dlx_result r = dlx__ml_functions_lower(&j.functions, m, opts, &j.store, err);
    if (r == DLX_OK) {
        facts->n_functions = j.functions.n;
        facts->n_fallbacks = dlx__export_fallbacks(m, &opts->forms);
        if (opts->cache != DLX__EXPORT_NO_CACHE) /* in fp16 */
            facts->state_bytes = dlx__mul(opts->n_ctx, dlx__model_kv_bytes_per_token(m) / 2);
        r = write_folder(&j, path, err);
        dlx__ml_functions_release(&j.functions);
    }
    dlx__ml_store_release(&j.store);
    return r;
}

dlx_result dlx__ml_package_print(const dlx__model *m, const dlx__ml_package_opts *opts,
                                 dlx__buf *out, dlx_error *err)
{
    dlx__ml_store store;
    dlx__ml_functions functions;
    bool ok = true;
    dlx__ml_store_init(&store, m, opts->mem);
    dlx_result r = dlx__ml_functions_lower(&functions, m, opts, &store, err);
    for (size_t i = 0; r == DLX_OK && i < functions.n && ok; i++)
        ok = dlx__buf_format(out, "function %s\n", functions.items[i].name) &&
             dlx__ml_print(&functions.items[i].graph, out);
    if (r == DLX_OK)
        dlx__ml_functions_release(&functions);
    dlx__ml_store_release(&store);
    return ok ? r : dlx__fail_memory(err, "printing a program", out->len);
}
