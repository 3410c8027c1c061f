/* gguf_file.c - keys, tensor descriptions, then tensors as the quantizer hands them on. */
#include "api/gguf_file.h"

#include "api/json_build.h"
#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"
#include "model/gguf_put.h"
#include "model/permute.h"
#include "model/recorded.h"
#include "text/text_put.h"

#include <math.h>
#include <string.h>

typedef struct job {
    const dlx_model *model;
    const dlx__model *m;
    const dlx__quantize_opts *o;
    dlx__gguf_writer *w;
    dlx__arena arena;         /* names */
    dlx__gguf_string *ranged; /* [n_ranged] matrices whose inputs' range is recorded */
    float *largest;           /* [n_ranged] */
    size_t n_ranged, n_found;
    uint8_t *gathered;  /* a tensor whose rows are to be permuted */
    float *rows;        /* [2][widest]: of the report's errors */
    double error, norm; /* sums of squares of the tensor that is being written */
    json_t *report, *types, *fallbacks, *tensors; /* NULL: none is wanted */
    size_t bytes, bytes_before, bytes_f16;
} job;

static bool is_ranged(dlx__role role)
{
    return role == DLX__ROLE_HEAD || dlx__site_of(role) != DLX__N_SITES;
}

static bool name_of(char out[160], const job *j, dlx__role role, size_t layer)
{
    const bool tied = role == DLX__ROLE_HEAD && j->m->hp.tied;
    return dlx__role_name(out, j->m->family, DLX__CHECKPOINT_GGUF, tied ? DLX__ROLE_EMBED : role,
                          layer);
}

/* ---- the report ---------------------------------------------------------------------------- */

static void count_type(job *j, const char *name, size_t n_bytes)
{
    const json_int_t before = json_integer_value(json_object_get(j->types, name));
    if (!dlx__api_set(j->types, name, json_integer(before + (json_int_t)n_bytes))) {
        json_decref(j->types);
        j->types = NULL;
    }
}

/* What rounding changed in the rows [first, first + n), against the model's own. Scaled weights
 * have nothing to be held against. */
static void add_errors(job *j, dlx__role role, size_t layer, const dlx__tensor *t, size_t first,
                       size_t n)
{
    const dlx__tensor *from = dlx__model_tensor(j->m, role, layer);
    const size_t n_cols = t->shape[t->n_dims - 1];
    const size_t from_bytes = dlx__dtype_bytes(from->dtype, n_cols);
    const size_t to_bytes = dlx__dtype_bytes(t->dtype, n_cols);
    float *a = j->rows, *b = j->rows + n_cols;
    for (size_t r = 0; r < n; r++) {
        dlx__to_f32(a, (const uint8_t *)from->data + (first + r) * from_bytes, from->dtype, n_cols);
        dlx__to_f32(b, (const uint8_t *)t->data + r * to_bytes, t->dtype, n_cols);
        for (size_t i = 0; i < n_cols; i++) {
            j->error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
            j->norm += (double)a[i] * (double)a[i];
        }
    }
}

static void report_tensor(job *j, dlx__role role, const char *name, const dlx__tensor *t)
{
    const bool of_layer =
        role != DLX__ROLE_EMBED && role != DLX__ROLE_HEAD && role != DLX__ROLE_FINAL_NORM;
    const bool scaled = dlx__method_scales(j->o->method) && of_layer;
    json_t *error =
        scaled ? json_null() : dlx__api_real(j->norm > 0 ? sqrt(j->error / j->norm) : 0);
    const char *type = dlx__dtype_of(t->dtype)->name;
    dlx__api_append(&j->tensors, json_pack("{s:s, s:s, s:I, s:o}", "name", name, "type", type,
                                           "bytes", (json_int_t)t->n_bytes, "error", error));
    count_type(j, type, t->n_bytes);
    j->error = j->norm = 0;
}

static bool finish_report(job *j, const char *path)
{
    bool ok = dlx__api_merge(j->report, json_pack("{s:s, s:I, s:I, s:I}", "path", path, "bytes",
                                                  (json_int_t)j->bytes, "bytes_before",
                                                  (json_int_t)j->bytes_before, "bytes_f16",
                                                  (json_int_t)j->bytes_f16));
    ok = dlx__api_set(j->report, "types", j->types) && ok;
    ok = dlx__api_set(j->report, "fallbacks", j->fallbacks) && ok;
    ok = dlx__api_set(j->report, "tensors", j->tensors) && ok;
    j->types = j->fallbacks = j->tensors = NULL;
    return ok;
}

/* ---- before the data ----------------------------------------------------------------------- */

