/* session_api.c - dlx_session: an engine on a model, with the checks a stranger's call needs. */
#include "api/api.h"

#include "base/fail.h"
#include "base/mem.h"
#include "export/program_facts.h"
#include "runtime/gen_options.h"

#include <string.h>

enum { DEFAULT_CTX = 4096 };

size_t dlx__api_n_ctx(const dlx_model *model, size_t asked)
{
    if (asked)
        return asked;
    size_t trained = model->core.hp.n_ctx_train;
    return trained ? dlx__min(trained, DEFAULT_CTX) : DEFAULT_CTX;
}

dlx_result dlx__api_backend(const dlx__backend_class **out, const char *name, dlx_error *err)
{
    *out = dlx__backend_find(name ? name : "cpu");
    if (!*out)
        return dlx__fail(err, DLX_E_ARG,
                         "unknown backend '%s' (`dlx doctor` lists those of this build)", name);
    return (*out)->probe ? (*out)->probe(err) : DLX_OK;
}

dlx_result dlx__api_model_backend(const dlx__backend_class **out, const dlx_model *model,
                                  const char *name, dlx_error *err)
{
    const char *program = dlx__api_program_backend(model);
    if (program && name && strcmp(name, program) != 0)
        return dlx__fail(err, DLX_E_ARG, "%s: a program for %s, which the backend %s cannot run",
                         model->core.checkpoint.path, program, name);
    return dlx__api_backend(out, program ? program : name, err);
}

dlx_result dlx_session_open(dlx_session **out, const dlx_model *model, const dlx_session_opts *opts,
                            dlx_error *err)
{
    static const dlx_session_opts defaults = {.size = sizeof defaults};
    const dlx_session_opts *o = opts ? opts : &defaults;
    const dlx__backend_class *backend = NULL;
    dlx__arithmetic a;
    *out = NULL;
    DLX__TRY(dlx__api_need_core(model, "a session", err));
    if (!model->core.has_weights && !dlx__api_program_backend(model))
        return dlx__fail(
            err, DLX_E_ARG,
            "%s: opened for its shapes only; a session needs the weights (open the model "
            "with DLX_LOAD_ALL)",
            model->core.checkpoint.path);
    DLX__TRY(dlx__api_model_backend(&backend, model, o->backend, err));
    const dlx__arithmetic_names names = {o->weights, o->compute, o->kernels, o->scheme, o->kv_type};
    DLX__TRY(dlx__api_arithmetic(&a, &model->core, backend, names, err));
    dlx_session *session = dlx__alloc_zero(model->mem, 1, sizeof *session);
    if (!session)
        return dlx__fail_memory(err, "opening a session", sizeof *session);
    session->model = model;
    session->arithmetic = a;
    session->n_ctx = dlx__api_n_ctx(model, o->n_ctx);
    if (model->program && o->n_ctx == 0)
        session->n_ctx = dlx__min(session->n_ctx, dlx__program_n_ctx(model->program));
    if (model->graphs && o->n_ctx == 0)
        session->n_ctx = dlx__min(session->n_ctx, model->graphs->n_ctx);
    dlx__engine_opts engine = {.backend = backend,
                               .n_ctx = session->n_ctx,
                               .n_threads = o->n_threads,
                               .memory_limit = o->memory_limit,
                               .int8 = a.int8,
                               .bf16 = a.bf16,
                               .kernels = a.kernels,
                               .scheme = a.scheme,
                               .kv_type = a.kv_type,
                               .backend_path = dlx__api_program_path(model),
                               .runtimes = &model->runtimes,
                               .tokenizer = model->tokenizer,
                               .mem = model->mem};
    dlx_result r = dlx__engine_open(&session->engine, &model->core, &engine, err);
    if (r != DLX_OK) {
        dlx__free(model->mem, session);
        return r;
    }
    *out = session;
    return DLX_OK;
}

void dlx_session_free(dlx_session *session)
{
    if (!session)
        return;
    dlx__engine_free(session->engine);
    dlx__free(session->model->mem, session);
}

size_t dlx_session_n_ctx(const dlx_session *session)
{
    return session->n_ctx;
}

const char *dlx_session_compute(const dlx_session *session)
{
    return dlx__arithmetic_compute(&session->arithmetic);
}

const char *dlx_session_runtime(const dlx_session *session)
{
    return dlx__engine_runtime(session->engine);
}

void dlx_session_cancel(dlx_session *session)
{
    dlx__engine_cancel(session->engine);
}

dlx_result dlx_logits(dlx_session *session, const dlx_token *ids, size_t n, float *out,
                      dlx_error *err)
{
    return dlx__engine_logits(session->engine, ids, n, out, err);
}

void dlx_gen_init(const dlx_model *model, dlx_gen_opts *opts)
{
    *opts = (dlx_gen_opts){.size = sizeof *opts};
    if (model->load != DLX_LOAD_TEXT)
        dlx__gen_defaults(&model->core, opts);
}

dlx_result dlx_gen_uses(const dlx_model *model, const dlx_gen_opts *opts, const char *option,
                        dlx_error *err)
{
    DLX__TRY(dlx__api_need_core(model, "options of generation", err));
    DLX__TRY(dlx__gen_check_names(model->core.family, opts, err));
    return dlx__gen_uses(model->core.family, opts, option, err);
}

size_t dlx_gen_positions(const dlx_model *model, const dlx_gen_opts *opts, size_t n_prompt)
{
    return model->load == DLX_LOAD_TEXT ? n_prompt
                                        : dlx__gen_positions(&model->core, opts, n_prompt);
}

dlx_result dlx_generate(dlx_session *session, const dlx_token *prompt, size_t n_prompt,
                        const dlx_gen_opts *opts, dlx_gen_result *result, dlx_error *err)
{
    dlx_gen_opts defaults;
    dlx_gen_result ignored;
    if (!opts) {
        dlx_gen_init(session->model, &defaults);
        opts = &defaults;
    }
    return dlx__engine_generate(session->engine, prompt, n_prompt, opts, result ? result : &ignored,
                                err);
}
