// labels: quick
/* test_json_file.c - JSON from files: fields by type and range, and the sentences. */
#include "base/os.h"
#include "format/json_file.h"
#include "unit.h"

#include <stdio.h>

static json_t *parsed(const char *text)
{
    json_t *json;
    dlx_error err;
    assert_ok(dlx__json_parse(&json, text, strlen(text), "t.json", &err), &err);
    return json;
}

static void fields_by_type(void **state)
{
    (void)state;
    json_t *json = parsed("\xEF\xBB\xBF{\"n\": 12, \"whole\": 12.0, \"x\": 1e-6, \"b\": true, "
                          "\"s\": \"hi\", \"none\": null}");
    dlx__json_obj o = {json, "t.json"};
    dlx_error err;
    size_t n = 0;
    double x = 0;
    bool b = false, found = true;
    const char *s = NULL;
    assert_ok(dlx__json_size(o, "n", 1, 12, &n, &err), &err);
    assert_int_equal(n, 12);
    assert_ok(dlx__json_size(o, "whole", 0, SIZE_MAX, &n, &err), &err);
    assert_int_equal(n, 12);
    assert_ok(dlx__json_number(o, "x", 0, 1, &x, &err), &err);
    assert_true(x == 1e-6);
    assert_ok(dlx__json_number(o, "n", 0, 100, &x, &err), &err);
    assert_true(x == 12.0);
    assert_ok(dlx__json_bool(o, "b", &b, &err), &err);
    assert_true(b);
    assert_ok(dlx__json_text(o, "s", &s, &err), &err);
    assert_string_equal(s, "hi");
    assert_true(dlx__json_has(o, "n"));
    assert_false(dlx__json_has(o, "none"));
    assert_ok(dlx__json_size_opt(o, "none", 0, 1, &n, &found, &err), &err);
    assert_false(found);
    assert_int_equal(n, 12);
    assert_ok(dlx__json_bool_opt(o, "b", &b, &found, &err), &err);
    assert_true(found);
    json_decref(json);
}

static void refusals_name_file_and_field(void **state)
{
    (void)state;
    json_t *json = parsed("{\"n\": -1, \"x\": 1.5, \"s\": \"a\\u0000b\", \"l\": []}");
    dlx__json_obj o = {json, "t.json"};
    dlx_error err;
    size_t n;
    double x;
    bool b;
    const char *s;
    assert_int_equal(dlx__json_size(o, "n", 0, 9, &n, &err), DLX_E_FORMAT);
    assert_says(&err, "t.json: expected \"n\" to be from 0 to 9, found -1");
    assert_int_equal(dlx__json_size(o, "x", 0, 9, &n, &err), DLX_E_FORMAT);
    assert_says(&err, "\"x\" to be a whole number, found a number with a fraction");
    assert_int_equal(dlx__json_size(o, "absent", 0, 9, &n, &err), DLX_E_FORMAT);
    assert_says(&err, "found no such field");
    assert_int_equal(dlx__json_number(o, "l", 0, 9, &x, &err), DLX_E_FORMAT);
    assert_says(&err, "found a list");
    assert_int_equal(dlx__json_number(o, "x", 2, 9, &x, &err), DLX_E_FORMAT);
    assert_says(&err, "from 2 to 9, found 1.5");
    assert_int_equal(dlx__json_bool(o, "n", &b, &err), DLX_E_FORMAT);
    assert_int_equal(dlx__json_text(o, "s", &s, &err), DLX_E_FORMAT);
    assert_says(&err, "zero byte");
    assert_int_equal(dlx__json_text(o, "x", &s, &err), DLX_E_FORMAT);
    json_decref(json);
}

/* Python writes what a 64-bit integer cannot hold; the other integers of the file stay integers. */
static void endless_integers(void **state)
{
    (void)state;
    json_t *json = parsed("{\"model_max_length\": 1000000000000000019884624838656, \"id\": 7, "
                          "\"list\": [1, 2.5, {\"deep\": -3}]}");
    assert_true(json_is_real(json_object_get(json, "model_max_length")));
    assert_true(json_is_integer(json_object_get(json, "id")));
    const json_t *list = json_object_get(json, "list");
    assert_true(json_is_integer(json_array_get(list, 0)));
    assert_true(json_is_real(json_array_get(list, 1)));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 2), "deep")), -3);
    json_decref(json);
}

static void damage_is_a_sentence(void **state)
{
    (void)state;
    json_t *json;
    dlx_error err;
    const char *text = "{\"a\": [1, 2";
    assert_int_equal(dlx__json_parse(&json, text, strlen(text), "t.json", &err), DLX_E_FORMAT);
    assert_null(json);
    assert_says(&err, "t.json: line 1");
    assert_int_equal(dlx__json_parse(&json, "", 0, "t.json", &err), DLX_E_FORMAT);
    assert_int_equal(dlx__json_parse(&json, "{\"x\": 1e999}", 12, "t.json", &err), DLX_E_FORMAT);
    char deep[6000];
    memset(deep, '[', sizeof deep);
    assert_int_equal(dlx__json_parse(&json, deep, sizeof deep, "t.json", &err), DLX_E_FORMAT);
    text = "{\"a\": 1, \"a\": 2}";
    assert_int_equal(dlx__json_parse_unique(&json, text, strlen(text), "t.json", &err),
                     DLX_E_FORMAT);
    assert_says(&err,
                "expected every key once, found one again (duplicate object key near '\"a\"')");
    text = "{\"a\": ";
    assert_int_equal(dlx__json_parse_settings(&json, text, strlen(text), "t.json", &err),
                     DLX_E_FORMAT);
    assert_says(&err, "mend it there");
    assert_int_equal(dlx__json_load(&json, "/absent/t.json", NULL, &err), DLX_E_IO);
    assert_says(&err, "/absent/t.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_by_type),
        cmocka_unit_test(refusals_name_file_and_field),
        cmocka_unit_test(endless_integers),
        cmocka_unit_test(damage_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
