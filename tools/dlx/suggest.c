/* suggest.c - "did you mean". */
#include "suggest.h"

#include <string.h>

enum { MAX_WORD = 63 }; /* longer words are not typing mistakes */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t suggest_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    size_t rows[3][MAX_WORD + 1]; /* two back, one back, now */
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    if (n > MAX_WORD || m > MAX_WORD)
        return n > m ? n : m;
    for (size_t j = 0; j <= m; j++)
        last[j] = j;
    for (size_t i = 1; i <= n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = smaller(last[j] + 1, now[j - 1] + 1);
            now[j] = smaller(now[j], last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = smaller(now[j], before[j - 2] + 1);
        }
        size_t *reused = before;
        before = last;
        last = now;
        now = reused;
    }
    return last[m];
}

const char *suggest_nearest(const char *word, const char *const *words, size_t n)
{
    const char *best = NULL;
    size_t len = strlen(word);
    /* One mistake in three letters, and one is always forgiven. */
    size_t limit = len / 3 + 1;
    for (size_t i = 0; i < n; i++) {
        /* The beginning of a long word is what people type who hope for abbreviations. */
        size_t d =
            len >= 3 && strncmp(word, words[i], len) == 0 ? 1 : suggest_distance(word, words[i]);
        if (d < limit) {
            best = words[i];
            limit = d;
        }
    }
    return best;
}

#define FAMILY "MODEL alone, whose config.json names the family"
#define MODEL "MODEL, the first argument"

static const suggest_alias foreign[] = {
    /* the original system */
    {"model-path", MODEL},
    {"pte-path", MODEL},
    {"hf-model-path", MODEL},
    {"checkpoint", MODEL},
    {"model-type", FAMILY},
    {"tokenizer", "MODEL alone, which holds the tokenizer"},
    {"max-seq-len", "--ctx"},
    {"seq-len", "--ctx"},
    {"quantization", "dlx quantize and dlx export, which are still to come"},
    {"demo", "make demo, or dlx run models/records"},
    {"device", "--backend"},
    {"no-chat-template", "--raw"},
    {"output-path", "OUT of dlx export, which is still to come"},
    {"output", "-o"},
    {"calibration-data", "--calibrate of dlx quantize, which is still to come"},
    {"validate-only", "dlx inspect MODEL --graph"},
    {"batch-size", "one dlx run for each prompt"},
    /* the models' reference code */
    {"gen-length", "--max-tokens"},
    {"max-new-tokens", "--max-tokens"},
    {"block-size", "--block-length"},
    {"bd-size", "--block-length"},
    {"small-block-size", "--small-block"},
    {"denoising-steps", "--steps"},
    {"iterations", "--steps"},
    {"remasking", "--sampler"},
    {"remasking-strategy", "--sampler"},
    {"alg", "--sampler"},
    {"algorithm", "--sampler"},
    {"confidence", "--threshold"},
    {"confidence-threshold", "--threshold"},
    {"dynamic-threshold", "--threshold"},
    {"use-cache", "--cache"},
    {"dual-cache", "--cache dual"},
    {"use-block-cache", "--cache subblock"},
    {"cfg", "--cfg-scale"},
    /* neighbouring tools */
    {"model", MODEL},
    {"m", MODEL},
    {"prompt", "PROMPT, the argument after MODEL"},
    {"p", "PROMPT, the argument after MODEL"},
    {"n", "--max-tokens"},
    {"n-predict", "--max-tokens"},
    {"max-length", "--max-tokens"},
    {"ctx-size", "--ctx"},
    {"num-ctx", "--ctx"},
    {"c", "--ctx"},
    {"temp", "--temperature"},
    {"t", "--threads"},
    {"num-threads", "--threads"},
    {"system-prompt", "--system"},
    {"diffusion-steps", "--steps"},
    {"diffusion-algorithm", "--sampler"},
    {"diffusion-block-length", "--block-length"},
    {"diffusion-visual", "--watch"},
    {"eos-token-id", "--eos-ids"},
    {"stream", "dlx run as it is, which prints text as soon as it is final"},
};

const suggest_alias *suggest_foreign(const char *name)
{
    char plain[MAX_WORD + 1];
    size_t len = strlen(name);
    if (len > MAX_WORD)
        return NULL;
    for (size_t i = 0; i <= len; i++)
        plain[i] = name[i] == '_' ? '-' : name[i];
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (strcmp(foreign[i].theirs, plain) == 0)
            return &foreign[i];
    return NULL;
}

const suggest_alias *suggest_foreign_list(size_t *n)
{
    *n = sizeof foreign / sizeof *foreign;
    return foreign;
}
