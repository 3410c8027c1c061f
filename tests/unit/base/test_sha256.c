/* test_sha256.c - the vectors of FIPS 180-4 and NIST's byte tests; any pieces give the same. */
#include "unit.h"

#include "base/sha256.h"

#include <string.h>

static void hash(char out[DLX__SHA256_HEX], const char *text, size_t n, size_t piece)
{
    dlx__sha256 s;
    dlx__sha256_init(&s);
    for (size_t at = 0; at < n; at += piece)
        dlx__sha256_add(&s, text + at, dlx__min(piece, n - at));
    dlx__sha256_hex(&s, out);
}

static void vectors(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"}};
    char found[DLX__SHA256_HEX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece <= 130; piece += 13) {
            hash(found, cases[i][0], strlen(cases[i][0]), piece);
            assert_string_equal(found, cases[i][1]);
        }
}

static void a_million_letters(void **state)
{
    (void)state;
    static char text[1000000];
    char found[DLX__SHA256_HEX];
    memset(text, 'a', sizeof text);
    for (size_t piece = 63; piece <= 65; piece++) {
        hash(found, text, sizeof text, piece);
        assert_string_equal(found,
                            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(a_million_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
