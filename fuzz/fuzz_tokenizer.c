/* fuzz_tokenizer.c - any bytes as a tokenizer.json; what an accepted one makes of a fixed text must
 * decode, and what is shown of it must be UTF-8. */
// rooms: text
// parser: text/(tokenizer_json|added|vocab|pretok|pattern|regex_dialect|bpe|encode|byte_level)
#include "base/utf8.h"
#include "fuzz.h"
#include "text/detok.h"

#include <stdlib.h>
#include <string.h>

static void use(const dlx__tokenizer *t, unsigned flags)
{
    static const char text[] =
        "Hello  world's 123 \xC3\xA9 e\xCC\x81 \xE4\xB8\xAD\xE6\x96\x87\r\n\n <S> <T>\xE2\x80\x83"
        "\xF0\x9F\x98\x80 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab ABabABab \t\xC2\xA0 end ";
    dlx__ids ids;
    dlx__buf out;
    dlx_error err;
    dlx__ids_init(&ids, NULL);
    dlx__buf_init(&out, NULL);
    if (dlx__tokenizer_encode(t, text, strlen(text), flags, &ids, &err) == DLX_OK) {
        if (dlx__detok_all(t, ids.data, ids.n, flags, &out, &err) != DLX_OK)
            abort();
        if (out.data && dlx__utf8_valid_prefix(out.data, out.len) != out.len)
            abort();
    } else if (ids.n != 0 || err.text[0] == '\0') {
        abort();
    }
    dlx__ids_release(&ids);
    dlx__buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dlx__tokenizer *t = NULL;
    dlx_error err;
    if (dlx__tokenizer_parse(&t, (const char *)data, n, "input", NULL, &err) != DLX_OK)
        return 0;
    use(t, 0);
    use(t, DLX__ENCODE_SPECIAL);
    dlx__tokenizer_free(t);
    return 0;
}
