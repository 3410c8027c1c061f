/*
 * test_pte_read.c - every check of the reader, by a file that is wrong in one place: spoilt between
 * building and writing, or in its bytes. test_pte_foreign.c has what our writer never writes.
 */
#include "export_sample.h"

#include <limits.h>

typedef enum stage { BEFORE_PAYLOAD, BEFORE_WRITING, IN_BYTES } stage;

typedef struct spoil {
    sample *s;
    dlx__pte_method *forward, *step;
    uint8_t *bytes;
    size_t n;
} spoil;

/* The tensor of a value, to be changed. */
static dlx__pte_tensor *tensor(dlx__pte_method *m, size_t i)
{
    return (dlx__pte_tensor *)(uintptr_t)m->values[i].tensor;
}

static int32_t *items(const int32_t *list)
{
    return (int32_t *)(uintptr_t)list;
}

/* Replaces the first place that holds `from`. */
static void patch(const spoil *x, const void *from, const void *to, size_t n)
{
    for (size_t i = 0; i + n <= x->n; i++) {
        if (memcmp(x->bytes + i, from, n) == 0) {
            memcpy(x->bytes + i, to, n);
            return;
        }
    }
    fail_msg("nothing to patch");
}

static void add_u64(const spoil *x, size_t at, int64_t difference)
{
    uint64_t v;
    memcpy(&v, x->bytes + at, sizeof v);
    v += (uint64_t)difference;
    memcpy(x->bytes + at, &v, sizeof v);
}

/* ---- one in a method ------------------------------------------------------------------------- */

static void bad_input(spoil *x)
{
    x->forward->inputs[0] = 99;
}

static void bad_output(spoil *x)
{
    x->step->outputs[0] = -1;
}

static void bad_arg(spoil *x)
{
    items(x->step->steps[0].args)[2] = 1000;
}

static void bad_operator(spoil *x)
{
    x->step->steps[0].a = 9;
}

static void bad_delegate(spoil *x)
{
    x->forward->steps[0].a = 5;
}

static void bad_condition(spoil *x)
{
    x->step->steps[2].a = 99;
}

static void bad_move(spoil *x)
{
    x->step->steps[5].b = 99;
}

static void bad_free(spoil *x)
{
    x->step->steps[6].a = 99;
}

static void bad_step(spoil *x)
{
    x->step->steps[6].kind = (dlx__pte_step_kind)6;
}

static void bad_target(spoil *x)
{
    const uint32_t jump[] = {5, 7}, behind[] = {8, 7};
    patch(x, jump, behind, sizeof jump);
}

static void few_args(spoil *x)
{
    x->forward->steps[0].n_args = 1;
}

static void other_type(spoil *x)
{
    tensor(x->forward, 0)->type = DLX__PTE_HALF;
}

static void other_rank(spoil *x)
{
    tensor(x->forward, 0)->n_dims = 1;
}

static void no_tensor(spoil *x)
{
    items(x->step->steps[1].args)[0] = 5;
}

static void no_operator_name(spoil *x)
{
    x->step->operators[0].name = "";
}

/* A planned tensor that has lost its place, and nobody's input or output. */
static void no_memory(spoil *x)
{
    tensor(x->step, 2)->storage = DLX__PTE_CALLER;
}

static void no_payload(spoil *x)
{
    x->forward->delegates[0].payload = 99;
}

static void two_methods(spoil *x)
{
    patch(x, "get_layout", "forward", 8);
    uint32_t len[] = {10}, shorter[] = {7};
    for (size_t i = 4; i + 8 <= x->n; i++)
        if (memcmp(x->bytes + i, "forward\0ut", 10) == 0 && memcmp(x->bytes + i - 4, len, 4) == 0)
            memcpy(x->bytes + i - 4, shorter, 4);
}

/* ---- in a value ------------------------------------------------------------------------------ */

static void bad_arena(spoil *x)
{
    tensor(x->step, 2)->arena = 9;
}

static void behind_arena(spoil *x)
{
    tensor(x->step, 3)->offset += 1 << 20;
}

static void bad_constant(spoil *x)
{
    tensor(x->step, 1)->data = 9;
}

static void large_constant(spoil *x)
{
    tensor(x->step, 1)->dims[0] = 9;
}

static void bad_initial(spoil *x)
{
    tensor(x->step, 4)->data = 9;
}

static void bad_type(spoil *x)
{
    tensor(x->step, 0)->type = (dlx__pte_type)50;
}

static void negative_size(spoil *x)
{
    tensor(x->step, 0)->dims[0] = UINT32_MAX;
}

