/* engine.c - the engine: its backend, what it keeps between calls, and the two things it computes.
 */
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "runtime/decode.h"

enum { TILE_ROWS = 128 };

size_t dlx__engine_tile(size_t block)
{
    return dlx__max(block, TILE_ROWS / block * block);
}

/* Refuses what the machine cannot hold, and what the caller does not want to give. */
static dlx_result check_memory(const dlx__engine *engine, const dlx__backend_opts *o,
                               dlx_error *err)
{
    const dlx__backend_class *class = engine->opts.backend;
    const size_t limit = engine->opts.memory_limit, all = dlx__os_total_memory();
    if (!class->plan && limit > 0)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "memory limit: the %s backend cannot tell what a session takes before it "
                         "is open: leave it out",
                         class->name);
    if (!class->plan)
        return DLX_OK;
    const dlx__backend_plan plan = class->plan(engine->model, o);
    const size_t need = dlx__add(plan.kv, plan.scratch), total = dlx__add(need, plan.packed);
    if (limit > 0 && need > limit)
        return dlx__fail(
            err, DLX_E_NOMEM,
            "a session of %zu positions needs %zu bytes beside the weights, the limit is %zu: "
            "open it with a smaller context",
            o->n_ctx, need, limit);
    /* SIZE_MAX: beyond counting, or no memory to count with; loading will say which. */
    if (all > 0 && total > all && total != SIZE_MAX)
        return dlx__fail(err, DLX_E_NOMEM,
                         "a session of %zu positions needs %zu bytes and its weights %zu, the "
                         "machine has %zu: open it with a smaller context, or take a smaller type "
                         "of weights",
                         o->n_ctx, need, plan.packed, all);
    return DLX_OK;
}

static dlx_result load(dlx__engine *engine, size_t n_rows, int n_streams, dlx_error *err)
{
    dlx__backend_opts o = {.n_ctx = engine->opts.n_ctx,
                           .n_rows = n_rows,
                           .n_streams = n_streams,
                           .n_threads = engine->opts.n_threads,
                           .int8 = engine->opts.int8,
                           .bf16 = engine->opts.bf16,
                           .kernels = engine->opts.kernels,
                           .scheme = engine->opts.scheme,
                           .kv_type = engine->opts.kv_type,
                           .path = engine->opts.backend_path,
                           .runtimes = engine->opts.runtimes,
                           .mem = engine->mem};
    DLX__TRY(check_memory(engine, &o, err));
    if (engine->backend)
        engine->opts.backend->close(engine->backend);
    engine->backend = NULL;
    engine->n_kept = 0;
    DLX__TRY(engine->opts.backend->load(&engine->backend, engine->model, &o, err));
    engine->n_rows = n_rows;
    engine->n_streams = n_streams;
    return DLX_OK;
}

dlx_result dlx__engine_reserve(dlx__engine *engine, size_t n_rows, int n_streams, dlx_error *err)
{
    if (engine->backend && n_rows <= engine->n_rows && n_streams <= engine->n_streams)
        return DLX_OK;
    return load(engine, dlx__max(n_rows, engine->n_rows),
                n_streams > engine->n_streams ? n_streams : engine->n_streams, err);
}

/* Bytes of the longest token, so that a run can make room for text before it begins. */
static size_t longest_token(const dlx__tokenizer *t)
{
    size_t longest = 0;
    for (size_t i = 0; t && i < dlx__tokenizer_n_ids(t); i++)
        longest = dlx__max(longest, dlx__tokenizer_bytes(t, (dlx_token)i).len);
    return longest;
}

size_t dlx__engine_max_rows(const dlx__model *model, size_t n_ctx)
{
    if (!dlx__rules_of(model->family).block_causal)
        return n_ctx;
    dlx_gen_opts defaults;
    dlx__gen_defaults(model, &defaults);
    size_t block = dlx__max(defaults.block_length, 1);
    return dlx__min(n_ctx, dlx__max(dlx__engine_tile(block), dlx__mul(2, block)));
}

dlx_result dlx__engine_open(dlx__engine **out, const dlx__model *model,
                            const dlx__engine_opts *opts, dlx_error *err)
{
    *out = NULL;
    if (opts->n_ctx == 0)
        return dlx__fail(err, DLX_E_ARG, "a session needs a context of at least one position");
    dlx__engine *engine = dlx__alloc_zero(opts->mem, 1, sizeof *engine);
    if (!engine)
        return dlx__fail_memory(err, "opening an engine", sizeof *engine);
    engine->mem = opts->mem;
    engine->model = model;
    engine->opts = *opts;
    engine->rules = dlx__rules_of(model->family);
    engine->longest_token = longest_token(opts->tokenizer);
    atomic_init(&engine->cancelled, false);
    dlx__arena_init(&engine->arena, opts->mem);
    dlx_result r = DLX_OK;
    if (engine->rules.block_causal) {
        engine->kept = dlx__alloc_zero(opts->mem, opts->n_ctx, sizeof *engine->kept);
        if (!engine->kept)
            DLX__GO(dlx__fail_memory(err, "opening an engine", opts->n_ctx));
    }
    DLX__GO(load(engine, dlx__engine_max_rows(model, opts->n_ctx), 1, err));
    *out = engine;
    return DLX_OK;
done:
    dlx__engine_free(engine);
    return r;
}

