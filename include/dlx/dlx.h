/*
 * dlx/dlx.h - run diffusion language models: open, tokenize, generate.
 *
 * Two handles. A dlx_model is weights, tokenizer and chat template: immutable, shared freely
 * between threads. A dlx_session is one key/value store and one canvas: one thread at a time.
 *
 * A diffusion model does not write left to right: it starts from masks and reveals several tokens
 * a pass, wherever it is most sure. Progress therefore reaches the caller as events. Autoregressive
 * models (Llama, Qwen2, Qwen3) run by the same calls, for comparison: a token a pass, no masks.
 *
 *     dlx_model *model;  dlx_session *session;  dlx_error err;
 *     if (dlx_model_open(&model, "path/to/model", NULL, &err)) puts(err.text);
 *
 * The library never prints, exits or reads the environment. Shapes are written [rows, columns].
 */
#ifndef DLX_DLX_H
#define DLX_DLX_H

#include <dlx/common.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dlx_model dlx_model;
typedef struct dlx_session dlx_session;

/* ---- models ---------------------------------------------------------------------------------- */

typedef enum dlx_load {
    DLX_LOAD_ALL,   /* everything; the weights must be there */
    DLX_LOAD_TEXT,  /* tokenizer and chat template only; needs no weights and no config */
    DLX_LOAD_SHAPES /* config and, where present, tensor names: enough to inspect and to plan */
} dlx_load;

/*
 * Where runtimes of exported programs are: paths, each may be NULL. onnxruntime: the library of
 * ONNX Runtime, for folders of "qnn"; NULL: one beside this library or where the loader looks, and
 * then onnxruntime_else. qnn_provider: the library of its QNN provider; NULL: one beside that;
 * "none": its CPU provider computes. Loading a library runs its code.
 */
typedef struct dlx_runtimes {
    size_t size; /* sizeof(dlx_runtimes) */
    const char *onnxruntime, *onnxruntime_else, *qnn_provider;
} dlx_runtimes;

typedef struct dlx_model_opts {
    size_t size; /* sizeof(dlx_model_opts) */
    dlx_load load;
    const dlx_allocator *mem;     /* must outlive the model; NULL: the C library */
    const dlx_runtimes *runtimes; /* copied; NULL: the usual places */
} dlx_model_opts;

/*
 * Opens a Hugging Face directory (config.json, *.safetensors, tokenizer files), a .gguf file, or a
 * program that dlx_export wrote: a .pte file, or a folder of "qnn".
 * Weights are mapped, not copied. opts may be NULL. On failure *out is NULL.
 */
DLX_API DLX_NODISCARD dlx_result dlx_model_open(dlx_model **out, const char *path,
                                                const dlx_model_opts *opts, dlx_error *err);
DLX_API void dlx_model_free(dlx_model *model); /* after its sessions; NULL is fine */

enum { DLX_MAX_STOP_IDS = 16 };

typedef struct dlx_model_info {
    const char *path, *family; /* lent by the model; family "" with DLX_LOAD_TEXT */
    size_t n_layers, n_embd, n_heads, n_heads_kv, head_dim, n_ff;
    size_t n_vocab;      /* ids that exist */
    size_t n_vocab_rows; /* columns of the logits; those from n_vocab on are padding */
    size_t n_ctx_train;
    size_t block_length;               /* 0: the family has no trained block */
    dlx_token mask_id, bos_id, eot_id; /* -1: none; autoregressive families have no mask */
    dlx_token stop_ids[DLX_MAX_STOP_IDS];
    size_t n_stop_ids;
    bool has_weights, has_tokenizer, has_chat_template;
    size_t n_params;           /* elements of all tensors */
    uint64_t weight_bytes;     /* as stored */
    size_t kv_bytes_per_token; /* float32, all layers, one stream */
} dlx_model_info;

DLX_API void dlx_model_get_info(const dlx_model *model, dlx_model_info *out);

/* ---- text ------------------------------------------------------------------------------------ */

