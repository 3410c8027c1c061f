// labels: quick
/* test_gguf.c - GGUF files of every value and tensor type written here and read back; damage. */
#include "base/buf.h"
#include "base/mem.h"
#include "dtype/convert.h"
#include "failing_mem.h"
#include "format/gguf.h"
#include "unit.h"

#include <stdlib.h>

/* A generator of its own, so that the reader is not tested against the writer alone. */
static void put(dlx__buf *b, const void *bytes, size_t n)
{
    assert_true(dlx__buf_append(b, bytes, n));
}

static void put_u32(dlx__buf *b, uint32_t v)
{
    put(b, &v, 4);
}

static void put_u64(dlx__buf *b, uint64_t v)
{
    put(b, &v, 8);
}

static void put_text(dlx__buf *b, const char *s)
{
    put_u64(b, strlen(s));
    put(b, s, strlen(s));
}

static void put_head(dlx__buf *b, uint32_t version, uint64_t n_tensors, uint64_t n_kv)
{
    dlx__buf_init(b, NULL);
    put(b, "GGUF", 4);
    put_u32(b, version);
    put_u64(b, n_tensors);
    put_u64(b, n_kv);
}

static void put_key(dlx__buf *b, const char *key, dlx__gguf_type type)
{
    put_text(b, key);
    put_u32(b, type);
}

static void put_tensor(dlx__buf *b, const char *name, uint32_t n_dims, const uint64_t *dims,
                       uint32_t type, uint64_t offset)
{
    put_text(b, name);
    put_u32(b, n_dims);
    for (uint32_t i = 0; i < n_dims; i++)
        put_u64(b, dims[i]);
    put_u32(b, type);
    put_u64(b, offset);
}

static void pad_to(dlx__buf *b, size_t alignment)
{
    while (b->len % alignment)
        put(b, "", 1);
}

static dlx_result parse_exact(const dlx__buf *b, size_t n, const dlx_allocator *mem, dlx_error *err)
{
    dlx__gguf g;
    uint8_t *exact = malloc(n ? n : 1);
    memcpy(exact, b->data, n);
    dlx_result r = dlx__gguf_parse(&g, exact, n, "m.gguf", mem, err);
    if (r == DLX_OK)
        dlx__gguf_release(&g);
    free(exact);
    return r;
}

/* Ends the life of b. */
static void refuse(dlx__buf *b, dlx_result code, const char *words)
{
    dlx_error err = {.text = ""};
    assert_int_equal(parse_exact(b, b->len, NULL, &err), code);
    assert_says(&err, "m.gguf");
    assert_says(&err, words);
    dlx__buf_release(b);
}

static const uint64_t dim4[] = {4};

/* A small file with scalars, arrays and two tensors. */
static void make_small(dlx__buf *b)
{
    put_head(b, 3, 2, 5);
    put_key(b, "general.architecture", DLX__GGUF_STRING);
    put_text(b, "llada");
    put_key(b, "n", DLX__GGUF_I16);
    put(b, "\xFE\xFF", 2);
    put_key(b, "x", DLX__GGUF_F32);
    put(b, "\0\0\0\x3F", 4);
    put_key(b, "tokens", DLX__GGUF_ARRAY);
    put_u32(b, DLX__GGUF_STRING);
    put_u64(b, 2);
    put_text(b, "a");
    put_text(b, "");
    put_key(b, "ids", DLX__GGUF_ARRAY);
    put_u32(b, DLX__GGUF_I32);
    put_u64(b, 2);
    put_u32(b, 7);
    put_u32(b, (uint32_t)-7);
    const uint64_t dims[] = {3, 2};
    put_tensor(b, "w", 2, dims, 0, 0);
    put_tensor(b, "a", 1, dim4, 1, 32);
    pad_to(b, 32);
    for (int i = 0; i < 40; i++)
        put(b, &(char){(char)i}, 1);
}

