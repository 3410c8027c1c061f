/* golden_json.h - the tables beside the golden folders: cases of a JSON file, numbers in arrays. */
#ifndef GOLDEN_JSON_H
#define GOLDEN_JSON_H

#include "unit.h"

#include <jansson.h>
#include <stdio.h>

static inline json_t *golden_table(const char *name)
{
    char path[1024];
    json_error_t err;
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, name);
    json_t *json = json_load_file(path, 0, &err);
    assert_non_null(json);
    return json;
}

static inline double golden_number(const json_t *object, const char *key, double otherwise)
{
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

static inline size_t golden_size(const json_t *object, const char *key)
{
    return (size_t)golden_number(object, key, 0.0);
}

static inline size_t golden_floats(const json_t *list, float *out, size_t capacity)
{
    size_t n = json_array_size(list);
    assert_true(n <= capacity);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)json_number_value(json_array_get(list, i));
    return n;
}

static inline size_t golden_sizes(const json_t *list, size_t *out, size_t capacity)
{
    size_t n = json_array_size(list);
    assert_true(n <= capacity);
    for (size_t i = 0; i < n; i++)
        out[i] = (size_t)json_integer_value(json_array_get(list, i));
    return n;
}

#endif
