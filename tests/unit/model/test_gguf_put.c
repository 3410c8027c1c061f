// labels: quick
/*
 * test_gguf_put.c - a GGUF file made from a model is the same model: numbers, tensors, keys that
 * are only carried along, the record of a quantization; and what a record may not say.
 */
#include "checkpoints.h"
#include "failing_mem.h"
#include "gguf_copy.h"
#include "golden_folders.h"
#include "golden_gguf.h"

#include <math.h>

static const char *tmp(const char *name)
{
    static char path[2][512];
    static int turn;
    turn = !turn;
    mkdir(DLX_TMP_DIR, 0777);
    snprintf(path[turn], sizeof path[turn], "%s/%s", DLX_TMP_DIR, name);
    return path[turn];
}

static void open_copy(dlx__model *copy, const dlx__model *m, dlx__dtype dtype)
{
    dlx_error err = {0};
    const char *path = tmp("put.gguf");
    ok(gguf_copy(m, path, dtype, NULL, NULL, NULL, &err), err);
    ok(dlx__model_open(copy, path, DLX__NEED_WEIGHTS, NULL, &err), err);
}

static void each_golden_comes_back(void **state)
{
    (void)state;
    size_t n = 0;
    for (size_t i = 0; i < DLX__LEN(golden_folders); i++) {
        dlx__model a;
        dlx__model b;
        open_golden(&a, golden_folders[i]);
        static const dlx__dtype types[] = {GGUF_AS_STORED, DLX__F32};
        for (size_t j = 0; j < DLX__LEN(types); j++) {
            open_copy(&b, &a, types[j]);
            assert_ptr_equal(a.family, b.family);
            gguf_same_hparams(&a.hp, &b.hp);
            n += gguf_same_tensors(&a, &b);
            assert_int_equal(b.scheme, DLX__SCHEME_NONE);
            assert_null(b.quant_method);
            dlx__model_release(&b);
        }
        dlx__model_release(&a);
    }
    print_message("%zu numbers equal\n", n);
}

static size_t size_of(const dlx__model *m, const char *key)
{
    size_t value = SIZE_MAX;
    dlx_error err = {0};
    ok(dlx__gguf_size(&m->checkpoint.gguf, key, 0, SIZE_MAX - 1, &value, &err), err);
    return value;
}

/* Where the table has more rows than there are ids, llama.cpp's key counts rows. */
static void llama_cpp_is_told_what_it_asks(void **state)
{
    (void)state;
    dlx__model a;
    dlx__model b;
    open_golden(&a, "llada-gqa-sharded");
    open_copy(&b, &a, DLX__F32);
    assert_int_equal(size_of(&b, "llada.vocab_size"), 384);
    assert_int_equal(size_of(&b, "llada.diffusion.vocab_size"), 310);
    assert_int_equal(size_of(&b, "llada.rope.dimension_count"), a.hp.head_dim);
    assert_int_equal(size_of(&b, "general.file_type"), 0);
    assert_int_equal(size_of(&b, "general.quantization_version"), 2);
    assert_false(dlx__gguf_find(&b.checkpoint.gguf, "llada.attention.causal")->u);
    assert_false(dlx__gguf_find(&b.checkpoint.gguf, "diffusion.shift_logits")->u);
    dlx__gguf_string name;
    dlx_error err = {0};
    ok(dlx__gguf_text(&b.checkpoint.gguf, "general.name", &name, &err), err);
    assert_memory_equal(name.data, "llada-gqa-sharded", name.len);
    dlx__model_release(&b);
    dlx__model_release(&a);
}

static void file_types_are_llama_cpps(void **state)
{
    (void)state;
    assert_int_equal(dlx__gguf_file_type(DLX__F32, false), 0);
    assert_int_equal(dlx__gguf_file_type(DLX__F16, false), 1);
    assert_int_equal(dlx__gguf_file_type(DLX__BF16, false), 32);
    assert_int_equal(dlx__gguf_file_type(DLX__Q8_0, false), 7);
    assert_int_equal(dlx__gguf_file_type(DLX__Q4_0, false), 2);
    assert_int_equal(dlx__gguf_file_type(DLX__Q6_K, false), 18);
    assert_int_equal(dlx__gguf_file_type(DLX__Q4_K, false), 14);
    assert_int_equal(dlx__gguf_file_type(DLX__Q4_K, true), 15);
}

