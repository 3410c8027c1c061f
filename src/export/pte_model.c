/* pte_model.c - what all methods share: tables, gains, weights, and what the file says of itself.
 */
#include "export/pte_model.h"

#include "base/fail.h"
#include "export/model_exporter.h"
#include "export/pack_row.h"
#include "export/pte_method.h"
#include "export/weight_bytes.h"

#include <math.h>

static const float NEVER = -1e30f;

static uint32_t gain_of(dlx__pte_shared *s, const dlx__tensor *t)
{
    for (size_t i = 0; i < s->n_gains; i++)
        if (s->gains[i].tensor == t)
            return s->gains[i].data;
    return 0;
}

static dlx_result add_gains(dlx__pte_shared *s, const dlx__lowered *l, dlx_error *err)
{
    for (size_t i = 0; i < l->n; i++) {
        const dlx__tensor *t = l->externs[i].tensor;
        if (l->externs[i].kind != DLX__EXTERN_GAIN || gain_of(s, t))
            continue;
        dlx__pte_gain *gains = dlx__arena_grow(&s->program->arena, s->gains, s->n_gains,
                                               &s->gain_capacity, sizeof *gains);
        if (!gains)
            return dlx__fail_memory(err, "building a program", sizeof *gains);
        s->gains = gains;
        gains[s->n_gains++] = (dlx__pte_gain){
            t, dlx__pte_constant(s->program, dlx__packed_floats(s->packed, t, DLX__PTE_FLOAT))};
    }
    return DLX_OK;
}

static void add_tables(dlx__pte_shared *s, const dlx__lowered *l)
{
    const dlx__graph *g = &s->model->graph;
    const dlx__tensor *table = g->nodes[g->embedded].weight;
    const dlx__pte_type type =
        s->opts->forms.table == DLX__PACK_FP16 ? DLX__PTE_HALF : DLX__PTE_FLOAT;
    s->embedding = dlx__pte_constant(s->program, dlx__packed_floats(s->packed, table, type));
    for (int i = 0; i < 2; i++) {
        s->rotations[i] = (dlx__rotation){.theta = l->theta,
                                          .n_positions = s->opts->n_ctx,
                                          .head_dim = g->head_dim,
                                          .is_sine = i == 1,
                                          .mem = s->opts->write.mem};
        s->tables[i] = dlx__pte_constant(s->program, dlx__rotation_blob(&s->rotations[i]));
    }
    s->scale = l->scale;
    s->scale_data = dlx__pte_constant(
        s->program, (dlx__pte_blob){.n_bytes = sizeof s->scale, .bytes = &s->scale});
}

static dlx_result print_method(dlx__pte_shared *s, const dlx__pte_pass_opts *o, dlx_error *err)
{
    bool ok =
        dlx__buf_format(s->lines, "method %s\n", o->name) && dlx__lowered_print(o->body, s->lines);
    if (ok && o->head)
        ok = dlx__buf_text(s->lines, "  the head\n") && dlx__lowered_print(o->head, s->lines);
    return ok ? DLX_OK : dlx__fail_memory(err, "printing a method", s->lines->len);
}

static dlx_result write_method(dlx__pte_shared *s, const dlx__pte_pass_opts *o, dlx_error *err)
{
    if (!s->embedding)
        add_tables(s, o->body);
    DLX__TRY(add_gains(s, o->body, err));
    return dlx__pte_add_pass(s, o, err);
}

static dlx_result lower(dlx__lowered *to, dlx__pte_shared *s, dlx__lower_part part, bool masked,
                        dlx_error *err)
{
    const bool alone = part == DLX__LOWER_HEAD;
    const dlx__lower_opts opts = {.part = part,
                                  .cache = s->opts->cache,
                                  .masked = masked,
                                  .half_embedding = s->opts->forms.table == DLX__PACK_FP16,
                                  .n_rows =
                                      alone ? dlx__pte_denoise_rows(s->opts) : s->opts->n_rows,
                                  .n_ctx = s->opts->n_ctx};
    return dlx__lower(to, &s->model->graph, &opts, s->packed, s->opts->write.mem, err);
}

