/*
 * bench_settings.h - what `dlx bench` reads beside plain options: lists of numbers, prompts, and
 * the settings of a comparison, which are options of generation written in one text.
 */
#ifndef DLX_TOOL_BENCH_SETTINGS_H
#define DLX_TOOL_BENCH_SETTINGS_H

#include "arithmetic_flags.h"
#include "gen_flags.h"

#include <dlx/tools.h>

/* Prompts as token ids. All zero is empty and valid. */
typedef struct prompt_list {
    dlx_bench_prompt *items; /* [n], ids owned */
    size_t n;
} prompt_list;

/* One prompt more: through the chat template, where there is one and `raw` does not say otherwise.
 * An exit code; when it is not EXIT_OK a sentence was said. */
int prompt_list_add(prompt_list *list, const dlx_model *model, const char *text, bool raw);

/* One prompt a line: a JSON object with "prompt", or plain text. */
int prompt_list_read(prompt_list *list, const dlx_model *model, const char *path, bool raw);

void prompt_list_release(prompt_list *list);

/* Generation with certain options, perhaps somewhere else. */
typedef struct bench_side {
    bytes words; /* the text, cut into words that the options point into */
    gen_flags flags;
    gen_plan plan;
    opt_count threads;
    const char *backend;
    arithmetic_flags arithmetic;
    opt_ids eos_ids;     /* owned: of this text alone, as is ... */
    opt_ranges suppress; /* ... this */
} bench_side;

/*
 * The options `base` with those of `text` on top ("cache=dual threshold=0.8 threads=1"; flags stand
 * alone; text may be NULL), for an answer of max_tokens. An exit code, and a sentence.
 */
int bench_side_init(bench_side *side, const char *text, const gen_flags *base,
                    const dlx_model *model, size_t max_tokens);
void bench_side_release(bench_side *side);

#endif