/* Rows one by one are the rows at once, in llama.cpp's order for q and k alone. */
static void rows_go_through_the_permutation(void **state)
{
    (void)state;
    dlx__model m;
    dlx_error err = {0};
    dlx__gguf_tensors list;
    open_golden(&m, "llada-gqa-sharded");
    ok(dlx__gguf_tensors_init(&list, &m, &err), err);
    size_t n_permuted = 0;
    for (size_t i = 0; i < list.n; i++) {
        const dlx__gguf_tensor *t = &list.items[i];
        if (t->head_dim == 0) {
            assert_int_equal(dlx__gguf_row(t, t->n_rows - 1), t->n_rows - 1);
            continue;
        }
        n_permuted++;
        size_t row_bytes = t->tensor->n_bytes / t->n_rows;
        char *want = malloc(2 * t->tensor->n_bytes);
        char *row = want + t->tensor->n_bytes;
        dlx__rows_to_llama_cpp(want, t->tensor->data, t->n_rows / t->head_dim, t->head_dim,
                               row_bytes);
        for (size_t r = 0; r < t->n_rows; r++) {
            gguf_stored_rows(row, t, r, r + 1);
            assert_memory_equal(row, want + r * row_bytes, row_bytes);
        }
        free(want);
    }
    assert_int_equal(n_permuted, 2 * m.hp.n_layers);
    dlx__gguf_tensors_release(&list);
    dlx__model_release(&m);
}

static dlx_result foreign_keys(dlx__gguf_writer *w, void *user, dlx_error *err)
{
    (void)user;
    (void)err;
    const float numbers[] = {0.5f, -2};
    DLX__TRY(dlx__gguf_put_text(w, "general.license", "mit"));
    DLX__TRY(dlx__gguf_put_f32s(w, "somebodys.numbers", numbers, 2));
    DLX__TRY(dlx__gguf_put_u32(w, "general.file_type", 7));
    DLX__TRY(dlx__gguf_put_text(w, "dlx.quant.scheme", "dynamic"));
    DLX__TRY(dlx__gguf_put_text(w, "quantize.imatrix.file", "x"));
    DLX__TRY(dlx__gguf_put_u32(w, "split.count", 1));
    return dlx__gguf_put_u32(w, "general.alignment", 32);
}

/* From GGUF to GGUF: what is not ours comes along, what speaks of the old weights does not. */
static void other_keys_are_carried(void **state)
{
    (void)state;
    dlx_error err = {0};
    dlx__model a, b, c;
    open_golden(&a, "llada-tiny");
    const char *path = tmp("carried.gguf");
    ok(gguf_copy(&a, path, GGUF_AS_STORED, foreign_keys, NULL, NULL, &err), err);
    ok(dlx__model_open(&b, path, DLX__NEED_WEIGHTS, NULL, &err), err);
    assert_int_equal(b.scheme, DLX__SCHEME_DYNAMIC);
    open_copy(&c, &b, GGUF_AS_STORED);
    gguf_same_hparams(&a.hp, &c.hp);
    gguf_same_tensors(&a, &c);
    const dlx__gguf *g = &c.checkpoint.gguf;
    dlx__gguf_string text;
    ok(dlx__gguf_text(g, "general.license", &text, &err), err);
    assert_memory_equal(text.data, "mit", 3);
    ok(dlx__gguf_text(g, "general.name", &text, &err), err);
    assert_memory_equal(text.data, "llada-tiny", text.len);
    assert_float_equal(dlx__gguf_array_number(dlx__gguf_find(g, "somebodys.numbers"), 1), -2, 0);
    static const char *const gone[] = {"general.file_type", "dlx.quant.scheme",
                                       "quantize.imatrix.file", "split.count", "general.alignment"};
    for (size_t i = 0; i < DLX__LEN(gone); i++)
        assert_null(dlx__gguf_find(g, gone[i]));
    assert_int_equal(c.scheme, DLX__SCHEME_NONE);
    dlx__model_release(&c);
    dlx__model_release(&b);
    dlx__model_release(&a);
}

