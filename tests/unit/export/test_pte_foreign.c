/*
 * test_pte_foreign.c - files of other exporters: what our writer never writes, accepted where the
 * runtime accepts it and refused where it would. Built table by table.
 */
#include "export_sample.h"

#include "format/flat.h"

/* How one program differs from the plain one: a method that returns an f32 tensor [2, 3]. */
typedef struct raw {
    bool no_methods, no_inputs, no_chains, no_steps, no_order, no_name;
    int32_t storage_offset, dynamism;
    bool constant;    /* the tensor is constant 1 */
    bool old_buffers; /* constants in the program itself, as before segments */
    size_t n_buffer;  /* bytes of the one there */
    bool external;    /* the tensor is in a .ptd */
    bool planned;     /* in arena 1, which is not there */
    bool inline_payload;
    bool other_backend;
    bool unknown_value;
    bool has_value; /* the payload has a value, with ... */
    uint32_t flags, place;
} raw;

static dlx__flat_ref tensor_of(dlx__flat *f, const raw *r)
{
    const int32_t sizes[] = {2, 3};
    dlx__flat_ref shape = dlx__flat_vector(f, sizes, 2, 4, 4);
    dlx__flat_ref order = r->no_order ? 0 : dlx__flat_vector(f, "\0\1", 2, 1, 1);
    dlx__flat_ref place = 0, extra = 0, name = dlx__flat_text(f, "weight");
    if (r->planned) {
        dlx__flat_begin(f);
        dlx__flat_put_u32(f, 0, 1);
        place = dlx__flat_end(f);
    }
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, 1, name);
    dlx__flat_put_u8(f, 2, r->external);
    extra = dlx__flat_end(f);
    dlx__flat_begin(f);
    dlx__flat_put_u8(f, DLX__TENSOR_TYPE, DLX__PTE_FLOAT);
    dlx__flat_put_i32(f, DLX__TENSOR_STORAGE_OFFSET, r->storage_offset);
    dlx__flat_put_ref(f, DLX__TENSOR_SIZES, shape);
    dlx__flat_put_ref(f, DLX__TENSOR_DIM_ORDER, order);
    dlx__flat_put_u32(f, DLX__TENSOR_DATA, r->constant);
    dlx__flat_put_ref(f, DLX__TENSOR_PLACE, place);
    dlx__flat_put_u8(f, DLX__TENSOR_DYNAMISM, (uint8_t)r->dynamism);
    dlx__flat_put_ref(f, DLX__TENSOR_EXTRA, extra);
    return dlx__flat_end(f);
}

/* The values of a payload: none, or one of fp32 without axes. */
static dlx__flat_ref values_of(dlx__flat *g, const raw *r)
{
    const dlx__flat_ref dims = dlx__flat_vector(g, NULL, 0, 4, 4);
    dlx__flat_begin(g);
    dlx__flat_put_u16(g, 0, DLX__XNN_FP32);
    dlx__flat_put_ref(g, 2, dims);
    dlx__flat_put_u32(g, 4, r->place);
    dlx__flat_put_u32(g, 5, r->flags);
    const dlx__flat_ref tensor = dlx__flat_end(g);
    dlx__flat_begin(g);
    dlx__flat_put_union(g, 0, 1, tensor);
    const dlx__flat_ref value = dlx__flat_end(g);
    return dlx__flat_refs(g, &value, r->has_value);
}

