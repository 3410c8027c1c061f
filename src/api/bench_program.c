/*
 * bench_program.c - a benchmark of an exported program: what it has room for, and what its weights
 * are.
 */
#include "api/bench.h"

#include "base/fail.h"
#include "export/mlpackage_read.h"
#include "export/program_facts.h"

#include <stdlib.h>

#include <string.h>

static bool multiplies_by(const dlx__xnn_seen *x, const char *filter)
{
    for (size_t k = 0; k < x->n_kinds; k++)
        if (x->kinds[k].type && strcmp(x->kinds[k].type, filter) == 0)
            return true;
    return false;
}

/* Is something computed of this type? Constants are none. */
static bool has_rows(const dlx__xnn_seen *x, dlx__xnn_type type)
{
    for (size_t i = 0; i < x->n_values; i++)
        if (x->values[i].type == (int)type && !x->values[i].data)
            return true;
    return false;
}

/* What the delegates of all methods have. */
typedef struct contents {
    bool filters[4];     /* by the list below */
    bool dynamic, whole; /* rows rounded as they come; by recorded ranges */
} contents;

static const struct {
    const char *filter, *name;
    dlx__dtype dtype; /* the type of ours whose numbers are as wide */
} types[] = {{"qbint4", "int4", DLX__Q4_0},
             {"qcint8", "int8", DLX__Q8_0},
             {"fp16", "fp16", DLX__F16},
             {"fp32", "fp32", DLX__F32}};

static contents contents_of(const dlx__pte_file *f)
{
    contents c = {.dynamic = false};
    for (size_t m = 0; m < f->n_methods; m++)
        for (size_t d = 0; d < f->methods[m].n_delegates; d++) {
            const dlx__xnn_seen *x = &f->methods[m].delegates[d].xnn;
            for (size_t t = 0; t < DLX__LEN(types); t++)
                c.filters[t] = c.filters[t] || multiplies_by(x, types[t].filter);
            c.dynamic = c.dynamic || has_rows(x, DLX__XNN_QDINT8);
            c.whole = c.whole || has_rows(x, DLX__XNN_QINT8);
        }
    return c;
}

/* The narrowest filters are those of the matrices; the head of a static program is dynamic. */
static void describe(dlx__bench *b, const dlx__pte_file *f)
{
    const contents c = contents_of(f);
    const dlx__scheme scheme = c.whole     ? DLX__SCHEME_STATIC
                               : c.dynamic ? DLX__SCHEME_DYNAMIC
                                           : DLX__SCHEME_WEIGHT_ONLY;
    size_t t = 0;
    while (t + 1 < DLX__LEN(types) && !c.filters[t])
        t++;
    b->stored = &types[t].dtype;
    b->program = (dlx__bench_program){.weights = types[t].name,
                                      .scheme = dlx__scheme_name(scheme),
                                      .kernels = "XNNPACK",
                                      .n_bytes = f->named_bytes + f->constant_bytes};
    for (size_t i = 0; i < f->outside.n_items; i++)
        b->program.n_bytes += f->outside.items[i].n_bytes;
}

size_t dlx__bench_program_params(const dlx__bench *b)
{
    const dlx__model *m = &b->model->core;
    size_t n = 0;
    for (size_t i = 0; i < m->graph.n; i++) {
        const dlx__node *node = &m->graph.nodes[i];
        if (node->weight && !(m->hp.tied && i == m->graph.logits))
            n += dlx__tensor_elems(node->weight);
        if (node->bias)
            n += dlx__tensor_elems(node->bias);
    }
    return n;
}

/* How the profiles of a folder are told; of the names of dlx export. */
static const struct {
    const char *profile, *weights, *scheme;
    dlx__dtype dtype;
} profiles[] = {{"nb4", "int4", "weight-only", DLX__Q4_0},
                {"a16w8", "int8", "static", DLX__Q8_0},
                {"a16lpbq", "int4", "static", DLX__Q4_0},
                {"f16", "fp16", "weight-only", DLX__F16},
                {"f32", "fp32", "weight-only", DLX__F32}};

static void describe_folder(dlx__bench *b, const dlx__onnx_directory *d)
{
    size_t i = 0;
    while (i + 1 < DLX__LEN(profiles) && strcmp(profiles[i].profile, d->profile) != 0)
        i++;
    b->stored = &profiles[i].dtype;
    b->program = (dlx__bench_program){.weights = profiles[i].weights,
                                      .scheme = profiles[i].scheme,
                                      .kernels = "ONNX Runtime",
                                      .n_bytes = d->n_weight_bytes};
}

