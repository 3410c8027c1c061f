/* inspect.c - a model told as JSON: shape, special ids, effective defaults, memory plan, tensors.
 */
#include <dlx/tools.h>

#include "api/api.h"
#include "api/json_build.h"

#include "base/buf.h"
#include "base/fail.h"

#include <stdio.h>
#include <string.h>

static const char *const ROLE_NAMES[] = {
#define ROLE_NAME(name, per_layer) #name,
    DLX__ROLES(ROLE_NAME)
#undef ROLE_NAME
};

static json_t *size_json(size_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *shape_report(const dlx__hparams *hp)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:b, s:b, s:b}",
                     "n_layers", size_json(hp->n_layers), "n_embd", size_json(hp->n_embd),
                     "n_heads", size_json(hp->n_heads), "n_heads_kv", size_json(hp->n_heads_kv),
                     "head_dim", size_json(hp->head_dim), "n_ff", size_json(hp->n_ff), "n_vocab",
                     size_json(hp->n_vocab), "n_vocab_rows", size_json(hp->n_rows_vocab),
                     "n_ctx_train", size_json(hp->n_ctx_train), "rope_theta", hp->rope_theta,
                     "rms_eps", hp->rms_eps, "tied_head", hp->tied, "qkv_bias", hp->qkv_bias,
                     "qk_norm", hp->qk_norm);
}

static json_t *fact(dlx__fact f)
{
    if (f.value < 0)
        return json_null();
    return json_pack("{s:I, s:s?}", "value", (json_int_t)f.value, "from", f.from);
}

static json_t *ids_report(const dlx__hparams *hp)
{
    json_t *stops = json_array();
    for (size_t i = 0; i < hp->n_stop_ids; i++)
        dlx__api_append(&stops, json_integer(hp->stop_ids[i]));
    return json_pack("{s:o, s:o, s:o, s:{s:o, s:s?}}", "mask", fact(hp->mask_id), "bos",
                     fact(hp->bos_id), "eot", fact(hp->eot_id), "stop", "value", stops, "from",
                     hp->stop_from);
}

static void add_default(json_t **list, const char *option, json_t *value, const char *from)
{
    dlx__api_append(list, json_pack("{s:s, s:o, s:s}", "option", option, "value", value, "from",
                                    from ? from : "family default"));
}

static json_t *defaults_report(const dlx_model *model)
{
    const dlx__hparams *hp = &model->core.hp;
    dlx_gen_opts gen;
    dlx_gen_init(model, &gen);
    json_t *list = json_array();
    add_default(&list, "--max-tokens", size_json(gen.max_tokens), "engine default");
    add_default(&list, "--sampler", json_string(gen.sampler), "family default");
    add_default(&list, "--cache", json_string(gen.cache), "family default");
    if (gen.block_length)
        add_default(&list, "--block-length", size_json(gen.block_length),
                    hp->block_length.value > 0 ? hp->block_length.from : "family default");
    if (gen.small_block)
        add_default(&list, "--small-block", size_json(gen.small_block), hp->small_block.from);
    if (gen.steps)
        add_default(&list, "--steps", size_json(gen.steps), "family default");
    if (model->core.family->threshold > 0)
        add_default(&list, "--threshold", json_real(gen.threshold), "family default");
    add_default(&list, "--temperature", json_real(gen.temperature), "engine default: greedy");
    add_default(&list, "--top-k", size_json(gen.top_k), "engine default: off");
    add_default(&list, "--top-p", json_real(gen.top_p), "engine default: off");
    return list;
}

/* What a pass does, a line each; null where the backend does not tell. */
static json_t *phases_report(const dlx_model *model, const dlx__backend_opts *o,
                             const dlx__backend_class *backend)
{
    dlx__buf text;
    json_t *lines = NULL;
    if (!backend->describe)
        return json_null();
    dlx__buf_init(&text, model->mem);
    if (backend->describe(&model->core, o, &text))
        lines = json_array();
    for (size_t at = 0; lines && at < text.len;) {
        size_t n = (size_t)((char *)memchr(text.data + at, '\n', text.len - at) - text.data) - at;
        dlx__api_append(&lines, json_stringn(text.data + at, n));
        at += n + 1;
    }
    dlx__buf_release(&text);
    return lines;
}

static json_t *plan_report(const dlx_model *model, size_t asked_ctx,
                           const dlx__backend_class *backend, const dlx__arithmetic *a,
                           uint64_t weight_bytes)
{
    const dlx__model *core = &model->core;
    size_t n_ctx = dlx__api_n_ctx(model, asked_ctx);
    dlx__backend_opts o = {.n_ctx = n_ctx,
                           .n_rows = dlx__engine_max_rows(core, n_ctx),
                           .n_streams = 1,
                           .mem = model->mem};
    dlx__arithmetic_apply(a, &o);
    size_t per_token = dlx__arithmetic_kv_bytes(a, core);
    dlx__backend_plan plan = {.mapped = (size_t)weight_bytes, .kv = dlx__mul(per_token, n_ctx)};
    if (backend->plan)
        plan = backend->plan(core, &o);
    size_t total = dlx__add(dlx__add(plan.mapped, plan.packed), dlx__add(plan.kv, plan.scratch));
    return json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "backend", backend->name, "weights", dlx__arithmetic_weights(a), "compute",
                     dlx__arithmetic_compute(a), "kernels", a->kernels, "scheme",
                     dlx__arithmetic_scheme(a), "kv_type", dlx__arithmetic_kv_type(a), "n_ctx",
                     size_json(n_ctx), "weights_bytes", (json_int_t)weight_bytes, "mapped_bytes",
                     size_json(plan.mapped), "packed_bytes", size_json(plan.packed), "kv_bytes",
                     size_json(plan.kv), "scratch_bytes", size_json(plan.scratch), "total_bytes",
                     size_json(total), "kv_bytes_per_token", size_json(per_token), "phases",
                     phases_report(model, &o, backend));
}

