/*
 * dlx/tools.h - look at a model, judge it, time it, and ask the machine what it can do. Results are
 * JSON text (UTF-8, terminated, the caller's: dlx_free), so that programs and people read the same
 * facts.
 */
#ifndef DLX_TOOLS_H
#define DLX_TOOLS_H

#include <dlx/dlx.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dlx_inspect_opts {
    size_t size;         /* sizeof(dlx_inspect_opts) */
    size_t n_ctx;        /* of the memory plan; 0: as dlx_session_open chooses */
    const char *backend; /* of the memory plan; NULL: "cpu" */
    bool tensors;        /* list every tensor */
    bool graph;          /* print the graph, one node a line */
    const char *weights, *compute, *kernels; /* of the plan, as in dlx_session_opts */
    const char *scheme, *kv_type;            /* likewise */
} dlx_inspect_opts;

/*
 * {"path","family","shape":{...},"ids":{"mask":{"value","from"},...},"defaults":[{"option","value","from"}],
 *  "notes":[...],"plan":{"backend","weights","compute","kernels","scheme","kv_type","n_ctx","weights_bytes","mapped_bytes","packed_bytes","kv_bytes","scratch_bytes",
 *  "total_bytes","kv_bytes_per_token","phases":[...]},
 *  "tensors":[{"name","role","type","shape","bytes"}],"graph":"..."}
 * Of the plan: weights lie in the file (weights_bytes); a session reads part of them where they are
 * mapped, and the backend's own layout of the others (packed_bytes), which is made once a model.
 * The total is mapped + packed + kv + scratch. phases: what a pass does, in words, a line each.
 * weights, compute, kernels, scheme and kv_type are those in force (kernels: null where the backend
 * has none).
 */
DLX_API DLX_NODISCARD dlx_result dlx_inspect(const dlx_model *model, const dlx_inspect_opts *opts,
                                             char **json, dlx_error *err);

/* ---- exported programs ----------------------------------------------------------------------- */

/* Whether it is an exported program: a file that begins like one of ExecuTorch (.pte), a folder of
 * "qnn", or one with a manifest like a Core ML package (.mlpackage). */
DLX_API bool dlx_is_program(const char *path);

typedef struct dlx_program_opts {
    size_t size;           /* sizeof(dlx_program_opts) */
    const char *data_path; /* the .ptd file with the data that is not in the program; NULL: none */
    bool tensors;          /* list the named data */
} dlx_program_opts;

/*
 * What is in a .pte file or an .mlpackage, ours or another exporter's, after everything in it was
 * checked; what an ExecuTorch runtime or Core ML would refuse or crash on is the failure. An
 * .mlpackage of ours is also held to the model in it and to the hashes in its manifest, for which
 * all of it is read. Free with dlx_free(NULL, json).
 * {"path","format","file_bytes","sizes":{"program","payloads","constants","named_data","padding"},
 *  "data":{"path","keys","bytes"} or null,
 *  "methods":[{"name","inputs":[value],"outputs":[value],"state":[value],"values","steps",
 *   "operators":[{"name","calls"}],
 *   "delegates":[{"backend","bytes","calls","inputs","outputs","constants","constant_bytes",
 *    "nodes":[{"name","weights","n"}]}],"arenas":[bytes]}],
 *  "metadata":{name:value},"notes":[...],"named_data":[{"key","bytes"}]}
 * Of a folder of "qnn", what its manifest says, after its files, the hash of its weights and what a
 * session would refuse were checked; what is in its graphs is ONNX Runtime's to check:
 * {"path","format","family","profile","soc","n_ctx","cache","n_ids","functions":[{"name","file",
 *  "rows","past","head_rows","inputs":[value],"outputs":[value],"contexts":[{"soc","file"}]}],
 *  "weights":{"file","bytes","sha256"},"model"}
 * A value is {"kind","type","shape","dynamic","name"}: shape holds the largest lengths if dynamic;
 * only tensors have more than a kind. Metadata are the methods that return constants.
 *
 * Of an .mlpackage the same, where there is the same: methods are functions, steps operations,
 * {"path","format","file_bytes","sizes":{"manifest","specification","weights","other"},"model",
 *  "specification","default_function",
 *  "methods":[{"name","opset","inputs":[value],"outputs":[value],"state":[value],"steps",
 *   "operators":[{"name","calls"}]}],
 *  "weights":{"records","shared","unused","types":[{"type","records","bytes"}]},
 *  "metadata":{key:text},"items":[{"path","name","author","bytes"}],"notes":[...]}
 * "model" is the kind ("mlProgram"); of others than ML Programs only the interface is read, and
 * "opset" is null. A length of -1 is known when the model runs; "shared" counts the records of
 * weights that more than one function uses.
 */
