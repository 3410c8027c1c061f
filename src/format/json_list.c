/* json_list.c - lists of a JSON file. */
#include "format/json_list.h"

#include "base/fail.h"

dlx_result dlx__json_root(dlx__json_obj *out, const json_t *json, const char *path, dlx_error *err)
{
    if (!json_is_object(json))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a JSON object in braces, found another value; is it the "
                         "right file?",
                         path);
    *out = (dlx__json_obj){json, path};
    return DLX_OK;
}

dlx_result dlx__json_object(dlx__json_obj *out, dlx__json_obj o, const char *key, dlx_error *err)
{
    const json_t *value = json_object_get(o.json, key);
    if (!json_is_object(value))
        return dlx__fail(err, DLX_E_FORMAT, "%s: expected \"%s\" to be an object, found %s", o.path,
                         key, value ? "another value; mend the field" : "no such field");
    *out = (dlx__json_obj){value, o.path};
    return DLX_OK;
}

void dlx__json_free(json_t *json)
{
    json_decref(json);
}

dlx_result dlx__json_list_get(dlx__json_list *out, dlx__json_obj o, const char *key, dlx_error *err)
{
    const json_t *value = json_object_get(o.json, key);
    if (!json_is_array(value))
        return dlx__fail(err, DLX_E_FORMAT, "%s: expected \"%s\" to be a list, found %s", o.path,
                         key, value ? "another value; mend the field" : "no such field");
    *out = (dlx__json_list){value, o.path, key, json_array_size(value)};
    return DLX_OK;
}

dlx_result dlx__json_list_expect(const dlx__json_list *list, size_t n, dlx_error *err)
{
    if (list->n == n)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected \"%s\" to have %zu entries, found %zu; mend the list",
                     list->path, list->key, n, list->n);
}

static dlx_result fail_entry(const dlx__json_list *list, size_t i, const char *expected,
                             dlx_error *err)
{
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected entry %zu of \"%s\" to be %s, found another value; mend it",
                     list->path, i, list->key, expected);
}

dlx_result dlx__json_list_obj(dlx__json_obj *out, const dlx__json_list *list, size_t i,
                              dlx_error *err)
{
    const json_t *value = json_array_get(list->json, i);
    if (!json_is_object(value))
        return fail_entry(list, i, "an object", err);
    *out = (dlx__json_obj){value, list->path};
    return DLX_OK;
}

dlx_result dlx__json_list_list(dlx__json_list *out, const dlx__json_list *list, size_t i,
                               dlx_error *err)
{
    const json_t *value = json_array_get(list->json, i);
    if (!json_is_array(value))
        return fail_entry(list, i, "a list", err);
    *out = (dlx__json_list){value, list->path, list->key, json_array_size(value)};
    return DLX_OK;
}

dlx_result dlx__json_list_number(double *out, const dlx__json_list *list, size_t i, double min,
                                 double max, dlx_error *err)
{
    const json_t *value = json_array_get(list->json, i);
    if (!json_is_number(value))
        return fail_entry(list, i, "a number", err);
    double x = json_number_value(value);
    if (!(x >= min && x <= max))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected entry %zu of \"%s\" to be from %g to %g, found %.17g; mend "
                         "it",
                         list->path, i, list->key, min, max, x);
    *out = x;
    return DLX_OK;
}
