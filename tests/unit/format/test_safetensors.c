// labels: quick
/* test_safetensors.c - one file: what is right is read in place, every damage is a sentence. */
#include "base/buf.h"
#include "base/mem.h"
#include "failing_mem.h"
#include "format/safetensors.h"
#include "unit.h"

#include <stdlib.h>

/* The bytes of a file with this header and n_data bytes 0, 1, 2 ... behind it. */
static dlx__buf file_of(const char *header, size_t n_data)
{
    dlx__buf buf;
    dlx__buf_init(&buf, NULL);
    uint64_t n = strlen(header);
    assert_true(dlx__buf_append(&buf, &n, sizeof n) && dlx__buf_text(&buf, header));
    for (size_t i = 0; i < n_data; i++)
        assert_true(dlx__buf_byte(&buf, (char)i));
    return buf;
}

/* Parses a copy in a block of exactly its size, so that sanitizers see every step outside. */
static dlx_result parse_exact(const void *bytes, size_t n, const dlx_allocator *mem, dlx_error *err)
{
    dlx__weights w;
    uint8_t *exact = malloc(n ? n : 1);
    memcpy(exact, bytes, n);
    dlx_result r = dlx__safetensors_parse(&w, exact, n, "m.safetensors", mem, err);
    if (r == DLX_OK)
        dlx__weights_release(&w);
    free(exact);
    return r;
}

static void refuse(const char *header, size_t n_data, dlx_result code, const char *words)
{
    dlx__buf file = file_of(header, n_data);
    dlx_error err = {.text = ""};
    assert_int_equal(parse_exact(file.data, file.len, NULL, &err), code);
    assert_says(&err, "m.safetensors");
    assert_says(&err, words);
    dlx__buf_release(&file);
}

#define A_F16 "\"a\":{\"dtype\":\"F16\",\"shape\":[2,2],\"data_offsets\":[0,8]}"
#define B_F32 "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}"
#define GOOD "{" B_F32 "," A_F16 ",\"__metadata__\":{\"format\":\"pt\"}}"

static void tensors_are_lent_in_place(void **state)
{
    (void)state;
    dlx__buf file = file_of(GOOD, 16);
    dlx__weights w;
    dlx_error err;
    assert_ok(dlx__safetensors_parse(&w, (const uint8_t *)file.data, file.len, "m", NULL, &err),
              &err);
    assert_int_equal(w.n, 2);
    assert_true(w.shapes_known);
    assert_string_equal(w.tensors[0].name, "a");
    assert_int_equal(w.tensors[0].n_dims, 2);
    assert_int_equal(w.tensors[0].dtype, DLX__F16);
    assert_true((const char *)w.tensors[1].data == file.data + file.len - 8);
    assert_int_equal(dlx__weights_find(&w, "b"), 1);
    assert_true(dlx__weights_find(&w, "c") == SIZE_MAX);
    assert_int_equal(dlx__weights_bytes(&w), 16);
    dlx__weights_release(&w);
    dlx__buf_release(&file);
}

static void every_length_but_the_right_one_fails(void **state)
{
    (void)state;
    dlx__buf file = file_of(GOOD, 16);
    dlx_error err;
    for (size_t n = 0; n < file.len; n++) {
        err.text[0] = '\0';
        assert_int_not_equal(parse_exact(file.data, n, NULL, &err), DLX_OK);
        assert_says(&err, "m.safetensors");
    }
    assert_ok(parse_exact(file.data, file.len, NULL, &err), &err);
    assert_true(dlx__buf_byte(&file, 0));
    assert_int_equal(parse_exact(file.data, file.len, NULL, &err), DLX_E_FORMAT);
    assert_says(&err, "expected 16 bytes of data, found 17");
    dlx__buf_release(&file);
}

/* A flipped bit may pass (a letter of a name), but never read outside or leave memory behind. */
static void every_flipped_bit_is_survived(void **state)
{
    (void)state;
    dlx__buf file = file_of(GOOD, 16);
    for (size_t bit = 0; bit < 8 * (file.len - 16); bit++) {
        failing_mem f;
        failing_mem_init(&f, 0);
        dlx_error err = {.text = ""};
        file.data[bit / 8] = (char)(file.data[bit / 8] ^ 1 << bit % 8);
        dlx_result r = parse_exact(file.data, file.len, &f.mem, &err);
        assert_true(r == DLX_OK || strstr(err.text, "m.safetensors"));
        assert_int_equal(f.n_alive, 0);
        file.data[bit / 8] = (char)(file.data[bit / 8] ^ 1 << bit % 8);
    }
    dlx__buf_release(&file);
}

