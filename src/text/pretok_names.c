/*
 * pretok_names.c - pre-tokenizers that GGUF files call by a name instead of giving a pattern. The
 * names are llama.cpp's; the patterns are those of the tokenizer.json files they stand for.
 */
#include "text/pretok.h"

#include "base/fail.h"

#include <string.h>

const char dlx__pretok_gpt2_regex[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const char dlx__pretok_qwen_regex[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
                                      "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
                                      "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

static const char llama3_regex[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

static const char bailing_regex[] =
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|"
    "\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";

/* The letters that DeepSeek-LLM's pattern names: those with case, in Unicode as it was at the time.
 */
static const char deepseek_letters_regex[] =
    "\\s?[A-Za-z\\x{B5}\\x{C0}-\\x{D6}\\x{D8}-\\x{F6}\\x{F8}-\\x{1BA}\\x{1BC}-\\x{1BF}"
    "\\x{1C4}-\\x{293}\\x{295}-\\x{2AF}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37B}-\\x{37D}"
    "\\x{37F}\\x{386}\\x{388}-\\x{38A}\\x{38C}\\x{38E}-\\x{3A1}\\x{3A3}-\\x{3F5}"
    "\\x{3F7}-\\x{481}\\x{48A}-\\x{52F}\\x{531}-\\x{556}\\x{10A0}-\\x{10C5}"
    "\\x{13A0}-\\x{13F5}\\x{13F8}-\\x{13FD}\\x{1C90}-\\x{1CBA}\\x{1CBD}-\\x{1CBF}"
    "\\x{1D00}-\\x{1D2B}\\x{1D6B}-\\x{1D77}\\x{1D79}-\\x{1D9A}\\x{1E00}-\\x{1F15}"
    "\\x{1F18}-\\x{1F1D}\\x{1F20}-\\x{1F45}\\x{1F48}-\\x{1F4D}\\x{1F50}-\\x{1F57}\\x{1F59}"
    "\\x{1F5B}\\x{1F5D}\\x{1F5F}-\\x{1F7D}\\x{1F80}-\\x{1FB4}\\x{1FB6}-\\x{1FBC}\\x{1FBE}"
    "\\x{1FC2}-\\x{1FC4}\\x{1FC6}-\\x{1FCC}\\x{1FD0}-\\x{1FD3}\\x{1FD6}-\\x{1FDB}"
    "\\x{1FE0}-\\x{1FEC}\\x{1FF2}-\\x{1FF4}\\x{1FF6}-\\x{1FFC}\\x{2102}\\x{2107}"
    "\\x{210A}-\\x{2113}\\x{2115}\\x{2119}-\\x{211D}\\x{2124}\\x{2126}\\x{2128}"
    "\\x{212A}-\\x{212D}\\x{212F}-\\x{2134}\\x{2139}\\x{213C}-\\x{213F}\\x{2145}-\\x{2149}"
    "\\x{214E}\\x{2183}\\x{2184}\\x{2C00}-\\x{2C7B}\\x{2C7E}-\\x{2CE4}\\x{2CEB}-\\x{2CEE}"
    "\\x{2CF2}\\x{2CF3}\\x{A640}-\\x{A66D}\\x{A680}-\\x{A69B}\\x{A722}-\\x{A76F}"
    "\\x{A771}-\\x{A787}\\x{A78B}-\\x{A78E}\\x{AB70}-\\x{ABBF}\\x{FB00}-\\x{FB06}"
    "\\x{FB13}-\\x{FB17}\\x{FF21}-\\x{FF3A}\\x{FF41}-\\x{FF5A}\\x{10400}-\\x{1044F}"
    "\\x{104B0}-\\x{104D3}\\x{104D8}-\\x{104FB}\\x{10C80}-\\x{10CB2}\\x{10CC0}-\\x{10CF2}"
    "\\x{118A0}-\\x{118DF}\\x{1E900}-\\x{1E943}]+";

enum { MOST_PATTERNS = 6 };

typedef struct named {
    const char *names; /* separated and enclosed by spaces */
    bool nfc;
    const char *patterns[MOST_PATTERNS];
} named;

static const named table[] = {
    {" qwen2 deepseek-r1-qwen stablelm2 megrez ", true, {dlx__pretok_qwen_regex}},
    {" gpt-2 phi-2 mpt olmo jais ", false, {dlx__pretok_gpt2_regex}},
    {" smollm starcoder refact command-r codeshell ", false, {"\\p{N}", dlx__pretok_gpt2_regex}},
    {" llama-bpe llama3 llama-v3 ", false, {llama3_regex}},
    {" llada-moe bailingmoe bailingmoe2 ", false, {bailing_regex}},
    {" deepseek-coder ",
     false,
     {"[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[一-龥ࠀ-一가-퟿]+", "\\p{N}"}},
    {" deepseek-llm ",
     false,
     {"[\\r\\n]", deepseek_letters_regex, "\\s?[!-/:-~！-／：-～‘-‟　-。]+", "\\s+$",
      "[一-龥ࠀ-一가-퟿]+", "\\p{N}+"}},
};

static bool has_name(const named *entry, const char *name, size_t n)
{
    for (const char *at = entry->names; n > 0 && *at; at++)
        if (at[0] == ' ' && strncmp(at + 1, name, n) == 0 && at[1 + n] == ' ')
            return true;
    return false;
}

dlx_result dlx__pretok_add_named(dlx__pretok *p, const char *name, size_t n, bool *nfc,
                                 dlx_error *err)
{
    for (size_t i = 0; i < DLX__LEN(table); i++) {
        if (memchr(name, ' ', n) || memchr(name, '\0', n) || !has_name(&table[i], name, n))
            continue;
        for (size_t j = 0; j < MOST_PATTERNS && table[i].patterns[j]; j++)
            DLX__TRY(dlx__pretok_add_regex(p, table[i].patterns[j], err));
        *nfc = table[i].nfc;
        return DLX_OK;
    }
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "the pre-tokenizer '%.*s' (tokenizer.ggml.pre) is not known here; known are "
                     "qwen2, gpt-2, smollm, llama-bpe, llada-moe, deepseek-coder, deepseek-llm and "
                     "their kin; use the Hugging Face directory with its tokenizer.json",
                     (int)dlx__min(n, 40), name);
}

bool dlx__pretok_name_is_whole_first(const char *name, size_t n)
{
    return n >= 5 && memcmp(name, "llama", 5) == 0;
}

static bool has_patterns(const named *entry, const dlx__pretok *p)
{
    for (size_t i = 0; i < p->n_steps; i++) {
        size_t n = 0;
        bool literal = false;
        const dlx__pretok_step *step = &p->steps[i];
        const char *source = dlx__pattern_source(step->pattern, &n, &literal);
        const char *wanted = i < MOST_PATTERNS ? entry->patterns[i] : NULL;
        if (!wanted || literal || step->removed || step->invert || strlen(wanted) != n ||
            memcmp(wanted, source, n) != 0)
            return false;
    }
    return p->n_steps == MOST_PATTERNS || !entry->patterns[p->n_steps];
}

const char *dlx__pretok_name(char out[32], const dlx__pretok *p, bool nfc, bool whole_first)
{
    for (size_t i = 0; i < DLX__LEN(table); i++) {
        const char *first = table[i].names + 1;
        size_t n = strcspn(first, " ");
        if (table[i].nfc != nfc || dlx__pretok_name_is_whole_first(first, n) != whole_first ||
            !has_patterns(&table[i], p))
            continue;
        memcpy(out, first, n);
        out[n] = '\0';
        return out;
    }
    return NULL;
}
