/*
 * bench_roof.c - what a pass costs at least on a machine whose rates are known:
 *
 *   roof(M, L) = max( weight bytes / bandwidth ,  sum over types (2 M elements / peak of the type)
 *                                                 + attention / its peak )
 *
 * Weight bytes: every matrix of the layers and the head once, norms and biases, and M rows of the
 * embedding; as stored, or as int8 where the session made them that. Integer weights have the peak
 * of their type where the scheme rounds rows to int8, else that of f32. K and V are not counted:
 * how they are stored is the backend's own choice. Attention: 4 * layers * heads * head width
 * operations for every pair of a row and a position that it sees;
 * f32, or bf16 where K and V are kept so and compute is bf16.
 */
#include "api/bench.h"

static bool is_float(dlx__dtype dtype)
{
    return dtype == DLX__F32 || dtype == DLX__F16 || dtype == DLX__BF16;
}

const char *dlx__multiplied_as(dlx__dtype dtype, const dlx__arithmetic *a)
{
    return a->int8 && is_float(dtype) ? dlx__arithmetic_weights(a) : dlx__dtype_of(dtype)->name;
}

dlx__peak dlx__peak_of(dlx__dtype dtype, const dlx__arithmetic *a)
{
    const bool integers = a->int8 || !is_float(dtype);
    if (integers && !dlx__scheme_is_int8(a->scheme))
        return DLX__PEAK_F32;
    if (integers && is_float(dtype))
        return DLX__PEAK_INT8;
    switch (dtype) {
    case DLX__BF16:
        return a->halves ? DLX__PEAK_BF16 : DLX__PEAK_F32;
    case DLX__Q4_0:
    case DLX__Q4_1:
    case DLX__Q4_K:
        return DLX__PEAK_INT4;
    case DLX__Q5_0:
    case DLX__Q5_1:
    case DLX__Q5_K:
    case DLX__Q6_K:
    case DLX__Q8_0:
        return DLX__PEAK_INT8;
    case DLX__F32:
    case DLX__F16:
    case DLX__N_DTYPES:
        break;
    }
    return DLX__PEAK_F32;
}

/* Pairs of a row and a position that it sees. */
static double visible_pairs(const dlx__model *m, size_t rows, size_t context)
{
    const size_t end = context + rows;
    const int64_t block = m->hp.block_length.value;
    double n = 0;
    if (m->family->visibility == DLX__VISIBLE_FULL)
        return (double)rows * (double)end;
    for (size_t p = context; p < end; p++)
        n += (double)(block > 0 ? dlx__min(end, (p / (size_t)block + 1) * (size_t)block) : p + 1);
    return n;
}

/* What a pass reads of a tensor: a matrix that became int8 has a byte a weight and a float an
 * output. */
static size_t bytes_of(const dlx__tensor *t, const dlx__arithmetic *a, dlx__dtype dtype)
{
    if (dtype != t->dtype)
        return dlx__dtype_bytes(dtype, dlx__tensor_elems(t));
    if (t->n_dims > 1 && a->int8 && is_float(t->dtype))
        return dlx__tensor_elems(t) + t->shape[0] * sizeof(float);
    return t->n_bytes;
}

static void add_tensor(dlx__work *work, const dlx__tensor *t, const dlx__arithmetic *a,
                       const dlx__dtype *stored, size_t rows)
{
    if (!t)
        return;
    const dlx__dtype dtype = stored && t->n_dims > 1 ? *stored : t->dtype;
    work->bytes += (double)bytes_of(t, a, dtype);
    if (t->n_dims > 1)
        work->ops[dlx__peak_of(dtype, a)] += 2.0 * (double)rows * (double)dlx__tensor_elems(t);
}

void dlx__work_of_pass(dlx__work *work, const dlx__model *m, const dlx__arithmetic *a,
                       const dlx__dtype *stored, size_t rows, size_t context)
{
    const dlx__hparams *hp = &m->hp;
    const dlx__tensor *embedding = dlx__model_tensor(m, DLX__ROLE_EMBED, 0);
    const size_t row_bytes = embedding->n_bytes / embedding->shape[0];
    *work = (dlx__work){.bytes = (double)rows * (double)row_bytes};
    for (size_t layer = 0; layer < hp->n_layers; layer++)
        for (int role = DLX__ROLE_ATTN_NORM; role < DLX__N_ROLES; role++)
            add_tensor(work, dlx__model_tensor(m, (dlx__role)role, layer), a, stored, rows);
    add_tensor(work, dlx__model_tensor(m, DLX__ROLE_FINAL_NORM, 0), a, stored, rows);
    add_tensor(work, dlx__model_tensor(m, DLX__ROLE_HEAD, 0), a, stored, rows);
    const bool pairs = a->halves && a->kv_type == DLX__KV_BF16;
    work->ops[pairs ? DLX__PEAK_BF16 : DLX__PEAK_F32] +=
        4.0 * (double)(hp->n_layers * hp->n_heads * hp->head_dim) * visible_pairs(m, rows, context);
}

size_t dlx__layer_bytes(const dlx__model *m, const dlx__arithmetic *a)
{
    size_t n = 0;
    for (int role = DLX__ROLE_ATTN_NORM; role < DLX__N_ROLES; role++) {
        const dlx__tensor *t = dlx__model_tensor(m, (dlx__role)role, 0);
        n += t ? bytes_of(t, a, t->dtype) : 0;
    }
    return n;
}

double dlx__work_ops(const dlx__work *work)
{
    double n = 0;
    for (int i = 0; i < DLX__N_PEAKS; i++)
        n += work->ops[i];
    return n;
}

double dlx__work_roof(const dlx__work *work, const dlx__rates *rates)
{
    double memory = work->bytes / rates->read[DLX__READ_WEIGHTS];
    double arithmetic = 0;
    for (int i = 0; i < DLX__N_PEAKS; i++)
        arithmetic += work->ops[i] / rates->peak[i];
    return memory > arithmetic ? memory : arithmetic;
}
