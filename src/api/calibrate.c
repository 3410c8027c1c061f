/* calibrate.c - reads, tokenizes and cuts the texts of a calibration. */
#include "api/calibrate.h"

#include "api/jsonl.h"
#include "api/prompt_ids.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

enum { DEFAULT_TEXTS = 128, DEFAULT_POSITIONS = 256, PIECE_BYTES = 1 << 20 };

typedef struct reader {
    const dlx_model *model;
    dlx__calibration *to;
    const dlx__api_texts *texts;
    size_t n_texts, n_positions; /* the most */
    size_t n_taken;
    dlx_token *ids; /* [n_positions] */
} reader;

static bool is_full(const reader *r)
{
    return r->n_taken >= r->n_texts;
}

/* A text in pieces of at most n_positions. */
static dlx_result add_text(reader *r, const char *text, size_t n_bytes, dlx_error *err)
{
    dlx_token *ids;
    size_t n;
    DLX__TRY(dlx_tokenize(r->model, text, n_bytes, false, &ids, &n, err));
    dlx_result result = DLX_OK;
    for (size_t at = 0; at < n && !is_full(r) && result == DLX_OK; at += r->n_positions) {
        const size_t n_piece = dlx__min(r->n_positions, n - at);
        result = dlx__calibration_add(r->to, &r->model->core, ids + at, n_piece, 0, err);
        r->n_taken++;
    }
    dlx_free(r->model, ids);
    return result;
}

/* A large text a piece at a time, lines kept whole: no more is tokenized than is used. */
static dlx_result add_plain(reader *r, const char *text, size_t n, dlx_error *err)
{
    while (n > 0 && !is_full(r)) {
        size_t piece = n;
        if (n > PIECE_BYTES) {
            piece = dlx__utf8_whole(text, PIECE_BYTES);
            for (size_t i = piece; i > 0; i--)
                if (text[i - 1] == '\n') {
                    piece = i;
                    break;
                }
        }
        const dlx_result result = add_text(r, text, piece, err);
        if (result != DLX_OK)
            dlx__fail_prefix(err, r->texts->path);
        DLX__TRY(result);
        text += piece;
        n -= piece;
    }
    return DLX_OK;
}

/*
 * The end of the prompt, the answer as far as there is room, and stop ids to the end of the block.
 * The answer, which alone is masked, has half of the positions for itself if it needs them.
 */
static dlx_result add_ids(reader *r, const dlx_token *prompt, size_t n_prompt,
                          const dlx_token *answer, size_t n_answer, dlx_error *err)
{
    const dlx__hparams *hp = &r->model->core.hp;
    const size_t all = r->n_positions;
    const size_t left = all - dlx__min(n_prompt, all);
    const size_t room = dlx__min(n_answer + 1, dlx__max(left, (all + 1) / 2)); /* a stop id too */
    const size_t n_kept = dlx__min(n_prompt, all - room);
    n_answer = dlx__min(n_answer, all - n_kept);
    memcpy(r->ids, prompt + n_prompt - n_kept, n_kept * sizeof *prompt);
    memcpy(r->ids + n_kept, answer, n_answer * sizeof *answer);
    size_t n = n_kept + n_answer;
    const size_t end = dlx__min(all, (n / r->to->block + 1) * r->to->block);
    while (hp->n_stop_ids > 0 && n < end)
        r->ids[n++] = hp->stop_ids[0];
    r->n_taken++;
    return dlx__calibration_add(r->to, &r->model->core, r->ids, n, n_kept, err);
}

static dlx_result add_answer(reader *r, const char *prompt, const json_t *answer, dlx_error *err)
{
    dlx_token *before, *behind;
    size_t n_before, n_behind;
    DLX__TRY(dlx__api_prompt_ids(r->model, prompt, r->texts->raw, &before, &n_before, err));
    dlx_result result = dlx_tokenize(r->model, json_string_value(answer),
                                     json_string_length(answer), false, &behind, &n_behind, err);
    if (result == DLX_OK) {
        result = add_ids(r, before, n_before, behind, n_behind, err);
        dlx_free(r->model, behind);
    }
    dlx_free(r->model, before);
    return result;
}

