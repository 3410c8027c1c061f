/*
 * config.h - settings of an export as a JSON object, in the words of the Python original
 * (ExportConfig): what it named is accepted by that name, and either takes effect or is refused.
 * What is not said is the usual of the backend that writes, also where the caller names another
 * backend than the file.
 *
 *   backend          xnnpack, qnn, coreml; mps, vulkan and reference are known and write nothing
 *   quantization     none, fp16, dynamic_int8, static_int8, weight_only_int8, int4; none: weights
 *                    that nobody rounds, fp32, or fp16 where there is no fp32
 *   max_seq_len      positions
 *   use_kv_cache     false: no K and V are kept; true: they are, of every family
 *   memory_planning  greedy, linear_scan: both lay out what a method plans side by side; of
 *                    xnnpack, others take no linear_scan
 *   enable_delegate  true: nothing is written without a delegate
 *   constant_methods none: a program tells what runners ask for in any case
 *   dynamic_shapes   of xnnpack either: passes take fewer rows than the most in any case; static
 *                    graphs take no true
 *   vocab_size, hidden_size, num_layers, num_heads, num_kv_heads, head_dim, intermediate_size
 *                    of the model; refused where they are not
 *   compute_unit     of coreml: all, cpu_only, cpu_and_gpu, cpu_and_ane or cpu_and_ne
 *   minimum_deployment_target
 *                    of coreml: iOS18, macOS15, iOS26 or macOS26
 *   output_path      the program, where the caller names none (dlx_export_path)
 *   checkpoint_path  any: the model is the caller's
 *   calibration_data_path
 *                    with static_int8 alone; calibration is dlx quantize's business
 */
#ifndef DLX__EXPORT_CONFIG_H
#define DLX__EXPORT_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/model.h"

#define DLX__EXPORT_TARGETS(X)                                                                     \
    X(XNNPACK, "xnnpack")                                                                          \
    X(QNN, "qnn")                                                                                  \
    X(COREML, "coreml")                                                                            \
    X(MPS, "mps")                                                                                  \
    X(VULKAN, "vulkan")                                                                            \
    X(REFERENCE, "reference")

typedef enum dlx__export_target {
#define DLX__EXPORT_TARGET_ENUM(name, text) DLX__TARGET_##name,
    DLX__EXPORT_TARGETS(DLX__EXPORT_TARGET_ENUM)
#undef DLX__EXPORT_TARGET_ENUM
        DLX__N_EXPORT_TARGETS
} dlx__export_target;

/* name, text, our dtype, our scheme */
#define DLX__EXPORT_QUANTIZATIONS(X)                                                               \
    X(NONE, "none", "fp32", NULL)                                                                  \
    X(DYNAMIC_INT8, "dynamic_int8", "int8", "dynamic")                                             \
    X(STATIC_INT8, "static_int8", "int8", "static")                                                \
    X(WEIGHT_ONLY_INT8, "weight_only_int8", "int8", "weight-only")                                 \
    X(FP16, "fp16", "fp16", NULL)                                                                  \
    X(INT4, "int4", "int4", NULL)

typedef enum dlx__export_quantization {
#define DLX__EXPORT_QUANTIZATION_ENUM(name, text, dtype, scheme) DLX__QUANTIZATION_##name,
    DLX__EXPORT_QUANTIZATIONS(DLX__EXPORT_QUANTIZATION_ENUM)
#undef DLX__EXPORT_QUANTIZATION_ENUM
        DLX__N_EXPORT_QUANTIZATIONS
} dlx__export_quantization;

#define DLX__MEMORY_PLANNINGS(X)                                                                   \
    X(GREEDY, "greedy")                                                                            \
    X(LINEAR_SCAN, "linear_scan")

typedef enum dlx__memory_planning {
#define DLX__MEMORY_PLANNING_ENUM(name, text) DLX__PLANNING_##name,
    DLX__MEMORY_PLANNINGS(DLX__MEMORY_PLANNING_ENUM)
#undef DLX__MEMORY_PLANNING_ENUM
        DLX__N_MEMORY_PLANNINGS
} dlx__memory_planning;

/* Numbers of the model, as the original names them. */
#define DLX__EXPORT_SHAPES(X)                                                                      \
    X(vocab_size, n_vocab)                                                                         \
    X(hidden_size, n_embd)                                                                         \
    X(num_layers, n_layers)                                                                        \
    X(num_heads, n_heads)                                                                          \
    X(num_kv_heads, n_heads_kv)                                                                    \
    X(head_dim, head_dim)                                                                          \
    X(intermediate_size, n_ff)

typedef struct dlx__export_config {
    dlx__export_target backend;
    dlx__export_quantization quantization;
    dlx__memory_planning memory_planning;
    size_t max_seq_len;                                      /* 0: not said */
#define DLX__EXPORT_SHAPE_FIELD(name, of_model) size_t name; /* 0: not said */
    DLX__EXPORT_SHAPES(DLX__EXPORT_SHAPE_FIELD)
#undef DLX__EXPORT_SHAPE_FIELD
    bool use_kv_cache, enable_delegate, dynamic_shapes;
    bool says_backend, says_quantization, says_cache; /* else those are the usual */
    const char *output_path, *checkpoint_path, *calibration_data_path; /* NULL: not said */
    const char *compute_unit, *minimum_deployment_target;              /* likewise */
} dlx__export_config;

/* xnnpack, nothing said. */
void dlx__export_config_init(dlx__export_config *c);

/* Reads [n] bytes of JSON; `name` is the file's, for sentences. Texts are copied to the arena. */
dlx_result dlx__export_config_read(dlx__export_config *c, const char *json, size_t n,
                                   const char *name, dlx__arena *arena, dlx_error *err);

/* Refuses numbers that are not the model's and settings that cannot take effect. */
dlx_result dlx__export_config_check(const dlx__export_config *c, const dlx__model *m,
                                    const char *name, dlx_error *err);

/* Refuses what files of a backend cannot have: graphs of fixed shapes are `is_static`. */
dlx_result dlx__export_config_fits(const dlx__export_config *c, const char *backend, bool is_static,
                                   const char *name, dlx_error *err);

/* What was not said becomes the model's, and so does checkpoint_path: it is what was exported. */
void dlx__export_config_complete(dlx__export_config *c, const dlx__model *m);

/* As JSON, two spaces deep; reads back as the same. false: no memory. */
bool dlx__export_config_write(const dlx__export_config *c, dlx__buf *out);

const char *dlx__export_target_name(dlx__export_target target);
const char *dlx__export_quantization_dtype(dlx__export_quantization q);
const char *dlx__export_quantization_scheme(dlx__export_quantization q); /* NULL: by dtype */

#endif
