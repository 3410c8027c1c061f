/* gguf_file.c - keys, tensor descriptions, then tensors as the quantizer hands them on. */
#include "api/gguf_file.h"

#include "api/gguf_keys.h"
#include "api/gguf_report.h"
#include "base/fail.h"
#include "base/mem.h"
#include "model/bind.h"
#include "model/gguf_put.h"
#include "model/recorded.h"

#include <string.h>

typedef struct job {
    const dlx_model *model;
    const dlx__model *m;
    const dlx__quantize_opts *o;
    dlx__gguf_writer *w;
    dlx__gguf_tensors list;
    size_t next;              /* of the list: the quantizer hands tensors on in its order */
    dlx__gguf_string *ranged; /* [n_ranged] matrices of products whose ranges are recorded */
    float *largest;           /* [n_ranged] */
    dlx__range *in, *out;     /* [n_ranged]; NULL: not observed */
    size_t n_ranged, n_found;
    uint8_t *gathered; /* a tensor whose rows are to be permuted */
    dlx__gguf_report report;
} job;

/* ---- before the data ----------------------------------------------------------------------- */

static dlx_result describe(job *j, const dlx__gguf_tensor *from, dlx_error *err)
{
    const dlx__ruling ruling = dlx__rules_apply(&j->o->rules, j->m, from->role, from->layer);
    const dlx__tensor to = dlx__gguf_described(from, ruling.type);
    dlx__gguf_report_ruling(&j->report, from, &to, &ruling);
    return dlx__gguf_add_tensor(j->w, &to) == DLX_OK
               ? DLX_OK
               : dlx__fail_memory(err, "describing tensors", 1);
}

static void add_ranged(job *j, const dlx__gguf_tensor *t)
{
    j->ranged[j->n_ranged++] = (dlx__gguf_string){t->name, strlen(t->name)};
}

/* In the order in which the quantizer tells the ranges: the head's, tied or not, is the last. */
static dlx_result name_ranged(job *j, dlx_error *err)
{
    const dlx_allocator *mem = j->model->mem;
    const size_t most = j->list.n + 1;
    if (!dlx__scheme_is_recorded(j->o->scheme))
        return DLX_OK;
    j->ranged = dlx__alloc_zero(mem, most, sizeof *j->ranged);
    j->largest = dlx__alloc_zero(mem, most, sizeof *j->largest);
    const bool outputs = j->o->ranges->outputs;
    j->in = outputs ? dlx__alloc_zero(mem, most, sizeof *j->in) : NULL;
    j->out = outputs ? dlx__alloc_zero(mem, most, sizeof *j->out) : NULL;
    if (!j->ranged || !j->largest || (outputs && (!j->in || !j->out)))
        return dlx__fail_memory(err, "naming ranges", most * sizeof *j->ranged);
    for (size_t i = 0; i < j->list.n; i++)
        if (dlx__site_of(j->list.items[i].role) != DLX__N_SITES)
            add_ranged(j, &j->list.items[i]);
    add_ranged(j, &j->list.items[j->m->hp.tied ? 0 : j->list.n - 1]);
    return DLX_OK;
}

static dlx__recorded_ranges recorded(const job *j)
{
    return (dlx__recorded_ranges){j->ranged, j->largest, j->in, j->out, j->n_ranged};
}

/* The numbers of the lists are zeros until the last layer is done. */
static dlx_result put_keys(job *j, dlx_error *err)
{
    const dlx__recorded_ranges none_yet = recorded(j);
    if (dlx__gguf_put_types(j->w, j->o->rules.type, j->o->rules.mixed) != DLX_OK)
        return dlx__fail_memory(err, "describing a model", 1);
    DLX__TRY(dlx__recorded_put(j->w, j->o->scheme, dlx__method_name(j->o->method), &none_yet, err));
    return dlx__api_put_keys(j->w, j->model, err);
}

static dlx_result begin(job *j, const char *path, dlx_error *err)
{
    DLX__TRY(dlx__gguf_tensors_init(&j->list, j->m, err));
    DLX__TRY(name_ranged(j, err));
    if (j->n_ranged && !dlx__gguf_can_change(j->w))
        return dlx__fail(err, DLX_E_ARG,
                         "%s: ranges are written last and into the middle, which needs a file, "
                         "found a pipe or a device",
                         path);
    DLX__TRY(put_keys(j, err));
    for (size_t i = 0; i < j->list.n; i++)
        DLX__TRY(describe(j, &j->list.items[i], err));
    return dlx__gguf_begin_data(j->w, err);
}

