/* rounded.c - tensor by tensor, row by row: packed, unpacked, written. */
#include "export/rounded.h"

#include "base/fail.h"
#include "base/mem.h"
#include "export/row_packer.h"
#include "export/static_product.h"
#include "export/weight_bytes.h"
#include "model/bind.h"
#include "model/gguf_rows.h"
#include "model/recorded.h"

#include <string.h>

enum { PIECE_BYTES = 1 << 20, N_PARTS = DLX__ROW_LEVELS + 1 };

typedef struct job {
    dlx__gguf_writer *w;
    const dlx__model *m;
    const dlx__export_opts *o;
    dlx__scheme scheme;
    dlx__packed packed; /* static products: nothing is named */
    dlx__gguf_tensors list;
    dlx__gguf_tensor head; /* of its own; tensor NULL: it is in the list, or tied */
    char head_name[160];
    dlx__pool *pool;
    const dlx__static_product *product; /* that the tensor belongs to; NULL: none */
    uint8_t *parts[N_PARTS];            /* of the rows of a piece, packed */
    float *x;                           /* the same unpacked */
    uint64_t n_done, n_all;             /* bytes */
} job;

static bool is_product(dlx__role role)
{
    return role == DLX__ROLE_Q || role == DLX__ROLE_K || role == DLX__ROLE_V ||
           role == DLX__ROLE_O || role == DLX__ROLE_GATE || role == DLX__ROLE_UP ||
           role == DLX__ROLE_DOWN || role == DLX__ROLE_HEAD;
}

static dlx__packing packing_of(const job *j, const dlx__gguf_tensor *t)
{
    if (t->role == DLX__ROLE_EMBED)
        return j->o->forms.table;
    if (!is_product(t->role))
        return j->o->forms.vector;
    return dlx__export_form(&j->o->forms, t->tensor, t->role == DLX__ROLE_HEAD);
}

/* A tied head has the table's numbers no longer where the two are packed in different forms. */
static void find_head(job *j)
{
    if (!j->m->hp.tied || j->o->forms.head == j->o->forms.table ||
        !dlx__role_name(j->head_name, j->m->family, DLX__CHECKPOINT_GGUF, DLX__ROLE_HEAD, 0))
        return;
    j->head = j->list.items[0];
    j->head.name = j->head_name;
    j->head.role = DLX__ROLE_HEAD;
}

/* The tensors of the file; NULL behind the last. */
static const dlx__gguf_tensor *tensor_at(const job *j, size_t i)
{
    if (i < j->list.n)
        return &j->list.items[i];
    return i == j->list.n && j->head.tensor ? &j->head : NULL;
}

static uint64_t float_bytes(const dlx__gguf_tensor *t)
{
    return dlx__mul(dlx__mul(t->n_rows, t->n_cols), sizeof(float));
}

/* The linear node that has this tensor as its weight or bias; NULL: none. A table is the head's too
 * where that has no tensor of its own. */
static const dlx__node *node_of(const job *j, const dlx__gguf_tensor *t)
{
    const dlx__graph *g = &j->m->graph;
    const bool is_table = t->role == DLX__ROLE_EMBED && j->head.tensor;
    for (size_t i = 0; i < g->n && !is_table; i++)
        if (g->nodes[i].op == DLX__OP_LINEAR &&
            (g->nodes[i].weight == t->tensor || g->nodes[i].bias == t->tensor))
            return &g->nodes[i];
    return NULL;
}

/* The ranges of all products by the names that the file gives their matrices. */
static void list_ranges(const job *j, dlx__gguf_string *names, float *largest, dlx__range *in,
                        dlx__range *out, size_t *n)
{
    const dlx__gguf_tensor *t;
    for (size_t i = 0; (t = tensor_at(j, i)); i++) {
        const dlx__node *node = node_of(j, t);
        if (!node || node->weight != t->tensor)
            continue;
        names[*n] = (dlx__gguf_string){t->name, strlen(t->name)};
        largest[*n] = node->in_largest;
        in[*n] = node->in_range;
        out[(*n)++] = node->out_range;
    }
}

