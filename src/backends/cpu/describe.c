/* describe.c - the cpu backend's phases in words: what a pass does between two barriers. */
#include "backends/cpu/describe.h"

#include "backends/cpu/session.h"

typedef struct writer {
    dlx__buf *out;
    const dlx__model *m;
    const dlx__kernels *kernels;
    bool int8;
    bool ok;
} writer;

#define SAY(w, ...) ((w)->ok = (w)->ok && dlx__buf_format((w)->out, __VA_ARGS__))

static const dlx__tensor *tensor(const writer *w, dlx__role role, size_t layer)
{
    return dlx__model_tensor(w->m, role, layer);
}

/* "q [896, 896] q8_0, 0.8 MiB" */
static void say_matrix(writer *w, const char *name, const dlx__tensor *t)
{
    char shape[96];
    dlx__packed p;
    if (!dlx__cpu_describe_panels(&p, w->kernels, w->int8, t)) {
        SAY(w, " %s %s: no panels;", name, dlx__shape_text(shape, t->shape, t->n_dims));
        return;
    }
    SAY(w, " %s %s %s, %.1f MiB;", name, dlx__shape_text(shape, t->shape, t->n_dims),
        dlx__form_name(p.form), (double)dlx__mul(p.n_panels, p.panel_bytes) / (1 << 20));
}

/* Do two layers store every matrix in the same type? */
static bool alike(const writer *w, size_t a, size_t b)
{
    static const dlx__role roles[] = {DLX__ROLE_Q,    DLX__ROLE_K,  DLX__ROLE_V,   DLX__ROLE_O,
                                      DLX__ROLE_GATE, DLX__ROLE_UP, DLX__ROLE_DOWN};
    for (size_t i = 0; i < DLX__LEN(roles); i++)
        if (tensor(w, roles[i], a)->dtype != tensor(w, roles[i], b)->dtype)
            return false;
    return true;
}

static void say_layers(writer *w, size_t begin, size_t end)
{
    const dlx__hparams *hp = &w->m->hp;
    SAY(w, "layers %zu to %zu, each:\n", begin, end - 1);
    SAY(w, "  1  norm;");
    say_matrix(w, "q", tensor(w, DLX__ROLE_Q, begin));
    say_matrix(w, "k", tensor(w, DLX__ROLE_K, begin));
    say_matrix(w, "v", tensor(w, DLX__ROLE_V, begin));
    SAY(w, "%s%s rope; k and v to their slots\n", hp->qkv_bias ? " bias;" : "",
        hp->qk_norm ? " norm of q and k;" : "");
    SAY(w, "  2  attend, %zu heads over %zu of %zu\n", w->m->hp.n_heads, hp->n_heads_kv,
        hp->head_dim);
    SAY(w, "  3 ");
    say_matrix(w, "o", tensor(w, DLX__ROLE_O, begin));
    SAY(w, " residual sum\n  4  norm;");
    say_matrix(w, "gate", tensor(w, DLX__ROLE_GATE, begin));
    say_matrix(w, "up", tensor(w, DLX__ROLE_UP, begin));
    SAY(w, " silu_mul\n  5 ");
    say_matrix(w, "down", tensor(w, DLX__ROLE_DOWN, begin));
    SAY(w, " residual sum\n");
}

/* Is some matrix multiplied as bf16? */
static bool any_bf16(const dlx__model *m, bool int8)
{
    for (size_t i = 0; i < m->graph.n && !int8; i++) {
        const dlx__node *node = &m->graph.nodes[i];
        if (node->op == DLX__OP_LINEAR && node->weight->dtype == DLX__BF16)
            return true;
    }
    return false;
}

static bool any_integers(const dlx__model *m, bool int8)
{
    for (size_t i = 0; i < m->graph.n; i++) {
        const dlx__node *node = &m->graph.nodes[i];
        if (node->op == DLX__OP_LINEAR &&
            (int8 || dlx__form_is_int(dlx__form_of(node->weight->dtype))))
            return true;
    }
    return false;
}

static void say_scheme(writer *w, dlx__scheme scheme)
{
    static const char *const rows[DLX__N_SCHEMES] = {
        [DLX__SCHEME_WEIGHT_ONLY] = "as they are, in float32",
        [DLX__SCHEME_DYNAMIC] = "rounded to int8, a scale for every 128 numbers of a row",
        [DLX__SCHEME_DYNAMIC_ROW] = "rounded to int8, a scale for every row",
        [DLX__SCHEME_DYNAMIC_AFFINE] =
            "rounded to int8 with a zero point, a scale for every row, multiplied as float32",
        [DLX__SCHEME_STATIC] = "rounded to int8, by the ranges that calibration recorded",
        [DLX__SCHEME_STATIC16] = "rounded to int16, by the ranges that calibration recorded",
        [DLX__SCHEME_STATIC_AFFINE] = "rounded to int8 with a zero point, and results too, by the "
                                      "ranges that calibration recorded, multiplied as float32",
    };
    if (dlx__scheme_is_for_all(scheme))
        SAY(w, "scheme %s: all products read rows %s\n", dlx__scheme_name(scheme), rows[scheme]);
    else if (any_integers(w->m, w->int8))
        SAY(w, "scheme %s: products of integer weights read rows %s\n", dlx__scheme_name(scheme),
            rows[scheme]);
}

static void say_kv(writer *w, const dlx__backend_opts *o)
{
    const dlx__kv_type type = dlx__cpu_kv_type(o, w->kernels);
    if (type != DLX__KV_F32)
        SAY(w, "keys and values are kept as %s, and multiplied as %s\n", dlx__kv_type_name(type),
            dlx__cpu_pairs(o, w->kernels) ? "such" : "float32");
}

bool dlx__cpu_describe(const dlx__model *m, const dlx__backend_opts *o, dlx__buf *out)
{
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    writer w = {out, m, dlx__kernels_find(o->kernels, &cpu), o->int8, true};
    if (!w.kernels) /* load says so */
        return true;
    const dlx__tensor *table = tensor(&w, DLX__ROLE_EMBED, 0);
    const dlx__tensor *head = tensor(&w, DLX__ROLE_HEAD, 0);
    char shape[96];
    SAY(&w,
        "kernels %s; a barrier after each numbered phase; in tiles over %d rows also after the "
        "norms and after quantizing what attention gives\n",
        w.kernels->name, DLX__CPU_PRIVATE);
    SAY(&w, "embed %s %s, looked up where it is mapped\n",
        dlx__shape_text(shape, table->shape, table->n_dims), dlx__dtype_of(table->dtype)->name);
    say_scheme(&w, dlx__cpu_scheme(o));
    if (o->bf16 && w.kernels->halve && any_bf16(m, o->int8))
        SAY(&w, "products of bf16 weights read rows rounded to bf16\n");
    say_kv(&w, o);
    for (size_t begin = 0, end; begin < m->hp.n_layers; begin = end) {
        for (end = begin + 1; end < m->hp.n_layers && alike(&w, begin, end);)
            end++;
        say_layers(&w, begin, end);
    }
    SAY(&w,
        "of passes over %d rows, and of those of which the head reads at most half, the rows that "
        "it does not read leave the last layer with their keys and values\n",
        DLX__CPU_TILE);
    SAY(&w, "head, on the rows that are asked for:\n  1  norm of those rows\n  2 ");
    say_matrix(&w, "head", head ? head : table);
    SAY(&w, " arg-max, log-sum-exp, second best, entropy\n");
    return w.ok;
}