/* ---- the data ------------------------------------------------------------------------------ */

/* The whole tensor is there: in the order of the file. */
static dlx_result write_permuted(job *j, const dlx__gguf_tensor *from, size_t row_bytes,
                                 dlx_error *err)
{
    for (size_t r = 0; r < from->n_rows; r++)
        DLX__TRY(dlx__gguf_write_part(j->w, j->gathered + dlx__gguf_row(from, r) * row_bytes,
                                      row_bytes, err));
    return DLX_OK;
}

static dlx_result gather(job *j, const dlx__gguf_tensor *from, const dlx__tensor *t, size_t first,
                         size_t n, dlx_error *err)
{
    const size_t row_bytes = t->n_bytes / from->n_rows;
    if (first == 0) {
        dlx__free(j->model->mem, j->gathered);
        j->gathered = dlx__alloc(j->model->mem, t->n_bytes);
    }
    if (!j->gathered)
        return dlx__fail_memory(err, "gathering rows", t->n_bytes);
    memcpy(j->gathered + first * row_bytes, t->data, n * row_bytes);
    return first + n == from->n_rows ? write_permuted(j, from, row_bytes, err) : DLX_OK;
}

static dlx_result put(void *user, dlx__role role, size_t layer, const dlx__tensor *t, size_t first,
                      size_t n, dlx_error *err)
{
    job *j = user;
    const dlx__gguf_tensor *from = &j->list.items[j->next];
    if (from->role != role || from->layer != layer)
        return dlx__fail(err, DLX_E_ARG, "%s: expected this tensor next, was given another",
                         from->name);
    if (from->head_dim > 0)
        DLX__TRY(gather(j, from, t, first, n, err));
    else
        DLX__TRY(dlx__gguf_write_part(j->w, t->data, n * (t->n_bytes / from->n_rows), err));
    dlx__gguf_report_rows(&j->report, from, t, first, n);
    if (first + n < from->n_rows)
        return DLX_OK;
    const bool of_layer = dlx__role_per_layer(role);
    dlx__gguf_report_tensor(&j->report, from, t, of_layer && dlx__method_scales(j->o->method));
    j->next++;
    return DLX_OK;
}

static dlx_result range(void *user, dlx__role role, size_t layer, const dlx__product_ranges *ranges,
                        dlx_error *err)
{
    job *j = user;
    (void)role;
    (void)layer;
    (void)err;
    if (j->n_found == j->n_ranged)
        return DLX_OK;
    j->largest[j->n_found] = ranges->largest;
    if (j->in) {
        j->in[j->n_found] = ranges->in;
        j->out[j->n_found] = ranges->out;
    }
    j->n_found++;
    return DLX_OK;
}

/* ---- the file ------------------------------------------------------------------------------ */

static dlx_result write_file(job *j, const char *path, dlx_error *err)
{
    const dlx__quantizer_sink sink = {put, range, j};
    DLX__TRY(dlx__gguf_writer_open(&j->w, path, j->model->mem, err));
    DLX__TRY(begin(j, path, err));
    DLX__TRY(dlx__quantize(j->m, j->o, &sink, err));
    const dlx__recorded_ranges found = recorded(j);
    DLX__TRY(dlx__recorded_change(j->w, &found, err));
    dlx__gguf_writer *w = j->w;
    j->w = NULL;
    return dlx__gguf_writer_commit(w, err);
}

dlx_result dlx__api_write_gguf(const dlx_model *model, const char *path,
                               const dlx__quantize_opts *o, json_t **report, dlx_error *err)
{
    job j = {.model = model, .m = &model->core, .o = o};
    dlx_result r = report ? dlx__gguf_report_open(&j.report, j.m, err) : DLX_OK;
    if (r == DLX_OK)
        r = write_file(&j, path, err);
    dlx__gguf_writer_abandon(j.w);
    if (r == DLX_OK && report) {
        *report = dlx__gguf_report_finish(&j.report, path);
        r = *report ? DLX_OK : dlx__fail_memory(err, "reporting", 1);
    }
    dlx__gguf_report_release(&j.report);
    dlx__gguf_tensors_release(&j.list);
    dlx__free(model->mem, j.ranged);
    dlx__free(model->mem, j.largest);
    dlx__free(model->mem, j.in);
    dlx__free(model->mem, j.out);
    dlx__free(model->mem, j.gathered);
    return r;
}
