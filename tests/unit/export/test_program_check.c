/*
 * test_program_check.c - programs that every reader takes, and that are not run all the same: each
 * is spoilt in one place. labels: quick
 */
#include "export_sample.h"

#include "export/program_check.h"

#include <string.h>

static dlx__pte_tensor *tensor(dlx__pte_method *m, size_t i)
{
    return (dlx__pte_tensor *)(uintptr_t)m->values[i].tensor;
}

/* The file is written and read; then the program is asked whether it may run. */
static dlx_result check(void (*spoil)(sample *s), dlx_error *err)
{
    const char *path = sample_path("checked.pte");
    sample s;
    dlx__pte_file f;
    sample_open(&s, NULL);
    sample_graph(&s);
    assert_ok(dlx__xnn_serialize(&s.graph, &s.payload, err), err);
    sample_linear(&s);
    if (spoil)
        spoil(&s);
    assert_ok(dlx__pte_write(&s.program, path, NULL, NULL, err), err);
    assert_ok(dlx__pte_open(&f, path, NULL, NULL, err), err);
    const dlx_result r = dlx__program_check(&f, path, NULL, err);
    dlx__pte_close(&f);
    sample_close(&s);
    return r;
}

static void other_delegate(sample *s)
{
    s->m->delegates[0].id = "QnnBackend";
}

static void result_without_memory(sample *s)
{
    tensor(s->m, 1)->storage = DLX__PTE_CALLER;
}

static void fewer_rows(sample *s)
{
    tensor(s->m, 0)->dims[0] = SAMPLE_ROWS - 1;
}

static void too_much_memory(sample *s)
{
    s->m->arena_bytes[1] = UINT64_C(1) << 34;
}

static void what_was_written_may_run(void **state)
{
    (void)state;
    dlx_error err;
    assert_ok(check(NULL, &err), &err);
}

static void what_is_odd_may_not(void **state)
{
    (void)state;
    static const struct {
        void (*spoil)(sample *s);
        dlx_result code;
        const char *says;
    } ways[] = {
        {other_delegate, DLX_E_UNSUPPORTED,
         "method forward: expected delegates of XNNPACK alone, with a graph, found QnnBackend"},
        {result_without_memory, DLX_E_UNSUPPORTED, "expected results in memory of the program"},
        {fewer_rows, DLX_E_FORMAT, "expected tensors as its delegates take them, found 1"},
        {too_much_memory, DLX_E_FORMAT, "expected memory for the 3072 bytes of its tensors"},
    };
    for (size_t i = 0; i < DLX__LEN(ways); i++) {
        dlx_error err = {.text = ""};
        assert_int_equal(check(ways[i].spoil, &err), ways[i].code);
        assert_says(&err, "checked.pte: ");
        assert_says(&err, ways[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_may_run),
        cmocka_unit_test(what_is_odd_may_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