static void damage_is_named(void **state)
{
    (void)state;
    refuse("{" A_F16 ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12,
           DLX_E_FORMAT, "tensor b: expected it to begin at byte 8, found 4 (an overlap)");
    refuse("{" A_F16 ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[12,20]}}", 20,
           DLX_E_FORMAT, "tensor b: expected it to begin at byte 8, found 12 (a hole)");
    refuse("{" A_F16 "}", 4, DLX_E_FORMAT, "data up to byte 8, found only 4 bytes");
    refuse("{" A_F16 "," A_F16 "}", 8, DLX_E_FORMAT, "duplicate");
    refuse("{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, DLX_E_UNSUPPORTED,
           "tensor a: expected type F32, F16 or BF16, found I64");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296],"
           "\"data_offsets\":[0,0]}}",
           0, DLX_E_FORMAT, "[4294967296, 4294967296, 4294967296]");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, DLX_E_FORMAT,
           "expected the bytes of f32 [2], found 4");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
           DLX_E_FORMAT, "at most 4");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, DLX_E_FORMAT,
           "shape");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, DLX_E_FORMAT,
           "shape");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, DLX_E_FORMAT,
           "data_offsets");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, DLX_E_FORMAT,
           "data_offsets");
    refuse("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, DLX_E_FORMAT, "dtype");
    refuse("{\"a\":7}", 4, DLX_E_FORMAT, "dtype");
    refuse("[1,2]", 4, DLX_E_FORMAT, "header");
    refuse("{} x", 0, DLX_E_FORMAT, "line 1");
}

static void header_lengths_are_not_believed(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {0, 1, 100, UINT64_MAX, UINT64_MAX - 7, 1ull << 63};
    dlx_error err;
    for (size_t i = 0; i < DLX__LEN(lengths); i++) {
        uint8_t bytes[20] = {0};
        memcpy(bytes, &lengths[i], 8);
        bytes[8] = '{';
        assert_int_equal(parse_exact(bytes, sizeof bytes, NULL, &err), DLX_E_FORMAT);
        assert_says(&err, "header");
    }
}

static void edges_are_accepted(void **state)
{
    (void)state;
    dlx_error err;
    static const char *const headers[] = {
        "{}", "{}      ", "{\"z\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[0,0]}}"};
    for (size_t i = 0; i < DLX__LEN(headers); i++) {
        dlx__buf file = file_of(headers[i], 0);
        assert_ok(parse_exact(file.data, file.len, NULL, &err), &err);
        dlx__buf_release(&file);
    }
    dlx__buf file = file_of("{\"s\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[0,2]}}", 2);
    assert_ok(parse_exact(file.data, file.len, NULL, &err), &err);
    dlx__buf_release(&file);
}

static void written_files_read_back(void **state)
{
    (void)state;
    const char *path = DLX_TMP_DIR "/test_safetensors.safetensors";
    float f32[6] = {1, 2, 3, 4, 5, 6};
    uint16_t bf16[3] = {0x3F80, 0x4000, 0x4040};
    const dlx__tensor tensors[] = {
        {"layer.\"quoted\"", DLX__F32, 2, {2, 3}, sizeof f32, f32},
        {"half", DLX__BF16, 1, {3}, sizeof bf16, bf16},
    };
    dlx_error err;
    assert_ok(dlx__safetensors_write(path, tensors, 2, NULL, &err), &err);
    dlx__map map;
    dlx__weights w;
    assert_ok(dlx__os_map(&map, path, &err), &err);
    assert_ok(dlx__safetensors_parse(&w, map.data, map.len, path, NULL, &err), &err);
    size_t at = dlx__weights_find(&w, "layer.\"quoted\"");
    assert_int_equal(w.tensors[at].shape[1], 3);
    assert_memory_equal(w.tensors[at].data, f32, sizeof f32);
    at = dlx__weights_find(&w, "half");
    assert_memory_equal(w.tensors[at].data, bf16, sizeof bf16);
    assert_int_equal((uintptr_t)w.tensors[0].data % 2, 0);
    dlx__weights_release(&w);
    dlx__os_unmap(&map);
    dlx__os_remove(path);
    const dlx__tensor packed = {"q", DLX__Q8_0, 1, {32}, 34, bf16};
    assert_int_equal(dlx__safetensors_write(path, &packed, 1, NULL, &err), DLX_E_UNSUPPORTED);
    assert_says(&err, "q8_0");
    const dlx__tensor twice[] = {tensors[1], tensors[1]};
    assert_int_equal(dlx__safetensors_write(path, twice, 2, NULL, &err), DLX_E_ARG);
    assert_int_equal(dlx__os_path_kind(path), DLX__PATH_ABSENT);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    dlx__buf file = file_of(GOOD, 16);
    bool finished = false;
    for (size_t at = 1; !finished && at < 50; at++) {
        failing_mem f;
        failing_mem_init(&f, at);
        dlx_error err;
        dlx_result r = parse_exact(file.data, file.len, &f.mem, &err);
        assert_true(r == DLX_OK || r == DLX_E_NOMEM);
        assert_int_equal(f.n_alive, 0);
        finished = r == DLX_OK;
    }
    assert_true(finished);
    dlx__buf_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_lent_in_place),
        cmocka_unit_test(every_length_but_the_right_one_fails),
        cmocka_unit_test(every_flipped_bit_is_survived),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(header_lengths_are_not_believed),
        cmocka_unit_test(edges_are_accepted),
        cmocka_unit_test(written_files_read_back),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
