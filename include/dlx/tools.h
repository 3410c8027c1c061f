/*
 * dlx/tools.h - look at a model, judge it, and ask the machine what it can do. Results are JSON
 * text (UTF-8, terminated, the caller's: dlx_free), so that programs and people read the same
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
} dlx_inspect_opts;

/*
 * {"path","family","shape":{...},"ids":{"mask":{"value","from"},...},"defaults":[{"option","value","from"}],
 *  "notes":[...],"plan":{"backend","n_ctx","weights_bytes","mapped_bytes","packed_bytes","kv_bytes","scratch_bytes",
 *  "total_bytes","kv_bytes_per_token","phases":[...]},
 *  "tensors":[{"name","role","type","shape","bytes"}],"graph":"..."}
 * Of the plan: weights lie in the file (weights_bytes); a session reads part of them where they are
 * mapped, and the backend's own layout of the others (packed_bytes), which is made once a model.
 * The total is mapped + packed + kv + scratch. phases: what a pass does, in words, a line each.
 */
DLX_API DLX_NODISCARD dlx_result dlx_inspect(const dlx_model *model, const dlx_inspect_opts *opts,
                                             char **json, dlx_error *err);

/* {"version","os","cpu","cores","fast_cores","memory_bytes","instruction_sets":[...],"kernels",
 *  "backends":[{"name","about","available","why_not"}],"libraries":[{"name","version"}]}.
 * Free with dlx_free(NULL, json). */
DLX_API DLX_NODISCARD dlx_result dlx_doctor(char **json, dlx_error *err);

/* Names for help and completion: NULL-terminated lists, and the i-th family (NULL behind the last).
 */
DLX_API const char *dlx_family_name(size_t i);
DLX_API const char *const *dlx_backend_names(void);
DLX_API const char *const *dlx_sampler_names(const char *family); /* NULL for an unknown family */
DLX_API const char *const *dlx_cache_names(const char *family);

typedef struct dlx_eval_opts {
    size_t size;       /* sizeof(dlx_eval_opts) */
    dlx_gen_opts *gen; /* for lines with an answer; NULL: the model's defaults */
    bool raw;          /* prompts are taken as they are, without the chat template */
    size_t limit;      /* lines; 0: all */
    size_t n_samples;  /* maskings a text for likelihoods; 0: 32 */
    uint64_t seed;
    /* Called after every line with its own result as JSON; false stops. May be NULL. */
    bool (*on_line)(void *user, size_t line, size_t n_lines, const char *json);
    void *user;
} dlx_eval_opts;

/*
 * Judges a session on a JSONL file. A line is {"prompt","answer"}: exact match, and accuracy of
 * each field when both are JSON objects; {"prompt","choices":[...],"label"}: the choice of the best
 * masked likelihood; or {"text"}: the masked likelihood in nats a token, a Monte Carlo bound (Nie
 * et al. 2025, LLaDA, eq. 6). A line may hold "split": figures are then also given by split.
 * {"lines","exact","exact_rate","tokens","passes","tokens_per_pass","seconds","tokens_per_second","fields":{...},
 *  "splits":{...},"choices":{...},"text":{"nats_per_token","perplexity_bound"}}
 */
DLX_API DLX_NODISCARD dlx_result dlx_eval(dlx_session *session, const char *path,
                                          const dlx_eval_opts *opts, char **json, dlx_error *err);

#ifdef __cplusplus
}
#endif
#endif
