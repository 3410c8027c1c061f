/*
 * gguf.h - GGUF version 3 (and 2, which differs in nothing we read): typed key-value metadata and
 * tensors. Little-endian. Every count, length, offset and alignment of the file is checked.
 *
 * Layout: "GGUF", u32 version, u64 n_tensors, u64 n_kv; n_kv times {string key, u32 type, value};
 * n_tensors times {string name, u32 n_dims, u64 dims[n_dims] innermost first, u32 type, u64
 * offset}; padding to general.alignment (32); data. A string is u64 length + bytes. An array is u32
 * type, u64 n, values.
 */
#ifndef DLX__GGUF_H
#define DLX__GGUF_H

#include "base/buf.h"
#include "format/weights.h"

typedef enum dlx__gguf_type {
    DLX__GGUF_U8,
    DLX__GGUF_I8,
    DLX__GGUF_U16,
    DLX__GGUF_I16,
    DLX__GGUF_U32,
    DLX__GGUF_I32,
    DLX__GGUF_F32,
    DLX__GGUF_BOOL,
    DLX__GGUF_STRING,
    DLX__GGUF_ARRAY,
    DLX__GGUF_U64,
    DLX__GGUF_I64,
    DLX__GGUF_F64
} dlx__gguf_type;

typedef struct dlx__gguf_string {
    const char *data; /* in the mapping, not terminated */
    size_t len;
} dlx__gguf_string;

/* One metadata entry. Scalars are widened; arrays stay in the file and are read by index. */
typedef struct dlx__gguf_kv {
    const char *key;     /* terminated */
    dlx__gguf_type type; /* of the value; of the elements when is_array */
    bool is_array;
    size_t n;                        /* elements (1 for a scalar) */
    uint64_t u;                      /* integers (two's complement when signed), bool */
    double f;                        /* F32, F64; also the value of integers */
    dlx__gguf_string s;              /* STRING */
    const uint8_t *elements;         /* arrays of fixed-size elements */
    const dlx__gguf_string *strings; /* arrays of strings, indexed while reading */
} dlx__gguf_kv;

typedef struct dlx__gguf {
    dlx__arena arena;
    dlx__map map;
    const char *path;
    dlx__gguf_kv *kv; /* [n_kv] in file order */
    size_t n_kv;
    const dlx__gguf_kv **by_key; /* [n_kv] sorted, for dlx__gguf_find */
    dlx__weights
        weights; /* shapes outermost first; its maps are empty, this object owns the file */
} dlx__gguf;

dlx_result dlx__gguf_open(dlx__gguf *g, const char *path, const dlx_allocator *mem, dlx_error *err);
dlx_result dlx__gguf_parse(dlx__gguf *g, const uint8_t *bytes, size_t n, const char *path,
                           const dlx_allocator *mem, dlx_error *err); /* bytes outlive g */
void dlx__gguf_release(dlx__gguf *g);

const dlx__gguf_kv *dlx__gguf_find(const dlx__gguf *g, const char *key); /* NULL when absent */

/* Typed getters: refuse by sentence what is missing or of another kind. */
dlx_result dlx__gguf_size(const dlx__gguf *g, const char *key, size_t min, size_t max, size_t *out,
                          dlx_error *err);
dlx_result dlx__gguf_number(const dlx__gguf *g, const char *key, double *out, dlx_error *err);
dlx_result dlx__gguf_text(const dlx__gguf *g, const char *key, dlx__gguf_string *out,
                          dlx_error *err);
bool dlx__gguf_is_ints(const dlx__gguf_kv *kv); /* an array of integers or bool; NULL is none */
int64_t dlx__gguf_array_int(const dlx__gguf_kv *kv, size_t i); /* array of integers or bool */
double dlx__gguf_array_number(const dlx__gguf_kv *kv, size_t i);

/*
 * Writing. Keys first, then tensor descriptions, then their bytes in the same order; the writer
 * pads and checks the order. Nothing is seen under `path` before commit. The puts fail only for
 * lack of memory; keys or tensors that were named twice are refused by begin_data.
 */
typedef struct dlx__gguf_writer dlx__gguf_writer;
dlx_result dlx__gguf_writer_open(dlx__gguf_writer **out, const char *path, const dlx_allocator *mem,
                                 dlx_error *err);
/* Keys alone, without a file; `take` appends the bytes of a GGUF file without tensors, frees w. */
dlx_result dlx__gguf_writer_open_keys(dlx__gguf_writer **out, const dlx_allocator *mem,
                                      dlx_error *err);
dlx_result dlx__gguf_writer_take(dlx__gguf_writer *w, dlx__buf *out, dlx_error *err);
dlx_result dlx__gguf_put_u32(dlx__gguf_writer *w, const char *key, uint32_t value);
dlx_result dlx__gguf_put_f32(dlx__gguf_writer *w, const char *key, float value);
dlx_result dlx__gguf_put_bool(dlx__gguf_writer *w, const char *key, bool value);
dlx_result dlx__gguf_put_text(dlx__gguf_writer *w, const char *key, const char *value);
dlx_result dlx__gguf_put_texts(dlx__gguf_writer *w, const char *key, const dlx__gguf_string *values,
                               size_t n);
dlx_result dlx__gguf_put_i32s(dlx__gguf_writer *w, const char *key, const int32_t *values,
                              size_t n);
dlx_result dlx__gguf_put_f32s(dlx__gguf_writer *w, const char *key, const float *values, size_t n);
dlx_result dlx__gguf_put_kv(dlx__gguf_writer *w, const dlx__gguf_kv *kv);   /* as read, any type */
bool dlx__gguf_has_put(const dlx__gguf_writer *w, const char *key);         /* was the key put? */
dlx_result dlx__gguf_add_tensor(dlx__gguf_writer *w, const dlx__tensor *t); /* data may be NULL */
dlx_result dlx__gguf_begin_data(dlx__gguf_writer *w, dlx_error *err);
dlx_result dlx__gguf_write_tensor(dlx__gguf_writer *w, const void *bytes, size_t n_bytes,
                                  dlx_error *err); /* a whole one */
dlx_result dlx__gguf_write_part(dlx__gguf_writer *w, const void *bytes, size_t n_bytes,
                                dlx_error *err); /* the next bytes of the tensor whose turn it is */
/* Other values for an array of as many numbers that was put, known only when all data is written;
 * where it can be changed: not in a pipe. */
bool dlx__gguf_can_change(const dlx__gguf_writer *w);
dlx_result dlx__gguf_change_f32s(dlx__gguf_writer *w, const char *key, const float *values,
                                 size_t n, dlx_error *err);
dlx_result dlx__gguf_writer_commit(dlx__gguf_writer *w, dlx_error *err); /* frees w */
void dlx__gguf_writer_abandon(dlx__gguf_writer *w);

#endif
