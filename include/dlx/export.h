/*
 * export.h - models as programs for other runtimes: phones, boards, other people's applications.
 *
 * Errors, allocation and ownership as in dlx.h; reports are JSON texts to be freed with dlx_free.
 */
#ifndef DLX_EXPORT_H
#define DLX_EXPORT_H

#include <dlx/dlx.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dlx_export_opts {
    size_t size; /* sizeof(dlx_export_opts) */
    /* NULL or "xnnpack": an ExecuTorch program (.pte), one XNNPACK delegate. "qnn": a directory of
     * static ONNX graphs over one file of weights, for Qualcomm's NPU. "coreml": a Core ML package
     * (.mlpackage) of several functions over one file of weights. */
    const char *backend;
    /*
     * Of the weights: "fp32"; "fp16", products in float32; "int8", a scale for each output, rows
     * rounded to int8 as they come (8da8w); "int4", a bf16 scale for 32 inputs, rows likewise
     * (8da4w), the head int8. Norms and biases are float32, the embedding fp16 beside all but fp32.
     * NULL: the backend's usual one: "fp32" of xnnpack, "int4" (nb4) of qnn, "fp16" of coreml,
     * which has no fp32. What types are of these two: docs/phones.md.
     */
    const char *dtype;
    /*
     * Where keys and values of earlier passes are: "state", in the program, as stock text runners
     * expect; "io", inputs and outputs of each pass; "none", nowhere: a pass is a whole canvas;
     * "compat", the six inputs of fixed sizes that the Python original has. NULL: "none" for
     * families that see a whole canvas; for the others "state", with "qnn" and "coreml" "io".
     */
    const char *cache;
    size_t n_ctx; /* positions; 0: 2048, or as many as the model knows if these are fewer */
    /* Of a pass at most; 0: 32, or a block; with cache "none" n_ctx. With "compat": of every pass;
     * 0: a block, or 32. Static graphs ("qnn", "coreml") have one for prompts of these rows, in
     * whole blocks, or a canvas of them; not with `canvases`, nor with "state" of blocks. */
    size_t n_rows;
    size_t block_length;   /* that it is decoded in; 0: the model's */
    const char *data_path; /* a second file (.ptd) that gets the weights; NULL: one file */
    /* Called with the part that is done; false stops. May be NULL. */
    bool (*on_progress)(void *user, double done, double seconds_left);
    void *user;
    /*
     * A JSON file of settings in the words of the Python system (ExportConfig: backend,
     * quantization, max_seq_len, use_kv_cache ...; the report's "config" is one). What is named in
     * these options wins; what cannot take effect is refused, by the file's word for it. What the
     * file does not say is the usual of the backend that writes, whichever it names: without
     * "quantization" as dtype NULL; "none" is weights that nobody rounds, "fp32", or "fp16" of
     * coreml. The model is the caller's, whatever checkpoint_path says, and so is the path
     * (dlx_export_path). NULL: none.
     */
    const char *config;
    /* Leave out the methods that tell what chosen rows choose; "compat" never has them. */
    bool no_denoise;
    int n_threads; /* that pack weights; 0: the fast cores. The same bytes for any number */
    /*
     * How the rows are rounded that products of "int8" and "int4" weights read. NULL: "dynamic", as
     * they come. "static", of "int8" alone: by the ranges of rows and results that the model's file
     * holds from calibration (dlx_quantize_opts.scheme "static"), results int8 too; the head is
     * dynamic all the same, for eight bits of logits are too few to choose by. "weight-only", of
     * "int8" alone: not at all, products in float32; the only one of "fp32" and "fp16".
     */
    const char *scheme;
    /*
     * "qnn" alone. profile: a name for dtype and scheme together: "nb4", "f16", "f32", "a16w8",
     * "a16lpbq"; NULL: by dtype, and where that is NULL too, "nb4". soc: the chip that it is meant
     * for ("SM8650"), by which ready contexts are compiled; NULL: none is named.
     */
    const char *profile, *soc;
    /* "qnn" and "coreml": the lengths [n_canvases] for which families that see a whole canvas get a
     * graph; none: n_rows alone. Where no K and V are kept the longest is n_ctx, if that is 0. */
    const size_t *canvases;
    size_t n_canvases;
    /*
     * "coreml" alone. target: the oldest system, "ios18", "macos15", "ios26" or "macos26"; NULL:
     * "ios18". compute_unit: where Core ML is to compute, which loaders read from the package:
     * "all", "cpu-only", "cpu-and-gpu" or "cpu-and-ne"; NULL: "all".
     */
    const char *target, *compute_unit;
    /*
     * "qnn" alone, with a soc: graphs are compiled for the chip by ONNX Runtime and its QNN
     * provider, where they are found (dlx_model_opts.runtimes), and the export fails, with the
     * nodes, if not all of them are on the NPU. Where they are not found the graphs alone are
     * written, and the report's "not_compiled" says how to get them.
     */
    bool compile;
} dlx_export_opts;