/* The product with this weight; NULL: none. */
static const dlx__node *product_of(const dlx__graph *g, const dlx__tensor *weight)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->nodes[i].op == DLX__OP_LINEAR && g->nodes[i].weight == weight)
            return &g->nodes[i];
    return NULL;
}

static dlx_result record(dlx__gguf_writer *w, void *user, dlx_error *err)
{
    const dlx__model *m = user;
    dlx__gguf_tensors list;
    dlx__gguf_string names[64];
    float largest[64];
    dlx__range in[64], out[64];
    dlx__recorded_ranges ranges = {names, largest, in, out, 0};
    DLX__TRY(dlx__gguf_tensors_init(&list, m, err));
    for (size_t i = 0; i < list.n; i++) {
        const dlx__node *node = product_of(&m->graph, list.items[i].tensor);
        if (!node || node->in_largest == 0)
            continue;
        if (!node->has_ranges)
            ranges.in = ranges.out = NULL;
        names[ranges.n] = (dlx__gguf_string){list.items[i].name, strlen(list.items[i].name)};
        largest[ranges.n] = node->in_largest;
        in[ranges.n] = node->in_range;
        out[ranges.n++] = node->out_range;
    }
    const dlx_result r = dlx__recorded_put(w, DLX__SCHEME_STATIC, "gptq", &ranges, err);
    dlx__gguf_tensors_release(&list);
    return r;
}

/* Ranges for every product, the tied head's too, that no other has; `whole` with what it writes. */
static void set_ranges(dlx__model *m, bool whole)
{
    for (size_t i = 0; i < m->graph.n; i++) {
        dlx__node *node = &m->graph.nodes[i];
        if (node->op != DLX__OP_LINEAR)
            continue;
        node->in_largest = 0.25f + (float)i;
        node->has_ranges = whole;
        if (whole) {
            node->in_range = (dlx__range){-(float)i, 2.5f};
            node->out_range = (dlx__range){-0.125f, 1 + (float)i};
        }
    }
}

static void assert_same_range(dlx__range a, dlx__range b)
{
    assert_float_equal(a.min, b.min, 0);
    assert_float_equal(a.max, b.max, 0);
}

static void a_record_comes_back(void **state)
{
    (void)state;
    static const char *const folders[] = {"llada-tiny", "dream-tied", "sdar-tiny-b8"};
    for (size_t f = 0; f < DLX__LEN(folders); f++) {
        dlx_error err = {0};
        dlx__model a, b;
        open_golden(&a, folders[f]);
        set_ranges(&a, f != 2); /* older files have nothing of what products write */
        a.graph.nodes[a.graph.logits].in_largest = f == 0 ? 0 : 9; /* one may be without */
        a.graph.nodes[a.graph.logits].has_ranges = f == 1;
        if (f == 0)
            a.graph.nodes[a.graph.logits].in_range = a.graph.nodes[a.graph.logits].out_range =
                (dlx__range){0, 0};
        const char *path = tmp("recorded.gguf");
        ok(gguf_copy(&a, path, GGUF_AS_STORED, record, &a, NULL, &err), err);
        ok(dlx__model_open(&b, path, DLX__NEED_WEIGHTS, NULL, &err), err);
        assert_int_equal(b.scheme, DLX__SCHEME_STATIC);
        assert_string_equal(b.quant_method, "gptq");
        assert_int_equal(a.graph.n, b.graph.n);
        for (size_t i = 0; i < a.graph.n; i++) {
            const dlx__node *x = &a.graph.nodes[i], *y = &b.graph.nodes[i];
            assert_float_equal(x->in_largest, y->in_largest, 0);
            assert_int_equal(x->has_ranges, y->has_ranges);
            assert_same_range(x->in_range, y->in_range);
            assert_same_range(x->out_range, y->out_range);
        }
        assert_int_equal(dlx__scheme_check(b.scheme, &b.graph, &err), f ? DLX_OK : DLX_E_ARG);
        dlx__model_release(&b);
        dlx__model_release(&a);
    }
}

