/* model_api.c - dlx_model: opening a checkpoint together with its tokenizer and chat template. */
#include "api/api.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "export/mlpackage_read.h"

#include <string.h>

const dlx__checkpoint *dlx__api_checkpoint(const dlx_model *model)
{
    return model->load == DLX_LOAD_TEXT ? &model->text_only : &model->core.checkpoint;
}

/* A file that is to be a program, whatever is in it: so that the sentence is about programs. */
static bool is_named_program(const char *path)
{
    const size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".pte") == 0 && dlx__os_path_kind(path) == DLX__PATH_FILE;
}

/* Likewise a package: a folder of that ending without a manifest is none that is whole. */
static bool is_named_package(const char *path)
{
    static const char ending[] = ".mlpackage";
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n >= sizeof ending - 1 &&
           memcmp(path + n - (sizeof ending - 1), ending, sizeof ending - 1) == 0 &&
           dlx__os_path_kind(path) == DLX__PATH_DIR;
}

static dlx_result open_core(dlx_model *model, const char *path, dlx_error *err)
{
    bool is_graphs;
    if (dlx__pte_looks_like(path) || is_named_program(path))
        return dlx__api_open_program(model, path, err);
    DLX__TRY(dlx__onnx_directory_looks_like(&is_graphs, path, model->mem, err));
    if (is_graphs)
        return dlx__api_open_graphs(model, path, err);
    if (dlx__mlpackage_looks_like(path) || is_named_package(path))
        return dlx__api_open_package(model, path, err);
    switch (model->load) {
    case DLX_LOAD_TEXT:
        return dlx__checkpoint_open(&model->text_only, path, DLX__NEED_NOTHING, model->mem, err);
    case DLX_LOAD_SHAPES:
        return dlx__model_open(&model->core, path, DLX__NEED_NAMES, model->mem, err);
    case DLX_LOAD_ALL:
        return dlx__model_open(&model->core, path, DLX__NEED_WEIGHTS, model->mem, err);
    }
    return dlx__fail(err, DLX_E_ARG, "dlx_model_opts.load is %d, which is no dlx_load",
                     (int)model->load);
}

static void close_core(dlx_model *model)
{
    if (model->load == DLX_LOAD_TEXT)
        dlx__checkpoint_release(&model->text_only);
    else
        dlx__model_release(&model->core);
    dlx__api_close_program(model);
    dlx__api_close_graphs(model);
    dlx__free(model->mem, model->package);
}

/* The sentence names the file: a vocabulary's parts do not know where they are from. */
static dlx_result open_tokenizer(dlx_model *model, const dlx__checkpoint *checkpoint,
                                 dlx_error *err)
{
    const dlx_result r = dlx__tokenizer_open(&model->tokenizer, checkpoint, err);
    const char *path = checkpoint->path;
    if (r == DLX_OK || r == DLX_E_NOMEM || !err || strncmp(err->text, path, strlen(path)) == 0)
        return r;
    if (model->graphs)
        dlx__fail_prefix(err, model->graphs->model);
    dlx__fail_prefix(err, path);
    return r;
}

/*
 * A checkpoint without tokenizer still runs on ids. A chat template that is missing or beyond our
 * subset is told when somebody asks for it: it must not stop who does not.
 */
static dlx_result open_text(dlx_model *model, dlx_error *err)
{
    const dlx__checkpoint *checkpoint = dlx__api_checkpoint(model);
    bool missing;
    DLX__TRY(dlx__tokenizer_missing(&missing, checkpoint, err));
    if (!missing)
        DLX__TRY(open_tokenizer(model, checkpoint, err));
    dlx_result r = dlx__chat_open(&model->chat, checkpoint, &model->chat_failure);
    if (r == DLX_E_NOMEM) {
        if (err)
            *err = model->chat_failure;
        return r;
    }
    return DLX_OK;
}

/* ---- runtimes -------------------------------------------------------------------------------- */

dlx__runtime_paths dlx__api_runtimes(const dlx_runtimes *runtimes)
{
    if (!runtimes)
        return (dlx__runtime_paths){.onnxruntime = NULL};
    return (dlx__runtime_paths){.onnxruntime = runtimes->onnxruntime,
                                .onnxruntime_else = runtimes->onnxruntime_else,
                                .qnn_provider = runtimes->qnn_provider};
}

static void free_runtimes(dlx_model *model)
{
    for (size_t i = 0; i < DLX__LEN(model->runtime_texts); i++)
        dlx__free(model->mem, model->runtime_texts[i]);
}