DLX_API DLX_NODISCARD dlx_result dlx_inspect_program(const char *path, const dlx_program_opts *opts,
                                                     char **json, dlx_error *err);

/* {"version","os","cpu","cores","fast_cores","memory_bytes","instruction_sets":[...],"kernels",
 *  "kernel_tables":[{"name","bf16"}],"backends":[{"name","about","available","why_not","found"}],"libraries":[{"name","version"}]}.
 * kernel_tables: those of this processor, from plain to fast; kernels: the last of them.
 * Free with dlx_free(NULL, json). */
DLX_API DLX_NODISCARD dlx_result dlx_doctor(char **json, dlx_error *err);
/* The same, with runtimes of programs in these places (NULL: the usual ones); "found" says which a
 * backend has. */
DLX_API DLX_NODISCARD dlx_result dlx_doctor_at(const dlx_runtimes *runtimes, char **json,
                                               dlx_error *err);

/* Names for help and completion: NULL-terminated lists, and the i-th family (NULL behind the last).
 */
DLX_API const char *dlx_family_name(size_t i);
DLX_API const char *const *dlx_backend_names(void);
DLX_API const char *dlx_kernels_name(size_t i); /* tables that this processor runs, likewise */
DLX_API const char *const *dlx_sampler_names(const char *family); /* NULL for an unknown family */
DLX_API const char *const *dlx_cache_names(const char *family);

typedef struct dlx_eval_opts {
    size_t size;       /* sizeof(dlx_eval_opts) */
    dlx_gen_opts *gen; /* for lines with an answer; NULL: the model's defaults */
    bool raw;          /* prompts are taken as they are, without the chat template */
    size_t limit;      /* lines; 0: all */
    size_t n_samples;  /* maskings a text for likelihoods; 0: 32 */
    uint64_t seed;     /* of the maskings: those of line i (from 0) are drawn by seed + i, of any
                          model; and of the intervals' resampling */
    /* Called after every line with its own result as JSON; false stops. May be NULL. */
    bool (*on_line)(void *user, size_t line, size_t n_lines, const char *json);
    void *user;
} dlx_eval_opts;

/*
 * Judges a session on a JSONL file. A line is {"prompt","answer"}: exact match, and accuracy of
 * each field when both are JSON objects; {"prompt","choices":[...],"label"}: the choice of the best
 * masked likelihood; or {"text"}: the masked likelihood in nats a token, a Monte Carlo bound (Nie
 * et al. 2025, LLaDA, eq. 6). Autoregressive families are judged exactly, without masks. A line may
 * hold "split": figures are then also given by split.
 * {"lines","answers","exact","exact_rate","exact_interval","tokens","passes","rows","tokens_per_pass",
 *  "passes_per_answer","passes_per_answer_interval","seconds","tokens_per_second",
 *  "fields":{name:{"n","right","rate","interval"}},"choices":{the same},
 *  "text":{"nats","tokens","bytes", and each with ..._interval:
 * "nats_per_token","perplexity_bound", "bits_per_byte"},"splits":{name:{all of this}}} An interval
 * is [lo, hi], of 95 %, for other lines of the same kind: Wilson's of a rate, a BCa bootstrap over
 * the lines of the others; null where there is a single line. Of a line:
 * {"exact","text","finish","tokens","passes","rows","seconds","fields":{name: right?}},
 * {"right","chosen","nats":[...],"tokens"} or {"nats","tokens","bytes"}, with its "split".
 */
DLX_API DLX_NODISCARD dlx_result dlx_eval(dlx_session *session, const char *path,
                                          const dlx_eval_opts *opts, char **json, dlx_error *err);

typedef struct dlx_eval_compare_opts {
    size_t size;              /* sizeof(dlx_eval_compare_opts) */
    size_t n_lines;           /* compare the first so many; 0: all, and both must hold as many */
    uint64_t seed;            /* of the resampling */
    const dlx_allocator *mem; /* of the report; NULL: the C library */
} dlx_eval_compare_opts;