static void huge_size(spoil *x)
{
    dlx__pte_tensor *t = tensor(x->step, 0);
    t->n_dims = 3;
    t->dims[0] = t->dims[1] = t->dims[2] = INT_MAX;
}

static void bad_kind(spoil *x)
{
    x->step->values[5].kind = (dlx__pte_kind)12;
    x->step->values[5].items = NULL;
}

static void bad_item(spoil *x)
{
    items(x->step->values[10].items)[0] = 99;
}

static void int_as_tensor(spoil *x)
{
    items(x->step->values[11].items)[0] = 6;
}

static void later_tensor(spoil *x)
{
    dlx__pte_value_info swap = x->step->values[11];
    x->step->values[11] = x->step->values[3];
    items(swap.items)[1] = 11;
    x->step->values[3] = swap;
}

static void negative_item(spoil *x)
{
    items(x->step->values[12].items)[1] = -2;
}

/* ---- in the file ----------------------------------------------------------------------------- */

static void bad_magic(spoil *x)
{
    x->bytes[4] = 'e';
}

static void short_header(spoil *x)
{
    x->bytes[12] = 20;
}

static void long_program(spoil *x)
{
    add_u64(x, 16, 1 << 20);
}

static void early_base(spoil *x)
{
    add_u64(x, 24, -(int64_t)4096);
}

static void long_data(spoil *x)
{
    add_u64(x, 32, 1);
}

static void short_data(spoil *x)
{
    add_u64(x, 32, -1);
}

static void torn_base(spoil *x)
{
    x->n += 8; /* eight bytes more are behind the file, for this */
    add_u64(x, 24, 8);
}

static void bad_identifier(spoil *x)
{
    patch(x, "XN01", "XN99", 4);
}

static void bad_xnn_magic(spoil *x)
{
    patch(x, "XH00", "XH99", 4);
}

static void bad_root(spoil *x)
{
    memset(x->bytes, 0xff, 4);
}

/* ---- in a payload ---------------------------------------------------------------------------- */

static void bad_data(spoil *x)
{
    x->s->graph.values[1].data = 9;
}

static void large_weight(spoil *x)
{
    x->s->graph.values[1].dims[0] = 1000;
}

static void bad_value(spoil *x)
{
    x->s->graph.nodes[0].in[0] = 77;
}

static void bad_result(spoil *x)
{
    x->s->graph.nodes[0].out = 77;
}

static void missing_key(spoil *x)
{
    x->s->graph.constants[1].key = "other";
}

static void large_key(spoil *x)
{
    x->s->graph.constants[1].n_bytes += 4;
}

static void bad_extern(spoil *x)
{
    x->s->graph.values[0].external_id = 5;
}

static void same_extern(spoil *x)
{
    x->s->graph.values[0].external_id = 1;
}

static void missing_extern(spoil *x)
{
    x->s->graph.n_externs = 3;
}

static void many_externs(spoil *x)
{
    x->s->graph.n_externs = 5000;
}

static void bad_xnn_type(spoil *x)
{
    x->s->graph.values[0].type = (dlx__xnn_type)77;
}

static void external_constant(spoil *x)
{
    x->s->graph.values[1].external_id = 1;
    x->s->graph.values[1].is_input = true;
}

static void not_computed(spoil *x)
{
    x->s->graph.nodes[0].in[0] = x->s->graph.nodes[0].out;
}

static void bad_scales(spoil *x)
{
    x->s->graph.values[1].quant = (dlx__xnn_quant){.kind = DLX__XNN_PER_CHANNEL, .scales = 9};
}

static void few_scales(spoil *x)
{
    x->s->graph.values[0].quant =
        (dlx__xnn_quant){.kind = DLX__XNN_PER_GROUP, .scales = 2, .group = 1};
}

static void huge_groups(spoil *x)
{
    x->s->graph.values[1].quant =
        (dlx__xnn_quant){.kind = DLX__XNN_PER_GROUP, .scales = 1, .group = (size_t)INT_MAX + 1};
}