void dlx__engine_free(dlx__engine *engine)
{
    if (!engine)
        return;
    const dlx_allocator *mem = engine->mem;
    if (engine->backend)
        engine->opts.backend->close(engine->backend);
    dlx__arena_release(&engine->arena);
    dlx__free(mem, engine->kept);
    dlx__free(mem, engine);
}

const char *dlx__engine_runtime(const dlx__engine *engine)
{
    const dlx__backend_class *backend = engine->opts.backend;
    return backend->runtime && engine->backend ? backend->runtime(engine->backend) : NULL;
}

void dlx__engine_forget(dlx__engine *engine)
{
    engine->n_kept = 0;
}

void dlx__engine_cancel(dlx__engine *engine)
{
    atomic_store(&engine->cancelled, true);
}

bool dlx__engine_stopped(void *user)
{
    return atomic_load_explicit(&((dlx__engine *)user)->cancelled, memory_order_relaxed);
}

static dlx_result decode(dlx__run *run)
{
    if (run->rules->autoregressive)
        return dlx__decode_next(run);
    return run->rules->block_causal ? dlx__decode_blocks(run) : dlx__decode_canvas(run);
}

dlx_result dlx__engine_generate(dlx__engine *engine, const dlx_token *prompt, size_t n_prompt,
                                const dlx_gen_opts *opts, dlx_gen_result *result, dlx_error *err)
{
    atomic_store(&engine->cancelled, false);
    *result = (dlx_gen_result){.stop_id = -1};
    DLX__TRY(dlx__gen_check(engine->model, opts, prompt, n_prompt, engine->opts.n_ctx, err));
    dlx__run run;
    dlx_result r = dlx__run_open(&run, engine, prompt, n_prompt, opts, err);
    if (r == DLX_OK) {
        r = decode(&run);
        r = dlx__run_close(&run, r, result);
    }
    if (r != DLX_OK && r != DLX_CANCELLED) /* who knows what the backend holds */
        dlx__engine_forget(engine);
    dlx__text_out_release_memory(&run.text);
    return r;
}

/* Rows [start, start + n) of the forward, and their logits into out. */
static dlx_result logits_tile(dlx__engine *engine, const dlx_token *ids, size_t start, size_t n,
                              size_t block, const size_t *rows, float *out, dlx_error *err)
{
    const dlx__backend_class *class = engine->opts.backend;
    dlx__step step = {.ids = ids + start,
                      .n = n,
                      .start = start,
                      .n_kv = start,
                      .n_keep = n,
                      .visibility = engine->model->family->visibility,
                      .block = block,
                      .stop = dlx__engine_stopped,
                      .stop_user = engine};
    DLX__TRY(class->step(engine->backend, &step, err));
    dlx__head head = {.rows = rows, .n = n, .logits = out + start * engine->model->hp.n_rows_vocab};
    return class->head(engine->backend, &head, err);
}

dlx_result dlx__engine_logits(dlx__engine *engine, const dlx_token *ids, size_t n, float *out,
                              dlx_error *err)
{
    size_t n_vocab = engine->model->hp.n_rows_vocab;
    atomic_store(&engine->cancelled, false);
    if (n == 0)
        return dlx__fail(err, DLX_E_ARG, "no ids: logits need at least one");
    if (n > engine->opts.n_ctx)
        return dlx__fail(err, DLX_E_ARG, "%zu ids do not fit the context of %zu", n,
                         engine->opts.n_ctx);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= n_vocab)
            return dlx__fail(err, DLX_E_ARG,
                             "id %d at position %zu is not in the vocabulary of %zu", (int)ids[i],
                             i, n_vocab);
    dlx_gen_opts defaults;
    dlx__gen_defaults(engine->model, &defaults);
    size_t block = dlx__max(defaults.block_length, 1);
    size_t tile = engine->rules.block_causal ? dlx__min(n, dlx__engine_tile(block)) : n;
    engine->n_kept = 0;
    DLX__TRY(dlx__engine_reserve(engine, tile, 1, err));
    size_t *rows = dlx__alloc(engine->mem, dlx__mul(tile, sizeof *rows));
    if (!rows)
        return dlx__fail_memory(err, "listing rows", dlx__mul(tile, sizeof *rows));
    for (size_t i = 0; i < tile; i++)
        rows[i] = i;
    dlx_result r = DLX_OK;
    for (size_t at = 0; at < n && r == DLX_OK; at += tile)
        r = logits_tile(engine, ids, at, dlx__min(tile, n - at), block, rows, out, err);
    dlx__free(engine->mem, rows);
    return r;
}
