/*
 * quant.h - models of smaller types: quantizing one into a GGUF file, and measuring what that
 * costs.
 *
 * Errors, allocation and ownership as in dlx.h; reports are JSON texts to be freed with dlx_free.
 */
#ifndef DLX_QUANT_H
#define DLX_QUANT_H

#include <dlx/dlx.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Types of matrices: "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q4_k", "q5_k",
 * "q6_k", and "mixed": q4_k with q6_k for v and down. Embedding and head are q8_0 beside the
 * smaller ones; norms and biases f32. Rows that are no whole blocks of a type get the nearest type
 * that fits (of q4_k, q5_k, q6_k: q5_0, q5_1, q8_0; else f16); the report names them.
 */
typedef struct dlx_quantize_opts {
    size_t size;        /* sizeof(dlx_quantize_opts) */
    const char *type;   /* NULL: "q8_0" */
    const char *scheme; /* how rows are rounded where the result runs; written into the file: a name
                           of dlx_session_opts.scheme; NULL: "dynamic" */
    /*
     * NULL or "rtn": each weight to the nearest level, as llama.cpp does. "awq": features scaled
     * by their magnitudes (Lin et al. 2023). "gptq": errors handed on to the inputs that are still
     * to be rounded (Frantar et al. 2023). "awq-gptq": both. All but rtn need calibration.
     */
    const char *method;
    size_t group; /* inputs that share a scale: 0: as few as the type can (32); else 64, 128, 256,
                     of q8_0, q4_0 ... q5_1 */
    bool per_channel; /* one scale for each output of these types */
    /*
     * NULL or "own": scales as the type has them. "portable", of type q4_0 with groups of 32: each
     * one positive and exact in bf16 and f16 both, one an output in a q8_0 head; so that an int4
     * program (dlx/export.h) holds exactly these weights. They come a little less near.
     */
    const char *scales;
    bool all; /* embedding and head get the type too */
    const char *const
        *keep; /* [n_keep] "PATTERN=TYPE": tensors whose GGUF name fits the pattern
                * ("*" is any text, "?" any character) get that type; the first that fits counts */
    size_t n_keep;
    /*
     * Texts that the model computes while it is quantized, partly masked at several ratios: a
     * .jsonl file of lines {"prompt","answer"} or {"text"}, or any other file as one text. The
     * model needs its tokenizer.
     */
    const char *calibrate;
    bool raw;             /* prompts as they are, without the chat template */
    size_t n_texts;       /* of the file, at most; 0: 128 */
    size_t n_positions;   /* of a text, at most; 0: 256 */
    uint64_t seed;        /* of the masks */
    const char *observer; /* of static schemes: "minmax", "moving_average", "percentile" (99.9 %),
                             "mse"; NULL: that of `observed`, else "mse" */
    /*
     * Static schemes, over several runs or machines: JSON files that runs of the same model on
     * other texts wrote; what they observed is merged with what this one does, or is all there is
     * where nothing calibrates. And where to write what was observed, all of these together.
     */
    const char *const *observed; /* [n_observed] */
    size_t n_observed;
    const char *observations; /* NULL: not written */
    int n_threads;            /* 0: the fast cores. The same bytes for any number */
    /* Called with the part that is done; false stops. May be NULL. */
    bool (*on_progress)(void *user, double done, double seconds_left);
    void *user;
} dlx_quantize_opts;

/*
 * Writes the model to a GGUF file: everything that another program needs to run it, llama.cpp for
 * the families that it knows. Memory: about a layer in float32. Nothing is seen under `path` before
 * the file is whole. report (may be NULL):
 *
 *   {"path","type","scheme","method","bytes","bytes_before","bytes_f16","seconds","calibration":{"passes",
 *    "rows","masked"},"types":{type: bytes},"fallbacks":[{"tensor","type","group"}],
 *    "tensors":[{"name","type","bytes","error"}]}
 *
 * with "error" the root mean square of what rounding changed, as a part of that of the weights, and
 * "group" of a fallback the group that was taken where the one asked for does not divide the rows.
 */
DLX_API DLX_NODISCARD dlx_result dlx_quantize(const dlx_model *model, const char *path,
                                              const dlx_quantize_opts *opts, char **report,
                                              dlx_error *err);

typedef struct dlx_compare_opts {
    size_t size;        /* sizeof(dlx_compare_opts) */
    const char *texts;  /* as dlx_quantize_opts.calibrate; best ones that calibration had not */
    bool raw;           /* prompts as they are, without the chat template */
    size_t n_texts;     /* 0: 128 */
    size_t n_positions; /* 0: 256 */
    uint64_t seed;      /* of the masks */
    const char
        *scheme_a; /* how rows of the first are rounded, as in dlx_session_opts; NULL: what its */
    const char *scheme_b; /* file says. Likewise of the second */
    size_t
        n_answers; /* prompts of the file to be answered by both; 0: 32; none where it has none */
    int n_threads; /* 0: the fast cores */
    /* Called with the part that is done; false stops. May be NULL. */
    bool (*on_progress)(void *user, double done, double seconds_left);
    void *user;
} dlx_compare_opts;

/*
 * How far the second model is from the first, whose tokenizer reads the texts. Both see the same
 * passes with masks at several ratios; over the masked positions
 *
 *   {"rows","kl","kl_most","top1","open":{"rows","kl","top1"},
 *    "by_ratio":[{"up_to","rows","kl","top1"}],
 *    "bytes":[a, b],"pass_ms":[a, b],
 *    "kv":[{"type","bytes","rows","kl","top1"}],
 *    "answers":{"prompts","tokens":[a, b],"passes":[a, b],"same","identical"}}
 *
 * with "kl" the mean of KL(first || second) in nats, "open" the rows on which the first hesitates
 * (entropy above 0.1 nats), "pass_ms" the best time of a pass of 8 rows, "kv" the second model with
 * smaller keys and values, of "bytes" a position, against itself with float32 ones, "same" the part
 * of the answers' tokens that are equal place by place (no "answers" where none was asked for).
 * Greedy, with each model's defaults.
 */
DLX_API DLX_NODISCARD dlx_result dlx_compare_models(const dlx_model *a, const dlx_model *b,
                                                    const dlx_compare_opts *opts, char **json,
                                                    dlx_error *err);

#ifdef __cplusplus
}
#endif
#endif
