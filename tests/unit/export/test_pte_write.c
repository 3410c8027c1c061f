/* test_pte_write.c - programs, written and read back: layout, streaming, refusals, no memory. */
#include "export_sample.h"

#include "failing_mem.h"

static uint8_t *slurp(const char *path, size_t *n)
{
    char *bytes;
    dlx_error err;
    assert_ok(dlx__os_read_file(&bytes, n, path, SIZE_MAX / 2, NULL, &err), &err);
    return (uint8_t *)bytes;
}

static uint64_t number_at(const uint8_t *p, size_t n_bytes)
{
    uint64_t v = 0;
    memcpy(&v, p, n_bytes);
    return v;
}

static const dlx__pte_seen_method *method(const dlx__pte_file *f, const char *name)
{
    for (size_t i = 0; i < f->n_methods; i++)
        if (strcmp(f->methods[i].name, name) == 0)
            return &f->methods[i];
    fail_msg("there is no method %s", name);
    return NULL;
}

static void a_program_is_read_back(void **state)
{
    (void)state;
    const char *path = sample_path("all.pte");
    sample s;
    dlx_error err;
    dlx__pte_file f;
    sample_open(&s, NULL);
    assert_ok(sample_build(&s, &err), &err);
    assert_ok(dlx__pte_write(&s.program, path, NULL, NULL, &err), &err);
    assert_ok(dlx__pte_open(&f, path, NULL, NULL, &err), &err);
    assert_int_equal(f.n_methods, 6);
    const dlx__pte_seen_method *m = method(&f, "forward");
    assert_int_equal(m->n_inputs, 1);
    assert_int_equal(m->values[m->inputs[0]].type, DLX__PTE_FLOAT);
    assert_int_equal(m->values[m->inputs[0]].dims[1], SAMPLE_K);
    assert_true(m->values[m->inputs[0]].dynamic);
    assert_false(m->values[m->inputs[0]].planned);
    assert_int_equal(m->n_delegates, 1);
    assert_int_equal(m->delegates[0].n_calls, 1);
    assert_true(m->delegates[0].is_xnn);
    assert_int_equal(m->delegates[0].xnn.n_nodes, 1);
    assert_string_equal(m->delegates[0].xnn.kinds[0].name, "FullyConnected");
    assert_string_equal(m->delegates[0].xnn.kinds[0].type, "fp32");
    assert_int_equal(m->arenas[1], 4 * SAMPLE_ROWS * SAMPLE_N + 16);

    m = method(&f, "step");
    assert_int_equal(m->n_steps, 7);
    assert_int_equal(m->n_operators, 3);
    assert_string_equal(m->operators[0].name, "aten::embedding");
    assert_string_equal(m->operators[1].overload, "");
    assert_true(m->values[1].constant);
    assert_string_equal(m->values[4].name, "cache.0.k");
    assert_int_equal(m->values[4].arena, 2);
    assert_int_equal(m->values[6].i, -1);
    assert_true(m->values[8].d == 0.5);
    assert_string_equal(m->values[9].text, "text");
    assert_int_equal(m->values[10].kind, DLX__PTE_KIND_INT_LIST);
    assert_int_equal(m->values[10].items[1], 6);
    assert_int_equal(m->values[12].items[0], -1);

    assert_int_equal(method(&f, "get_vocab_size")->values[0].i, SAMPLE_N);
    assert_int_equal(method(&f, "use_kv_cache")->values[0].kind, DLX__PTE_KIND_BOOL);
    assert_string_equal(method(&f, "get_layout")->values[0].text, "block");
    assert_int_equal(method(&f, "get_eos_ids")->n_outputs, 2);
    assert_int_equal(method(&f, "get_eos_ids")->values[1].i, 9);

    assert_int_equal(f.n_named, 1);
    assert_memory_equal(f.named[0].data, s.w, sizeof s.w);
    assert_int_equal(f.named_bytes, sizeof s.w);
    assert_int_equal(f.constant_bytes, 2 * 640);
    assert_int_equal(f.payload_bytes, 2 * s.payload.len);
    dlx__pte_close(&f);
    sample_close(&s);
}