static void values_and_tensors(void **state)
{
    (void)state;
    dlx__buf b;
    make_small(&b);
    dlx__gguf g;
    dlx_error err;
    assert_ok(dlx__gguf_parse(&g, (const uint8_t *)b.data, b.len, "m.gguf", NULL, &err), &err);
    assert_int_equal(g.n_kv, 5);
    dlx__gguf_string s;
    assert_ok(dlx__gguf_text(&g, "general.architecture", &s, &err), &err);
    assert_int_equal(s.len, 5);
    assert_memory_equal(s.data, "llada", 5);
    double x;
    assert_ok(dlx__gguf_number(&g, "n", &x, &err), &err);
    assert_true(x == -2.0);
    assert_ok(dlx__gguf_number(&g, "x", &x, &err), &err);
    assert_true(x == 0.5);
    const dlx__gguf_kv *kv = dlx__gguf_find(&g, "tokens");
    assert_true(kv->is_array && kv->type == DLX__GGUF_STRING && kv->n == 2);
    assert_int_equal(kv->strings[0].len, 1);
    assert_int_equal(kv->strings[1].len, 0);
    kv = dlx__gguf_find(&g, "ids");
    assert_int_equal(dlx__gguf_array_int(kv, 1), -7);
    assert_true(dlx__gguf_array_number(kv, 1) == -7.0);
    size_t n;
    assert_int_equal(dlx__gguf_size(&g, "n", 0, 9, &n, &err), DLX_E_FORMAT);
    assert_says(&err, "key n: expected from 0 to 9, found -2");
    assert_int_equal(dlx__gguf_size(&g, "absent", 0, 9, &n, &err), DLX_E_FORMAT);
    assert_says(&err, "no such key");
    assert_int_equal(dlx__gguf_size(&g, "x", 0, 9, &n, &err), DLX_E_FORMAT);
    assert_int_equal(dlx__gguf_number(&g, "ids", &x, &err), DLX_E_FORMAT);
    assert_int_equal(dlx__gguf_text(&g, "tokens", &s, &err), DLX_E_FORMAT);
    const dlx__tensor *w = &g.weights.tensors[dlx__weights_find(&g.weights, "w")];
    assert_int_equal(w->shape[0], 2); /* outermost first */
    assert_int_equal(w->shape[1], 3);
    assert_int_equal(*(const uint8_t *)w->data, 0);
    const dlx__tensor *a = &g.weights.tensors[0];
    assert_string_equal(a->name, "a");
    assert_int_equal(*(const uint8_t *)a->data, 32);
    dlx__gguf_release(&g);
    dlx__buf_release(&b);
}

static void every_length_and_bit(void **state)
{
    (void)state;
    dlx__buf b;
    make_small(&b);
    dlx_error err;
    for (size_t n = 0; n < b.len; n++) {
        err.text[0] = '\0';
        assert_int_not_equal(parse_exact(&b, n, NULL, &err), DLX_OK);
        assert_says(&err, "m.gguf");
    }
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        failing_mem f;
        failing_mem_init(&f, 0);
        b.data[bit / 8] = (char)(b.data[bit / 8] ^ 1 << bit % 8);
        dlx_result r = parse_exact(&b, b.len, &f.mem, &err);
        assert_true(r == DLX_OK || strstr(err.text, "m.gguf"));
        assert_int_equal(f.n_alive, 0);
        b.data[bit / 8] = (char)(b.data[bit / 8] ^ 1 << bit % 8);
    }
    dlx__buf_release(&b);
}

static void hostile_counts(void **state)
{
    (void)state;
    dlx__buf b;
    put_head(&b, 3, 0, UINT64_MAX);
    refuse(&b, DLX_E_FORMAT, "keys");
    put_head(&b, 3, UINT64_MAX, 0);
    refuse(&b, DLX_E_FORMAT, "tensors");
    put_head(&b, 3, 1ull << 40, 0);
    refuse(&b, DLX_E_FORMAT, "tensors");
    put_head(&b, 3, 0, 1);
    put_u64(&b, UINT64_MAX);
    put(&b, "key and more", 12);
    refuse(&b, DLX_E_FORMAT, "a key");
    put_head(&b, 3, 0, 1);
    put_key(&b, "list", DLX__GGUF_ARRAY);
    put_u32(&b, DLX__GGUF_F64);
    put_u64(&b, (1ull << 61) + 1); /* times eight wraps to 8 */
    put_u64(&b, 0);
    refuse(&b, DLX_E_FORMAT, "list");
    put_head(&b, 3, 0, 1);
    put_key(&b, "list", DLX__GGUF_ARRAY);
    put_u32(&b, DLX__GGUF_ARRAY);
    put_u64(&b, 1);
    refuse(&b, DLX_E_UNSUPPORTED, "list of lists");
    put_head(&b, 3, 0, 1);
    put_key(&b, "odd", (dlx__gguf_type)13);
    refuse(&b, DLX_E_FORMAT, "value type");
}

