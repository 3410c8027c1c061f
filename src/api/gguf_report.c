/* gguf_report.c - sums while tensors pass by. */
#include "api/gguf_report.h"

#include "api/json_build.h"
#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"

#include <math.h>

dlx_result dlx__gguf_report_open(dlx__gguf_report *r, const dlx__model *m, dlx_error *err)
{
    const dlx__hparams *hp = &m->hp;
    const size_t widest =
        dlx__max(dlx__max(hp->n_embd, hp->n_ff), dlx__mul(hp->n_heads, hp->head_dim));
    *r = (dlx__gguf_report){.is_wanted = true,
                            .mem = m->mem,
                            .types = json_object(),
                            .fallbacks = json_array(),
                            .tensors = json_array()};
    r->rows = dlx__alloc(m->mem, dlx__mul(2 * sizeof(float), widest));
    return r->rows ? DLX_OK : dlx__fail_memory(err, "reporting", 2 * widest * sizeof(float));
}

void dlx__gguf_report_release(dlx__gguf_report *r)
{
    json_decref(r->types);
    json_decref(r->fallbacks);
    json_decref(r->tensors);
    dlx__free(r->mem, r->rows);
    *r = (dlx__gguf_report){0};
}

void dlx__gguf_report_ruling(dlx__gguf_report *r, const dlx__gguf_tensor *from,
                             const dlx__tensor *to, const dlx__ruling *ruling)
{
    if (!r->is_wanted)
        return;
    r->bytes += to->n_bytes;
    r->bytes_before += from->tensor->n_bytes;
    r->bytes_f16 += 2 * dlx__tensor_elems(from->tensor);
    if (ruling->other_type || ruling->other_group)
        dlx__api_append(&r->fallbacks,
                        json_pack("{s:s, s:s, s:o}", "tensor", from->name, "type",
                                  dlx__dtype_of(to->dtype)->name, "group",
                                  ruling->other_group ? json_integer(32) : json_null()));
}

void dlx__gguf_report_rows(dlx__gguf_report *r, const dlx__gguf_tensor *from, const dlx__tensor *to,
                           size_t first, size_t n)
{
    const dlx__tensor *was = from->tensor;
    const size_t n_cols = from->n_cols;
    const size_t was_bytes = dlx__dtype_bytes(was->dtype, n_cols);
    const size_t to_bytes = dlx__dtype_bytes(to->dtype, n_cols);
    float *a = r->rows, *b = r->rows + n_cols;
    for (size_t i = 0; r->is_wanted && i < n; i++) {
        dlx__to_f32(a, (const uint8_t *)was->data + (first + i) * was_bytes, was->dtype, n_cols);
        dlx__to_f32(b, (const uint8_t *)to->data + i * to_bytes, to->dtype, n_cols);
        for (size_t c = 0; c < n_cols; c++) {
            r->error += ((double)a[c] - (double)b[c]) * ((double)a[c] - (double)b[c]);
            r->norm += (double)a[c] * (double)a[c];
        }
    }
}

static void count_type(dlx__gguf_report *r, const char *name, size_t n_bytes)
{
    const json_int_t before = json_integer_value(json_object_get(r->types, name));
    if (!dlx__api_set(r->types, name, json_integer(before + (json_int_t)n_bytes))) {
        json_decref(r->types);
        r->types = NULL;
    }
}

void dlx__gguf_report_tensor(dlx__gguf_report *r, const dlx__gguf_tensor *from,
                             const dlx__tensor *to, bool scaled)
{
    if (!r->is_wanted)
        return;
    const char *type = dlx__dtype_of(to->dtype)->name;
    json_t *error =
        scaled ? json_null() : dlx__api_real(r->norm > 0 ? sqrt(r->error / r->norm) : 0);
    dlx__api_append(&r->tensors, json_pack("{s:s, s:s, s:I, s:o}", "name", from->name, "type", type,
                                           "bytes", (json_int_t)to->n_bytes, "error", error));
    count_type(r, type, to->n_bytes);
    r->error = r->norm = 0;
}

json_t *dlx__gguf_report_finish(dlx__gguf_report *r, const char *path)
{
    json_t *all = json_pack("{s:o, s:I, s:I, s:I}", "path", dlx__api_text(path), "bytes",
                            (json_int_t)r->bytes, "bytes_before", (json_int_t)r->bytes_before,
                            "bytes_f16", (json_int_t)r->bytes_f16);
    bool ok = dlx__api_set(all, "types", r->types);
    ok = dlx__api_set(all, "fallbacks", r->fallbacks) && ok;
    ok = dlx__api_set(all, "tensors", r->tensors) && ok;
    r->types = r->fallbacks = r->tensors = NULL;
    if (ok)
        return all;
    json_decref(all);
    return NULL;
}
