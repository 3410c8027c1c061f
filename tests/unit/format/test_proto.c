/* test_proto.c - protobuf messages: bytes worked out by hand, long ones, misuse, no memory. */
#include "unit.h"

#include "failing_mem.h"
#include "format/proto.h"

static void assert_bytes(dlx__proto *p, const uint8_t *expected, size_t n_expected)
{
    dlx_error err;
    const uint8_t *bytes;
    size_t n;
    assert_ok(dlx__proto_finish(p, &bytes, &n, &err), &err);
    assert_int_equal(n, n_expected);
    assert_memory_equal(bytes, expected, n);
}

static void the_bytes_are_those_of_the_format(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        0x08, 0x96, 0x01,                                     /* 1: 150 */
        0x12, 0x07, 't',  'e',  's',  't',  'i',  'n',  'g',  /* 2: "testing" */
        0x1a, 0x03, 0x08, 0x96, 0x01,                         /* 3 { 1: 150 } */
        0x22, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05,       /* 4: [3, 270, 86942] */
        0x2d, 0x00, 0x00, 0x00, 0x3f,                         /* 5: 0.5 */
        0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* 6: -1 */
        0xff, 0x01,                                           /* ... in ten bytes */
        0xb2, 0x1f, 0x02, 0x00, 0xff,                         /* 502: two bytes */
        0x3a, 0x04, 0x00, 0x00, 0x80, 0xbf                    /* 7: [-1.0] */
    };
    dlx__proto p;
    dlx__proto_init(&p, NULL);
    dlx__proto_int(&p, 1, 150);
    dlx__proto_text(&p, 2, "testing");
    dlx__proto_begin(&p, 3);
    dlx__proto_int(&p, 1, 150);
    dlx__proto_end(&p);
    dlx__proto_ints(&p, 4, (const int64_t[]){3, 270, 86942}, 3);
    dlx__proto_float(&p, 5, 0.5f);
    dlx__proto_int(&p, 6, -1);
    dlx__proto_bytes(&p, 502, "\0\377", 2);
    dlx__proto_floats(&p, 7, (const float[]){-1}, 1);
    assert_bytes(&p, expected, sizeof expected);
    dlx__proto_release(&p);
}

static void what_is_nothing_is_left_out_unless_it_chooses(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        0x08, 0x00, 0x12, 0x00, 0x1a, 0x00, 0x22, 0x00 /* 1: 0, 2: "", 3 {}, 4: [] */
    };
    dlx__proto p;
    dlx__proto_init(&p, NULL);
    dlx__proto_int(&p, 9, 0);
    dlx__proto_text(&p, 9, "");
    dlx__proto_float(&p, 9, 0);
    dlx__proto_int_always(&p, 1, 0);
    dlx__proto_text_always(&p, 2, "");
    dlx__proto_begin(&p, 3);
    dlx__proto_end(&p);
    dlx__proto_ints(&p, 4, NULL, 0);
    assert_bytes(&p, expected, sizeof expected);
    dlx__proto_release(&p);
}

/* 1 { 1 { 1: n bytes } }: lengths of one, two and three bytes before what they count. */
static void build_nested(dlx__proto *p, const uint8_t *bytes, size_t n)
{
    dlx__proto_begin(p, 1);
    dlx__proto_begin(p, 1);
    dlx__proto_bytes(p, 1, bytes, n);
    dlx__proto_end(p);
    dlx__proto_end(p);
}

static size_t length_at(const uint8_t *bytes, size_t *at)
{
    size_t n = 0;
    for (int shift = 0;; shift += 7) {
        const uint8_t byte = bytes[(*at)++];
        n |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return n;
    }
}

static void lengths_are_as_long_as_they_need(void **state)
{
    (void)state;
    static uint8_t content[20000];
    memset(content, 7, sizeof content);
    static const size_t sizes[] = {0, 1, 123, 124, 125, 127, 128, 16379, 16380, 20000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        dlx__proto p;
        dlx_error err;
        const uint8_t *bytes;
        size_t n, at = 0;
        dlx__proto_init(&p, NULL);
        build_nested(&p, content, sizes[i]);
        assert_ok(dlx__proto_finish(&p, &bytes, &n, &err), &err);
        for (int depth = 0; depth < 3; depth++) {
            assert_int_equal(bytes[at++], 0x0a);
            const size_t length = length_at(bytes, &at);
            assert_int_equal(length, n - at); /* of the innermost: of the content */
            assert_true(depth < 2 || length == sizes[i]);
        }
        assert_memory_equal(bytes + at, content, sizes[i]);
        dlx__proto_release(&p);
    }
}

static void misuse_is_kept_as_the_failure(void **state)
{
    (void)state;
    static const char *const says[] = {"begun and not ended", "ended and not begun", "deep",
                                       "2 GiB"};
    for (int way = 0; way < 4; way++) {
        dlx__proto p;
        dlx_error err;
        const uint8_t *bytes;
        size_t n;
        dlx__proto_init(&p, NULL);
        for (int i = 0; i <= DLX__PROTO_MAX_DEPTH && way == 2; i++)
            dlx__proto_begin(&p, 1);
        if (way == 0)
            dlx__proto_begin(&p, 1);
        if (way == 1)
            dlx__proto_end(&p);
        if (way == 3)
            dlx__proto_bytes(&p, 1, "", SIZE_MAX / 2);
        dlx__proto_int(&p, 1, 1); /* is not reached */
        assert_int_not_equal(dlx__proto_finish(&p, &bytes, &n, &err), DLX_OK);
        assert_says(&err, says[way]);
        dlx__proto_release(&p);
    }
}

static void no_memory_is_a_sentence(void **state)
{
    (void)state;
    static uint8_t content[300];
    dlx_result r = DLX_E_NOMEM;
    for (size_t i = 1; r != DLX_OK; i++) {
        failing_mem mem;
        failing_mem_init(&mem, i);
        dlx__proto p;
        dlx_error err;
        const uint8_t *bytes;
        size_t n;
        dlx__proto_init(&p, &mem.mem);
        build_nested(&p, content, sizeof content);
        r = dlx__proto_finish(&p, &bytes, &n, &err);
        if (r != DLX_OK) {
            assert_int_equal(r, DLX_E_NOMEM);
            assert_says(&err, "protobuf");
        }
        dlx__proto_release(&p);
        assert_int_equal(mem.n_alive, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_the_format),
        cmocka_unit_test(what_is_nothing_is_left_out_unless_it_chooses),
        cmocka_unit_test(lengths_are_as_long_as_they_need),
        cmocka_unit_test(misuse_is_kept_as_the_failure),
        cmocka_unit_test(no_memory_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
