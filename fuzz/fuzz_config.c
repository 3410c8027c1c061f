/*
 * fuzz_config.c - any bytes as the small files of a Hugging Face directory: config.json, and after
 * a zero byte each generation_config.json, tokenizer_config.json and added_tokens.json. What a
 * family accepts must be sound: a checked graph, ids inside the vocabulary, sizes inside the
 * limits.
 */
// rooms: model
// parser: model/(families|hf_config|hf_ids|hparams|dream|fast_dllm_v2|llada|sdar|llama|qwen2|qwen3)
#include "fuzz.h"
#include "model/limits.h"
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void check(bool sound)
{
    if (!sound)
        abort();
}

/* The next part of the input, up to a zero byte, as JSON; NULL when it is none. */
static json_t *next_json(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *stop = memchr(*at, 0, (size_t)(end - *at));
    const uint8_t *begin = *at;
    if (!stop)
        stop = end;
    *at = stop < end ? stop + 1 : end;
    json_t *json = NULL;
    if (dlx__json_parse(&json, (const char *)begin, (size_t)(stop - begin), "input", NULL) !=
        DLX_OK)
        return NULL;
    return json;
}

static bool is_id(const dlx__hparams *hp, int64_t id)
{
    return id >= 0 && id < (int64_t)hp->n_vocab;
}

static void check_model(const dlx__model *m)
{
    const dlx__hparams *hp = &m->hp;
    check(dlx__graph_check(&m->graph, NULL) == DLX_OK);
    check(m->graph.n_layers == hp->n_layers && hp->n_layers <= DLX__MAX_LAYERS);
    check(hp->n_vocab >= 1 && hp->n_vocab <= hp->n_rows_vocab);
    check(hp->head_dim % 2 == 0 && hp->n_heads % hp->n_heads_kv == 0);
    check(m->family->autoregressive ? hp->mask_id.value == -1 : is_id(hp, hp->mask_id.value));
    check(hp->n_stop_ids <= DLX__MAX_STOP_IDS);
    for (size_t i = 0; i < hp->n_stop_ids; i++)
        check(is_id(hp, hp->stop_ids[i]));
    check(hp->block_length.value == -1 ||
          (hp->block_length.value > 0 && hp->block_length.value <= DLX__MAX_BLOCK));
    check(hp->small_block.value == -1 || hp->block_length.value % hp->small_block.value == 0);
    check(dlx__model_kv_bytes_per_token(m) != SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *at = data;
    const uint8_t *end = data + n;
    dlx__model m = {0};
    dlx__checkpoint *c = &m.checkpoint;
    c->kind = DLX__CHECKPOINT_HF;
    c->config = n ? next_json(&at, end) : NULL;
    c->generation = next_json(&at, end);
    c->tokenizer_config = next_json(&at, end);
    c->added_tokens = next_json(&at, end);
    c->path = dlx__strdup(NULL, "input");
    if (!json_is_object(c->config) || !c->path) { /* opening a directory promises as much */
        dlx__checkpoint_release(c);
        return 0;
    }
    dlx_error err = {0};
    if (dlx__model_setup(&m, DLX__NEED_NAMES, &err) != DLX_OK) {
        check(err.text[0] != '\0' && err.code != DLX_OK);
        return 0;
    }
    check_model(&m);
    dlx__model_release(&m);
    return 0;
}