/*
 * How two evaluations A and B of the same tasks differ, line by line. a and b are JSONL text: what
 * dlx_eval's on_line was told, a line each, in order. Differences are A - B.
 * {"lines","exact":{"n","right_a","right_b","only_a","only_b","a","b","difference","interval","p_value"},
 *  "fields":{name:{the same}},"choices":{the same},
 *  "passes_per_answer":{"n","a","b","difference","interval"},"tokens_per_answer","nats_per_token",
 *  "bits_per_byte": likewise,"splits":{name:{all of this}}}
 * only_a: lines that A alone got right; a, b and difference: rates; p_value: McNemar's exact test.
 * Intervals are of 95 %: Tango's (1998) score interval for paired rates, and for the others a BCa
 * bootstrap (Efron 1987) over the lines. Each stands for itself: of twenty, one misses on average.
 * Models with different tokenizers compare by bits_per_byte, not by nats_per_token.
 * DLX_E_FORMAT where the lines are not results of the same tasks. Free with dlx_free(NULL, json),
 * or with mem->resize where mem is given.
 */
DLX_API DLX_NODISCARD dlx_result dlx_eval_compare(const char *a, const char *b,
                                                  const dlx_eval_compare_opts *opts, char **json,
                                                  dlx_error *err);

/* ---- random weights -------------------------------------------------------------------------- */

typedef struct dlx_shape_opts {
    size_t size;              /* sizeof(dlx_shape_opts) */
    const char *type;         /* of the matrices, a name of dlx_type_names; NULL: "q8_0" */
    const char *family;       /* NULL: that of the published model */
    uint64_t seed;            /* the same seed gives the same weights on every machine */
    const dlx_allocator *mem; /* must outlive the model; NULL: the C library */
} dlx_shape_opts;

/*
 * A model as large as a published one ("qwen2.5-0.5b", "llada-8b" ...) with random weights, for
 * measurements that need no file. It has no tokenizer. Matrices whose rows are not whole blocks of
 * the type get the type that llama.cpp gives them then. Refused, with the numbers, where the
 * weights are larger than the memory of the machine. Free with dlx_model_free.
 */
DLX_API DLX_NODISCARD dlx_result dlx_model_open_shape(dlx_model **out, const char *shape,
                                                      const dlx_shape_opts *opts, dlx_error *err);
DLX_API const char *const *dlx_shape_names(void); /* NULL-terminated */
DLX_API const char *const *dlx_type_names(void);  /* likewise */

/* [{"name","family","n_params","n_layers","n_embd","n_heads","n_heads_kv","head_dim","n_ff","n_vocab"}]
 * Free with dlx_free(NULL, json). */
DLX_API DLX_NODISCARD dlx_result dlx_shapes(char **json, dlx_error *err);

/* ---- speed ----------------------------------------------------------------------------------- */

/*
 * Changes the options so that n_accept tokens are revealed in each pass, whatever the weights say,
 * and nothing ends the answer early: what random weights need to be timed. Fast-dLLM v2: sub-blocks
 * of n_accept tokens, revealed at once. SDAR and LLaDA: a static schedule. Dream: its schedule by
 * time, n_accept a pass on average. Refuses lengths that n_accept does not divide. Autoregressive
 * families write one token a pass: n_accept is 1.
 */
DLX_API DLX_NODISCARD dlx_result dlx_bench_force(const dlx_model *model, size_t n_accept,
                                                 dlx_gen_opts *opts, dlx_error *err);

typedef struct dlx_bench_run {
    const char *name;        /* in the report */
    const dlx_gen_opts *gen; /* without on_event, which is the benchmark's own */
    const char *backend;     /* NULL: that of the passes */
    int n_threads;           /* 0: the first of the passes' */
    /* As in dlx_session_opts. NULL: those of the passes, except that another backend has its own
     * compute, kernels, scheme and kv_type. */
    const char *weights, *compute, *kernels;
    const char *scheme, *kv_type;
} dlx_bench_run;

typedef struct dlx_bench_prompt {
    const dlx_token *ids; /* [n] */
    size_t n;
} dlx_bench_prompt;