/* A graph of one node of a kind that nobody knows, and no header in front. */
static dlx__flat_ref inline_payload(dlx__flat *f, const raw *r, const char *id)
{
    dlx__flat g;
    dlx_error err;
    const uint8_t *bytes;
    size_t n;
    dlx__flat_init(&g, NULL);
    dlx__flat_begin(&g);
    dlx__flat_put_u32(&g, 0, 5);
    dlx__flat_ref inner = dlx__flat_end(&g);
    dlx__flat_begin(&g);
    dlx__flat_put_union(&g, 0, 200, inner);
    dlx__flat_ref node = dlx__flat_end(&g), nodes = dlx__flat_refs(&g, &node, 1);
    dlx__flat_ref values = values_of(&g, r);
    dlx__flat_begin(&g);
    dlx__flat_put_ref(&g, 1, nodes);
    dlx__flat_put_ref(&g, 2, values);
    assert_ok(dlx__flat_finish(&g, dlx__flat_end(&g), id, &bytes, &n, &err), &err);
    dlx__flat_ref data = dlx__flat_vector(f, bytes, n, 1, 16);
    dlx__flat_release(&g);
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, 0, data);
    dlx__flat_ref table = dlx__flat_end(f);
    return dlx__flat_refs(f, &table, 1);
}

static dlx__flat_ref delegates_of(dlx__flat *f, const raw *r)
{
    if (!r->inline_payload)
        return dlx__flat_refs(f, NULL, 0);
    dlx__flat_ref id = dlx__flat_text(f, r->other_backend ? "OtherBackend" : "XnnpackBackend");
    dlx__flat_begin(f);
    dlx__flat_ref place = dlx__flat_end(f); /* location 0: inline; index 0 */
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, 0, id);
    dlx__flat_put_ref(f, 1, place);
    dlx__flat_ref delegate = dlx__flat_end(f);
    return dlx__flat_refs(f, &delegate, 1);
}

static dlx__flat_ref plan_of(dlx__flat *f, const raw *r)
{
    const int32_t zero = 0;
    const int64_t reserved = 0;
    dlx__flat_ref tensor = tensor_of(f, r);
    dlx__flat_begin(f);
    dlx__flat_put_union(f, 0, r->unknown_value ? 0 : DLX__PTE_KIND_TENSOR,
                        r->unknown_value ? 0 : tensor);
    dlx__flat_ref value = dlx__flat_end(f), values = dlx__flat_refs(f, &value, 1);
    dlx__flat_ref steps = r->no_steps ? 0 : dlx__flat_refs(f, NULL, 0);
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, DLX__CHAIN_STEPS, steps);
    dlx__flat_ref chain = dlx__flat_end(f), chains = dlx__flat_refs(f, &chain, !r->no_chains);
    dlx__flat_ref name = r->no_name ? 0 : dlx__flat_text(f, "forward");
    dlx__flat_ref inputs = r->no_inputs ? 0 : dlx__flat_vector(f, NULL, 0, 4, 4);
    dlx__flat_ref outputs = dlx__flat_vector(f, &zero, 1, 4, 4);
    dlx__flat_ref arenas = dlx__flat_vector(f, &reserved, 1, 8, 8), delegates = delegates_of(f, r);
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, DLX__PLAN_NAME, name);
    dlx__flat_put_ref(f, DLX__PLAN_VALUES, values);
    dlx__flat_put_ref(f, DLX__PLAN_INPUTS, inputs);
    dlx__flat_put_ref(f, DLX__PLAN_OUTPUTS, outputs);
    dlx__flat_put_ref(f, DLX__PLAN_CHAINS, chains);
    dlx__flat_put_ref(f, DLX__PLAN_DELEGATES, delegates);
    dlx__flat_put_ref(f, DLX__PLAN_ARENAS, arenas);
    return dlx__flat_end(f);
}