static void hostile_keys(void **state)
{
    (void)state;
    dlx__buf b;
    put_head(&b, 3, 0, 2);
    for (int i = 0; i < 2; i++) {
        put_key(&b, "same", DLX__GGUF_U8);
        put(&b, "1", 1);
    }
    refuse(&b, DLX_E_FORMAT, "key same: expected it once");
    put_head(&b, 3, 0, 1);
    put_u64(&b, 3);
    put(&b, "a\0b", 3);
    put_u32(&b, DLX__GGUF_U8);
    put(&b, "1234567890", 10);
    refuse(&b, DLX_E_FORMAT, "without zeros");
    put_head(&b, 3, 0, 1);
    put_key(&b, "", DLX__GGUF_U8);
    put(&b, "1234567890", 10);
    refuse(&b, DLX_E_FORMAT, "a key");
}

static void hostile_alignment(void **state)
{
    (void)state;
    static const uint32_t bad[] = {0, 3, 48, UINT32_MAX};
    for (size_t i = 0; i < DLX__LEN(bad); i++) {
        dlx__buf b;
        put_head(&b, 3, 1, 1);
        put_key(&b, "general.alignment", DLX__GGUF_U32);
        put_u32(&b, bad[i]);
        put_tensor(&b, "w", 1, dim4, 0, 0);
        pad_to(&b, 64);
        put(&b, "0123456789abcdef", 16);
        refuse(&b, DLX_E_FORMAT, "general.alignment");
    }
    dlx__buf b;
    put_head(&b, 3, 1, 1);
    put_key(&b, "general.alignment", DLX__GGUF_STRING);
    put_text(&b, "x");
    put_tensor(&b, "w", 1, dim4, 0, 0);
    refuse(&b, DLX_E_FORMAT, "whole number");
}

static void hostile_tensors(void **state)
{
    (void)state;
    dlx__buf b;
    const uint64_t huge[] = {1ull << 40, 1ull << 40, 1, 1, 1};
    const uint64_t torn[] = {33};
    put_head(&b, 3, 1, 0);
    put_tensor(&b, "w", 2, huge, 0, 0);
    refuse(&b, DLX_E_FORMAT, "a size that fits");
    put_head(&b, 3, 1, 0);
    put_tensor(&b, "w", 5, huge, 0, 0);
    refuse(&b, DLX_E_FORMAT, "at most 4 dimensions, found 5");
    put_head(&b, 3, 1, 0);
    put_tensor(&b, "w", 1, torn, 8, 0);
    refuse(&b, DLX_E_FORMAT, "whole blocks of 32");
    put_head(&b, 3, 1, 0);
    put_tensor(&b, "w", 1, dim4, 10, 0);
    refuse(&b, DLX_E_UNSUPPORTED, "found type 10 (q2_k)");
    put_head(&b, 3, 1, 0);
    put_tensor(&b, "w", 1, dim4, 42, 0);
    refuse(&b, DLX_E_UNSUPPORTED, "found type 42 (q2_0)");
    put_head(&b, 3, 1, 0);
    put_tensor(&b, "w", 1, dim4, UINT32_MAX, 0);
    refuse(&b, DLX_E_UNSUPPORTED, "unknown to us");
    put_head(&b, 3, 1, 0);
    put_tensor(&b, "w", 1, dim4, 0, 4);
    refuse(&b, DLX_E_FORMAT, "tensor w: expected its data at offset 0, found 4");
    put_head(&b, 3, 2, 0);
    put_tensor(&b, "w", 1, dim4, 0, 0);
    put_tensor(&b, "v", 1, dim4, 0, 0);
    refuse(&b, DLX_E_FORMAT, "tensor v: expected its data at offset 32, found 0");
    put_head(&b, 3, 1, 0);
    put_tensor(&b, "w", 1, dim4, 0, 0);
    pad_to(&b, 32);
    put(&b, "0123456789abcde", 15);
    refuse(&b, DLX_E_FORMAT, "the end of the file");
    put_head(&b, 3, 2, 0);
    put_tensor(&b, "w", 1, dim4, 0, 0);
    put_tensor(&b, "w", 1, dim4, 0, 32);
    pad_to(&b, 32);
    for (int i = 0; i < 64; i++)
        put(&b, "", 1);
    refuse(&b, DLX_E_FORMAT, "tensor w occurs twice");
}