typedef struct dlx_bench_opts {
    size_t size;            /* sizeof(dlx_bench_opts) */
    const char *backend;    /* NULL: "cpu" */
    const size_t *rows;     /* [n_rows] rows of a pass; NULL: 1, 4, 8, 16, 32, 64, 128 */
    const size_t *contexts; /* [n_contexts] positions before them; NULL: 512 */
    const int *threads;     /* [n_threads] each from 1 to 1024; NULL: the fast cores */
    size_t n_rows, n_contexts, n_threads;
    size_t n_rounds;           /* 0: 5 */
    const dlx_bench_run *runs; /* [n_runs] generations, timed in turns; none: passes only */
    size_t n_runs;
    const dlx_gen_opts *exact;       /* NULL, or the decode that each run is compared with: with the
       weights as stored, in float32, rows not rounded, K and V as float32 */
    const dlx_bench_prompt *prompts; /* [n_prompts]; NULL: one of arbitrary ids, contexts[0] of
 them, at most half of what the model was trained for */
    size_t n_prompts;
    /* Called before each piece of work; false stops. May be NULL. */
    bool (*on_progress)(void *user, const char *what, size_t done, size_t all);
    void *user;
    const char *weights, *compute, *kernels; /* of the passes, as in dlx_session_opts */
    const char *scheme, *kv_type;            /* likewise */
    bool shorten; /* answers that a program has no room for, by max_tokens; else they are refused */
} dlx_bench_opts;

/*
 * Times the passes of a model, with the machine's bandwidth and peaks probed in every round between
 * them, and then its generations. A pass of M rows over a context of L positions is a step and the
 * statistics of the head on all M rows. Its roof is
 *
 *   max( bytes of the weights that it reads / bandwidth,
 *        sum over weight types of 2 M elements / peak of the type
 *          + 4 * layers * heads * head width * visible positions of all rows / f32 peak )
 *
 * with the bandwidth of a buffer as large as these weights (at most that of memory), and
 * both measured by all threads together. Weights that became int8 have a byte each and the peak of
 * int8, as integers have, where the scheme rounds rows to int8; bf16 ones, and attention over K and
 * V in bf16, have that of bf16 where compute is bf16; all else has that of f32. See
 * docs/performance.md.
 *
 * {"model":{"path","family","types":{type: bytes},"n_params"},
 *  "passes":[{"rows","context","type","threads","ms_best","ms_median","ms_head","ms_roof",
 *             "fraction_of_roof","bytes","ops","samples"}],
 *  "probe":{"threads","instruction_set","read_gbs","read_gbs_median","read_weights_gbs","read_layer_gbs",
 *           "peak_gops","peak_gops_median","peaks_gops":{"f32","bf16","int8","int4"}},
 *  "probes":[one for each number of threads],
 *  "generate":{"name","tokens","tokens_per_second","decode_tokens_per_second","passes_per_token","rows_per_pass",
 *              "first_token_seconds","prefill_seconds","seconds_best","seconds_median","passes","rows","decode_passes",
 *              "prompt_tokens","prompts","threads","backend","weights","compute","kernels","scheme","kv_type"},
 *  "runs":[all generations, the first of them being "generate"; with `exact` also
 *          "agreement","same_tokens","compared_tokens","identical_answers"],
 *  "weights","compute","kernels","scheme","kv_type": what was in force in the passes,
 *  "load_seconds","first_pass_seconds","peak_rss_bytes","weights_bytes","kv_bytes",
 *  "machine":{...},"build":{...},"date","complete"}
 * Of a program weights ("int4"), kernels ("XNNPACK") and scheme are its own, in the runs too, and
 * "ms_head" is null: its passes have the head inside.
 * Seconds are sums over the prompts, but for that of the first token, a mean. passes_per_token,
 * rows_per_pass and decode_tokens_per_second leave the passes out that only read the prompt,
 * tokens_per_second does not. "peak_rss_bytes" is taken before the probe's own buffer is. When
 * stopped: DLX_CANCELLED, and the report of what was measured so far, "complete" false (NULL if
 * that is nothing).
 */
DLX_API DLX_NODISCARD dlx_result dlx_bench(const dlx_model *model, const dlx_bench_opts *opts,
                                           char **json, dlx_error *err);

#ifdef __cplusplus
}
#endif
#endif