/* "": it is not told. */
static const char *told(const dlx__mlpackage_file *f, const char *key)
{
    for (size_t i = 0; i < f->n_metadata; i++)
        if (strcmp(f->metadata[i].key, key) == 0)
            return f->metadata[i].value;
    return "";
}

static void describe_package(dlx__bench *b, const dlx__mlpackage_file *f)
{
    size_t t = 0;
    while (t + 1 < DLX__LEN(types) && strcmp(types[t].name, told(f, "dlx.dtype")) != 0)
        t++;
    b->stored = &types[t].dtype;
    b->program = (dlx__bench_program){.weights = types[t].name,
                                      .scheme = dlx__scheme_name(DLX__SCHEME_WEIGHT_ONLY),
                                      .kernels = "Core ML",
                                      .n_bytes = f->weights_bytes};
}

static dlx_result find_room_of_pte(dlx__bench *b, dlx__bench_room *to)
{
    dlx__program_facts facts;
    DLX__TRY(
        dlx__program_facts_read(&facts, b->model->program, b->model->core.checkpoint.path, b->err));
    describe(b, b->model->program);
    *to = (dlx__bench_room){facts.n_ctx, facts.n_rows};
    return DLX_OK;
}

static void find_room_of_folder(dlx__bench *b, dlx__bench_room *to)
{
    const dlx__onnx_directory *d = b->model->graphs;
    *to = (dlx__bench_room){.n_ctx = d->n_ctx};
    for (size_t i = 0; i < d->n_entries; i++)
        to->n_rows = dlx__max(to->n_rows, d->entries[i].n_rows);
    if (!d->keeps) /* a canvas from the beginning on */
        to->n_ctx = dlx__min(to->n_ctx, to->n_rows);
    describe_folder(b, d);
}

/* Rows of its functions: those of their ids [1, T]; 0: none takes ids. */
static size_t rows_of_package(const dlx__mlpackage_file *f)
{
    size_t most = 0;
    for (size_t i = 0; i < f->n_functions; i++)
        for (size_t k = 0; k < f->functions[i].inputs.n; k++) {
            const dlx__mil_value *in = &f->functions[i].inputs.items[k];
            if (strcmp(in->name, "input_ids") == 0 && in->type.rank == 2 && in->type.dims[1] > 0)
                most = dlx__max(most, (size_t)in->type.dims[1]);
        }
    return most;
}

static dlx_result find_room_of_package(dlx__bench *b, dlx__bench_room *to)
{
    dlx__mlpackage_file f;
    const char *path = b->model->package;
    DLX__TRY(dlx__mlpackage_open(&f, path, b->model->mem, b->err));
    const long long n_ctx = strtoll(told(&f, "dlx.n_ctx"), NULL, 10);
    *to = (dlx__bench_room){.n_ctx = n_ctx > 0 ? (size_t)n_ctx : 0, .n_rows = rows_of_package(&f)};
    if (strcmp(told(&f, "dlx.cache"), "none") == 0)
        to->n_ctx = dlx__min(to->n_ctx, to->n_rows);
    describe_package(b, &f);
    dlx__mlpackage_close(&f);
    return to->n_ctx && to->n_rows
               ? DLX_OK
               : dlx__fail(b->err, DLX_E_FORMAT,
                           "%s: expected a package that dlx export wrote, with its positions and "
                           "a function of ids, found another one",
                           path);
}

/* Of families that see a whole canvas an answer is one, which a pass takes. */
dlx_result dlx__bench_find_room(dlx__bench *b, dlx__bench_room *to)
{
    dlx_result r = DLX_OK;
    if (b->model->graphs)
        find_room_of_folder(b, to);
    else
        r = b->model->package ? find_room_of_package(b, to) : find_room_of_pte(b, to);
    if (r != DLX_OK)
        return r;
    const bool whole = b->model->core.family->visibility == DLX__VISIBLE_FULL;
    b->program.n_positions = whole ? dlx__min(to->n_ctx, to->n_rows) : to->n_ctx;
    return DLX_OK;
}

uint64_t dlx__bench_weights_bytes(const dlx__bench *b)
{
    return b->stored ? b->program.n_bytes
                     : dlx__weights_bytes(dlx__checkpoint_weights(&b->model->core.checkpoint));
}