static dlx_result describe(void *user, dlx__role role, size_t layer, dlx_error *err)
{
    job *j = user;
    char name[160];
    const dlx__ruling ruling = dlx__rules_apply(&j->o->rules, j->m, role, layer);
    const dlx__tensor *from = dlx__model_tensor(j->m, role, layer);
    dlx__tensor t = *from;
    if (!name_of(name, j, role, layer))
        return dlx__fail(err, DLX_E_UNSUPPORTED, "%s: GGUF has no name for this tensor",
                         from->name ? from->name : "a tensor");
    t.name = name;
    t.dtype = ruling.type;
    t.n_bytes = dlx__dtype_bytes(ruling.type, dlx__tensor_elems(from));
    t.data = NULL;
    j->bytes += t.n_bytes;
    j->bytes_before += from->n_bytes;
    j->bytes_f16 += 2 * dlx__tensor_elems(from);
    if (j->report && ruling.fell_back)
        dlx__api_append(&j->fallbacks, json_pack("{s:s, s:s}", "tensor", name, "type",
                                                 dlx__dtype_of(ruling.type)->name));
    return dlx__gguf_add_tensor(j->w, &t) == DLX_OK
               ? DLX_OK
               : dlx__fail_memory(err, "describing tensors", 1);
}

static bool add_ranged(job *j, dlx__role role, size_t layer)
{
    char name[160];
    name_of(name, j, role, layer);
    const size_t n = strlen(name);
    char *copy = dlx__arena_alloc(&j->arena, n + 1, 1);
    if (!copy)
        return false;
    memcpy(copy, name, n + 1);
    j->ranged[j->n_ranged++] = (dlx__gguf_string){copy, n};
    return true;
}

/* In the order in which the quantizer tells the ranges. */
static dlx_result name_ranged(job *j, dlx_error *err)
{
    const size_t most = 7 * j->m->hp.n_layers + 1;
    bool ok = true;
    if (!dlx__scheme_is_recorded(j->o->scheme))
        return DLX_OK;
    j->ranged = dlx__arena_alloc(&j->arena, most, sizeof *j->ranged);
    j->largest = dlx__arena_alloc(&j->arena, most, sizeof *j->largest);
    if (!j->ranged || !j->largest)
        return dlx__fail_memory(err, "naming ranges", most * sizeof *j->ranged);
    for (size_t layer = 0; layer < j->m->hp.n_layers; layer++)
        for (int role = 0; role < DLX__N_ROLES; role++)
            if (role != DLX__ROLE_HEAD && is_ranged((dlx__role)role))
                ok = ok && add_ranged(j, (dlx__role)role, layer);
    ok = ok && add_ranged(j, DLX__ROLE_HEAD, 0);
    return ok ? DLX_OK : dlx__fail_memory(err, "naming ranges", most * sizeof *j->ranged);
}

static dlx_result put_keys(job *j, dlx_error *err)
{
    const dlx__hparams *hp = &j->m->hp;
    const dlx__text_facts facts = {.n_rows = hp->n_rows_vocab,
                                   .bos_id = hp->bos_id.value,
                                   .eos_id = hp->n_stop_ids ? hp->stop_ids[0] : -1};
    dlx_result r = dlx__gguf_put_types(j->w, j->o->rules.type);
    if (r == DLX_OK)
        r = dlx__gguf_put_model(j->w, j->m);
    if (r != DLX_OK)
        return dlx__fail_memory(err, "describing a model", 1);
    DLX__TRY(dlx__recorded_put_ranges(j->w, j->o->scheme, dlx__method_name(j->o->method), j->ranged,
                                      NULL, j->n_ranged, err));
    DLX__TRY(dlx__text_put(j->w, &j->m->checkpoint, j->model->tokenizer, &facts, err));
    if (dlx__gguf_put_carried(j->w, j->m) != DLX_OK)
        return dlx__fail_memory(err, "describing a model", 1);
    return DLX_OK;
}

static dlx_result begin(job *j, dlx_error *err)
{
    DLX__TRY(name_ranged(j, err));
    DLX__TRY(put_keys(j, err));
    DLX__TRY(dlx__quantizer_each(j->m, describe, j, err));
    return dlx__gguf_begin_data(j->w, err);
}

/* ---- the data ------------------------------------------------------------------------------ */

/* llama.cpp turns neighbours of a head where we turn its halves. */
static bool is_permuted(const job *j, dlx__role role)
{
    return j->m->family->gguf_permuted_qk && (role == DLX__ROLE_Q || role == DLX__ROLE_K);
}