static dlx_result put_scheme(job *j, dlx__scheme scheme, dlx_error *err)
{
    const size_t most = j->list.n + 1;
    dlx__arena *arena = &j->packed.arena;
    dlx__gguf_string *names = dlx__arena_alloc(arena, most, sizeof *names);
    float *largest = dlx__arena_alloc(arena, most, sizeof *largest);
    dlx__range *in = dlx__arena_alloc(arena, most, sizeof *in);
    dlx__range *out = dlx__arena_alloc(arena, most, sizeof *out);
    dlx__recorded_ranges ranges = {names, largest, in, out, 0};
    if (!names || !largest || !in || !out)
        return dlx__fail_memory(err, "naming ranges", most * sizeof *names);
    if (dlx__scheme_is_recorded(scheme))
        list_ranges(j, names, largest, in, out, &ranges.n);
    return dlx__recorded_put(j->w, scheme, NULL, &ranges, err);
}

static dlx_result describe(job *j, dlx_error *err)
{
    const dlx__gguf_tensor *t;
    for (size_t i = 0; (t = tensor_at(j, i)); i++) {
        const dlx__tensor to = dlx__gguf_described(t, DLX__F32);
        if (dlx__gguf_add_tensor(j->w, &to) != DLX_OK)
            return dlx__fail_memory(err, "describing tensors", 1);
        j->n_all += float_bytes(t);
    }
    return dlx__gguf_begin_data(j->w, err);
}

/* Rows to pack at once: where the file has them in another order, whole heads. */
static size_t rows_of_piece(const dlx__gguf_tensor *t)
{
    const size_t most = dlx__max(1, PIECE_BYTES / (t->n_cols * sizeof(float)));
    if (t->head_dim == 0)
        return dlx__min(most, t->n_rows);
    return dlx__min(dlx__max(1, most / t->head_dim) * t->head_dim, t->n_rows);
}

/* Row i of those that are packed. */
static dlx__packed_row packed_row(const job *j, const dlx__row_packer *packer, size_t i)
{
    const size_t n_cols = dlx__tensor_n_cols(packer->tensor);
    const uint8_t *at[N_PARTS];
    for (int part = 0; part < N_PARTS; part++)
        at[part] =
            j->parts[part] + i * dlx__pack_row_bytes(packer->packing, (dlx__row_part)part, n_cols);
    return (dlx__packed_row){at[DLX__ROW_NUMBERS], at[DLX__ROW_SCALES], at[DLX__ROW_LEVELS]};
}

/* x = the rows [first, first + n) of the file; false in *exact: some of it is rounded again. */
static dlx_result round_rows(job *j, const dlx__gguf_tensor *t, const dlx__row_packer *packer,
                             size_t first, size_t n, bool *exact, dlx_error *err)
{
    const float *known = packer->row_scales;
    for (int i = 0; i < N_PARTS; i++) {
        const dlx__row_part part = (dlx__row_part)i;
        const bool is_there = dlx__pack_row_bytes(packer->packing, part, t->n_cols) > 0;
        if (is_there && !(known && part == DLX__ROW_SCALES))
            DLX__TRY(dlx__row_packer_put(packer, j->parts[part], part, first, n, exact, err));
    }
    for (size_t i = 0; i < n; i++) {
        const size_t from = dlx__gguf_row(t, first + i) - first;
        dlx__packed_row row = packed_row(j, packer, from);
        if (known)
            row.scales = known + first + from;
        dlx__unpack_row(j->x + i * t->n_cols, packer->packing, &row, t->n_cols);
    }
    for (size_t o = 0; j->product && !known && o < t->n_cols; o++) /* a bias */
        j->x[o] = (float)j->product->bias[o] * j->product->units[o];
    return DLX_OK;
}

static dlx_result write_rows(job *j, const dlx__gguf_tensor *t, size_t n, dlx_error *err)
{
    const size_t n_bytes = n * t->n_cols * sizeof *j->x;
    j->n_done += n_bytes;
    if (j->o->on_progress && !j->o->on_progress(j->o->user, j->n_done, j->n_all))
        return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
    return dlx__gguf_write_part(j->w, j->x, n_bytes, err);
}

static dlx_result put_rows(job *j, const dlx__gguf_tensor *t, const dlx__row_packer *packer,
                           bool *exact, dlx_error *err)
{
    const size_t most = rows_of_piece(t), from_bytes = t->tensor->n_bytes / t->n_rows;
    for (size_t first = 0; first < t->n_rows; first += most) {
        const size_t n = dlx__min(most, t->n_rows - first);
        DLX__TRY(round_rows(j, t, packer, first, n, exact, err));
        DLX__TRY(write_rows(j, t, n, err));
        dlx__model_drop_pages(j->m, (const uint8_t *)t->tensor->data + first * from_bytes,
                              n * from_bytes);
    }
    return DLX_OK;
}

