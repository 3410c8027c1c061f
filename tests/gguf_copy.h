/*
 * gguf_copy.h - a GGUF file made from an open model by the functions that `dlx quantize` uses, with
 * weights as they are stored or in one float type; and the comparison of two open models.
 */
#ifndef GGUF_COPY_H
#define GGUF_COPY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dtype/convert.h"
#include "model/gguf_put.h"
#include "model/gguf_rows.h"
#include "model/recorded.h"

#define GGUF_AS_STORED DLX__N_DTYPES

/* Puts keys before all others; what it puts is not carried over. */
typedef dlx_result (*gguf_keys_fn)(dlx__gguf_writer *w, void *user, dlx_error *err);

/* Rows [begin, end) of the file as they are stored in the model, and as float32. */
static inline void gguf_stored_rows(void *dst, const dlx__gguf_tensor *t, size_t begin, size_t end)
{
    const size_t row_bytes = dlx__dtype_bytes(t->tensor->dtype, t->n_cols);
    for (size_t r = begin; r < end; r++)
        memcpy((char *)dst + (r - begin) * row_bytes,
               (const char *)t->tensor->data + dlx__gguf_row(t, r) * row_bytes, row_bytes);
}

static inline void gguf_float_rows(float *dst, const dlx__gguf_tensor *t, size_t begin, size_t end)
{
    const size_t row_bytes = dlx__dtype_bytes(t->tensor->dtype, t->n_cols);
    for (size_t r = begin; r < end; r++)
        dlx__to_f32(dst + (r - begin) * t->n_cols,
                    (const char *)t->tensor->data + dlx__gguf_row(t, r) * row_bytes,
                    t->tensor->dtype, t->n_cols);
}

/* Vectors become F32, as llama.cpp wants them. */
static inline dlx__dtype gguf_copy_type(const dlx__gguf_tensor *t, dlx__dtype dtype)
{
    if (t->tensor->n_dims != 2)
        return DLX__F32;
    return dtype == GGUF_AS_STORED ? t->tensor->dtype : dtype;
}

/* A few rows at a time, so that the boundaries are tested too. */
static inline dlx_result gguf_copy_rows(dlx__gguf_writer *w, const dlx__gguf_tensor *t,
                                        dlx__dtype dtype, dlx_error *err)
{
    enum { ROWS = 7 };
    dlx_result r = DLX_OK;
    float *rows = malloc(ROWS * t->n_cols * sizeof *rows);
    char *bytes = malloc(ROWS * t->n_cols * sizeof *rows);
    for (size_t at = 0; r == DLX_OK && at < t->n_rows; at += ROWS) {
        size_t end = dlx__min(at + ROWS, t->n_rows);
        size_t n = (end - at) * t->n_cols;
        if (dtype == t->tensor->dtype) {
            gguf_stored_rows(bytes, t, at, end);
        } else {
            gguf_float_rows(rows, t, at, end);
            assert_true(dlx__from_f32(bytes, dtype, rows, n));
        }
        r = dlx__gguf_write_part(w, bytes, dlx__dtype_bytes(dtype, n), err);
    }
    free(rows);
    free(bytes);
    return r;
}

static inline dlx_result gguf_copy_tensors(dlx__gguf_writer *w, const dlx__gguf_tensors *list,
                                           dlx__dtype dtype, dlx_error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        dlx__tensor t =
            dlx__gguf_described(&list->items[i], gguf_copy_type(&list->items[i], dtype));
        DLX__TRY(dlx__gguf_add_tensor(w, &t));
    }
    DLX__TRY(dlx__gguf_begin_data(w, err));
    for (size_t i = 0; i < list->n; i++)
        DLX__TRY(gguf_copy_rows(w, &list->items[i], gguf_copy_type(&list->items[i], dtype), err));
    return DLX_OK;
}