/* The header, and where constants and initial values come to lie. */
static void the_bytes_lie_where_the_format_wants_them(void **state)
{
    (void)state;
    const char *path = sample_path("layout.pte");
    sample s;
    dlx_error err;
    dlx__pte_written w;
    size_t n;
    sample_open(&s, NULL);
    assert_ok(sample_build(&s, &err), &err);
    assert_ok(dlx__pte_write(&s.program, path, NULL, &w, &err), &err);
    uint8_t *b = slurp(path, &n);
    const uint64_t n_program = number_at(b + 16, 8), base = number_at(b + 24, 8);
    assert_memory_equal(b + 4, "ET12eh00", 8);
    assert_int_equal(number_at(b + 12, 4), 32);
    assert_int_equal(n_program, w.program_bytes);
    assert_true(base >= n_program && base % 16 == 0);
    assert_int_equal(base + number_at(b + 32, 8), n);
    assert_int_equal(n, w.pte_bytes);
    for (int i = 0; i < 640; i++) {
        assert_int_equal(b[base + i], (uint8_t)(3 + i));         /* the table */
        assert_int_equal(b[base + 640 + i], (uint8_t)(200 + i)); /* the state */
    }
    assert_memory_equal(b + n - sizeof s.w, s.w, sizeof s.w);
    free(b);
    sample_close(&s);
}