static dlx_result take_room(job *j, const dlx__gguf_tensor *t, dlx__packing packing, dlx_error *err)
{
    const size_t n = rows_of_piece(t);
    const size_t n_bytes = dlx__mul(n, dlx__mul(t->n_cols, sizeof *j->x));
    bool ok = true;
    for (int i = 0; i < N_PARTS && ok; i++) {
        const size_t row_bytes = dlx__pack_row_bytes(packing, (dlx__row_part)i, t->n_cols);
        j->parts[i] = dlx__alloc(j->o->mem, dlx__mul(n, row_bytes));
        ok = j->parts[i] != NULL;
    }
    j->x = dlx__alloc(j->o->mem, n_bytes);
    return ok && j->x ? DLX_OK : dlx__fail_memory(err, "rounding weights", n_bytes);
}

static void give_room(job *j)
{
    for (int i = 0; i < N_PARTS; i++) {
        dlx__free(j->o->mem, j->parts[i]);
        j->parts[i] = NULL;
    }
    dlx__free(j->o->mem, j->x);
    j->x = NULL;
}

static void count(const job *j, const dlx__gguf_tensor *t, dlx__packing packing, bool exact)
{
    dlx__export_written *w = j->o->written;
    w->n_again += !exact;
    if (is_product(t->role))
        w->n_fallbacks +=
            packing != (t->role == DLX__ROLE_HEAD ? j->o->forms.head : j->o->forms.matrix);
}

static dlx_result find_product(job *j, const dlx__gguf_tensor *t, dlx_error *err)
{
    const bool is_static = j->scheme == DLX__SCHEME_STATIC_AFFINE && t->role != DLX__ROLE_HEAD;
    const dlx__node *node = is_static ? node_of(j, t) : NULL;
    j->product = NULL;
    return node ? dlx__packed_product(&j->packed, node, &j->product, err) : DLX_OK;
}

static dlx_result put_tensor(job *j, const dlx__gguf_tensor *t, dlx_error *err)
{
    const dlx__packing packing = packing_of(j, t);
    dlx__row_packer packer;
    bool exact = true;
    DLX__TRY(find_product(j, t, err));
    dlx_result r = dlx__row_packer_open(&packer, t->tensor, packing, j->pool, j->o->mem, err);
    if (j->product && is_product(t->role)) {
        packer.row_scales = j->product->scales;
        exact = !j->product->is_again;
    }
    if (r == DLX_OK)
        r = take_room(j, t, packing, err);
    if (r == DLX_OK)
        r = put_rows(j, t, &packer, &exact, err);
    give_room(j);
    dlx__row_packer_close(&packer);
    dlx__model_drop_pages(j->m, t->tensor->data, t->tensor->n_bytes);
    count(j, t, packing, exact);
    return r;
}

dlx_result dlx__rounded_write(dlx__gguf_writer *w, const dlx__model *m, dlx__scheme scheme,
                              const dlx__export_opts *o, dlx_error *err)
{
    job j = {.w = w, .m = m, .o = o, .scheme = scheme};
    const dlx__gguf_tensor *t;
    DLX__TRY(dlx__gguf_tensors_init(&j.list, m, err));
    dlx__packed_init(&j.packed, m, o->mem);
    j.packed.forms = o->forms;
    find_head(&j);
    dlx_result r = dlx__pool_open(&j.pool, o->n_threads, o->mem, err);
    if (r == DLX_OK)
        r = put_scheme(&j, scheme, err);
    if (r == DLX_OK)
        r = describe(&j, err);
    for (size_t i = 0; r == DLX_OK && (t = tensor_at(&j, i)); i++)
        r = put_tensor(&j, t, err);
    o->written->program_bytes = j.n_all;
    o->written->weight_bytes = dlx__weight_bytes(m, &o->forms, o->scheme);
    dlx__pool_free(j.pool);
    dlx__gguf_tensors_release(&j.list);
    dlx__packed_release(&j.packed);
    return r;
}