/* The program, without a header: a file without segments needs none. */
static dlx_result read_raw(const raw *r, dlx__pte_file *file, const dlx__ptd_file *data,
                           dlx__flat *f, dlx_error *err)
{
    static const uint8_t zeros[64];
    const uint8_t *bytes;
    size_t n;
    dlx__flat_init(f, NULL);
    dlx__flat_ref plan = plan_of(f, r), plans = dlx__flat_refs(f, &plan, !r->no_methods);
    dlx__flat_ref inside = r->inline_payload ? inline_payload(f, r, "XN00") : 0, buffers = 0;
    if (r->old_buffers) {
        dlx__flat_ref empty = dlx__flat_vector(f, NULL, 0, 1, 16);
        dlx__flat_ref bytes_ref = dlx__flat_vector(f, zeros, r->n_buffer, 1, 16), both[2];
        dlx__flat_begin(f);
        dlx__flat_put_ref(f, 0, empty);
        both[0] = dlx__flat_end(f);
        dlx__flat_begin(f);
        dlx__flat_put_ref(f, 0, bytes_ref);
        both[1] = dlx__flat_end(f);
        buffers = dlx__flat_refs(f, both, 2);
    }
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, DLX__PROGRAM_PLANS, plans);
    dlx__flat_put_ref(f, DLX__PROGRAM_BUFFERS, buffers);
    dlx__flat_put_ref(f, DLX__PROGRAM_INLINE, inside);
    assert_ok(dlx__flat_finish(f, dlx__flat_end(f), "ET12", &bytes, &n, err), err);
    err->text[0] = '\0';
    return dlx__pte_parse(file, bytes, n, "raw.pte", data, NULL, err);
}

static void old_forms_are_accepted(void **state)
{
    (void)state;
    const raw forms[] = {
        {.no_methods = false},
        {.constant = true, .old_buffers = true, .n_buffer = 24},
        {.inline_payload = true},
        {.inline_payload = true, .other_backend = true},
        {.dynamism = 1},
        {.unknown_value = true},
        {.inline_payload = true, .has_value = true, .place = UINT32_MAX},
    };
    for (size_t i = 0; i < DLX__LEN(forms); i++) {
        dlx__pte_file file;
        dlx__flat f;
        dlx_error err;
        assert_ok(read_raw(&forms[i], &file, NULL, &f, &err), &err);
        assert_int_equal(file.n_methods, 1);
        assert_int_equal(file.n_segments, 0);
        if (forms[i].inline_payload) {
            const dlx__pte_seen_delegate *d = &file.methods[0].delegates[0];
            assert_int_equal(d->is_xnn, !forms[i].other_backend);
            assert_int_equal(file.payload_bytes, 0);
            if (d->is_xnn)
                assert_string_equal(d->xnn.kinds[0].name, "kind 200");
        }
        dlx__pte_close(&file);
        dlx__flat_release(&f);
    }
}

static void what_the_runtime_refuses_is_refused(void **state)
{
    (void)state;
    const struct {
        raw form;
        const char *says;
    } forms[] = {
        {{.no_methods = true}, "the program has no method"},
        {{.no_name = true}, "has no name"},
        {{.no_inputs = true}, "method forward has no inputs"},
        {{.no_chains = true}, "method forward has no steps"},
        {{.no_steps = true}, "method forward has no list of steps"},
        {{.no_order = true}, "value 0: expected sizes of at most 16 axes and an order of as many"},
        {{.storage_offset = 4}, "value 0: expected a storage offset of 0, found 4"},
        {{.dynamism = 2}, "value 0: expected a static or bounded shape, found 2"},
        {{.planned = true}, "value 0: expected an arena of the method, found 1"},
        {{.constant = true}, "value 0: expected data that the program holds, found 1"},
        {{.constant = true, .old_buffers = true, .n_buffer = 23},
         "value 0: expected data as large as the tensor, found 23"},
        {{.inline_payload = true, .has_value = true, .place = 3},
         "value 0: expected an input or output at place 3, found neither"},
        {{.inline_payload = true, .has_value = true, .flags = 3},
         "value 0 has the unknown flags 3"},
        {{.external = true}, "the tensor weight is expected in a .ptd file; which one"},
    };
    for (size_t i = 0; i < DLX__LEN(forms); i++) {
        dlx__pte_file file;
        dlx__flat f;
        dlx_error err;
        assert_int_equal(read_raw(&forms[i].form, &file, NULL, &f, &err), DLX_E_FORMAT);
        assert_says(&err, forms[i].says);
        dlx__flat_release(&f);
    }
}

