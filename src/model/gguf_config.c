/* gguf_config.c - a decoder's numbers and ids from GGUF metadata. */
#include "model/gguf_config.h"

#include "base/fail.h"
#include "model/limits.h"

#include <stdio.h>
#include <string.h>

enum { KEY_ROOM = 128 };

static const char *arch_key(char out[KEY_ROOM], const dlx__gguf_source *src, const char *name)
{
    snprintf(out, KEY_ROOM, "%s.%s", src->arch, name);
    return out;
}

static dlx_result read_size(const dlx__gguf_source *src, const char *name, size_t min, size_t max,
                            size_t *out, dlx_error *err)
{
    char key[KEY_ROOM];
    return dlx__gguf_size(src->file, arch_key(key, src, name), min, max, out, err);
}

static bool has(const dlx__gguf_source *src, const char *name)
{
    char key[KEY_ROOM];
    return dlx__gguf_find(src->file, arch_key(key, src, name)) != NULL;
}

dlx_result dlx__gguf_size_opt(const dlx__gguf_source *src, const char *name, size_t min, size_t max,
                              size_t *out, dlx_error *err)
{
    return has(src, name) ? read_size(src, name, min, max, out, err) : DLX_OK;
}

static dlx_result read_number(const dlx__gguf_source *src, const char *name, double min, double max,
                              double *out, dlx_error *err)
{
    char key[KEY_ROOM];
    DLX__TRY(dlx__gguf_number(src->file, arch_key(key, src, name), out, err));
    if (*out >= min && *out <= max) /* false for NaN */
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected %s between %g and %g, found %g; convert the model again",
                     src->file->path, key, min, max, *out);
}

/* A model without tensors, as exported programs describe theirs: its keys alone say it. */
static dlx_result read_vocab_key(dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err)
{
    const dlx__gguf_kv *tied = dlx__gguf_find(src->file, DLX__GGUF_TIED);
    DLX__TRY(
        dlx__gguf_size(src->file, DLX__GGUF_N_ROWS, 1, DLX__MAX_VOCAB, &hp->n_rows_vocab, err));
    hp->tied = tied && tied->u != 0;
    return DLX_OK;
}

/* The table's rows are the width of the logits, whatever vocab_size says. */
static dlx_result read_vocab_table(dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err)
{
    const dlx__weights *w = &src->file->weights;
    size_t i = dlx__weights_find(w, "token_embd.weight");
    if (i == SIZE_MAX || w->tensors[i].n_dims != 2 || w->tensors[i].shape[0] == 0 ||
        w->tensors[i].shape[0] > DLX__MAX_VOCAB)
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s: expected a tensor token_embd.weight [vocabulary, width] of at most %d "
            "rows, found none such; convert the model again",
            src->file->path, DLX__MAX_VOCAB);
    hp->n_rows_vocab = w->tensors[i].shape[0];
    hp->tied = dlx__weights_find(w, "output.weight") == SIZE_MAX;
    return DLX_OK;
}

static dlx_result read_vocab(dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err)
{
    const bool described = src->file->weights.n == 0 && dlx__gguf_find(src->file, DLX__GGUF_N_ROWS);
    DLX__TRY(described ? read_vocab_key(hp, src, err) : read_vocab_table(hp, src, err));
    hp->n_vocab = hp->n_rows_vocab;
    hp->tied_stated = true; /* by llama.cpp's convention the absence of a head says so */
    DLX__TRY(dlx__gguf_size_opt(src, "vocab_size", 1, DLX__MAX_VOCAB, &hp->n_vocab, err));
    return dlx__gguf_size_opt(src, "diffusion.vocab_size", 1, DLX__MAX_VOCAB, &hp->n_vocab, err);
}

static dlx_result unsupported(const dlx__gguf_source *src, const char *what, dlx_error *err)
{
    return dlx__fail(
        err, DLX_E_UNSUPPORTED,
        "%s: expected a plain dense decoder of the architecture %s, found %s, which is "
        "not implemented; use a file without it",
        src->file->path, src->arch, what);
}