static void other_files_are_refused(void **state)
{
    (void)state;
    dlx__buf b;
    put_head(&b, 1, 0, 0);
    refuse(&b, DLX_E_UNSUPPORTED, "version 2 or 3, found 1");
    put_head(&b, 0x03000000, 0, 0);
    refuse(&b, DLX_E_UNSUPPORTED, "big-endian");
    put_head(&b, 3, 0, 0);
    b.data[0] = 'g';
    refuse(&b, DLX_E_FORMAT, "the word GGUF");
    put_head(&b, 2, 0, 0);
    dlx_error err;
    assert_ok(parse_exact(&b, b.len, NULL, &err), &err);
    dlx__buf_release(&b);
}

/* Every tensor type, its bytes a known pattern, through the writer and back. */
static void every_tensor_type_reads_back(void **state)
{
    (void)state;
    const char *path = DLX_TMP_DIR "/test_gguf.gguf";
    static uint8_t pattern[2 * 210];
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i * 37 + 11);
    dlx__gguf_writer *w;
    dlx_error err;
    assert_ok(dlx__gguf_writer_open(&w, path, NULL, &err), &err);
    assert_int_equal(dlx__gguf_put_text(w, "general.architecture", "dream"), DLX_OK);
    assert_int_equal(dlx__gguf_put_u32(w, "u32", 4000000000u), DLX_OK);
    assert_int_equal(dlx__gguf_put_f32(w, "f32", 1e-6f), DLX_OK);
    assert_int_equal(dlx__gguf_put_bool(w, "yes", true), DLX_OK);
    const dlx__gguf_string texts[] = {{"ab", 2}, {"\0", 1}, {"", 0}};
    assert_int_equal(dlx__gguf_put_texts(w, "texts", texts, 3), DLX_OK);
    const int32_t ints[] = {-1, 2};
    assert_int_equal(dlx__gguf_put_i32s(w, "ints", ints, 2), DLX_OK);
    dlx__tensor tensors[DLX__N_DTYPES];
    for (int i = 0; i < DLX__N_DTYPES; i++) {
        const dlx__dtype_info *info = dlx__dtype_of((dlx__dtype)i);
        tensors[i] = (dlx__tensor){.name = info->name,
                                   .dtype = (dlx__dtype)i,
                                   .n_dims = 2,
                                   .shape = {2, info->block_elems},
                                   .n_bytes = 2 * info->block_bytes};
        assert_int_equal(dlx__gguf_add_tensor(w, &tensors[i]), DLX_OK);
    }
    assert_ok(dlx__gguf_begin_data(w, &err), &err);
    for (int i = 0; i < DLX__N_DTYPES; i++)
        assert_ok(dlx__gguf_write_tensor(w, pattern, tensors[i].n_bytes, &err), &err);
    assert_ok(dlx__gguf_writer_commit(w, &err), &err);
    dlx__gguf g;
    assert_ok(dlx__gguf_open(&g, path, NULL, &err), &err);
    assert_int_equal(g.weights.n, DLX__N_DTYPES);
    for (int i = 0; i < DLX__N_DTYPES; i++) {
        size_t at = dlx__weights_find(&g.weights, tensors[i].name);
        const dlx__tensor *t = &g.weights.tensors[at];
        assert_int_equal(t->dtype, tensors[i].dtype);
        assert_memory_equal(t->shape, tensors[i].shape, 2 * sizeof *t->shape);
        assert_int_equal((uintptr_t)t->data % 32, 0);
        assert_memory_equal(t->data, pattern, t->n_bytes);
    }
    assert_int_equal(dlx__gguf_find(&g, "u32")->u, 4000000000u);
    assert_true(dlx__gguf_find(&g, "f32")->f == (double)1e-6f);
    assert_int_equal(dlx__gguf_find(&g, "yes")->u, 1);
    assert_int_equal(dlx__gguf_find(&g, "texts")->strings[1].len, 1);
    assert_int_equal(dlx__gguf_array_int(dlx__gguf_find(&g, "ints"), 0), -1);
    dlx__gguf_release(&g);
    dlx__os_remove(path);
}