static dlx_result add_method(dlx__pte_shared *s, bool denoise, bool masked, dlx_error *err)
{
    static const char *const names[2][2] = {{"forward", "forward_masked"},
                                            {"denoise", "denoise_masked"}};
    dlx__lowered body, head = {.n = 0};
    const dlx__pte_pass_opts pass = {.name = names[denoise][masked],
                                     .body = &body,
                                     .head = denoise ? &head : NULL,
                                     .masked = masked};
    DLX__TRY(lower(&body, s, denoise ? DLX__LOWER_BODY : DLX__LOWER_ALL, masked, err));
    dlx_result r = denoise ? lower(&head, s, DLX__LOWER_HEAD, masked, err) : DLX_OK;
    if (r == DLX_OK)
        r = s->lines ? print_method(s, &pass, err) : write_method(s, &pass, err);
    dlx__lowered_release(&head);
    dlx__lowered_release(&body);
    return r;
}

static bool has_denoise(const dlx__pte_model_opts *o)
{
    return o->n_ids > 0 && o->cache != DLX__EXPORT_COMPAT; /* which has one method */
}

/* Added to logits by denoise: so little where an id must not be chosen that nothing is left of it.
 */
static dlx_result add_never(dlx__pte_shared *s, dlx_error *err)
{
    const size_t n = s->model->hp.n_rows_vocab;
    float *never = dlx__arena_alloc(&s->program->arena, n, sizeof *never);
    if (!never)
        return dlx__fail_memory(err, "building a program", n * sizeof *never);
    for (size_t i = 0; i < n; i++)
        never[i] = i < s->opts->n_ids && (int64_t)i != s->opts->never_id ? 0.0f : NEVER;
    s->never = dlx__pte_constant(s->program,
                                 (dlx__pte_blob){.n_bytes = n * sizeof *never, .bytes = never});
    return DLX_OK;
}

/* As it is written down: 0.9, not the float beside it. */
static double decimal(float x)
{
    return round((double)x * 1e6) / 1e6;
}

/* What runners ask, and what is told beside it. */
static void tell(dlx__pte *p, const dlx__model *m, const dlx__pte_model_opts *o)
{
    const dlx__hparams *hp = &m->hp;
    int64_t stops[DLX__MAX_STOP_IDS];
    for (size_t i = 0; i < hp->n_stop_ids; i++)
        stops[i] = hp->stop_ids[i];
    dlx__pte_tell_int(p, "get_max_seq_len", (int64_t)o->n_rows);
    dlx__pte_tell_int(p, "get_max_context_len", (int64_t)o->n_ctx);
    dlx__pte_tell_bool(p, "use_kv_cache", o->cache != DLX__EXPORT_NO_CACHE);
    dlx__pte_tell_bool(p, "use_sdpa_with_kv_cache", false);
    dlx__pte_tell_bool(p, "enable_dynamic_shape", false); /* a prompt's rows would see each other */
    dlx__pte_tell_int(p, "get_vocab_size", (int64_t)hp->n_rows_vocab);
    dlx__pte_tell_int(p, "get_n_layers", (int64_t)hp->n_layers);
    if (hp->bos_id.value >= 0)
        dlx__pte_tell_int(p, "get_bos_id", hp->bos_id.value);
    dlx__pte_tell_ints(p, "get_eos_ids", stops, hp->n_stop_ids);
    if (hp->block_length.value > 0)
        dlx__pte_tell_int(p, "get_block_size", hp->block_length.value);
    if (hp->small_block.value > 0)
        dlx__pte_tell_int(p, "get_sub_block_size", hp->small_block.value);
    if (hp->mask_id.value >= 0)
        dlx__pte_tell_int(p, "get_mask_token_id", hp->mask_id.value);
    dlx__pte_tell_text(p, "get_model_type", m->family->name);
    dlx__pte_tell_text(p, "get_cache_layout", dlx__export_cache_name(o->cache));
    dlx__pte_tell_bool(p, "get_shift_logits", m->family->shift);
    if (!m->family->autoregressive)
        dlx__pte_tell_text(p, "get_sampler", m->family->samplers[0]);
    if (m->family->threshold > 0)
        dlx__pte_tell_double(p, "get_threshold", decimal(m->family->threshold));
    if (!has_denoise(o))
        return;
    dlx__pte_tell_int(p, "get_max_denoise_rows", (int64_t)dlx__pte_denoise_rows(o));
    dlx__pte_tell_int(p, "get_n_ids", (int64_t)o->n_ids);
    if (o->never_id >= 0)
        dlx__pte_tell_int(p, "get_never_id", o->never_id);
}

