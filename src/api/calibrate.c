/* calibrate.c - reads, tokenizes and cuts the texts of a calibration. */
#include "api/calibrate.h"

#include "api/jsonl.h"
#include "api/prompt_ids.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <stdio.h>
#include <string.h>

enum { MAX_BYTES = 1 << 30, DEFAULT_TEXTS = 128, DEFAULT_POSITIONS = 256 };

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

/* Prompt and answer one after the other, as much as fits, and stop ids to the end of the block. */
static dlx_result add_ids(reader *r, const dlx_token *prompt, size_t n_prompt,
                          const dlx_token *answer, size_t n_answer, dlx_error *err)
{
    const dlx__hparams *hp = &r->model->core.hp;
    n_prompt = dlx__min(n_prompt, r->n_positions);
    n_answer = dlx__min(n_answer, r->n_positions - n_prompt);
    memcpy(r->ids, prompt, n_prompt * sizeof *prompt);
    memcpy(r->ids + n_prompt, answer, n_answer * sizeof *answer);
    size_t n = n_prompt + n_answer;
    const size_t end = dlx__min(r->n_positions, (n / r->to->block + 1) * r->to->block);
    while (hp->n_stop_ids > 0 && n < end)
        r->ids[n++] = hp->stop_ids[0];
    r->n_taken++;
    return dlx__calibration_add(r->to, &r->model->core, r->ids, n, n_prompt, err);
}

static dlx_result add_answer(reader *r, const char *prompt, const char *answer, dlx_error *err)
{
    dlx_token *before, *behind;
    size_t n_before, n_behind;
    DLX__TRY(dlx__api_prompt_ids(r->model, prompt, r->texts->raw, &before, &n_before, err));
    dlx_result result =
        dlx_tokenize(r->model, answer, strlen(answer), false, &behind, &n_behind, err);
    if (result == DLX_OK) {
        result = add_ids(r, before, n_before, behind, n_behind, err);
        dlx_free(r->model, behind);
    }
    dlx_free(r->model, before);
    return result;
}

static dlx_result add_line(reader *r, const json_t *line, const char *name, dlx_error *err)
{
    const char *prompt = json_string_value(json_object_get(line, "prompt"));
    const char *answer = json_string_value(json_object_get(line, "answer"));
    const char *text = json_string_value(json_object_get(line, "text"));
    if (prompt && answer)
        return add_answer(r, prompt, answer, err);
    if (text)
        return add_text(r, text, strlen(text), err);
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected {\"prompt\", \"answer\"} or {\"text\"}, found neither: mend the "
                     "line, or take it out",
                     name);
}

static dlx_result add_lines(reader *r, const char *text, size_t n_bytes, dlx_error *err)
{
    dlx__jsonl in = dlx__jsonl_of(text, n_bytes);
    while (!is_full(r) && dlx__jsonl_next(&in)) {
        char name[320];
        json_t *line;
        snprintf(name, sizeof name, "%.250s, line %zu", r->texts->path, in.number);
        DLX__TRY(dlx__jsonl_parse(&line, &in, name, err));
        const dlx_result result = add_line(r, line, name, err);
        json_decref(line);
        DLX__TRY(result);
    }
    return DLX_OK;
}

static bool ends_in(const char *path, const char *end)
{
    const size_t n = strlen(path), n_end = strlen(end);
    return n >= n_end && strcmp(path + n - n_end, end) == 0;
}

static dlx_result read_texts(reader *r, dlx_error *err)
{
    char *text;
    size_t n_bytes;
    const char *path = r->texts->path;
    DLX__TRY(dlx__os_read_file(&text, &n_bytes, path, MAX_BYTES, r->model->mem, err));
    const dlx_result result = ends_in(path, ".jsonl") ? add_lines(r, text, n_bytes, err)
                                                      : add_text(r, text, n_bytes, err);
    dlx__free(r->model->mem, text);
    DLX__TRY(result);
    if (r->to->n_passes > 0)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "%s: expected texts of at least %zu tokens, found none; give a file with some "
                     "lines of text, as the model will meet them",
                     path, r->to->block);
}

dlx_result dlx__api_calibration(dlx__calibration *c, const dlx_model *model,
                                const dlx__api_texts *texts, dlx_error *err)
{
    reader r = {.model = model,
                .to = c,
                .texts = texts,
                .n_texts = texts->n_texts ? texts->n_texts : DEFAULT_TEXTS,
                .n_positions = texts->n_positions ? texts->n_positions : DEFAULT_POSITIONS};
    dlx__calibration_init(c, &model->core, texts->seed, model->mem);
    r.ids = dlx__alloc(model->mem, dlx__mul(r.n_positions, sizeof *r.ids));
    if (!r.ids)
        return dlx__fail_memory(err, "reading calibration texts", r.n_positions * sizeof *r.ids);
    const dlx_result result = read_texts(&r, err);
    dlx__free(model->mem, r.ids);
    return result;
}