/* A window as wide as the context hides nothing. */
static dlx_result check_windows(const dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err)
{
    size_t window = 0;
    DLX__TRY(dlx__gguf_size_opt(src, "attention.sliding_window", 0, SIZE_MAX, &window, err));
    bool hides = window > 0 && window < hp->n_ctx_train;
    return hides ? unsupported(src, "a sliding window", err) : DLX_OK;
}

/*
 * Scaling has a type, or a factor alone (linear then, says llama.cpp), or is a tensor of factors
 * (Llama 3.1 and later).
 */
static dlx_result check_plain_rope(const dlx__gguf_source *src, dlx_error *err)
{
    static const char *const factors[] = {"rope.scaling.factor", "rope.scale_linear"};
    char key[KEY_ROOM];
    dlx__gguf_string type = {0};
    if (has(src, "rope.scaling.type"))
        DLX__TRY(dlx__gguf_text(src->file, arch_key(key, src, "rope.scaling.type"), &type, err));
    if (type.data && type.len == 4 && memcmp(type.data, "none", 4) == 0)
        return DLX_OK;
    bool scaled =
        type.data || dlx__weights_find(&src->file->weights, "rope_freqs.weight") != SIZE_MAX;
    for (size_t i = 0; i < DLX__LEN(factors) && !scaled; i++) {
        double factor = 1.0; /* 0 is llama.cpp's "not set" */
        if (has(src, factors[i]))
            DLX__TRY(read_number(src, factors[i], 0.0, 1e12, &factor, err));
        scaled = factor != 0.0 && factor != 1.0;
    }
    return scaled ? unsupported(src, "scaled RoPE", err) : DLX_OK;
}

static dlx_result check_plain(const dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err)
{
    size_t n_experts = 0;
    size_t n_rot = hp->head_dim;
    size_t n_value = hp->head_dim;
    DLX__TRY(dlx__gguf_size_opt(src, "expert_count", 0, SIZE_MAX, &n_experts, err));
    DLX__TRY(dlx__gguf_size_opt(src, "rope.dimension_count", 0, SIZE_MAX, &n_rot, err));
    DLX__TRY(dlx__gguf_size_opt(src, "attention.value_length", 0, SIZE_MAX, &n_value, err));
    if (n_experts > 0)
        return unsupported(src, "experts", err);
    if (n_rot != hp->head_dim)
        return unsupported(src, "RoPE on a part of the head", err);
    if (n_value != hp->head_dim)
        return unsupported(src, "values narrower or wider than keys", err);
    DLX__TRY(check_windows(hp, src, err));
    return check_plain_rope(src, err);
}

dlx_result dlx__gguf_read_decoder(dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err)
{
    DLX__TRY(read_size(src, "block_count", 1, DLX__MAX_LAYERS, &hp->n_layers, err));
    DLX__TRY(read_size(src, "embedding_length", 1, DLX__MAX_EMBD, &hp->n_embd, err));
    DLX__TRY(read_size(src, "attention.head_count", 1, DLX__MAX_HEADS, &hp->n_heads, err));
    hp->n_heads_kv = hp->n_heads;
    DLX__TRY(dlx__gguf_size_opt(src, "attention.head_count_kv", 1, DLX__MAX_HEADS, &hp->n_heads_kv,
                                err));
    DLX__TRY(
        dlx__gguf_size_opt(src, "attention.key_length", 2, DLX__MAX_HEAD_DIM, &hp->head_dim, err));
    DLX__TRY(read_size(src, "feed_forward_length", 1, DLX__MAX_FF, &hp->n_ff, err));
    DLX__TRY(read_size(src, "context_length", 1, DLX__MAX_CTX, &hp->n_ctx_train, err));
    if (hp->rope_theta == 0.0 || has(src, "rope.freq_base"))
        DLX__TRY(read_number(src, "rope.freq_base", 1.0, 1e12, &hp->rope_theta, err));
    DLX__TRY(read_number(src, "attention.layer_norm_rms_epsilon", 1e-12, 0.1, &hp->rms_eps, err));
    DLX__TRY(read_vocab(hp, src, err));
    DLX__TRY(dlx__hparams_check(hp, src->file->path, err));
    return check_plain(hp, src, err);
}

