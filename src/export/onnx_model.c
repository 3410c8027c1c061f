/* onnx_model.c - graphs first, which give every weight its place; then the files. */
#include "export/onnx_model.h"

#include "base/fail.h"
#include "base/folder.h"
#include "export/onnx_manifest.h"
#include "export/weight_bytes.h"

#include <stdio.h>
#include <string.h>

typedef struct job {
    const dlx__model *m;
    const dlx__onnx_model_opts *o;
    dlx__onnx_store store;
    dlx__onnx_functions functions;
    dlx__folder *folder;
    dlx__onnx_store_writing writing;
    dlx__onnx_model_facts *facts;
} job;

static dlx_result write_graph(job *j, const dlx__onnx_function *f, dlx_error *err)
{
    char name[48];
    dlx__proto p;
    dlx__proto_init(&p, j->o->mem);
    snprintf(name, sizeof name, "%s.onnx", f->name);
    dlx_result r = dlx__onnx_serialize(&f->graph, DLX__ONNX_WEIGHTS, &p, err);
    if (r == DLX_OK)
        r = dlx__folder_write(j->folder, name, p.out.data, p.out.len, err);
    j->facts->graph_bytes += p.out.len;
    dlx__proto_release(&p);
    return r;
}

static dlx_result write_weights(job *j, dlx_error *err)
{
    const char *path = dlx__folder_at(j->folder, DLX__ONNX_WEIGHTS);
    if (!path)
        return dlx__fail_memory(err, "naming a file", strlen(DLX__ONNX_WEIGHTS));
    j->writing.on_progress = j->o->on_progress;
    j->writing.user = j->o->user;
    DLX__TRY(dlx__pool_open(&j->writing.pool, j->o->n_threads, j->o->mem, err));
    const dlx_result r = dlx__onnx_store_write(&j->store, path, &j->writing, err);
    dlx__pool_free(j->writing.pool);
    return r;
}

static dlx_result write_manifest(job *j, dlx_error *err)
{
    dlx__buf text;
    dlx__buf_init(&text, j->o->mem);
    dlx_result r =
        dlx__onnx_manifest_write(j->m, j->o, &j->functions, j->facts, j->writing.sha256, &text)
            ? dlx__folder_write(j->folder, DLX__ONNX_MANIFEST, text.data, text.len, err)
            : dlx__fail_memory(err, "describing a program", text.len);
    dlx__buf_release(&text);
    return r;
}

/* A tied head is looked up and multiplied by in one form: it counts as the table. */
static void count_parts(job *j)
{
    const dlx__graph *g = &j->m->graph;
    uint64_t *bytes = j->facts->parts.bytes, known = 0;
    for (size_t i = 0; i < j->store.n; i++) {
        const dlx__onnx_item *item = &j->store.items[i];
        const bool is_table = item->tensor == g->nodes[g->embedded].weight;
        const dlx__export_part part =
            item->tensor ? dlx__export_part_of(j->m, item->tensor, is_table) : DLX__PART_HEAD;
        bytes[part] += item->place.n_bytes;
        known += item->place.n_bytes;
    }
    bytes[DLX__PART_VOCABULARY] = j->o->n_description;
    bytes[DLX__PART_PROGRAM] = j->facts->graph_bytes + j->store.n_bytes - known;
}

static dlx_result compile(job *j, dlx_error *err)
{
    for (size_t i = 0; i < j->functions.n && j->o->compile; i++) {
        dlx__onnx_function *f = &j->functions.items[i];
        const char *here = dlx__folder_at(j->folder, ".");
        if (!here)
            return dlx__fail_memory(err, "naming a file", strlen(f->name));
        DLX__TRY(j->o->compile(j->o->compiler, here, f->name, f->context, err));
    }
    return DLX_OK;
}

static dlx_result write_files(job *j, dlx_error *err)
{
    DLX__TRY(write_weights(j, err));
    j->facts->weight_bytes = j->store.n_bytes;
    j->facts->n_again = j->store.n_again;
    for (size_t i = 0; i < j->functions.n; i++)
        DLX__TRY(write_graph(j, &j->functions.items[i], err));
    DLX__TRY(dlx__folder_write(j->folder, DLX__ONNX_DESCRIPTION, j->o->description,
                               j->o->n_description, err));
    count_parts(j);
    DLX__TRY(compile(j, err));
    return write_manifest(j, err);
}

static dlx_result write_folder(job *j, const char *path, dlx_error *err)
{
    DLX__TRY(dlx__folder_open(&j->folder, path, DLX__ONNX_MANIFEST, "one that dlx export wrote",
                              j->o->mem, err));
    const dlx_result r = write_files(j, err);
    if (r == DLX_OK)
        return dlx__folder_commit(j->folder, err);
    dlx__folder_abandon(j->folder);
    return r;
}

dlx_result dlx__onnx_model_write(const dlx__model *m, const char *path,
                                 const dlx__onnx_model_opts *opts, dlx__onnx_model_facts *facts,
                                 dlx_error *err)
{
    job j = {.m = m, .o = opts, .facts = facts};
    *facts = (dlx__onnx_model_facts){0};
    dlx__onnx_store_init(&j.store, m, opts->mem);
    dlx_result r = dlx__onnx_functions_lower(&j.functions, m, opts, &j.store, err);
    if (r == DLX_OK) {
        facts->n_functions = j.functions.n;
        facts->n_fallbacks = dlx__export_fallbacks(m, &opts->forms);
        if (opts->cache == DLX__EXPORT_IO)
            facts->state_bytes = dlx__mul(opts->n_ctx, dlx__model_kv_bytes_per_token(m));
        r = write_folder(&j, path, err);
        dlx__onnx_functions_release(&j.functions);
    }
    dlx__onnx_store_release(&j.store);
    return r;
}

dlx_result dlx__onnx_model_print(const dlx__model *m, const dlx__onnx_model_opts *opts,
                                 dlx__buf *out, dlx_error *err)
{
    dlx__onnx_store store;
    dlx__onnx_functions functions;
    bool ok = true;
    dlx__onnx_store_init(&store, m, opts->mem);
    dlx_result r = dlx__onnx_functions_lower(&functions, m, opts, &store, err);
    for (size_t i = 0; r == DLX_OK && i < functions.n && ok; i++)
        ok = dlx__buf_format(out, "function %s\n", functions.items[i].name) &&
             dlx__onnx_print(&functions.items[i].graph, out);
    if (r == DLX_OK)
        dlx__onnx_functions_release(&functions);
    dlx__onnx_store_release(&store);
    return ok ? r : dlx__fail_memory(err, "printing a program", out->len);
}
