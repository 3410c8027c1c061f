/* onnx_model.c - graphs first, which give every weight its place; then the files. */
#include "export/onnx_model.h"

#include "base/fail.h"
#include "base/folder.h"
#include "export/onnx_manifest.h"

#include <stdio.h>
#include <string.h>

enum { STEP = 64, PAGE = 4096 }; /* large ones can be mapped */

const dlx__weight_layout dlx__onnx_layout = {.step = STEP, .large_step = PAGE};

typedef struct job {
    const dlx__model *m;
    const dlx__export_opts *o;
    const dlx__onnx_compiler *compiler; /* or NULL */
    dlx__weight_store store;
    dlx__onnx_functions functions;
    dlx__folder *folder;
    dlx__weight_writing writing;
} job;

static dlx_result write_graph(job *j, size_t i, dlx_error *err)
{
    char name[48];
    dlx__proto p;
    dlx__proto_init(&p, j->o->mem);
    snprintf(name, sizeof name, "%s.onnx", j->functions.list.items[i].name);
    dlx_result r = dlx__onnx_serialize(&j->functions.items[i].graph, DLX__ONNX_WEIGHTS, &p, err);
    if (r == DLX_OK)
        r = dlx__folder_write(j->folder, name, p.out.data, p.out.len, err);
    j->o->written->program_bytes += p.out.len;
    dlx__proto_release(&p);
    return r;
}

static dlx_result write_weights(job *j, dlx_error *err)
{
    const char *path = dlx__folder_at(j->folder, DLX__ONNX_WEIGHTS);
    if (!path)
        return dlx__fail_memory(err, "naming a file", strlen(DLX__ONNX_WEIGHTS));
    j->writing = (dlx__weight_writing){
        .n_threads = j->o->n_threads, .on_progress = j->o->on_progress, .user = j->o->user};
    return dlx__weight_store_write(&j->store, path, &j->writing, err);
}

static dlx_result write_manifest(job *j, dlx_error *err)
{
    dlx__buf text;
    dlx__buf_init(&text, j->o->mem);
    dlx_result r = dlx__onnx_manifest_write(j->m, j->o, &j->functions, j->writing.sha256, &text)
                       ? dlx__folder_write(j->folder, DLX__ONNX_MANIFEST, text.data, text.len, err)
                       : dlx__fail_memory(err, "describing a program", text.len);
    dlx__buf_release(&text);
    return r;
}

static dlx_result compile(job *j, dlx_error *err)
{
    const dlx__onnx_compiler *c = j->compiler;
    for (size_t i = 0; c && i < j->functions.list.n; i++) {
        if (j->o->on_progress && !j->o->on_progress(j->o->user, j->store.n_bytes, j->store.n_bytes))
            return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
        const char *name = j->functions.list.items[i].name;
        const char *here = dlx__folder_at(j->folder, ".");
        if (!here)
            return dlx__fail_memory(err, "naming a file", strlen(name));
        DLX__TRY(c->compile(c->user, here, name, j->functions.items[i].context, err));
    }
    return DLX_OK;
}

static dlx_result write_files(job *j, dlx_error *err)
{
    DLX__TRY(write_weights(j, err));
    for (size_t i = 0; i < j->functions.list.n; i++)
        DLX__TRY(write_graph(j, i, err));
    DLX__TRY(dlx__folder_write(j->folder, DLX__ONNX_DESCRIPTION, j->o->description,
                               j->o->n_description, err));
    DLX__TRY(compile(j, err));
    const size_t kept = dlx__model_kv_bytes_per_token(j->m);
    dlx__static_functions_tell(&j->functions.list, j->m, j->o, &j->store, kept);
    return write_manifest(j, err);
}

/* Graphs, and what was compiled of them. */
static bool is_of_function(const char *name)
{
    static const char *const functions[] = {"denoise", "prefill", "logits"};
    const char *ending = strrchr(name, '.');
    bool is_one = false;
    for (size_t i = 0; i < DLX__LEN(functions); i++)
        is_one = is_one || strncmp(name, functions[i], strlen(functions[i])) == 0;
    return is_one && ending && (strcmp(ending, ".onnx") == 0 || strcmp(ending, ".bin") == 0);
}

static bool knows(const char *name)
{
    return strcmp(name, DLX__ONNX_MANIFEST) == 0 || strcmp(name, DLX__ONNX_WEIGHTS) == 0 ||
           strcmp(name, DLX__ONNX_DESCRIPTION) == 0 || is_of_function(name);
}

static const dlx__folder_kind directory = {"a folder that dlx export wrote", DLX__ONNX_MANIFEST,
                                           "\"unseen\": ", knows};

static dlx_result write_folder(job *j, const char *path, dlx_error *err)
{
    DLX__TRY(dlx__folder_open(&j->folder, path, &directory, j->o->mem, err));
    const dlx_result r = write_files(j, err);
    if (r == DLX_OK)
        return dlx__folder_commit(j->folder, err);
    dlx__folder_abandon(j->folder);
    return r;
}

dlx_result dlx__onnx_model_write(const dlx__model *m, const dlx__export_opts *o,
                                 const dlx__onnx_compiler *c, dlx_error *err)
{
    job j = {.m = m, .o = o, .compiler = c};
    *o->written = (dlx__export_written){0};
    dlx__weight_store_init(&j.store, &dlx__onnx_layout, m, o->mem);
    dlx_result r = dlx__onnx_functions_lower(&j.functions, m, o, &j.store, err);
    if (r == DLX_OK) {
        r = write_folder(&j, o->path, err);
        dlx__onnx_functions_release(&j.functions);
    }
    dlx__weight_store_release(&j.store);
    return r;
}

dlx_result dlx__onnx_model_print(const dlx__model *m, const dlx__export_opts *o, dlx__buf *out,
                                 dlx_error *err)
{
    dlx__weight_store store;
    dlx__onnx_functions f;
    bool ok = true;
    dlx__weight_store_init(&store, &dlx__onnx_layout, m, o->mem);
    dlx_result r = dlx__onnx_functions_lower(&f, m, o, &store, err);
    if (r == DLX_OK) {
        for (size_t i = 0; i < f.list.n && ok; i++)
            ok = dlx__buf_format(out, "function %s\n", f.list.items[i].name) &&
                 dlx__onnx_print(&f.items[i].graph, out);
        dlx__onnx_functions_release(&f);
    }
    dlx__weight_store_release(&store);
    return ok ? r : dlx__fail_memory(err, "printing a program", out->len);
}
