/* qnn_export.c - what such a directory can hold, and what is compiled with it. */
#include "backends/qnn/qnn_export.h"

#include "backends/qnn/qnn_compile.h"
#include "base/fail.h"
#include "export/onnx_model.h"

/* ---- what it can hold ---------------------------------------------------------------------- */

/* Of two of a type the first is the usual one. */
static const dlx__export_profile profiles[] = {
    {"nb4", "int4", "weight-only"}, {"f16", "fp16", NULL},         {"f32", "fp32", NULL},
    {"a16w8", "int8", "static"},    {"a16lpbq", "int4", "static"},
};

static dlx__scheme usual_scheme(dlx__packing packing)
{
    return packing == DLX__PACK_INT8 ? DLX__SCHEME_STATIC : DLX__SCHEME_WEIGHT_ONLY;
}

static const char *refusal(dlx__packing packing, dlx__scheme scheme)
{
    if (packing == DLX__PACK_INT8)
        return scheme == DLX__SCHEME_STATIC
                   ? NULL
                   : "the NPU multiplies int8 weights by rows of known ranges alone: take static";
    if (packing == DLX__PACK_INT4 && scheme == DLX__SCHEME_STATIC)
        return NULL;
    return scheme == DLX__SCHEME_WEIGHT_ONLY ? NULL : "rows stay floats: take weight-only";
}

/* Whole numbers are too few for the head, which shares its fp16 with the table where they are one.
 */
static dlx__export_forms forms(dlx__packing packing, dlx__scheme scheme)
{
    const bool is_static = scheme == DLX__SCHEME_STATIC;
    const dlx__packing plain = packing == DLX__PACK_FP32 ? DLX__PACK_FP32 : DLX__PACK_FP16;
    const dlx__packing four = is_static ? DLX__PACK_INT4_LPBQ : DLX__PACK_INT4_FLOAT;
    return (dlx__export_forms){.matrix = packing == DLX__PACK_INT4 ? four : packing,
                               .torn = is_static ? DLX__PACK_INT8 : DLX__PACK_FP16,
                               .head = plain,
                               .table = plain,
                               .vector = DLX__PACK_FP32};
}

static dlx__scheme same_scheme(dlx__packing packing, dlx__scheme scheme)
{
    (void)packing;
    return scheme == DLX__SCHEME_STATIC ? DLX__SCHEME_STATIC16 : DLX__SCHEME_NONE;
}

const dlx__export_rules dlx__qnn_rules = {
    .caches = 1u << DLX__EXPORT_NO_CACHE | 1u << DLX__EXPORT_IO,
    .profiles = profiles,
    .n_profiles = DLX__LEN(profiles),
    .has_canvases = true,
    .names_chips = true,
    .usual_scheme = usual_scheme,
    .refusal = refusal,
    .forms = forms,
    .same_scheme = same_scheme,
};

/* ---- what it writes ------------------------------------------------------------------------ */

static dlx_result check(const dlx__export_opts *o, dlx_error *err)
{
    DLX__TRY(dlx__static_functions_check(o, "a folder for QNN", err));
    if (!o->soc || o->soc->has_floats)
        return DLX_OK;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "soc %s: expected an NPU that computes floats, which every profile has, found "
                     "%s, which has none: v69 and later do",
                     o->soc->name, o->soc->arch);
}

/* Writes it, and what can be compiled here with it. */
static dlx_result write_compiled(const dlx__model *m, const dlx__export_opts *o, dlx_error *err)
{
    dlx__qnn_compiler compiler;
    dlx_error why = {.code = DLX_OK};
    DLX__TRY(dlx__qnn_compiler_open(&compiler, o->soc, o->runtimes, o->mem, &why, err));
    const dlx__onnx_compiler c = {.compile = dlx__qnn_compile, .user = &compiler};
    const dlx_result r = dlx__onnx_model_write(m, o, why.code == DLX_OK ? &c : NULL, err);
    o->written->n_compiled = compiler.n_compiled;
    o->written->not_compiled = why;
    dlx__qnn_compiler_close(&compiler);
    return r;
}

dlx_result dlx__qnn_export(const dlx__model *m, const dlx__export_opts *o, dlx_error *err)
{
    DLX__TRY(check(o, err));
    return o->compile ? write_compiled(m, o, err) : dlx__onnx_model_write(m, o, NULL, err);
}

dlx_result dlx__qnn_export_graph(const dlx__model *m, const dlx__export_opts *o, dlx__buf *out,
                                 dlx_error *err)
{
    DLX__TRY(check(o, err));
    return dlx__onnx_model_print(m, o, out, err);
}