static dlx_result copy_runtimes(dlx_model *model, const dlx_runtimes *from, dlx_error *err)
{
    const dlx__runtime_paths paths = dlx__api_runtimes(from);
    const char *texts[] = {paths.onnxruntime, paths.onnxruntime_else, paths.qnn_provider};
    for (size_t i = 0; i < DLX__LEN(texts); i++) {
        model->runtime_texts[i] = texts[i] ? dlx__strdup(model->mem, texts[i]) : NULL;
        if (texts[i] && !model->runtime_texts[i])
            return dlx__fail_memory(err, "opening a model", strlen(texts[i]));
    }
    char **copies = model->runtime_texts;
    model->runtimes = (dlx__runtime_paths){copies[0], copies[1], copies[2]};
    return DLX_OK;
}

/* ---- a model --------------------------------------------------------------------------------- */

dlx_result dlx_model_open(dlx_model **out, const char *path, const dlx_model_opts *opts,
                          dlx_error *err)
{
    *out = NULL;
    const double start = dlx__os_seconds();
    if (!path || !*path)
        return dlx__fail(err, DLX_E_ARG,
                         "no model was named: give a Hugging Face directory, a .gguf "
                         "file or an exported program");
    const dlx_allocator *mem = opts ? opts->mem : NULL;
    dlx_model *model = dlx__alloc_zero(mem, 1, sizeof *model);
    if (!model)
        return dlx__fail_memory(err, "opening a model", sizeof *model);
    model->mem = mem;
    model->load = opts ? opts->load : DLX_LOAD_ALL;
    dlx_result r = copy_runtimes(model, opts ? opts->runtimes : NULL, err);
    if (r == DLX_OK)
        r = open_core(model, path, err);
    if (r != DLX_OK) {
        free_runtimes(model);
        dlx__free(mem, model);
        return r;
    }
    r = open_text(model, err);
    if (r != DLX_OK) {
        dlx_model_free(model);
        return r;
    }
    model->open_seconds = dlx__os_seconds() - start;
    *out = model;
    return DLX_OK;
}

void dlx_model_free(dlx_model *model)
{
    if (!model)
        return;
    dlx__chat_free(model->chat);
    dlx__tokenizer_free(model->tokenizer);
    close_core(model);
    free_runtimes(model);
    dlx__free(model->mem, model);
}

dlx_result dlx__api_need_core(const dlx_model *model, const char *what, dlx_error *err)
{
    if (model->load == DLX_LOAD_TEXT)
        return dlx__fail(
            err, DLX_E_ARG,
            "%s: opened for its text only; %s needs the model (open it with DLX_LOAD_ALL)",
            model->text_only.path, what);
    return DLX_OK;
}

static void count_tensors(const dlx__model *core, dlx_model_info *out)
{
    const dlx__weights *weights = dlx__checkpoint_weights(&core->checkpoint);
    for (size_t i = 0; i < weights->n && weights->shapes_known; i++) {
        out->n_params += dlx__tensor_elems(&weights->tensors[i]);
        out->weight_bytes += weights->tensors[i].n_bytes;
    }
}

size_t dlx__api_n_ids(const dlx_model *model)
{
    const size_t n = model->core.hp.n_vocab;
    return model->tokenizer ? dlx__min(n, dlx__tokenizer_n_ids(model->tokenizer)) : n;
}

void dlx_model_get_info(const dlx_model *model, dlx_model_info *out)
{
    *out = (dlx_model_info){.path = dlx__api_checkpoint(model)->path,
                            .family = "",
                            .mask_id = -1,
                            .bos_id = -1,
                            .eot_id = -1,
                            .has_tokenizer = model->tokenizer != NULL,
                            .has_chat_template = model->chat != NULL};
    if (model->load == DLX_LOAD_TEXT)
        return;
    const dlx__model *core = &model->core;
    const dlx__hparams *hp = &core->hp;
    out->family = core->family->name;
    out->n_layers = hp->n_layers;
    out->n_embd = hp->n_embd;
    out->n_heads = hp->n_heads;
    out->n_heads_kv = hp->n_heads_kv;
    out->head_dim = hp->head_dim;
    out->n_ff = hp->n_ff;
    out->n_vocab = hp->n_vocab;
    out->n_vocab_rows = hp->n_rows_vocab;
    out->n_ctx_train = hp->n_ctx_train;
    out->block_length = hp->block_length.value > 0 ? (size_t)hp->block_length.value : 0;
    out->mask_id = (dlx_token)hp->mask_id.value;
    out->bos_id = (dlx_token)hp->bos_id.value;
    out->eot_id = (dlx_token)hp->eot_id.value;
    out->n_stop_ids = dlx__min(hp->n_stop_ids, DLX_MAX_STOP_IDS);
    memcpy(out->stop_ids, hp->stop_ids, out->n_stop_ids * sizeof *out->stop_ids);
    out->has_weights = core->has_weights;
    out->kv_bytes_per_token = dlx__model_kv_bytes_per_token(core);
    count_tensors(core, out);
}
