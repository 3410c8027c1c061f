/*
 * bench_program.c - a benchmark of an exported program: the passes that it has room for, and what
 * its weights are.
 */
#include "api/bench.h"

#include "base/fail.h"
#include "export/program_facts.h"

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
    b->program = (dlx__bench_program){types[t].name, dlx__scheme_name(scheme), "XNNPACK"};
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
    b->program = (dlx__bench_program){profiles[i].weights, profiles[i].scheme, "ONNX Runtime"};
}

/* Positions and rows that the program has room for. */
typedef struct room {
    size_t n_ctx, n_rows;
} room;

static dlx_result find_room(dlx__bench *b, room *to)
{
    dlx__program_facts facts;
    const dlx__onnx_directory *d = b->model->graphs;
    if (!d) {
        DLX__TRY(dlx__program_facts_read(&facts, b->model->program, b->model->core.checkpoint.path,
                                         b->err));
        describe(b, b->model->program);
        *to = (room){facts.n_ctx, facts.n_rows};
        return DLX_OK;
    }
    *to = (room){.n_ctx = d->n_ctx};
    for (size_t i = 0; i < d->n_entries; i++)
        to->n_rows = dlx__max(to->n_rows, d->entries[i].n_rows);
    if (!d->keeps) /* a canvas from the beginning on */
        to->n_ctx = dlx__min(to->n_ctx, to->n_rows);
    describe_folder(b, d);
    return DLX_OK;
}

static dlx_result refuse(const dlx__bench *b, const char *what, size_t most, size_t found)
{
    return dlx__fail(b->err, DLX_E_ARG,
                     "%s: expected at most %zu %s, which the program has room for, found %zu; "
                     "export it with more",
                     b->model->core.checkpoint.path, most, what, found);
}

dlx_result dlx__bench_fit_program(dlx__bench *b)
{
    room facts;
    const bool rows_given = b->opts->rows && b->opts->n_rows;
    const bool contexts_given = b->opts->contexts && b->opts->n_contexts;
    DLX__TRY(find_room(b, &facts));
    b->most_rows = facts.n_rows;
    while (!rows_given && b->n_rows > 1 && b->rows[b->n_rows - 1] > facts.n_rows)
        b->n_rows--; /* they are ascending */
    size_t widest = 0;
    for (size_t i = 0; i < b->n_rows; i++)
        widest = dlx__max(widest, b->rows[i]);
    if (widest > facts.n_rows)
        return refuse(b, "rows", facts.n_rows, widest);
    if (!contexts_given && b->contexts[0] + widest > facts.n_ctx) {
        size_t *shorter = dlx__arena_alloc(&b->arena, 1, sizeof *shorter);
        if (!shorter)
            return dlx__fail_memory(b->err, "preparing a benchmark", sizeof *shorter);
        *shorter = facts.n_ctx - dlx__min(widest, facts.n_ctx);
        b->contexts = shorter;
    }
    for (size_t i = 0; i < b->n_contexts; i++)
        if (dlx__add(b->contexts[i], widest) > facts.n_ctx)
            return refuse(b, "positions with those of the pass", facts.n_ctx,
                          dlx__add(b->contexts[i], widest));
    return DLX_OK;
}

uint64_t dlx__bench_weights_bytes(const dlx__bench *b)
{
    const dlx__pte_file *f = b->model->program;
    if (b->model->graphs)
        return b->model->graphs->n_weight_bytes;
    if (!f)
        return dlx__weights_bytes(dlx__checkpoint_weights(&b->model->core.checkpoint));
    uint64_t n = f->named_bytes + f->constant_bytes;
    for (size_t i = 0; i < f->outside.n_items; i++)
        n += f->outside.items[i].n_bytes;
    return n;
}