static void named_data_may_lie_in_a_ptd(void **state)
{
    (void)state;
    const char *path = sample_path("split.pte"), *data = sample_path("split.ptd");
    sample s;
    dlx_error err;
    dlx__pte_file f;
    dlx__pte_written w;
    const dlx__pte_write_opts opts = {.data_path = data};
    sample_open(&s, NULL);
    assert_ok(sample_build(&s, &err), &err);
    assert_ok(dlx__pte_write(&s.program, path, &opts, &w, &err), &err);
    assert_true(w.pte_bytes < sizeof s.w && w.ptd_bytes > sizeof s.w);
    assert_ok(dlx__pte_open(&f, path, data, NULL, &err), &err);
    assert_int_equal(f.n_named, 0);
    assert_int_equal(f.outside.n_items, 1);
    assert_string_equal(f.outside.items[0].key, "w");
    assert_memory_equal(f.outside.items[0].data, s.w, sizeof s.w);
    dlx__pte_close(&f);

    /* without it, the runtime would crash */
    assert_int_equal(dlx__pte_open(&f, path, NULL, NULL, &err), DLX_E_FORMAT);
    assert_says(&err, "has the key w, which is in no named data");

    /* twice is once too often */
    assert_ok(dlx__pte_write(&s.program, path, NULL, NULL, &err), &err);
    assert_int_equal(dlx__pte_open(&f, path, data, NULL, &err), DLX_E_MISMATCH);
    assert_says(&err, "none where its data is inside");

    size_t n;
    uint8_t *b = slurp(data, &n);
    assert_memory_equal(b + 4, "FT01FH01", 8);
    assert_int_equal(number_at(b + 12, 4), 40);
    assert_int_equal(number_at(b + 16, 8), 48);
    assert_int_equal(number_at(b + 32, 8) + number_at(b + 40, 8), n);
    for (size_t cut = 0; cut < n; cut += cut < 400 ? 1 : 997) {
        uint8_t *copy = malloc(cut + 1);
        dlx__ptd_file ptd;
        memcpy(copy, b, cut);
        assert_int_equal(dlx__ptd_parse(&ptd, copy, cut, "cut", NULL, &err), DLX_E_FORMAT);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * 300; bit++) {
        dlx__ptd_file ptd;
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (dlx__ptd_parse(&ptd, b, n, "flipped", NULL, &err) == DLX_OK)
            dlx__ptd_close(&ptd);
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(b);
    sample_close(&s);
}

/* ---- streaming ------------------------------------------------------------------------------- */

enum { LARGE_MATRICES = 24, LARGE_BYTES = 1 << 20 };

static dlx_result zeros(void *user, dlx__pte_sink *sink, dlx_error *err)
{
    static const uint8_t piece[1 << 14];
    const size_t n = *(const size_t *)user;
    for (size_t done = 0; done < n;) {
        const size_t part = n - done < sizeof piece ? n - done : sizeof piece;
        dlx_result r = dlx__pte_sink_put(sink, piece, part, err);
        if (r != DLX_OK)
            return r;
        done += part;
    }
    return DLX_OK;
}

/* Refuses whatever is as large as a weight. */
static void *small_only(void *user, void *p, size_t n_bytes)
{
    (void)user;
    if (n_bytes == 0) {
        free(p);
        return NULL;
    }
    return n_bytes > LARGE_BYTES / 4 ? NULL : realloc(p, n_bytes);
}

typedef struct progress {
    uint64_t last, total;
    int n_calls, stop_after;
} progress;

static bool on_progress(void *user, uint64_t n_done, uint64_t n_total)
{
    progress *p = user;
    assert_true(n_done >= p->last && n_done <= n_total);
    p->last = n_done;
    p->total = n_total;
    return ++p->n_calls != p->stop_after;
}

/* Matrices and their scales, as a model has them: sizes that are no multiples of anything. */
static void add_large(dlx__pte *p, size_t *sizes)
{
    for (int i = 0; i < LARGE_MATRICES; i++) {
        char key[32];
        sizes[i] = i % 2 ? 300 + (size_t)i : LARGE_BYTES + 37 * (size_t)i;
        snprintf(key, sizeof key, "weight %d", i);
        dlx__pte_name(p, key,
                      (dlx__pte_blob){.n_bytes = sizes[i], .produce = zeros, .user = &sizes[i]});
    }
}

static void weights_stream_and_little_is_wasted(void **state)
{
    (void)state;
    const char *path = sample_path("large.pte");
    const dlx_allocator mem = {small_only, NULL};
    size_t sizes[LARGE_MATRICES], sum = 0;
    sample s;
    dlx_error err;
    progress seen = {.n_calls = 0};
    dlx__pte_written w;
    const dlx__pte_write_opts opts = {.on_progress = on_progress, .user = &seen, .mem = &mem};
    sample_open(&s, &mem);
    assert_ok(sample_build(&s, &err), &err);
    add_large(&s.program, sizes);
    for (int i = 0; i < LARGE_MATRICES; i++)
        sum += sizes[i];
    assert_ok(dlx__pte_write(&s.program, path, &opts, &w, &err), &err);
    assert_int_equal(w.named_bytes, sum + sizeof s.w);
    assert_true((double)w.pte_bytes <= 1.02 * (double)w.named_bytes);
    assert_true(seen.n_calls >= 10 && seen.last == seen.total);
    dlx__pte_file f;
    assert_ok(dlx__pte_open(&f, path, NULL, &mem, &err), &err);
    assert_int_equal(f.n_named, LARGE_MATRICES + 1);
    for (size_t i = 0; i < f.n_named; i++) /* whole pages for what is large */
        if (f.named[i].n_bytes >= LARGE_BYTES)
            assert_int_equal((f.named[i].data - f.map.data) % 4096, 0);
    dlx__pte_close(&f);
    sample_close(&s);
}

static void a_stopped_write_leaves_nothing(void **state)
{
    (void)state;
    const char *path = sample_path("stopped.pte"), *data = sample_path("stopped.ptd");
    size_t sizes[LARGE_MATRICES];
    sample s;
    dlx_error err;
    progress seen = {.stop_after = 3};
    const dlx__pte_write_opts opts = {.on_progress = on_progress, .user = &seen, .data_path = data};
    sample_open(&s, NULL);
    assert_ok(sample_build(&s, &err), &err);
    add_large(&s.program, sizes);
    dlx__os_remove(path);
    assert_int_equal(dlx__pte_write(&s.program, path, &opts, NULL, &err), DLX_CANCELLED);
    assert_int_equal(seen.n_calls, 3);
    assert_int_equal(dlx__os_path_kind(path), DLX__PATH_ABSENT);
    assert_int_equal(dlx__os_path_kind(data), DLX__PATH_ABSENT);
    sample_close(&s);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static dlx_result too_few(void *user, dlx__pte_sink *sink, dlx_error *err)
{
    (void)user;
    return dlx__pte_sink_put(sink, "abc", 3, err);
}

static dlx_result too_many(void *user, dlx__pte_sink *sink, dlx_error *err)
{
    (void)user;
    return dlx__pte_sink_put(sink, "0123456789", 10, err);
}

static const char *go_wrong(sample *s, dlx__pte_write_opts *opts, int way)
{
    dlx__pte *p = &s->program;
    dlx__pte_method *m = dlx__pte_add_method(p, "wrong");
    dlx__pte_tensor t = sample_rows(4, true);
    dlx__pte_value i = dlx__pte_int(m, 1), none = 99;
    switch (way) {
    case 0:
        dlx__pte_add_method(p, "wrong");
        return "two methods named wrong";
    case 1:
        dlx__pte_input(m, none);
        return "input: expected one of 1 values, found number 99";
    case 2:
        dlx__pte_call(m, "aten::add", "out", &none, 1);
        return "aten::add: expected one of 1 values";
    case 3:
        dlx__pte_call_delegate(m, 0, &i, 1);
        return "one of 0 delegates";
    case 4:
        dlx__pte_tensor_list(m, &i, 1);
        return "tensor list: expected tensor, found int";
    case 5:
        t.arena = 0;
        dlx__pte_add_tensor(m, &t);
        return "a place in an arena";
    case 6:
        t.offset = 8;
        dlx__pte_add_tensor(m, &t);
        return "a multiple of 16";
    case 7:
        t.storage = DLX__PTE_CONSTANT;
        dlx__pte_add_tensor(m, &t);
        return "data of its own size";
    case 8:
        t.storage = DLX__PTE_CONSTANT;
        t.data = dlx__pte_constant(p, (dlx__pte_blob){.n_bytes = 4, .produce = too_few});
        dlx__pte_add_tensor(m, &t);
        return "data of its own size";
    case 9:
        t.n_dims = 17;
        dlx__pte_add_tensor(m, &t);
        return "at most 16 axes";
    case 10:
        t.dims[0] = SIZE_MAX / 2;
        dlx__pte_add_tensor(m, &t);
        return "fewer elements";
    case 11:
        dlx__pte_jump_false(m, i, 7);
        return "step 0 jumps to step 7";
    case 12:
        dlx__pte_set_target(m, 0, 0);
        return "step 0 is no jump";
    case 13:
        dlx__pte_name(p, "w", (dlx__pte_blob){.n_bytes = 3});
        return "bytes as before, found 3";
    case 14:
        dlx__pte_name(p, "few", (dlx__pte_blob){.n_bytes = 9, .produce = too_few});
        return "expected 9 bytes of data, was given 6 fewer";
    case 15:
        dlx__pte_name(p, "many", (dlx__pte_blob){.n_bytes = 9, .produce = too_many});
        return "expected 9 bytes more of this data, was given 10";
    case 16:
        opts->segment_align = 24;
        return "power of two";
    case 17:
        t.name = "state";
        dlx__pte_add_tensor(m, &t);
        t.offset = 32;
        dlx__pte_add_tensor(dlx__pte_add_method(p, "other"), &t);
        return "lies at another place in method other than in method wrong";
    case 18:
        t.name = "state";
        dlx__pte_add_tensor(m, &t);
        dlx__pte_add_tensor(m, &t);
        return "names two tensors state";
    case 19:
        dlx__pte_take(m, DLX__PTE_MAX_ARENAS, 1);
        return "an arena from 1";
    case 20:
        dlx__pte_call(
            m,
            "a name that is so long that the runtime has no room for it, because it keeps "
            "all of it in a short buffer",
            "out", &i, 1);
        return "at most 98 characters";
    case 21:
        dlx__pte_constant(p, (dlx__pte_blob){.n_bytes = UINT64_MAX - 7});
        return "too large for a file";
    default:
        return NULL;
    }
}

static void misfits_are_sentences(void **state)
{
    (void)state;
    const char *path = sample_path("wrong.pte");
    int n = 0;
    for (const char *says = ""; says; n++) {
        sample s;
        dlx_error err;
        dlx__pte_write_opts opts = {0};
        sample_open(&s, NULL);
        assert_ok(sample_build(&s, &err), &err);
        says = go_wrong(&s, &opts, n);
        dlx_result r = dlx__pte_write(&s.program, path, &opts, NULL, &err);
        if (says) {
            assert_int_not_equal(r, DLX_OK);
            assert_says(&err, says);
            assert_int_equal(dlx__os_path_kind(path), DLX__PATH_ABSENT);
        } else
            dlx__os_remove(path);
        sample_close(&s);
    }
    assert_int_equal(n, 23);
    dlx__pte empty;
    dlx_error err;
    dlx__pte_init(&empty, NULL);
    assert_int_equal(dlx__pte_write(&empty, path, NULL, NULL, &err), DLX_E_ARG);
    assert_says(&err, "no method");
    dlx__pte_release(&empty);
}

/* From allocation i on, or that one alone. */
static void fail_each(bool once)
{
    const char *path = sample_path("failing.pte"), *data = sample_path("failing.ptd");
    dlx_result r = DLX_E_NOMEM;
    for (size_t i = 1; r != DLX_OK; i++) {
        failing_mem mem;
        failing_mem_init(&mem, i);
        mem.once = once;
        sample s;
        dlx_error err;
        dlx__pte_file f;
        const dlx__pte_write_opts opts = {.mem = &mem.mem, .data_path = data};
        sample_open(&s, &mem.mem);
        r = sample_build(&s, &err);
        if (r == DLX_OK)
            r = dlx__pte_write(&s.program, path, &opts, NULL, &err);
        if (r == DLX_OK)
            r = dlx__pte_open(&f, path, data, &mem.mem, &err);
        if (r == DLX_OK)
            dlx__pte_close(&f);
        else {
            assert_int_equal(r, DLX_E_NOMEM);
            assert_says(&err, "out of memory");
        }
        sample_close(&s);
        assert_int_equal(mem.n_alive, 0);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fail_each(false);
    fail_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_is_read_back),
        cmocka_unit_test(the_bytes_lie_where_the_format_wants_them),
        cmocka_unit_test(named_data_may_lie_in_a_ptd),
        cmocka_unit_test(weights_stream_and_little_is_wasted),
        cmocka_unit_test(a_stopped_write_leaves_nothing),
        cmocka_unit_test(misfits_are_sentences),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
