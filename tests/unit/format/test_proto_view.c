/* test_proto_view.c - what the writer of protobuf writes is read; what no writer writes is a
 * sentence. */
#include "unit.h"

#include "base/base.h"
#include "failing_mem.h"
#include "format/proto.h"
#include "format/proto_view.h"

static void what_is_written_is_read(void **state)
{
    (void)state;
    dlx__proto p;
    dlx_error err;
    const uint8_t *bytes;
    size_t n;
    dlx__proto_init(&p, NULL);
    dlx__proto_int(&p, 1, -7);
    dlx__proto_text(&p, 2, "t\xc3\xa4st");
    dlx__proto_begin(&p, 3);
    dlx__proto_int(&p, 1, INT64_MAX);
    dlx__proto_end(&p);
    dlx__proto_ints(&p, 4, (const int64_t[]){3, -270, 86942}, 3);
    dlx__proto_floats(&p, 5, (const float[]){-1, 2}, 2);
    dlx__proto_float(&p, 6, 0.5f);
    dlx__proto_int(&p, 502, 9);
    assert_ok(dlx__proto_finish(&p, &bytes, &n, &err), &err);

    dlx__proto_view v;
    dlx__arena arena;
    int64_t ints[3] = {0};
    unsigned seen = 0;
    dlx__arena_init(&arena, NULL);
    dlx__proto_view_init(&v, bytes, n, "m");
    dlx__proto_message m = dlx__proto_root(&v), inner = {.view = NULL};
    for (dlx__proto_field f = dlx__proto_fields(&m); dlx__proto_next(&f); seen++) {
        if (f.number == 1)
            assert_int_equal(dlx__proto_get_int(&f), -7);
        else if (f.number == 2)
            assert_string_equal(dlx__proto_get_text(&f, &arena), "t\xc3\xa4st");
        else if (f.number == 3)
            dlx__proto_only_child(&f, &inner);
        else if (f.number == 4)
            assert_int_equal(dlx__proto_get_ints(&f, ints, 3), 3);
        else if (f.number == 5)
            assert_int_equal(dlx__proto_count(&f, DLX__PROTO_FIXED32), 2);
        else if (f.number == 6)
            assert_int_equal(f.value, 0x3f000000);
        else
            assert_int_equal(f.number, 502);
    }
    assert_int_equal(seen, 7);
    assert_int_equal(ints[1], -270);
    dlx__proto_field f = dlx__proto_fields(&inner);
    assert_true(dlx__proto_next(&f));
    assert_int_equal(dlx__proto_get_int(&f), INT64_MAX);
    assert_false(dlx__proto_next(&f));
    assert_ok(dlx__proto_view_result(&v, &err), &err);
    dlx__arena_release(&arena);
    dlx__proto_release(&p);
}

/* Reads every field in every way. */
static void read_all(const dlx__proto_message *m, dlx__arena *arena)
{
    dlx__proto_message one = {.view = NULL};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number == 1)
            (void)dlx__proto_get_int(&f);
        if (f.number == 2)
            (void)dlx__proto_get_text(&f, arena);
        if (f.number == 3) {
            dlx__proto_only_child(&f, &one);
            read_all(&one, arena);
        }
        if (f.number == 4)
            (void)dlx__proto_count(&f, DLX__PROTO_VARINT);
        if (f.number == 5)
            (void)dlx__proto_count(&f, DLX__PROTO_FIXED64);
    }
}

