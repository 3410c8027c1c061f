/*
 * generation_support.h - an engine on a golden checkpoint, a recorder of its events, a tokenizer
 * whose tokens are words, and a backend that can be made to fail.
 */
#ifndef GENERATION_SUPPORT_H
#define GENERATION_SUPPORT_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/engine.h"
#include "text/detok.h"

enum { REC_MAX = 1024, REC_TEXT = 1 << 14 };

/* The diffusion models first: the others have no masks to fill. */
enum { N_DIFFUSION = 4, N_EACH = 5 };
static const char *const one_of_each[N_EACH] = {"llada-tiny", "dream-tiny", "sdar-tiny-b4",
                                                "fast-dllm-v2-tiny", "ar-qwen2-tiny"};

typedef struct recording {
    dlx_written written[REC_MAX];
    size_t pass_of[REC_MAX];
    size_t n_written;
    size_t n_events, n_denoise, n_prefill, n_commit, n_ends;
    size_t last_pass, rows;
    char text[REC_TEXT];
    size_t n_text, n_text_events;
    size_t stop_after; /* events; 0: never */
    void (*hook)(void *user);
    void *hook_user;
} recording;

static inline void check_order(recording *r, const dlx_event *e)
{
    assert_true(e->pass >= r->last_pass);
    r->last_pass = e->pass;
    for (size_t i = 0; i < e->n_written; i++) {
        const dlx_written *w = &e->written[i];
        assert_true(i == 0 || e->written[i - 1].pos < w->pos);
        assert_int_equal(e->canvas[w->pos], w->id);
        for (size_t k = 0; k < r->n_written; k++)
            assert_true(r->written[k].pos != w->pos); /* nothing is written twice */
        assert_true(r->n_written < REC_MAX);
        r->pass_of[r->n_written] = e->pass;
        r->written[r->n_written++] = *w;
    }
}

static inline bool record(void *user, const dlx_event *e)
{
    recording *r = user;
    r->n_events++;
    if (e->kind == DLX_EV_PASS) {
        check_order(r, e);
        r->n_denoise += e->pass_kind == DLX_PASS_DENOISE;
        r->n_prefill += e->pass_kind == DLX_PASS_PREFILL;
        r->n_commit += e->pass_kind == DLX_PASS_COMMIT;
        r->rows += e->rows;
    } else if (e->kind == DLX_EV_TEXT) {
        assert_true(e->n_text > 0 && e->text[e->n_text] == '\0' &&
                    r->n_text + e->n_text < REC_TEXT);
        memcpy(r->text + r->n_text, e->text, e->n_text);
        r->n_text += e->n_text;
        r->n_text_events++;
    } else {
        r->n_ends++;
    }
    if (r->hook)
        r->hook(r->hook_user);
    return r->stop_after == 0 || r->n_events < r->stop_after;
}

typedef struct stage {
    dlx__model model;
    dlx__engine *engine;
    dlx__tokenizer *tokenizer;
    dlx_gen_opts opts;
    dlx_gen_result result;
    dlx_error err;
    recording rec;
} stage;

static inline void open_model(dlx__model *m, const char *folder)
{
    char path[1024];
    dlx_error err = {.code = DLX_OK};
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, folder);
    assert_ok(dlx__model_open(m, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
}

/* id i is " w<i>"; every seventh ends in a byte that begins a code point and is never completed. */
static inline dlx__tokenizer *word_tokenizer(size_t n_ids)
{
    static char text[1 << 15];
    size_t n = 0;
    dlx_error err = {.code = DLX_OK};
    dlx__tokenizer *t;
    n += (size_t)snprintf(text + n, sizeof text - n,
                          "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                          "\"use_regex\":false},\"decoder\":{\"type\":\"ByteLevel\"},"
                          "\"model\":{\"type\":\"BPE\",\"merges\":[],\"vocab\":{");
    for (size_t i = 0; i < n_ids; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\"\xC4\xA0w%zu%s\":%zu", i ? "," : "",
                              i, i % 7 == 0 ? "\xC3\x83" : "", i);
    n += (size_t)snprintf(text + n, sizeof text - n, "}}}");
    assert_true(n < sizeof text - 1);
    assert_ok(dlx__tokenizer_parse(&t, text, n, "words", NULL, &err), &err);
    return t;
}

static inline void open_engine(stage *s, const dlx__backend_class *backend, int n_threads,
                               const dlx_allocator *mem)
{
    dlx__engine_opts o = {.backend = backend,
                          .n_ctx = 192,
                          .n_threads = n_threads,
                          .tokenizer = s->tokenizer,
                          .mem = mem};
    assert_ok(dlx__engine_open(&s->engine, &s->model, &o, &s->err), &s->err);
}

static inline const dlx__backend_class *default_backend(void)
{
    const dlx__backend_class *const *b = dlx__backend_list();
    while (b[1])
        b++;
    return *b;
}

static inline void open_stage(stage *s, const char *folder, bool words)
{
    memset(s, 0, sizeof *s);
    open_model(&s->model, folder);
    if (words)
        s->tokenizer = word_tokenizer(s->model.hp.n_vocab);
    open_engine(s, default_backend(), 1, NULL);
    dlx__gen_defaults(&s->model, &s->opts);
    s->opts.max_tokens = 32;
    s->opts.on_event = record;
    s->opts.event_user = &s->rec;
}

static inline void close_stage(stage *s)
{
    dlx__engine_free(s->engine);
    dlx__tokenizer_free(s->tokenizer);
    dlx__model_release(&s->model);
}

static inline dlx_token mask_of(const stage *s)
{
    return (dlx_token)s->model.hp.mask_id.value;
}

static inline dlx_result try_generate(stage *s, const dlx_token *prompt, size_t n)
{
    recording kept = {
        .stop_after = s->rec.stop_after, .hook = s->rec.hook, .hook_user = s->rec.hook_user};
    s->rec = kept;
    return dlx__engine_generate(s->engine, prompt, n, &s->opts, &s->result, &s->err);
}

static inline void generate(stage *s, const dlx_token *prompt, size_t n)
{
    assert_ok(try_generate(s, prompt, n), &s->err);
    assert_int_equal(s->rec.n_ends, 1);
}

/* Some ids of no meaning, none of them special. */
static inline void fill_prompt(dlx_token *ids, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1103515245u + 12345u;
        ids[i] = (dlx_token)(seed >> 16) % 280;
    }
}

static inline size_t count_masks(const stage *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->result.n_canvas; i++)
        n += s->result.canvas[i] == mask_of(s);
    return n;
}

/* The reference backend with a fault: the head of a later call says that logits are not finite, or
 * a step fails. */
static size_t fault_head_after, fault_step_after;

static inline dlx_result faulty_step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    if (fault_step_after && --fault_step_after == 0) {
        if (err)
            snprintf(err->text, sizeof err->text, "the backend broke down");
        return DLX_E_BACKEND;
    }
    return dlx__backend_find("reference")->step(b, in, err);
}

static inline dlx_result faulty_head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    dlx_result r = dlx__backend_find("reference")->head(b, in, err);
    if (fault_head_after && --fault_head_after == 0 && in->stats)
        in->stats[in->n - 1].finite = false;
    return r;
}

static inline dlx__backend_class faulty_backend(void)
{
    dlx__backend_class class = *dlx__backend_find("reference");
    class.name = "faulty";
    class.step = faulty_step;
    class.head = faulty_head;
    return class;
}

#endif