/* What was read can be written again, key by key, to the same metadata bytes. */
static void keys_copy(void **state)
{
    (void)state;
    const char *path = DLX_TMP_DIR "/test_gguf_copy.gguf";
    dlx__buf b;
    put_head(&b, 3, 0, 13);
    static const size_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    static const uint8_t value[8] = {1, 0xFF, 0x80, 0x3F, 0x55, 0xAA, 0xF0, 0xBF};
    for (uint32_t type = 0; type < DLX__LEN(sizes); type++) {
        char key[8] = {'k', (char)('a' + type)};
        put_key(&b, key, (dlx__gguf_type)type);
        if (type == DLX__GGUF_STRING) {
            put_text(&b, "words");
        } else if (type == DLX__GGUF_ARRAY) {
            put_u32(&b, DLX__GGUF_U16);
            put_u64(&b, 3);
            put(&b, value, 6);
        } else {
            put(&b, value, sizes[type]);
        }
    }
    dlx__gguf g, copy;
    dlx_error err;
    assert_ok(dlx__gguf_parse(&g, (const uint8_t *)b.data, b.len, "m.gguf", NULL, &err), &err);
    dlx__gguf_writer *w;
    assert_ok(dlx__gguf_writer_open(&w, path, NULL, &err), &err);
    for (size_t i = 0; i < g.n_kv; i++)
        assert_int_equal(dlx__gguf_put_kv(w, &g.kv[i]), DLX_OK);
    assert_ok(dlx__gguf_begin_data(w, &err), &err);
    assert_ok(dlx__gguf_writer_commit(w, &err), &err);
    assert_ok(dlx__gguf_open(&copy, path, NULL, &err), &err);
    assert_memory_equal(copy.map.data, b.data, b.len);
    dlx__gguf_release(&copy);
    dlx__gguf_release(&g);
    dlx__buf_release(&b);
    dlx__os_remove(path);
}

static void the_writer_checks_its_caller(void **state)
{
    (void)state;
    const char *path = DLX_TMP_DIR "/test_gguf_bad.gguf";
    const dlx__tensor t = {.name = "w", .dtype = DLX__F32, .n_dims = 1, .shape = {4}};
    dlx__gguf_writer *w;
    dlx_error err;
    assert_ok(dlx__gguf_writer_open(&w, path, NULL, &err), &err);
    assert_int_equal(dlx__gguf_put_u32(w, "k", 1), DLX_OK);
    assert_int_equal(dlx__gguf_put_u32(w, "k", 2), DLX_OK);
    assert_int_equal(dlx__gguf_begin_data(w, &err), DLX_E_ARG);
    assert_says(&err, "found k twice");
    dlx__gguf_writer_abandon(w);
    assert_ok(dlx__gguf_writer_open(&w, path, NULL, &err), &err);
    assert_int_equal(dlx__gguf_add_tensor(w, &t), DLX_OK);
    assert_ok(dlx__gguf_begin_data(w, &err), &err);
    assert_int_equal(dlx__gguf_write_tensor(w, "12345678", 8, &err), DLX_E_ARG);
    assert_says(&err, "expected 16 bytes, was given 8");
    assert_int_equal(dlx__gguf_writer_commit(w, &err), DLX_E_ARG);
    assert_int_equal(dlx__os_path_kind(path), DLX__PATH_ABSENT);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    dlx__buf b;
    make_small(&b);
    bool finished = false;
    for (size_t at = 1; !finished && at < 50; at++) {
        failing_mem f;
        failing_mem_init(&f, at);
        dlx_error err;
        dlx_result r = parse_exact(&b, b.len, &f.mem, &err);
        assert_true(r == DLX_OK || r == DLX_E_NOMEM);
        assert_int_equal(f.n_alive, 0);
        finished = r == DLX_OK;
    }
    assert_true(finished);
    dlx__buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_tensors),
        cmocka_unit_test(every_length_and_bit),
        cmocka_unit_test(hostile_counts),
        cmocka_unit_test(hostile_keys),
        cmocka_unit_test(hostile_alignment),
        cmocka_unit_test(hostile_tensors),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(every_tensor_type_reads_back),
        cmocka_unit_test(keys_copy),
        cmocka_unit_test(the_writer_checks_its_caller),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