static void what_is_damaged_is_a_sentence(void **state)
{
    (void)state;
#define BYTES(text) text, sizeof text - 1
    const struct {
        const char *bytes;
        size_t n;
        const char *says;
    } all[] = {
        {BYTES("\x08"), "m: the field at byte 0 does not end inside its message of 1 bytes"},
        {BYTES("\x08\x80"), "the field at byte 0 does not end"},
        {BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "the field at byte 0 does not end"},
        {BYTES("\x08\x01\x12\x05word"), "the field at byte 2 does not end inside its message of 8"},
        {BYTES("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "the field at byte 0 does not end"},
        {BYTES("\x09 1234567"), NULL},
        {BYTES("\x49 123456"), "the field at byte 0 does not end"},
        {BYTES("\x4d 12"), "the field at byte 0 does not end"},
        {BYTES("\x03\x04"), "expected the number and the kind of a field at byte 0, found 3"},
        {BYTES("\x00\x01"), "expected the number and the kind of a field at byte 0, found 0"},
        {BYTES("\x0e\x01"), "expected the number and the kind of a field"},
        {BYTES("\x0a\x01z"), "field 1 at byte 0: expected a number, found a length and bytes"},
        {BYTES("\x10\x01"), "field 2 at byte 0: expected a length and bytes, found a number"},
        {BYTES("\x1a\x03\x1a\x01\x08"), "the field at byte 4 does not end inside its message of 1"},
        {BYTES("\x1a\x00\x1a\x00"), "field 3 at byte 2: expected it once in its message"},
        {BYTES("\x12\x01\xff"), "field 2 at byte 0: expected text in UTF-8"},
        {BYTES("\x12\x03"
               "a\0b"),
         "field 2 at byte 0: expected text in UTF-8"},
        {BYTES("\x22\x01\x80"), "the field at byte 0 does not end"},
        {BYTES("\x2a\x07seven!!"), "the field at byte 0 does not end"},
        {BYTES("\x2a\x08"
               "eight!!!\x20\x05"),
         NULL},
        {BYTES("\x7a\x03\xff\xff\xff"), NULL}, /* what is not known is passed over */
        {BYTES(""), NULL},
    };
#undef BYTES
    for (size_t i = 0; i < DLX__LEN(all); i++) {
        dlx__proto_view v;
        dlx__arena arena;
        dlx_error err = {.text = ""};
        dlx__arena_init(&arena, NULL);
        dlx__proto_view_init(&v, (const uint8_t *)all[i].bytes, all[i].n, "m");
        dlx__proto_message m = dlx__proto_root(&v);
        if (i == 5) { /* eight bytes where a number was wanted: the kind, not the length */
            dlx__proto_field f = dlx__proto_fields(&m);
            assert_true(dlx__proto_next(&f));
            assert_int_equal(f.n, 8);
        } else
            read_all(&m, &arena);
        const dlx_result r = dlx__proto_view_result(&v, &err);
        if ((all[i].says == NULL) != (r == DLX_OK) ||
            (all[i].says && !strstr(err.text, all[i].says)))
            fail_msg("row %zu: expected \"%s\", found \"%s\"", i, all[i].says ? all[i].says : "",
                     err.text);
        dlx__arena_release(&arena);
    }
}

static void depth_is_limited(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    size_t n = 0;
    for (int i = 0; i < DLX__PROTO_VIEW_DEPTH + 1; i++) {
        memmove(bytes + 3, bytes, n);
        bytes[0] = 0x1a;
        bytes[1] = (uint8_t)(0x80 | (n & 0x7f));
        bytes[2] = (uint8_t)(n >> 7);
        n += 3;
    }
    dlx__proto_view v;
    dlx__arena arena;
    dlx_error err;
    dlx__arena_init(&arena, NULL);
    dlx__proto_view_init(&v, bytes, n, "m");
    dlx__proto_message m = dlx__proto_root(&v);
    read_all(&m, &arena);
    assert_int_equal(dlx__proto_view_result(&v, &err), DLX_E_FORMAT);
    assert_says(&err, "expected messages at most 100 deep, found more");
    dlx__proto_view_init(&v, bytes + 3, n - 3, "m");
    m = dlx__proto_root(&v);
    read_all(&m, &arena);
    assert_ok(dlx__proto_view_result(&v, &err), &err);
}

static void the_first_fault_stays(void **state)
{
    (void)state;
    dlx__proto_view v;
    dlx__arena arena;
    dlx_error err;
    failing_mem mem;
    failing_mem_init(&mem, 1);
    dlx__arena_init(&arena, &mem.mem);
    dlx__proto_view_init(&v, (const uint8_t *)"\x12\x01z\x08\x01", 5, "m");
    dlx__proto_message m = dlx__proto_root(&v);
    read_all(&m, &arena);
    assert_int_equal(dlx__proto_view_result(&v, &err), DLX_E_NOMEM);
    dlx__proto_fault(&v, "another one");
    assert_int_equal(dlx__proto_view_result(&v, &err), DLX_E_NOMEM);
    dlx__proto_field f = dlx__proto_fields(&m);
    assert_false(dlx__proto_next(&f));
    dlx__arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_damaged_is_a_sentence),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(the_first_fault_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
