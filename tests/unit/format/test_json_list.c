// labels: quick
/* test_json_list.c - lists from JSON files: entries by type and range, and the sentences. */
#include "format/json_list.h"
#include "unit.h"

static json_t *parsed(const char *text)
{
    json_t *json;
    dlx_error err;
    assert_ok(dlx__json_parse(&json, text, strlen(text), "t.json", &err), &err);
    return json;
}

static void entries_by_type(void **state)
{
    (void)state;
    json_t *json = parsed("{\"l\": [1, 2.5, [3, 4, 5], {\"n\": 6}]}");
    dlx__json_obj root, inner;
    dlx__json_list list, deep;
    dlx_error err;
    double x;
    size_t n;
    assert_ok(dlx__json_root(&root, json, "t.json", &err), &err);
    assert_ok(dlx__json_list_get(&list, root, "l", &err), &err);
    assert_int_equal(list.n, 4);
    assert_ok(dlx__json_list_number(&x, &list, 0, 1, 1, &err), &err);
    assert_true(x == 1.0);
    assert_ok(dlx__json_list_number(&x, &list, 1, 0, 9, &err), &err);
    assert_true(x == 2.5);
    assert_ok(dlx__json_list_list(&deep, &list, 2, &err), &err);
    assert_ok(dlx__json_list_expect(&deep, 3, &err), &err);
    assert_ok(dlx__json_list_number(&x, &deep, 2, 0, 9, &err), &err);
    assert_true(x == 5.0);
    assert_ok(dlx__json_list_obj(&inner, &list, 3, &err), &err);
    assert_ok(dlx__json_size(inner, "n", 0, 9, &n, &err), &err);
    assert_int_equal(n, 6);
    dlx__json_free(json);
    dlx__json_free(NULL);
}

static void refusals_name_list_and_entry(void **state)
{
    (void)state;
    json_t *json = parsed("{\"l\": [1, \"a\"], \"x\": 7, \"none\": null}");
    dlx__json_obj root, inner;
    dlx__json_list list, deep;
    dlx_error err;
    double x;
    assert_ok(dlx__json_root(&root, json, "t.json", &err), &err);
    assert_int_equal(dlx__json_list_get(&list, root, "absent", &err), DLX_E_FORMAT);
    assert_says(&err, "t.json: expected \"absent\" to be a list, found no such field");
    assert_int_equal(dlx__json_list_get(&list, root, "x", &err), DLX_E_FORMAT);
    assert_says(&err, "found another value");
    assert_int_equal(dlx__json_list_get(&list, root, "none", &err), DLX_E_FORMAT);
    assert_ok(dlx__json_list_get(&list, root, "l", &err), &err);
    assert_int_equal(dlx__json_list_expect(&list, 3, &err), DLX_E_FORMAT);
    assert_says(&err, "\"l\" to have 3 entries, found 2");
    assert_int_equal(dlx__json_list_number(&x, &list, 0, 2, 3, &err), DLX_E_FORMAT);
    assert_says(&err, "entry 0 of \"l\" to be from 2 to 3, found 1");
    assert_int_equal(dlx__json_list_number(&x, &list, 1, 2, 3, &err), DLX_E_FORMAT);
    assert_says(&err, "entry 1 of \"l\" to be a number");
    assert_int_equal(dlx__json_list_obj(&inner, &list, 0, &err), DLX_E_FORMAT);
    assert_says(&err, "to be an object");
    assert_int_equal(dlx__json_list_list(&deep, &list, 0, &err), DLX_E_FORMAT);
    assert_says(&err, "to be a list");
    dlx__json_free(json);
    json = parsed("[]");
    assert_int_equal(dlx__json_root(&root, json, "t.json", &err), DLX_E_FORMAT);
    assert_says(&err, "t.json: expected a JSON object");
    dlx__json_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_by_type),
        cmocka_unit_test(refusals_name_list_and_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
