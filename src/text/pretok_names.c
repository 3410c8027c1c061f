/*
 * pretok_names.c - pre-tokenizers that GGUF files call by a name instead of giving a pattern. The
 * names are llama.cpp's; the patterns are those of the tokenizer.json files they stand for.
 */
#include "text/pretok.h"

#include "base/fail.h"

#include <string.h>

const char dlx__pretok_gpt2_regex[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const char dlx__pretok_qwen_regex[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
    "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

static const char llama3_regex[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

static const char bailing_regex[] =
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|"
    "\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";

/* The letters that DeepSeek-LLM's pattern names: cased scripts of Unicode at the time. */
static const char deepseek_letters_regex[] =
    "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙ"
    "ὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗ"
    "Ａ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+";

enum { MOST_PATTERNS = 6 };

typedef struct named {
    const char *names; /* separated and enclosed by spaces */
    bool nfc;
    const char *patterns[MOST_PATTERNS];
} named;

static const named table[] = {
    {" qwen2 deepseek-r1-qwen stablelm2 megrez ", true, {dlx__pretok_qwen_regex}},
    {" gpt-2 phi-2 mpt olmo jais ", false, {dlx__pretok_gpt2_regex}},
    {" smollm starcoder refact command-r codeshell ",
     false,
     {"\\p{N}", dlx__pretok_gpt2_regex}},
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