/*
 * Writes a program of the model; nothing is seen under its names before it is whole. Memory: some
 * rows of a tensor. report (may be NULL):
 *
 *   {"path","data_path","backend","dtype","scheme","cache","profile","soc","n_ctx","n_rows","bytes",
 *    "data_bytes","weight_bytes","compiled","not_compiled","fallbacks","fallback_dtype","rounded_again","denoise","call_bytes","seconds","parts":{"embedding",
 *    "attention","feed_forward","head","norms","biases","rotation","keys_and_vocabulary","program"},
 *    "memory":{"state","planned","filters","methods"},"config":{...}}
 *
 * Sizes are bytes. "weight_bytes" are those of all weights as the program stores them: numbers and
 * scales of matrices, embedding, head (of a tied model too, which is stored a second time), biases
 * and norms, or of "qnn" those of the file of weights; not the tables of rotation, keys, vocabulary
 * and names. "fallbacks" is the number of matrices whose rows are no whole groups, and which are of
 * "fallback_dtype" in a program of int4; "compiled" is the number of functions that are ready for
 * the chip, "not_compiled" why none is that should be, or null; "rounded_again" of those that the
 * model's file has as integers which the program cannot hold (dlx_quantize writes some that it can:
 * q4_0 with portable scales for int4, q8_0 with one scale a channel for int8); "denoise" tells
 * whether it has those methods. "call_bytes" is what goes in with each pass,
 * {"cache","masks"}, with cache "compat", else null. "memory" is what the program takes where it
 * runs: keys and values of all positions, tensors of its methods, and weights that the delegate
 * lays out anew, once or (without a cache of weights) once for each of its methods; activations
 * come on top.
 */
DLX_API DLX_NODISCARD dlx_result dlx_export(const dlx_model *model, const char *path,
                                            const dlx_export_opts *opts, char **report,
                                            dlx_error *err);

/*
 * Exactly the weights that the program would hold, widened to float32, as a GGUF file that says the
 * scheme that its rows need ("dynamic-affine" for int8 and int4, "static-affine" and the ranges for
 * static int8): a session on it computes what the program computes, where there is no runtime for
 * it. Of the options backend, dtype, scheme, profile, config, n_threads and on_progress count; what
 * only programs have is refused. Memory and report as with dlx_export:
 *
 *   {"path","backend","dtype","scheme","bytes","weight_bytes","fallbacks","fallback_dtype",
 *    "rounded_again","seconds"}
 *
 * with the "weight_bytes" that dlx_export of the same options reports.
 */
DLX_API DLX_NODISCARD dlx_result dlx_export_weights(const dlx_model *model, const char *path,
                                                    const dlx_export_opts *opts, char **report,
                                                    dlx_error *err);

/*
 * Where a file of settings (dlx_export_opts.config) says that the program is to be: its
 * output_path, to be freed with dlx_free(NULL, *path); NULL: it does not say.
 */
DLX_API DLX_NODISCARD dlx_result dlx_export_path(const char *config, char **path, dlx_error *err);

/*
 * The program that dlx_export would write, as lines: what each method gets and gives, then every
 * node with types and shapes. Weights are not read: a model of shapes alone will do (DLX_LOAD_ALL
 * is not needed). *text is to be freed with dlx_free.
 */
DLX_API DLX_NODISCARD dlx_result dlx_export_graph(const dlx_model *model,
                                                  const dlx_export_opts *opts, char **text,
                                                  dlx_error *err);

#ifdef __cplusplus
}
#endif
#endif