/* Frees what dlx_tokenize, dlx_detokenize, dlx_chat_render and the tools gave. NULL is fine. */
DLX_API void dlx_free(const dlx_model *model, void *p);

/*
 * Text (UTF-8, n_bytes) to ids. Adds no BOS. Special tokens written in the text become their ids
 * unless no_specials. *ids is the caller's (dlx_free), also when *n is 0.
 */
DLX_API DLX_NODISCARD dlx_result dlx_tokenize(const dlx_model *model, const char *text,
                                              size_t n_bytes, bool no_specials, dlx_token **ids,
                                              size_t *n, dlx_error *err);

/* Ids to text, terminated, *n_bytes long (may be NULL). With skip_specials these leave no trace. */
DLX_API DLX_NODISCARD dlx_result dlx_detokenize(const dlx_model *model, const dlx_token *ids,
                                                size_t n, bool skip_specials, char **text,
                                                size_t *n_bytes, dlx_error *err);

/*
 * Renders a conversation with the model's own chat template. messages_json: an array of
 * {"role", "content", ...}. extras_json: NULL or an object whose members the template sees as
 * variables ("tools", "enable_thinking" ...). The text is terminated.
 */
DLX_API DLX_NODISCARD dlx_result dlx_chat_render(const dlx_model *model, const char *messages_json,
                                                 const char *extras_json,
                                                 bool add_generation_prompt, char **text,
                                                 dlx_error *err);

/* ---- sessions -------------------------------------------------------------------------------- */

typedef struct dlx_session_opts {
    size_t size;         /* sizeof(dlx_session_opts) */
    const char *backend; /* NULL: "cpu"; of a program the one that it is for */
    size_t n_ctx;        /* positions; 0: the smaller of 4096 and what the model was trained for */
    int n_threads;       /* 0: the fast cores */
    size_t memory_limit; /* bytes for the session beside the weights; 0: none. Refused early, with
                            the numbers; sessions on a program cannot tell them and refuse it */
    /*
     * What the numbers are while computing. The defaults are exact: as the checkpoint stores the
     * weights, in float32. A name that is unknown, or that the backend cannot do, is refused with
     * the list (DLX_E_ARG).
     *
     * weights: NULL or "stored"; or "int8": float matrices become int8 while the session opens, a
     * scale for each output, and their products read rows rounded to int8 (on the cpu backend; the
     * reference backend leaves rows as they are). Half the memory of bf16, answers that differ now
     * and then. Types that are integers already stay as they are.
     *
     * compute: NULL or "float32"; or "bf16": where the kernels have an instruction for it, products
     * of bf16 weights read rows rounded to bf16, at about twice the speed, and so do those of keys
     * and values in bf16; elsewhere it is float32 as before (dlx_session_compute tells).
     * Of the reference backend it is refused.
     *
     * kernels: NULL: the fastest of this processor; or a name of dlx_kernels_name (dlx/tools.h).
     * The products of floats have the same bits with all of them. Programs that want a variable of
     * the environment read it themselves, as the command reads DLX_KERNEL.
     */
    const char *weights, *compute, *kernels;
    /*
     * scheme: how the rows are rounded that integer weights are multiplied by. "weight-only": not
     * at all, so that these weights count as the floats that they stand for; "dynamic": to int8, a
     * scale for every 128 numbers of a row, from these; "dynamic-row": a scale for every row;
     * "dynamic-affine": with a zero point too, and of float weights too, as phones round the rows
     * of int8 and int4 programs (dlx/export.h), multiplied as floats; "static": to int8 by ranges
     * that the model's file holds from calibration; "static16": to int16 by these, of float weights
     * too; "static-affine": rows, weights and results int8 by these, as phones compute static
     * programs (dlx/export.h); the cpu backend multiplies them as floats. A file without ranges is
     * refused for all three. NULL: what the file says, else "dynamic" on the cpu backend and
     * "weight-only" on the reference. Programs round as they were exported and refuse any name.
     */
    const char *scheme;
    /*
     * kv_type: what keys and values are kept in: "float32"; "bf16" or "f16", half the memory;
     * "int8", about a quarter: one scale for each head's row of a position. They are rounded when
     * they are written, and multiplied as float32 (bf16 under compute "bf16" as such). NULL:
     * "float32", or "bf16" where compute "bf16" is in force.
     */
    const char *kv_type;
} dlx_session_opts;