typedef struct bad_record {
    const char *scheme, *method;
    const char *names[2]; /* until NULL; none: no such key */
    float largest[3];
    size_t n_largest;
    enum { AS_F32, AS_I32, ABSENT } as;
    float in[4], out[4];
    size_t n_in, n_out;
    dlx_result code;
    const char *part;
} bad_record;

#define Q0 "blk.0.attn_q.weight"
#define V0 "blk.0.attn_v.weight"
#define ONE .names = {Q0}, .largest = {1}, .n_largest = 1
#define PAIRS .in = {-1, 1}

static const bad_record bad_records[] = {
    {.scheme = "fast", .code = DLX_E_UNSUPPORTED, .part = "dlx.quant.scheme"},
    {.scheme = "none", .code = DLX_E_UNSUPPORTED, .part = "found 'none'"},
    {.scheme = "", .code = DLX_E_UNSUPPORTED, .part = "dlx.quant.scheme"},
    {.method = "", .code = DLX_E_FORMAT, .part = "dlx.quant.method"},
    {.method = "two words", .code = DLX_E_FORMAT, .part = "dlx.quant.method"},
    {.method = "a-method-whose-name-is-much-too-long", .code = DLX_E_FORMAT, .part = ".method"},
    {.names = {Q0}, .largest = {1, 2}, .n_largest = 2, .code = DLX_E_FORMAT, .part = "2 for 1"},
    {.names = {Q0, V0}, .largest = {1}, .n_largest = 1, .code = DLX_E_FORMAT, .part = "1 for 2"},
    {.names = {Q0}, .as = ABSENT, .code = DLX_E_FORMAT, .part = "range.largest as a list"},
    {.largest = {1}, .n_largest = 1, .code = DLX_E_FORMAT, .part = "range.names as a list"},
    {.names = {Q0}, .as = AS_I32, .code = DLX_E_FORMAT, .part = "found something else"},
    {.names = {"blk.9.attn_q.weight"},
     .largest = {1},
     .n_largest = 1,
     .code = DLX_E_FORMAT,
     .part = "blk.9.attn_q.weight"},
    {.names = {"blk.0.attn_norm.weight"}, /* a weight, of no product */
     .largest = {1},
     .n_largest = 1,
     .code = DLX_E_FORMAT,
     .part = "blk.0.attn_norm.weight"},
    {.names = {""}, .largest = {1}, .n_largest = 1, .code = DLX_E_FORMAT, .part = "found ''"},
    {.names = {Q0, Q0}, .largest = {1, 1}, .n_largest = 2, .code = DLX_E_FORMAT, .part = "twice"},
    {.names = {Q0, V0}, .largest = {1, -1}, .n_largest = 2, .code = DLX_E_FORMAT, .part = V0},
    {.names = {Q0}, .largest = {0}, .n_largest = 1, .code = DLX_E_FORMAT, .part = "above zero"},
    {.names = {Q0}, .largest = {NAN}, .n_largest = 1, .code = DLX_E_FORMAT, .part = "nan"},
    {.names = {Q0}, .largest = {INFINITY}, .n_largest = 1, .code = DLX_E_FORMAT, .part = "inf"},
    {.in = {-1, 1}, .n_in = 2, .code = DLX_E_FORMAT, .part = "range.names as a list"},
    {ONE, .in = {-1, 1}, .n_in = 2, .code = DLX_E_FORMAT, .part = "range.out as a list"},
    {ONE, .out = {-1, 1}, .n_out = 2, .code = DLX_E_FORMAT, .part = "range.in as a list"},
    {ONE, PAIRS, .n_in = 2, .n_out = 3, .code = DLX_E_FORMAT, .part = "3 for 1"},
    {ONE, PAIRS, .n_in = 4, .n_out = 2, .code = DLX_E_FORMAT, .part = "4 for 1"},
    {ONE, .in = {1, -1}, .n_in = 2, .n_out = 2, .code = DLX_E_FORMAT, .part = "found 1 and -1"},
    {ONE, .in = {NAN, 1}, .n_in = 2, .n_out = 2, .code = DLX_E_FORMAT, .part = "range.in, the"},
    {ONE, PAIRS, .n_in = 2, .n_out = 2, .out = {0, INFINITY}, .code = DLX_E_FORMAT, .part = "inf"},
};