/* The whole tensor is there: in llama.cpp's order. */
static dlx_result write_permuted(job *j, dlx__role role, const dlx__tensor *t, dlx_error *err)
{
    const dlx__hparams *hp = &j->m->hp;
    uint8_t *turned = dlx__alloc(j->model->mem, t->n_bytes);
    if (!turned)
        return dlx__fail_memory(err, "putting rows in llama.cpp's order", t->n_bytes);
    dlx__rows_to_llama_cpp(turned, j->gathered, role == DLX__ROLE_Q ? hp->n_heads : hp->n_heads_kv,
                           hp->head_dim, t->n_bytes / t->shape[0]);
    const dlx_result r = dlx__gguf_write_part(j->w, turned, t->n_bytes, err);
    dlx__free(j->model->mem, turned);
    return r;
}

static dlx_result gather(job *j, dlx__role role, const dlx__tensor *t, size_t first, size_t n,
                         dlx_error *err)
{
    const size_t row_bytes = t->n_bytes / t->shape[0];
    if (first == 0) {
        dlx__free(j->model->mem, j->gathered);
        j->gathered = dlx__alloc(j->model->mem, t->n_bytes);
    }
    if (!j->gathered)
        return dlx__fail_memory(err, "gathering rows", t->n_bytes);
    memcpy(j->gathered + first * row_bytes, t->data, n * row_bytes);
    return first + n == t->shape[0] ? write_permuted(j, role, t, err) : DLX_OK;
}

static dlx_result put(void *user, dlx__role role, size_t layer, const dlx__tensor *t, size_t first,
                      size_t n, dlx_error *err)
{
    job *j = user;
    const size_t n_rows = t->n_dims > 1 ? t->shape[0] : 1;
    if (is_permuted(j, role))
        DLX__TRY(gather(j, role, t, first, n, err));
    else
        DLX__TRY(dlx__gguf_write_part(j->w, t->data, n * (t->n_bytes / n_rows), err));
    if (!j->report)
        return DLX_OK;
    add_errors(j, role, layer, t, first, n);
    char name[160];
    if (first + n == n_rows && name_of(name, j, role, layer))
        report_tensor(j, role, name, t);
    return DLX_OK;
}

static dlx_result range(void *user, dlx__role role, size_t layer, float largest, dlx_error *err)
{
    job *j = user;
    (void)role;
    (void)layer;
    (void)err;
    if (j->n_found < j->n_ranged)
        j->largest[j->n_found++] = largest;
    return DLX_OK;
}

/* ---- the file ------------------------------------------------------------------------------ */

static dlx_result write_file(job *j, const char *path, dlx_error *err)
{
    const dlx__quantizer_sink sink = {put, range, j};
    DLX__TRY(dlx__gguf_writer_open(&j->w, path, j->model->mem, err));
    DLX__TRY(begin(j, err));
    DLX__TRY(dlx__quantize(j->m, j->o, &sink, err));
    if (j->n_ranged)
        DLX__TRY(
            dlx__gguf_change_f32s(j->w, DLX__QUANT_RANGE_LARGEST, j->largest, j->n_ranged, err));
    dlx__gguf_writer *w = j->w;
    j->w = NULL;
    return dlx__gguf_writer_commit(w, err);
}

static dlx_result open_report(job *j, dlx_error *err)
{
    const dlx__hparams *hp = &j->m->hp;
    const size_t widest =
        dlx__max(dlx__max(hp->n_embd, hp->n_ff), dlx__mul(hp->n_heads, hp->head_dim));
    j->report = json_object();
    j->types = json_object();
    j->fallbacks = json_array();
    j->tensors = json_array();
    j->rows = dlx__alloc(j->model->mem, dlx__mul(2 * sizeof(float), widest));
    return j->rows ? DLX_OK : dlx__fail_memory(err, "reporting", 2 * widest * sizeof(float));
}

dlx_result dlx__api_write_gguf(const dlx_model *model, const char *path,
                               const dlx__quantize_opts *o, json_t **report, dlx_error *err)
{
    job j = {.model = model, .m = &model->core, .o = o};
    dlx__arena_init(&j.arena, model->mem);
    dlx_result r = report ? open_report(&j, err) : DLX_OK;
    if (r == DLX_OK)
        r = write_file(&j, path, err);
    dlx__gguf_writer_abandon(j.w);
    if (r == DLX_OK && report) {
        if (!finish_report(&j, path))
            r = dlx__fail_memory(err, "reporting", 1);
        else
            *report = j.report;
    }
    if (r != DLX_OK)
        json_decref(j.report);
    json_decref(j.types);
    json_decref(j.fallbacks);
    json_decref(j.tensors);
    dlx__free(model->mem, j.rows);
    dlx__free(model->mem, j.gathered);
    dlx__arena_release(&j.arena);
    return r;
}