DLX_API DLX_NODISCARD dlx_result dlx_session_open(dlx_session **out, const dlx_model *model,
                                                  const dlx_session_opts *opts, dlx_error *err);
DLX_API void dlx_session_free(dlx_session *session);          /* NULL is fine */
DLX_API size_t dlx_session_n_ctx(const dlx_session *session); /* positions, the default resolved */
/* "float32"; "bf16" where that was asked for and the kernels have it. */
DLX_API const char *dlx_session_compute(const dlx_session *session);

/* The runtime of others that computes ("ONNX Runtime 1.32.0, CPU provider"), of folders of "qnn";
 * NULL: there is none to choose. */
DLX_API const char *dlx_session_runtime(const dlx_session *session);

/* Stops a running dlx_generate, dlx_logits or dlx_eval within a fraction of a pass (DLX_CANCELLED);
 * the session stays usable. The only call that other threads and signal handlers may make on it. */
DLX_API void dlx_session_cancel(dlx_session *session);

/*
 * Raw logits of one forward over all n ids under the family's inference mask, before any shift:
 * out [n, n_vocab_rows] float32. Forgets what the session held.
 */
DLX_API DLX_NODISCARD dlx_result dlx_logits(dlx_session *session, const dlx_token *ids, size_t n,
                                            float *out, dlx_error *err);

/* ---- generation ------------------------------------------------------------------------------ */

typedef enum dlx_pass_kind { DLX_PASS_PREFILL, DLX_PASS_DENOISE, DLX_PASS_COMMIT } dlx_pass_kind;

typedef struct dlx_written {
    size_t pos; /* absolute position */
    dlx_token id;
    float conf; /* what the sampler ranked by */
} dlx_written;

typedef enum dlx_event_kind {
    DLX_EV_PASS, /* one role of one forward pass; a fused pass gives two with the same number */
    DLX_EV_TEXT, /* text that is final: whole code points, never revoked */
    DLX_EV_END   /* generation is over */
} dlx_event_kind;

typedef struct dlx_event {
    dlx_event_kind kind;
    size_t pass;             /* from 0 */
    dlx_pass_kind pass_kind; /* PASS */
    size_t block;            /* PASS: first position / block length (0 without blocks) */
    size_t rows; /* PASS: rows of this role (the halves of a fused pass have their own) */
    const dlx_written *written; /* PASS: [n_written], ascending positions */
    size_t n_written;
    const dlx_token *canvas; /* PASS: [n_canvas], prompt included, masks where undecided;
                                autoregressive families: as far as it is written */
    size_t n_canvas, n_prompt;
    const char *text; /* TEXT: [n_text] bytes, terminated */
    size_t n_text;
} dlx_event;

/* Returns false to stop (DLX_CANCELLED). What it points to lives until it returns. */
typedef bool (*dlx_event_fn)(void *user, const dlx_event *event);

/*
 * A uniform draw in [0, 1), named by its place, so that results depend on neither order nor
 * threads. DLX_DRAW_TOKEN  (position, id):  Gumbel noise of one logit (LLaDA), id = -1: one draw a
 * position for inverse-CDF sampling (the other families) DLX_DRAW_ORDER  (position, -1): random
 * remasking (LLaDA); does this position unmask (Dream origin); Gumbel noise of a position's rank
 * (Dream alg_temp) `pass` counts forward passes of the denoiser from 0.
 */
