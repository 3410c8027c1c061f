// labels: quick
/* test_npy.c - NumPy files as NumPy writes them, and damage. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/os.h"
#include "format/npy.h"
#include "unit.h"

#include <stdlib.h>

static dlx__buf file_of(const char *dictionary, int version, size_t n_data)
{
    dlx__buf b;
    dlx__buf_init(&b, NULL);
    uint32_t n = (uint32_t)strlen(dictionary);
    char v[2] = {(char)version, 0};
    assert_true(dlx__buf_append(&b, "\x93NUMPY", 6) && dlx__buf_append(&b, v, 2) &&
                dlx__buf_append(&b, &n, version == 1 ? 2 : 4) && dlx__buf_text(&b, dictionary));
    for (size_t i = 0; i < n_data; i++)
        assert_true(dlx__buf_byte(&b, (char)i));
    return b;
}

static dlx_result parse_exact(const dlx__buf *b, size_t n, dlx__npy *a, dlx_error *err)
{
    uint8_t *exact = malloc(n ? n : 1);
    memcpy(exact, b->data, n);
    dlx_result r = dlx__npy_parse(a, exact, n, "a.npy", NULL, err);
    free(exact);
    return r;
}

static void accept(const char *dictionary, int version, size_t n_data, int n_dims, size_t n_elems)
{
    dlx__buf b = file_of(dictionary, version, n_data);
    dlx__npy a;
    dlx_error err;
    assert_ok(parse_exact(&b, b.len, &a, &err), &err);
    assert_int_equal(a.n_dims, n_dims);
    assert_int_equal(a.n_elems, n_elems);
    assert_memory_equal(a.data, b.data + b.len - n_data, n_data);
    dlx__npy_release(&a);
    for (size_t n = 0; n < b.len; n++)
        assert_int_not_equal(parse_exact(&b, n, &a, &err), DLX_OK);
    dlx__buf_release(&b);
}

static void refuse(const char *dictionary, size_t n_data, const char *words)
{
    dlx__buf b = file_of(dictionary, 1, n_data);
    dlx__npy a;
    dlx_error err = {.text = ""};
    assert_int_not_equal(parse_exact(&b, b.len, &a, &err), DLX_OK);
    assert_says(&err, "a.npy");
    assert_says(&err, words);
    dlx__buf_release(&b);
}

static void what_numpy_writes(void **state)
{
    (void)state;
    accept("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", 1, 24, 2, 6);
    accept("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }\n", 2, 16, 1, 2);
    accept("{'descr': '<f8', 'fortran_order': False, 'shape': (), }\n", 1, 8, 0, 1);
    accept("{'shape': (0, 7), 'descr': '<i4', 'fortran_order': False}\n", 1, 0, 2, 0);
    accept("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }\n", 1, 4, 1, 1);
}

static void refusals(void **state)
{
    (void)state;
    refuse("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }\n", 4, "found \">f4\"");
    refuse("{'descr': '<f2', 'fortran_order': False, 'shape': (1,), }\n", 2, "found \"<f2\"");
    refuse("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }\n", 8, "Fortran");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", 4,
           "expected 8 bytes of numbers for its shape, found 4");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }\n", 4,
           "bytes of numbers");
    refuse("{'descr': '<f4', 'fortran_order': False}\n", 4, "header");
    refuse("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}\n", 4,
           "header");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1), }\n", 4, "header");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }\n", 4,
           "at most 8");
    refuse("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", 4, "header");
}

static void written_files_read_back(void **state)
{
    (void)state;
    const char *path = DLX_TMP_DIR "/test_npy.npy";
    float x[6] = {1, -2, 3.5f, 0, 1e30f, -1e-30f};
    static const size_t shapes[3][3] = {{6}, {2, 3}, {1, 6, 1}};
    for (int n_dims = 0; n_dims <= 3; n_dims++) {
        const size_t *shape = shapes[n_dims ? n_dims - 1 : 0];
        dlx__npy a;
        dlx_error err;
        assert_ok(dlx__npy_write_f32(path, x, shape, n_dims, NULL, &err), &err);
        assert_ok(dlx__npy_read(&a, path, NULL, &err), &err);
        assert_int_equal(a.kind, 'f');
        assert_int_equal(a.item_bytes, 4);
        assert_int_equal(a.n_dims, n_dims);
        assert_memory_equal(a.shape, shape, (size_t)n_dims * sizeof *shape);
        assert_memory_equal(a.data, x, a.n_elems * sizeof *x);
        dlx__npy_release(&a);
        dlx__map map;
        assert_ok(dlx__os_map(&map, path, &err), &err);
        assert_int_equal((map.len - 4 * (n_dims ? 6 : 1)) % 64, 0);
        dlx__os_unmap(&map);
    }
    dlx__os_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_numpy_writes),
        cmocka_unit_test(refusals),
        cmocka_unit_test(written_files_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