static const struct {
    void (*spoil)(spoil *x);
    stage stage;
    const char *says;
} ways[] = {
    {bad_input, BEFORE_WRITING, "forward: expected inputs and outputs among its 2 values"},
    {bad_output, BEFORE_WRITING, "step: expected inputs and outputs among its 13 values"},
    {bad_arg, BEFORE_WRITING, "step 0: expected a value of the method, found number 1000"},
    {bad_operator, BEFORE_WRITING, "step 0: expected an operator of the method, found number 9"},
    {bad_delegate, BEFORE_WRITING, "step 0: expected a delegate of the method, found number 5"},
    {bad_condition, BEFORE_WRITING, "step 2: expected a value of the method, found number 99"},
    {bad_move, BEFORE_WRITING, "step 5: expected a value"},
    {bad_free, BEFORE_WRITING, "step 6: expected a value"},
    {bad_step, BEFORE_WRITING, "step 6: expected a known kind of step, found number 6"},
    {bad_target, IN_BYTES, "step 2: expected a step to jump to, found number 8"},
    {few_args, BEFORE_WRITING, "an argument for each input and output of the delegate"},
    {other_type, BEFORE_WRITING, "a tensor with the type and the axes that the delegate takes"},
    {other_rank, BEFORE_WRITING, "a tensor with the type and the axes"},
    {no_tensor, BEFORE_WRITING, "a tensor with the type and the axes"},
    {no_operator_name, BEFORE_WRITING, "operator 0 has no name"},
    {no_memory, BEFORE_WRITING, "step 0: expected tensors that lie somewhere, found number 2"},
    {no_payload, BEFORE_WRITING, "delegate 0 has no payload"},
    {two_methods, IN_BYTES, "two methods are named forward"},
    {bad_arena, BEFORE_WRITING, "value 2: expected an arena of the method, found 9"},
    {behind_arena, BEFORE_WRITING, "value 3: expected a place inside its arena"},
    {bad_constant, BEFORE_WRITING, "value 1: expected data that the program holds, found 9"},
    {large_constant, BEFORE_WRITING, "value 1: expected data as large as the tensor, found 640"},
    {bad_initial, BEFORE_WRITING, "value 4: expected data that the program holds"},
    {bad_type, BEFORE_WRITING, "value 0: expected a known type of elements, found 50"},
    {negative_size, BEFORE_WRITING, "value 0: expected sizes that can be"},
    {huge_size, BEFORE_WRITING, "value 0: expected sizes that can be"},
    {bad_kind, BEFORE_WRITING, "value 5: expected a known kind of value, found 12"},
    {bad_item, BEFORE_WRITING, "value 10: expected items that are values of the method, found 99"},
    {int_as_tensor, BEFORE_WRITING, "value 11: expected items that are tensors before the list"},
    {later_tensor, BEFORE_WRITING, "value 3: expected items that are tensors before the list"},
    {negative_item, BEFORE_WRITING, "value 12: expected items that are values"},
    {bad_magic, IN_BYTES, "expected a .pte file"},
    {short_header, IN_BYTES, "expected program and data inside"},
    {long_program, IN_BYTES, "expected program and data inside"},
    {early_base, IN_BYTES, "expected program and data inside"},
    {long_data, IN_BYTES, "expected program and data inside"},
    {short_data, IN_BYTES, "expected a part of the"},
    {torn_base, IN_BYTES, "segment 0: expected a multiple of 16"},
    {bad_identifier, IN_BYTES, "delegate 0: expected the identifier XN01"},
    {bad_xnn_magic, IN_BYTES, "delegate 0: expected an XNNPACK payload"},
    {bad_root, IN_BYTES, "leads out of"},
    {bad_data, BEFORE_PAYLOAD, "value 1: expected one of 3 constants, found number 9"},
    {large_weight, BEFORE_PAYLOAD, "value 1: expected a constant of 256000 bytes, found 24576"},
    {bad_value, BEFORE_PAYLOAD, "node 0 names value 77"},
    {bad_result, BEFORE_PAYLOAD, "node 0 names value 77"},
    {missing_key, BEFORE_PAYLOAD, "constant 1 has the key other, which is in no named data"},
    {large_key, BEFORE_PAYLOAD, "constant 1: expected 24580 bytes under the key w, found 24576"},
    {bad_extern, BEFORE_PAYLOAD, "value 0: expected its own place among 2 inputs and outputs"},
    {same_extern, BEFORE_PAYLOAD, "value 3: expected its own place among 2"},
    {missing_extern, BEFORE_PAYLOAD, "expected 3 inputs and outputs, found 2"},
    {many_externs, BEFORE_PAYLOAD, "at most 4096 inputs and outputs, found 5000"},
    {bad_xnn_type, BEFORE_PAYLOAD, "value 0 has the unknown type 77"},
    {external_constant, BEFORE_PAYLOAD, "value 1 is a constant and an input or output"},
    {not_computed, BEFORE_PAYLOAD, "node 0 uses value 3 before it is computed"},
    {bad_scales, BEFORE_PAYLOAD, "value 1: expected a constant of 96 scales, found number 9"},
    {few_scales, BEFORE_PAYLOAD, "value 0: expected a constant of 512 scales, found number 2"},
    {huge_groups, BEFORE_PAYLOAD, "value 1 has groups of no columns"},
};

