/*
 * engine.h - decoding: one stream of positions on one backend, from prompt to answer.
 * The engine owns the canvas and decides which rows run in which pass; what to reveal is a
 * sampler's decision (sampler/), which positions a block holds is diffusion.h's.
 */
#ifndef DLX__ENGINE_H
#define DLX__ENGINE_H

#include <dlx/dlx.h>

#include "backends/backend.h"
#include "text/tokenizer.h"

typedef struct dlx__engine dlx__engine;

typedef struct dlx__engine_opts {
    const dlx__backend_class *backend;
    const char *backend_path;           /* of an exported program, or NULL */
    const dlx__runtime_paths *runtimes; /* outlives the engine; NULL: the usual places */
    size_t n_ctx;
    int n_threads;
    size_t memory_limit;
    bool int8, bf16;                 /* as dlx__backend_opts has them, as is ... */
    const char *kernels;             /* ... this, which must outlive the engine, and ... */
    dlx__scheme scheme;              /* ... this, and ... */
    dlx__kv_type kv_type;            /* ... this */
    const dlx__tokenizer *tokenizer; /* NULL: no text events, no stop texts */
    const dlx_allocator *mem;
} dlx__engine_opts;

dlx_result dlx__engine_open(dlx__engine **out, const dlx__model *model,
                            const dlx__engine_opts *opts, dlx_error *err);
void dlx__engine_free(dlx__engine *engine);

/* The runtime of others that computes; NULL: none does. */
const char *dlx__engine_runtime(const dlx__engine *engine);

/* Forgets the K/V of earlier calls: the next one computes all of its prompt. */
void dlx__engine_forget(dlx__engine *engine);

/* Safe from any thread and from a signal handler. */
void dlx__engine_cancel(dlx__engine *engine);

/* The family's defaults of DESIGN section 4 (also for a model opened for its shapes only). */
void dlx__gen_defaults(const dlx__model *model, dlx_gen_opts *opts);

/* Refuses what the family or the numbers do not allow; changes nothing. */
dlx_result dlx__gen_check(const dlx__model *model, const dlx_gen_opts *opts,
                          const dlx_token *prompt, size_t n_prompt, size_t n_ctx, dlx_error *err);

/* Positions that a run will use: prompt and answer, rounded up as the family rounds. */
size_t dlx__gen_positions(const dlx__model *model, const dlx_gen_opts *opts, size_t n_prompt);

/* Rows of the widest pass that an engine of n_ctx positions asks of its backend: the whole canvas
 * for bidirectional families, a tile of the prefill for block-causal ones. */
size_t dlx__engine_max_rows(const dlx__model *model, size_t n_ctx);

dlx_result dlx__engine_generate(dlx__engine *engine, const dlx_token *prompt, size_t n_prompt,
                                const dlx_gen_opts *opts, dlx_gen_result *result, dlx_error *err);

dlx_result dlx__engine_logits(dlx__engine *engine, const dlx_token *ids, size_t n, float *out,
                              dlx_error *err);

#endif