/* Elements and bytes of the expected tensors; the type is the file's, or bf16 while only names are
 * known. */
static json_t *tensors_report(const dlx__model *core)
{
    json_t *list = json_array();
    for (int role = 0; role < DLX__N_ROLES; role++) {
        for (size_t layer = 0; layer < core->hp.n_layers; layer++) {
            const dlx__tensor *t = dlx__model_tensor(core, (dlx__role)role, layer);
            if (!t || (layer > 0 && t == dlx__model_tensor(core, (dlx__role)role, 0)))
                continue;
            json_t *shape = json_array();
            for (int d = 0; d < t->n_dims; d++)
                dlx__api_append(&shape, size_json(t->shape[d]));
            dlx__api_append(&list,
                            json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", t->name, "role",
                                      ROLE_NAMES[role], "type", dlx__dtype_of(t->dtype)->name,
                                      "shape", shape, "bytes", size_json(t->n_bytes)));
        }
    }
    return list;
}

static void sum_tensors(const dlx__model *core, uint64_t *n_params, uint64_t *n_bytes)
{
    *n_params = *n_bytes = 0;
    for (int role = 0; role < DLX__N_ROLES; role++) {
        for (size_t layer = 0; layer < core->hp.n_layers; layer++) {
            const dlx__tensor *t = dlx__model_tensor(core, (dlx__role)role, layer);
            bool once = t && layer > 0 && t == dlx__model_tensor(core, (dlx__role)role, 0);
            if (!t || once || (role == DLX__ROLE_HEAD && core->hp.tied))
                continue;
            *n_params += dlx__tensor_elems(t);
            *n_bytes += t->n_bytes;
        }
    }
}

static json_t *notes_report(const dlx_model *model)
{
    json_t *notes = json_array();
    if (!model->core.has_weights)
        dlx__api_append(&notes, json_string("the weights are not here: sizes assume bf16"));
    if (!model->tokenizer)
        dlx__api_append(&notes, json_string("no tokenizer: works with --raw --ids only"));
    if (!model->chat)
        dlx__api_append(&notes, json_sprintf("no chat template: %s", model->chat_failure.text));
    return notes;
}

static dlx_result no_memory(dlx_error *err)
{
    return dlx__fail(err, DLX_E_NOMEM, "out of memory while inspecting a model");
}

static dlx_result add_graph(json_t *report, const dlx_model *model, dlx_error *err)
{
    dlx__buf text;
    dlx__buf_init(&text, model->mem);
    bool ok = dlx__graph_print(&model->core.graph, &text) &&
              dlx__api_set(report, "graph", json_stringn(text.data, text.len));
    dlx__buf_release(&text);
    return ok ? DLX_OK : no_memory(err);
}

dlx_result dlx_inspect(const dlx_model *model, const dlx_inspect_opts *opts, char **json,
                       dlx_error *err)
{
    static const dlx_inspect_opts none = {.size = sizeof none};
    const dlx_inspect_opts *o = opts ? opts : &none;
    *json = NULL;
    DLX__TRY(dlx__api_need_core(model, "inspecting", err));
    const char *name = o->backend ? o->backend : "cpu";
    const dlx__backend_class *backend = dlx__backend_find(name);
    if (!backend)
        return dlx__fail(err, DLX_E_ARG, "unknown backend '%s' (`dlx doctor` lists them)", name);
    dlx__arithmetic a;
    const dlx__arithmetic_names names = {o->weights, o->compute, o->kernels, o->scheme, o->kv_type};
    DLX__TRY(dlx__api_arithmetic(&a, &model->core, backend, names, err));

    const dlx__model *core = &model->core;
    uint64_t n_params, n_bytes;
    sum_tensors(core, &n_params, &n_bytes);
    json_t *report =
        json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "path",
                  core->checkpoint.path, "family", core->family->name, "format",
                  core->checkpoint.kind == DLX__CHECKPOINT_GGUF ? "gguf" : "safetensors", "weights",
                  core->has_weights, "n_params", (json_int_t)n_params, "weights_bytes",
                  (json_int_t)n_bytes, "shape", shape_report(&core->hp), "ids",
                  ids_report(&core->hp), "defaults", defaults_report(model), "notes",
                  notes_report(model), "plan", plan_report(model, o->n_ctx, backend, &a, n_bytes));
    if (!report)
        return no_memory(err);
    dlx_result r = DLX_OK;
    if (o->tensors && !dlx__api_set(report, "tensors", tensors_report(core)))
        r = no_memory(err);
    if (r == DLX_OK && o->graph)
        r = add_graph(report, model, err);
    if (r != DLX_OK) {
        json_decref(report);
        return r;
    }
    return dlx__api_json_text(report, model->mem, json, err);
}