typedef enum dlx_draw_kind { DLX_DRAW_TOKEN, DLX_DRAW_ORDER } dlx_draw_kind;
typedef double (*dlx_draw_fn)(void *user, dlx_draw_kind kind, size_t pass, size_t position,
                              dlx_token id);

/*
 * How to generate. dlx_gen_init fills in the model's effective defaults: change what you need.
 * A family refuses, by sentence, options that its reference does not have.
 */
typedef struct dlx_gen_opts {
    size_t size; /* sizeof(dlx_gen_opts) */
    size_t max_tokens;
    size_t block_length; /* 0: no blocks */
    size_t small_block;  /* Fast-dLLM v2 */
    size_t steps;        /* 0: the family's own rule */
    const char *sampler;
    const char *cache;
    double threshold, factor, eb_threshold;
    double cfg_scale;
    bool logits_eos_inf, confidence_eos_eot_inf;
    double alg_temp; /* 0: off */
    double eps;
    double temperature; /* 0: greedy */
    size_t top_k;       /* 0: off */
    double top_p;       /* 1: off */
    uint64_t seed;
    bool infill;        /* fill the masks of the prompt, append nothing */
    bool allow_special; /* the mask id and padded rows may be chosen, as the references allow */
    const dlx_token *suppress; /* [n_suppress] ids never chosen, on top of the defaults */
    size_t n_suppress;
    dlx_token stop_ids[DLX_MAX_STOP_IDS];
    size_t n_stop_ids;
    dlx_token eot_id;              /* LLaDA's confidence_eos_eot_inf; -1: none */
    const char *const *stop_texts; /* [n_stop_texts], none empty: the answer ends before them */
    size_t n_stop_texts;
    dlx_event_fn on_event; /* may be NULL */
    void *event_user;
    dlx_draw_fn draw; /* NULL: the built-in generator, seeded by `seed` */
    void *draw_user;
} dlx_gen_opts;

DLX_API void dlx_gen_init(const dlx_model *model, dlx_gen_opts *opts);

/*
 * For callers who know what was asked for: can an option make a difference to a run with these
 * options? It is named as the command names it ("alg-temp"), and its value does not matter. If the
 * family or the sampler has no use for it: DLX_E_ARG, and a sentence that names who has.
 * dlx_generate cannot tell zero from what was never set, nor a default from a wish.
 */
DLX_API DLX_NODISCARD dlx_result dlx_gen_uses(const dlx_model *model, const dlx_gen_opts *opts,
                                              const char *option, dlx_error *err);

/* Positions that a run will use: prompt and answer, rounded up as the family rounds. What a
 * session's n_ctx must hold at least. */
DLX_API size_t dlx_gen_positions(const dlx_model *model, const dlx_gen_opts *opts, size_t n_prompt);

typedef enum dlx_finish { DLX_FINISH_LENGTH, DLX_FINISH_STOP } dlx_finish;

typedef struct dlx_gen_result {
    const dlx_token *
        ids; /* [n_ids] generated up to the stop, which is not included; lent until the next call */
    size_t n_ids;
    const dlx_token
        *canvas; /* [n_canvas] prompt and everything decoded, as it stands; lent likewise */
    size_t n_canvas;
    dlx_finish finish;
    dlx_token stop_id; /* the id that stopped it, or -1 */
    size_t n_prompt;
    size_t n_reused; /* prompt positions whose K/V were still there */
    size_t passes;   /* forward calls */
    size_t rows;     /* sum over them */
    double seconds, first_token_seconds;
} dlx_gen_result;

/*
 * Generates after (or, with infill, inside) the prompt. Masks anywhere in the prompt are filled.
 * Options are checked before anything is computed. Returns DLX_CANCELLED when stopped; `result`
 * then holds what was decoded so far.
 */
DLX_API DLX_NODISCARD dlx_result dlx_generate(dlx_session *session, const dlx_token *prompt,
                                              size_t n_prompt, const dlx_gen_opts *opts,
                                              dlx_gen_result *result, dlx_error *err);

#ifdef __cplusplus
}
#endif
#endif
