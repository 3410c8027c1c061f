/* coreml.c - packages for Core ML: what they can hold. Running one is coreml_load.c's, by a runtime
 * that systems of Apple alone have. */
#include "backends/coreml/coreml.h"

#include "base/fail.h"
#include "export/exporter.h"
#include "export/ml_package.h"
#include "export/static_functions.h"

/* ---- what it can hold ---------------------------------------------------------------------- */

static dlx__scheme usual_scheme(dlx__packing packing)
{
    (void)packing;
    return DLX__SCHEME_WEIGHT_ONLY;
}

static const char *refusal(dlx__packing packing, dlx__scheme scheme)
{
    if (packing == DLX__PACK_FP32)
        return "Core ML computes floats in fp16: take fp16";
    return scheme == DLX__SCHEME_WEIGHT_ONLY
               ? NULL
               : "Core ML widens integer weights to fp16 and leaves rows as they are: take "
                 "weight-only";
}

/*
 * Four bits are too few for the head. Where it is int8 the table is too: so a tied one is there
 * once, in a third of the bytes of both.
 */
static dlx__export_forms forms(dlx__packing packing, dlx__scheme scheme)
{
    (void)scheme;
    const bool integers = dlx__packing_is_integer(packing);
    const dlx__packing ends = integers ? DLX__PACK_INT8_HALF : DLX__PACK_FP16;
    return (dlx__export_forms){.matrix = packing == DLX__PACK_INT4 ? DLX__PACK_INT4_HALF : ends,
                               .torn = DLX__PACK_INT8_HALF,
                               .head = ends,
                               .table = ends,
                               .vector = DLX__PACK_FP16};
}

static dlx__scheme same_scheme(dlx__packing packing, dlx__scheme scheme)
{
    (void)packing;
    (void)scheme;
    return DLX__SCHEME_NONE;
}

static const dlx__export_rules rules = {
    .caches = 1u << DLX__EXPORT_NO_CACHE | 1u << DLX__EXPORT_STATE | 1u << DLX__EXPORT_IO,
    .has_canvases = true,
    .usual_io = true, /* of all functions, and on every chip */
    .is_apple = true,
    .plain_dtype = "fp16",
    .usual_scheme = usual_scheme,
    .refusal = refusal,
    .forms = forms,
    .same_scheme = same_scheme,
};

/* ---- what it writes ------------------------------------------------------------------------ */

static dlx_result export_model(const dlx__model *m, const dlx__export_opts *o, dlx_error *err)
{
    DLX__TRY(dlx__static_functions_check(o, "a Core ML package", err));
    return dlx__ml_package_write(m, o, err);
}

static dlx_result export_graph(const dlx__model *m, const dlx__export_opts *o, dlx__buf *out,
                               dlx_error *err)
{
    DLX__TRY(dlx__static_functions_check(o, "a Core ML package", err));
    return dlx__ml_package_print(m, o, out, err);
}

/* ---- what it runs -------------------------------------------------------------------------- */

static dlx_result step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    return dlx__fixed_step(&b->fixed, in, err);
}

static dlx_result head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    return dlx__fixed_head(&b->fixed, in, err);
}

const dlx__backend_class dlx__backend_coreml = {
    .name = "coreml",
    .about = "Core ML packages, for Apple's phones, tablets and computers",
    .programs = true,
    .plain = true,
    .probe = dlx__coreml_probe,
    .load = dlx__coreml_load,
    .step = step,
    .head = head,
    .close = dlx__coreml_close,
    .exports = &rules,
    .export_model = export_model,
    .export_graph = export_graph,
};