/* With COMPAT the caller gives the mask always. */
static dlx_result add_methods(dlx__pte_shared *s, dlx_error *err)
{
    const bool masks = dlx__model_exporter_for(s->model->family)->masks_prompts &&
                       s->opts->cache != DLX__EXPORT_COMPAT;
    if (has_denoise(s->opts))
        DLX__TRY(add_never(s, err));
    for (int denoise = 0; denoise <= has_denoise(s->opts); denoise++)
        for (int masked = 0; masked <= masks; masked++)
            DLX__TRY(add_method(s, denoise, masked, err));
    return DLX_OK;
}

static dlx_result build(dlx__pte_shared *s, dlx_error *err)
{
    const dlx__pte_model_opts *o = s->opts;
    DLX__TRY(add_methods(s, err));
    tell(s->program, s->model, o);
    if (o->description)
        dlx__pte_name(s->program, DLX__PTE_DESCRIPTION,
                      (dlx__pte_blob){.n_bytes = o->n_description, .bytes = o->description});
    dlx__packed_name_all(s->packed, s->program);
    return DLX_OK;
}

/* ---- progress: bytes are made twice, to be named and to be written --------------------------- */

typedef struct halves {
    const dlx__pte_write_opts *told;
    uint64_t n_named, n_all; /* bytes of filters */
} halves;

static uint64_t filter_bytes(const dlx__model *m, const dlx__packed *p)
{
    const dlx__graph *g = &m->graph;
    uint64_t n = 1;
    for (size_t i = 0; i < g->n; i++) {
        const dlx__tensor *w = g->nodes[i].op == DLX__OP_LINEAR ? g->nodes[i].weight : NULL;
        for (int s = 0; w && s < 2; s++)
            n += dlx__mul(w->shape[0],
                          dlx__pack_row_bytes(dlx__export_form(&p->forms, w, i == g->logits),
                                              s == 1, w->shape[1]));
    }
    return n;
}

static bool on_named(void *user, uint64_t n_bytes)
{
    halves *h = user;
    h->n_named += n_bytes;
    const uint64_t done = h->n_named < h->n_all ? h->n_named : h->n_all; /* biases are not in it */
    return !h->told->on_progress || h->told->on_progress(h->told->user, done, 2 * h->n_all);
}

static bool on_written(void *user, uint64_t n_done, uint64_t n_total)
{
    const halves *h = user;
    return !h->told->on_progress ||
           h->told->on_progress(h->told->user, n_total + n_done, 2 * n_total);
}

static uint64_t sum_of_parts(const dlx__export_parts *parts)
{
    uint64_t n = 0;
    for (int i = 0; i < DLX__N_EXPORT_PARTS; i++)
        n += parts->bytes[i];
    return n;
}