static dlx_result add_line(reader *r, const json_t *line, dlx_error *err)
{
    const json_t *prompt = json_object_get(line, "prompt"),
                 *answer = json_object_get(line, "answer");
    const json_t *text = json_object_get(line, "text");
    if (json_is_string(prompt) && json_is_string(answer))
        return add_answer(r, json_string_value(prompt), answer, err);
    if (json_is_string(text))
        return add_text(r, json_string_value(text), json_string_length(text), err);
    return dlx__fail(err, DLX_E_FORMAT,
                     "expected {\"prompt\", \"answer\"} or {\"text\"}, found neither: mend the "
                     "line, or take it out");
}

static dlx_result add_lines(reader *r, const char *text, size_t n_bytes, dlx_error *err)
{
    dlx__jsonl in = dlx__jsonl_of(text, n_bytes);
    while (!is_full(r) && dlx__jsonl_next(&in)) {
        char name[320];
        json_t *line;
        snprintf(name, sizeof name, "%.250s, line %zu", r->texts->path, in.number);
        DLX__TRY(dlx__jsonl_parse(&line, &in, name, err));
        const dlx_result result = add_line(r, line, err);
        json_decref(line);
        if (result != DLX_OK)
            dlx__fail_prefix(err, name);
        DLX__TRY(result);
    }
    return DLX_OK;
}

static dlx_result add_bytes(reader *r, const char *bytes, size_t n, dlx_error *err)
{
    return dlx__jsonl_is_named(r->texts->path) ? add_lines(r, bytes, n, err)
                                               : add_plain(r, bytes, n, err);
}

static dlx_result read_texts(reader *r, dlx_error *err)
{
    char *bytes;
    size_t n;
    const char *path = r->texts->path;
    if (r->texts->bytes) {
        DLX__TRY(add_bytes(r, r->texts->bytes, r->texts->n_bytes, err));
    } else {
        DLX__TRY(dlx__os_read_file(&bytes, &n, path, DLX__JSONL_MAX_BYTES, r->model->mem, err));
        const dlx_result result = add_bytes(r, bytes, n, err);
        dlx__free(r->model->mem, bytes);
        DLX__TRY(result);
    }
    if (r->to->n_rows >= 2)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "%s: expected texts of at least %zu tokens, found none; give a file with some "
                     "lines of text, as the model will meet them",
                     path, dlx__max(2, r->to->block));
}

static dlx_result check_positions(const reader *r, dlx_error *err)
{
    const size_t n_least = dlx__max(2, r->to->block), n_most = r->model->core.hp.n_ctx_train;
    if (r->n_positions >= n_least && r->n_positions <= n_most)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "%s: positions: expected %zu (a block) to %zu (what the model was trained "
                     "for) tokens of a text, found %zu",
                     r->model->core.checkpoint.path, n_least, n_most, r->n_positions);
}

dlx_result dlx__api_calibration(dlx__calibration *c, const dlx_model *model,
                                const dlx__api_texts *texts, dlx_error *err)
{
    reader r = {.model = model,
                .to = c,
                .texts = texts,
                .n_texts = texts->n_texts ? texts->n_texts : DEFAULT_TEXTS,
                .n_positions = texts->n_positions ? texts->n_positions : DEFAULT_POSITIONS};
    if (texts->n_positions == 0)
        r.n_positions = dlx__min(r.n_positions, model->core.hp.n_ctx_train);
    dlx__calibration_init(c, &model->core, texts->seed, model->mem);
    DLX__TRY(check_positions(&r, err));
    r.ids = dlx__alloc(model->mem, dlx__mul(r.n_positions, sizeof *r.ids));
    if (!r.ids)
        return dlx__fail_memory(err, "reading calibration texts", r.n_positions * sizeof *r.ids);
    const dlx_result result = read_texts(&r, err);
    dlx__free(model->mem, r.ids);
    return result;
}
