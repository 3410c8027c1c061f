/* ml_package.c - functions first, which give every weight its record; then the files. */
#include "export/ml_package.h"

#include "base/fail.h"
#include "base/folder.h"
#include "export/ml_model.h"

#include <string.h>

typedef struct job {
    const dlx__model *m;
    const dlx__export_opts *o;
    dlx__weight_store store;
    dlx__ml_functions functions;
    dlx__folder *folder;
    dlx__weight_writing writing;
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
    j->writing = (dlx__weight_writing){
        .n_threads = j->o->n_threads, .on_progress = j->o->on_progress, .user = j->o->user};
    return dlx__weight_store_write(&j->store, path, &j->writing, err);
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
        j->o->written->program_bytes = n;
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

static dlx_result write_files(job *j, dlx_error *err)
{
    DLX__TRY(dlx__folder_make(j->folder, "Data", err));
    DLX__TRY(dlx__folder_make(j->folder, "Data/com.apple.CoreML", err));
    DLX__TRY(write_weights(j, err));
    DLX__TRY(write_model(j, err));
    DLX__TRY(write_description(j, err));
    const size_t kept = dlx__model_kv_bytes_per_token(j->m) / 2; /* in fp16 */
    dlx__static_functions_tell(&j->functions.list, j->m, j->o, &j->store, kept);
    return write_manifest(j, err);
}

static bool knows(const char *name)
{
    static const char *const names[] = {DLX__ML_MANIFEST,
                                        "Data",
                                        "Data/com.apple.CoreML",
                                        "Data/" DLX__ML_MODEL,
                                        "Data/" DLX__ML_WEIGHTS,
                                        "Data/" DLX__ML_WEIGHTS "/weight.bin",
                                        "Data/dlx",
                                        "Data/" DLX__ML_DESCRIPTION};
    for (size_t i = 0; i < DLX__LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static const dlx__folder_kind package = {"a Core ML package that dlx export wrote",
                                         DLX__ML_MANIFEST, DLX__ML_DESCRIPTION, knows};

static dlx_result write_folder(job *j, const char *path, dlx_error *err)
{
    DLX__TRY(dlx__folder_open(&j->folder, path, &package, j->o->mem, err));
    const dlx_result r = write_files(j, err);
    if (r == DLX_OK)
        return dlx__folder_commit(j->folder, err);
    dlx__folder_abandon(j->folder);
    return r;
}

dlx_result dlx__ml_package_write(const dlx__model *m, const dlx__export_opts *o, dlx_error *err)
{
    job j = {.m = m, .o = o};
    *o->written = (dlx__export_written){0};
    dlx__weight_store_init(&j.store, &dlx__ml_layout, m, o->mem);
    dlx_result r = dlx__ml_functions_lower(&j.functions, m, o, &j.store, err);
    if (r == DLX_OK) {
        r = write_folder(&j, o->path, err);
        dlx__ml_functions_release(&j.functions);
    }
    dlx__weight_store_release(&j.store);
    return r;
}

dlx_result dlx__ml_package_print(const dlx__model *m, const dlx__export_opts *o, dlx__buf *out,
                                 dlx_error *err)
{
    dlx__weight_store store;
    dlx__ml_functions f;
    bool ok = true;
    dlx__weight_store_init(&store, &dlx__ml_layout, m, o->mem);
    dlx_result r = dlx__ml_functions_lower(&f, m, o, &store, err);
    if (r == DLX_OK) {
        for (size_t i = 0; i < f.list.n && ok; i++)
            ok = dlx__buf_format(out, "function %s\n", f.list.items[i].name) &&
                 dlx__ml_print(&f.graphs[i], out);
        dlx__ml_functions_release(&f);
    }
    dlx__weight_store_release(&store);
    return ok ? r : dlx__fail_memory(err, "printing a program", out->len);
}