/* A .ptd with one tensor "weight" of the shape [2, n]. */
static void put_ptd(uint8_t out[512], size_t *n_out, int32_t n)
{
    const int32_t sizes[] = {2, n};
    dlx__flat f;
    dlx_error err;
    const uint8_t *bytes;
    size_t n_bytes;
    dlx__flat_init(&f, NULL);
    dlx__flat_ref shape = dlx__flat_vector(&f, sizes, 2, 4, 4), key = dlx__flat_text(&f, "weight");
    dlx__flat_begin(&f);
    dlx__flat_put_u8(&f, 0, DLX__PTE_FLOAT);
    dlx__flat_put_ref(&f, 1, shape);
    dlx__flat_ref layout = dlx__flat_end(&f);
    dlx__flat_begin(&f);
    dlx__flat_put_ref(&f, 0, key);
    dlx__flat_put_ref(&f, 2, layout);
    dlx__flat_ref item = dlx__flat_end(&f), items = dlx__flat_refs(&f, &item, 1);
    dlx__flat_begin(&f);
    dlx__flat_put_u64(&f, 1, 24);
    dlx__flat_ref segment = dlx__flat_end(&f), segments = dlx__flat_refs(&f, &segment, 1);
    dlx__flat_begin(&f);
    dlx__flat_put_ref(&f, 1, segments);
    dlx__flat_put_ref(&f, 2, items);
    assert_ok(dlx__flat_finish(&f, dlx__flat_end(&f), "FT01", &bytes, &n_bytes, &err), &err);
    const uint64_t numbers[] = {48, n_bytes, 48 + n_bytes, 24};
    memset(out, 0, 512);
    memcpy(out, bytes, 8);
    out[0] = (uint8_t)(out[0] + 48);
    memcpy(out + 8, "FH01\x28", 5);
    memcpy(out + 16, numbers, sizeof numbers);
    memcpy(out + 56, bytes + 8, n_bytes - 8);
    *n_out = 48 + n_bytes + 24;
    dlx__flat_release(&f);
}

static void tensors_may_lie_in_a_ptd(void **state)
{
    (void)state;
    const raw form = {.external = true};
    for (int32_t n = 3; n < 5; n++) {
        uint8_t bytes[512];
        size_t n_bytes;
        dlx__ptd_file data;
        dlx__pte_file file;
        dlx__flat f;
        dlx_error err;
        put_ptd(bytes, &n_bytes, n);
        assert_ok(dlx__ptd_parse(&data, bytes, n_bytes, "raw.ptd", NULL, &err), &err);
        dlx_result r = read_raw(&form, &file, &data, &f, &err);
        if (n == 3) {
            assert_ok(r, &err);
            assert_true(file.methods[0].values[0].external);
            dlx__pte_close(&file);
        } else {
            assert_int_equal(r, DLX_E_MISMATCH);
            assert_says(&err, "another type or shape in the .ptd file");
        }
        dlx__ptd_close(&data);
        dlx__flat_release(&f);
    }
}

/* The official exporter writes equal payloads once. */
static void delegates_may_share_a_payload(void **state)
{
    (void)state;
    const char *path = sample_path("shared.pte");
    sample s;
    dlx_error err;
    dlx__pte_file f;
    sample_open(&s, NULL);
    assert_ok(sample_build(&s, &err), &err);
    s.m->delegates[0].payload = 0; /* "step" takes that of "forward" */
    assert_ok(dlx__pte_write(&s.program, path, NULL, NULL, &err), &err);
    assert_ok(dlx__pte_open(&f, path, NULL, NULL, &err), &err);
    const dlx__pte_seen_method *forward = &f.methods[0], *step = &f.methods[f.n_methods - 1];
    assert_ptr_equal(forward->delegates[0].payload, step->delegates[0].payload);
    assert_int_equal(f.payload_bytes, s.payload.len);
    dlx__pte_close(&f);
    sample_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_forms_are_accepted),
        cmocka_unit_test(what_the_runtime_refuses_is_refused),
        cmocka_unit_test(tensors_may_lie_in_a_ptd),
        cmocka_unit_test(delegates_may_share_a_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
