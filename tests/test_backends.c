// labels: quick
/* test_backends.c - the registry and what is told of it; what a backend computes is the business of
 * test_backend_conformance.c. */
#include "support.h"

#include <dlx/tools.h>

#include "backends/backend.h"

#include <jansson.h>

static void the_registry_finds_by_name(void **state)
{
    (void)state;
    assert_non_null(dlx__backend_find("reference"));
    assert_non_null(dlx__backend_find("cpu"));
    assert_null(dlx__backend_find("vulkan"));
    assert_null(dlx__backend_find(""));
    size_t n = 0;
    for (const dlx__backend_class *const *b = dlx__backend_list(); *b; b++, n++) {
        assert_ptr_equal(dlx__backend_find((*b)->name), *b);
        assert_string_equal(dlx_backend_names()[n], (*b)->name);
        assert_true(strlen((*b)->about) > 10);
        assert_non_null((*b)->load);
        assert_non_null((*b)->step);
        assert_non_null((*b)->head);
        assert_non_null((*b)->close);
    }
    assert_true(n >= 2);
}

static void doctor_lists_them_with_reasons(void **state)
{
    (void)state;
    char *text;
    dlx_error err;
    assert_int_equal(dlx_doctor(&text, &err), DLX_OK);
    json_t *report = json_loads(text, 0, NULL);
    assert_non_null(report);
    json_t *list = json_object_get(report, "backends"), *b;
    size_t i;
    assert_true(json_array_size(list) >= 2);
    json_array_foreach(list, i, b)
    {
        assert_true(json_is_boolean(json_object_get(b, "available")));
        if (json_is_false(json_object_get(b, "available")))
            assert_true(json_string_length(json_object_get(b, "why_not")) > 10);
    }
    assert_true(json_integer_value(json_object_get(report, "cores")) >= 1);
    json_decref(report);
    dlx_free(NULL, text);
}

static void an_unknown_backend_is_a_sentence(void **state)
{
    (void)state;
    dlx_model *model = support_open("sdar-tiny-b4");
    dlx_session_opts opts = {.size = sizeof opts, .backend = "vulkan"};
    dlx_session *session;
    dlx_error err;
    assert_int_equal(dlx_session_open(&session, model, &opts, &err), DLX_E_ARG);
    support_sentence(&err, "vulkan");
    dlx_model_free(model);
}

static void a_memory_limit_refuses_early_with_the_numbers(void **state)
{
    (void)state;
    dlx_model *model = support_open("sdar-tiny-b4");
    dlx_session_opts opts = {.size = sizeof opts, .n_ctx = 1024, .memory_limit = 10000};
    dlx_session *session;
    dlx_error err;
    assert_int_equal(dlx_session_open(&session, model, &opts, &err), DLX_E_NOMEM);
    support_sentence(&err, "10000");
    dlx_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_registry_finds_by_name),
        cmocka_unit_test(doctor_lists_them_with_reasons),
        cmocka_unit_test(an_unknown_backend_is_a_sentence),
        cmocka_unit_test(a_memory_limit_refuses_early_with_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