static dlx_result put_bad(dlx__gguf_writer *w, void *user, dlx_error *err)
{
    (void)err;
    const bad_record *b = user;
    dlx__gguf_string names[2];
    const int32_t whole[] = {1, 1};
    size_t n = 0;
    for (; n < 2 && b->names[n]; n++)
        names[n] = (dlx__gguf_string){b->names[n], strlen(b->names[n])};
    if (b->scheme)
        DLX__TRY(dlx__gguf_put_text(w, "dlx.quant.scheme", b->scheme));
    if (b->method)
        DLX__TRY(dlx__gguf_put_text(w, "dlx.quant.method", b->method));
    if (n)
        DLX__TRY(dlx__gguf_put_texts(w, "dlx.quant.range.names", names, n));
    if (b->as == AS_I32)
        return dlx__gguf_put_i32s(w, "dlx.quant.range.largest", whole, n);
    if (b->n_in)
        DLX__TRY(dlx__gguf_put_f32s(w, "dlx.quant.range.in", b->in, b->n_in));
    if (b->n_out)
        DLX__TRY(dlx__gguf_put_f32s(w, "dlx.quant.range.out", b->out, b->n_out));
    if (b->as == ABSENT || (b->n_largest == 0 && n == 0))
        return DLX_OK;
    return dlx__gguf_put_f32s(w, "dlx.quant.range.largest", b->largest, b->n_largest);
}

static void hostile_records_are_refused(void **state)
{
    (void)state;
    dlx__model m;
    open_golden(&m, "llada-tiny");
    for (size_t i = 0; i < DLX__LEN(bad_records); i++) {
        dlx_error err = {0};
        bad_record b = bad_records[i];
        const char *path = tmp("bad.gguf");
        ok(gguf_copy(&m, path, GGUF_AS_STORED, put_bad, &b, NULL, &err), err);
        expect_refusal(path, DLX__NEED_WEIGHTS, b.code, b.part);
    }
    print_message("%zu records refused\n", DLX__LEN(bad_records));
    dlx__model_release(&m);
}

/* Writing and reading with the N-th allocation failing. */
static dlx_result there_and_back(const dlx__model *m, const dlx_allocator *mem, dlx_error *err)
{
    const char *path = tmp("memory.gguf");
    dlx__model local = *m;
    dlx__model b;
    local.mem = mem;
    dlx_result r = gguf_copy(&local, path, GGUF_AS_STORED, record, &local, mem, err);
    if (r == DLX_OK)
        r = dlx__model_open(&b, path, DLX__NEED_WEIGHTS, mem, err);
    if (r == DLX_OK)
        dlx__model_release(&b);
    return r;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    dlx__model m;
    open_golden(&m, "llada-tiny");
    set_ranges(&m, true);
    for (size_t n = 1;; n++) {
        failing_mem mem;
        dlx_error err = {0};
        failing_mem_init(&mem, n);
        dlx_result r = there_and_back(&m, &mem.mem, &err);
        assert_int_equal(mem.n_alive, 0);
        if (r == DLX_OK) {
            print_message("%zu allocations\n", n - 1);
            break;
        }
        assert_int_equal(r, DLX_E_NOMEM);
    }
    dlx__model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_golden_comes_back),
        cmocka_unit_test(llama_cpp_is_told_what_it_asks),
        cmocka_unit_test(file_types_are_llama_cpps),
        cmocka_unit_test(rows_go_through_the_permutation),
        cmocka_unit_test(other_keys_are_carried),
        cmocka_unit_test(a_record_comes_back),
        cmocka_unit_test(hostile_records_are_refused),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