static void count_parts(dlx__pte_model_facts *f, dlx__pte_shared *s)
{
    uint64_t *bytes = f->parts.bytes;
    f->parts = (dlx__export_parts){.bytes = {0}};
    dlx__export_parts_weigh(&f->parts, s->packed);
    f->filter_bytes =
        bytes[DLX__PART_ATTENTION] + bytes[DLX__PART_FEED_FORWARD] + bytes[DLX__PART_HEAD];
    if (has_denoise(s->opts))
        bytes[DLX__PART_HEAD] += s->model->hp.n_rows_vocab * sizeof(float); /* `never` */
    for (int i = 0; i < 2; i++)
        bytes[DLX__PART_ROTATION] += dlx__rotation_blob(&s->rotations[i]).n_bytes;
    bytes[DLX__PART_VOCABULARY] = s->opts->n_description;
    const uint64_t files = f->written.pte_bytes + f->written.ptd_bytes;
    const uint64_t known = sum_of_parts(&f->parts);
    bytes[DLX__PART_PROGRAM] = files > known ? files - known : 0;
}

/* Arena 1 is each method's own, arena 2 is the state that they share. */
static void count_memory(dlx__pte_model_facts *f, const dlx__pte *p)
{
    f->state_bytes = f->planned_bytes = 0;
    f->n_methods = 0;
    for (size_t i = 0; i < p->n_methods; i++) {
        const dlx__pte_method *m = p->methods[i];
        f->n_methods += m->n_delegates > 0;
        f->planned_bytes += m->arena_bytes[1];
        f->state_bytes = m->arena_bytes[2] > f->state_bytes ? m->arena_bytes[2] : f->state_bytes;
    }
}

/* A program and what its methods share; released together. */
typedef struct building {
    dlx__pte program;
    dlx__packed packed;
    dlx__pte_shared shared;
} building;

static void begin(building *b, const dlx__model *m, const dlx__pte_model_opts *opts)
{
    b->shared =
        (dlx__pte_shared){.model = m, .opts = opts, .program = &b->program, .packed = &b->packed};
    dlx__pte_init(&b->program, opts->write.mem);
    dlx__packed_init(&b->packed, m, opts->write.mem);
    b->packed.forms = opts->forms;
    b->packed.scheme = opts->scheme;
}

static void end(building *b)
{
    dlx__pool_free(b->packed.pool);
    dlx__pte_release(&b->program);
    dlx__packed_release(&b->packed);
}

static void count(dlx__pte_model_facts *f, building *b)
{
    f->n_fallbacks = dlx__export_fallbacks(b->shared.model, &b->packed.forms);
    f->n_again = dlx__packed_n_again(&b->packed);
    f->weight_bytes = dlx__weight_bytes(b->shared.model, &b->packed.forms, b->packed.scheme);
    f->has_denoise = has_denoise(b->shared.opts);
    count_parts(f, &b->shared);
    count_memory(f, &b->program);
}

dlx_result dlx__pte_model_write(const dlx__model *m, const char *path,
                                const dlx__pte_model_opts *opts, dlx__pte_model_facts *facts,
                                dlx_error *err)
{
    building b;
    begin(&b, m, opts);
    halves h = {.told = &opts->write, .n_all = filter_bytes(m, &b.packed)};
    b.packed.on_progress = on_named;
    b.packed.user = &h;
    dlx__pte_write_opts write = opts->write;
    write.on_progress = on_written;
    write.user = &h;
    dlx_result r = dlx__pool_open(&b.packed.pool, opts->n_threads, opts->write.mem, err);
    if (r == DLX_OK)
        r = build(&b.shared, err);
    if (r == DLX_OK)
        r = dlx__pte_write(&b.program, path, &write, &facts->written, err);
    if (r == DLX_OK)
        count(facts, &b);
    end(&b);
    return r;
}

dlx_result dlx__pte_model_print(const dlx__model *m, const dlx__pte_model_opts *opts, dlx__buf *out,
                                dlx_error *err)
{
    building b;
    begin(&b, m, opts);
    b.shared.lines = out;
    b.packed.nameless = true;
    const dlx_result r = add_methods(&b.shared, err);
    end(&b);
    return r;
}