/* The file as bytes, with eight more behind it. */
static uint8_t *bytes_of(const char *path, size_t *n)
{
    char *read;
    dlx_error err;
    assert_ok(dlx__os_read_file(&read, n, path, SIZE_MAX / 2, NULL, &err), &err);
    uint8_t *bytes = calloc(*n + 8, 1);
    memcpy(bytes, read, *n);
    free(read);
    return bytes;
}

static void every_check_has_its_sentence(void **state)
{
    (void)state;
    const char *path = sample_path("spoilt.pte");
    for (size_t i = 0; i < DLX__LEN(ways); i++) {
        sample s;
        dlx_error err;
        dlx__pte_file f;
        spoil x = {.s = &s};
        sample_open(&s, NULL);
        sample_graph(&s);
        if (ways[i].stage == BEFORE_PAYLOAD)
            ways[i].spoil(&x);
        assert_ok(dlx__xnn_serialize(&s.graph, &s.payload, &err), &err);
        sample_linear(&s);
        x.forward = s.m;
        sample_step(&s);
        x.step = s.m;
        if (ways[i].stage == BEFORE_WRITING)
            ways[i].spoil(&x);
        assert_ok(dlx__pte_write(&s.program, path, NULL, NULL, &err), &err);
        x.bytes = bytes_of(path, &x.n);
        if (ways[i].stage == IN_BYTES)
            ways[i].spoil(&x);
        err.text[0] = '\0';
        dlx_result r = dlx__pte_parse(&f, x.bytes, x.n, "spoilt.pte", NULL, NULL, &err);
        if (r == DLX_OK)
            fail_msg("expected \"%s\", but the file was accepted", ways[i].says);
        assert_int_equal(r, DLX_E_FORMAT);
        assert_says(&err, ways[i].says);
        assert_says(&err, "spoilt.pte: ");
        free(x.bytes);
        sample_close(&s);
    }
}

/* Nothing that is missing at the end goes unnoticed; nothing that is bent is read out of bounds. */
static void cuts_and_flips_do_no_harm(void **state)
{
    (void)state;
    const char *path = sample_path("whole.pte");
    sample s;
    dlx_error err;
    dlx__pte_file f;
    size_t n;
    sample_open(&s, NULL);
    assert_ok(sample_build(&s, &err), &err);
    assert_ok(dlx__pte_write(&s.program, path, NULL, NULL, &err), &err);
    uint8_t *bytes = bytes_of(path, &n);
    for (size_t cut = 0; cut < n; cut += cut < 5000 ? 1 : 509) {
        uint8_t *copy = malloc(cut + 1);
        memcpy(copy, bytes, cut);
        assert_int_equal(dlx__pte_parse(&f, copy, cut, "cut", NULL, NULL, &err), DLX_E_FORMAT);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * n; bit += bit < 8 * 6000u ? 1 : 4001) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (dlx__pte_parse(&f, bytes, n, "flipped", NULL, NULL, &err) == DLX_OK)
            dlx__pte_close(&f);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(bytes);
    sample_close(&s);
}

static void what_is_no_pte_is_told_apart(void **state)
{
    (void)state;
    const char *path = sample_path("no.pte");
    dlx_error err;
    dlx__pte_file f;
    FILE *out = fopen(path, "wb");
    fputs("this is a text of more than sixty-four characters, so it is not too short for one", out);
    fclose(out);
    assert_false(dlx__pte_looks_like(path));
    assert_false(dlx__pte_looks_like(DLX_TMP_DIR));
    assert_false(dlx__pte_looks_like(sample_path("absent")));
    assert_int_equal(dlx__pte_open(&f, path, NULL, NULL, &err), DLX_E_FORMAT);
    assert_says(&err, "no.pte: expected a .pte file");
    assert_int_equal(dlx__pte_open(&f, sample_path("absent"), NULL, NULL, &err), DLX_E_IO);
    assert_int_equal(dlx__pte_open(&f, path, path, NULL, &err), DLX_E_FORMAT);
    assert_says(&err, "expected a .ptd file");
    sample s;
    sample_open(&s, NULL);
    assert_ok(sample_build(&s, &err), &err);
    assert_ok(dlx__pte_write(&s.program, path, NULL, NULL, &err), &err);
    assert_true(dlx__pte_looks_like(path));
    sample_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_check_has_its_sentence),
        cmocka_unit_test(cuts_and_flips_do_no_harm),
        cmocka_unit_test(what_is_no_pte_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