dlx_result dlx__gguf_read_block(dlx__hparams *hp, const dlx__gguf_source *src, size_t default_block,
                                dlx_error *err)
{
    size_t b = 0;
    DLX__TRY(dlx__gguf_size_opt(src, "diffusion.block_length", 1, DLX__MAX_BLOCK, &b, err));
    dlx__hparams_set_block(hp, b, "GGUF diffusion.block_length", default_block);
    return DLX_OK;
}

dlx_result dlx__gguf_check_shift(const dlx__gguf_source *src, const dlx__family *f, dlx_error *err)
{
    const dlx__gguf_kv *kv = dlx__gguf_find(src->file, "diffusion.shift_logits");
    if (!kv || (kv->u != 0) == f->shift)
        return DLX_OK;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected diffusion.shift_logits to be %s for the architecture %s, found "
                     "the opposite; convert the model again",
                     src->file->path, f->shift ? "true" : "false", src->arch);
}

/* An id of the vocabulary that may be absent. */
static dlx_result read_id(dlx__fact *fact, const dlx__hparams *hp, const dlx__gguf_source *src,
                          const char *key, const char *from, dlx_error *err)
{
    if (!dlx__gguf_find(src->file, key))
        return DLX_OK;
    size_t id = 0;
    DLX__TRY(dlx__gguf_size(src->file, key, 0, hp->n_vocab - 1, &id, err));
    *fact = (dlx__fact){(int64_t)id, from};
    return DLX_OK;
}

static dlx_result add_stop(dlx__hparams *hp, const dlx__gguf_source *src, int64_t id,
                           dlx_error *err)
{
    if (id >= 0 && id < (int64_t)hp->n_vocab && dlx__hparams_add_stop(hp, id))
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected at most %d stop ids below the vocabulary size %zu, found %lld "
                     "(%zu before it); convert the model again",
                     src->file->path, DLX__MAX_STOP_IDS, hp->n_vocab, (long long)id,
                     hp->n_stop_ids);
}

/* Our list is all there is to know; without it llama.cpp's end of text and end of turn stop. */
static dlx_result read_stops(dlx__hparams *hp, const dlx__gguf_source *src, dlx__fact eos,
                             dlx__fact eot, dlx_error *err)
{
    char key[KEY_ROOM];
    const dlx__gguf_kv *list = dlx__gguf_find(src->file, arch_key(key, src, "diffusion.stop_ids"));
    if (list && (!list->is_array || list->strings || list->type == DLX__GGUF_F32 ||
                 list->type == DLX__GGUF_F64))
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s: expected %s to be an array of integers, found something else; convert "
            "the model again",
            src->file->path, key);
    for (size_t i = 0; list && i < list->n; i++)
        DLX__TRY(add_stop(hp, src, dlx__gguf_array_int(list, i), err));
    if (!list && eos.value >= 0)
        DLX__TRY(add_stop(hp, src, eos.value, err));
    if (!list && eot.value >= 0)
        DLX__TRY(add_stop(hp, src, eot.value, err));
    return DLX_OK;
}

dlx_result dlx__gguf_read_ids(dlx__hparams *hp, const dlx__gguf_source *src, const dlx__family *f,
                              dlx_error *err)
{
    dlx__fact eos = {-1, "none"};
    dlx__fact eot = {-1, "none"};
    if (!f->autoregressive)
        DLX__TRY(read_id(&hp->mask_id, hp, src, "tokenizer.ggml.mask_token_id",
                         "GGUF tokenizer.ggml.mask_token_id", err));
    DLX__TRY(read_id(&hp->bos_id, hp, src, "tokenizer.ggml.bos_token_id",
                     "GGUF tokenizer.ggml.bos_token_id", err));
    DLX__TRY(read_id(&eos, hp, src, "tokenizer.ggml.eos_token_id",
                     "GGUF tokenizer.ggml.eos_token_id", err));
    DLX__TRY(read_id(&eot, hp, src, "tokenizer.ggml.eot_token_id",
                     "GGUF tokenizer.ggml.eot_token_id", err));
    if (f->ids.eot_name)
        hp->eot_id = eot;
    DLX__TRY(read_stops(hp, src, eos, eot, err));
    return dlx__hparams_finish_ids(hp, f, hp->n_stop_ids ? DLX__STOP_CONFIG : 0, src->file->path,
                                   err);
}