static inline dlx_result gguf_copy_all(dlx__gguf_writer *w, const dlx__model *m, dlx__dtype dtype,
                                       gguf_keys_fn keys, void *user, dlx_error *err)
{
    if (dtype != GGUF_AS_STORED)
        DLX__TRY(dlx__gguf_put_types(w, dtype, false));
    if (keys)
        DLX__TRY(keys(w, user, err));
    DLX__TRY(dlx__gguf_put_model(w, m));
    DLX__TRY(dlx__gguf_put_carried(w, m));
    dlx__gguf_tensors list;
    DLX__TRY(dlx__gguf_tensors_init(&list, m, err));
    dlx_result r = gguf_copy_tensors(w, &list, dtype, err);
    dlx__gguf_tensors_release(&list);
    return r;
}

/* All of it; memory of the writer from `mem`. */
static inline dlx_result gguf_copy(const dlx__model *m, const char *path, dlx__dtype dtype,
                                   gguf_keys_fn keys, void *user, const dlx_allocator *mem,
                                   dlx_error *err)
{
    dlx__gguf_writer *w = NULL;
    DLX__TRY(dlx__gguf_writer_open(&w, path, mem, err));
    dlx_result r = gguf_copy_all(w, m, dtype, keys, user, err);
    if (r == DLX_OK)
        return dlx__gguf_writer_commit(w, err);
    dlx__gguf_writer_abandon(w);
    return r;
}

/* All numbers but where they came from. */
static inline void gguf_same_hparams(const dlx__hparams *a, const dlx__hparams *b)
{
    assert_int_equal(a->n_layers, b->n_layers);
    assert_int_equal(a->n_embd, b->n_embd);
    assert_int_equal(a->n_heads, b->n_heads);
    assert_int_equal(a->n_heads_kv, b->n_heads_kv);
    assert_int_equal(a->head_dim, b->head_dim);
    assert_int_equal(a->n_ff, b->n_ff);
    assert_int_equal(a->n_rows_vocab, b->n_rows_vocab);
    assert_int_equal(a->n_vocab, b->n_vocab);
    assert_int_equal(a->n_ctx_train, b->n_ctx_train);
    assert_float_equal(a->rope_theta, b->rope_theta, 0);
    assert_float_equal((float)a->rms_eps, (float)b->rms_eps, 0); /* what the graph holds */
    assert_int_equal(a->tied, b->tied);
    assert_int_equal(a->qkv_bias, b->qkv_bias);
    assert_int_equal(a->qk_norm, b->qk_norm);
    assert_int_equal(a->block_length.value, b->block_length.value);
    assert_int_equal(a->small_block.value, b->small_block.value);
    assert_int_equal(a->mask_id.value, b->mask_id.value);
    assert_int_equal(a->bos_id.value, b->bos_id.value);
    assert_int_equal(a->eot_id.value, b->eot_id.value);
    assert_int_equal(a->n_stop_ids, b->n_stop_ids);
    assert_memory_equal(a->stop_ids, b->stop_ids, a->n_stop_ids * sizeof *a->stop_ids);
}

/* Every number of every tensor. Returns how many there are. */
static inline size_t gguf_same_tensors(const dlx__model *a, const dlx__model *b)
{
    size_t n = 0;
    for (size_t i = 0; i < DLX__N_ROLES * a->hp.n_layers; i++) {
        const dlx__tensor *x = a->roles[i];
        const dlx__tensor *y = b->roles[i];
        assert_int_equal(x == NULL, y == NULL);
        if (!x)
            continue;
        size_t n_elems = dlx__tensor_elems(x);
        assert_int_equal(n_elems, dlx__tensor_elems(y));
        float *one = malloc(2 * n_elems * sizeof *one);
        dlx__to_f32(one, x->data, x->dtype, n_elems);
        dlx__to_f32(one + n_elems, y->data, y->dtype, n_elems);
        assert_memory_equal(one, one + n_elems, n_elems * sizeof *one);
        free(one);
        n += n_elems;
    }
    return n;
}

#endif
