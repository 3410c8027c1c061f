/*
 * fuzz_gguf_model.c - any bytes as a model in a GGUF file: its numbers, its record of a
 * quantization, its tokenizer and its chat template. What is accepted must be sound: ids inside the
 * vocabulary, ranges above zero, added tokens that exist, rows that can be read to the last.
 */
// rooms: model text
// parser: (model/(gguf_config|recorded)|text/(tokenizer_gguf|tokenizer_exact))
#include "base/mem.h"
#include "dtype/convert.h"
#include "fuzz.h"
#include "model/gguf_rows.h"
#include "model/limits.h"
#include "text/chat_source.h"
#include "text/tokenizer_impl.h"

#include <math.h>
#include <stdlib.h>

static void check(bool sound)
{
    if (!sound)
        abort();
}

static void check_model(const dlx__model *m)
{
    const dlx__hparams *hp = &m->hp;
    dlx__gguf_tensors list;
    check(hp->n_vocab >= 1 && hp->n_vocab <= hp->n_rows_vocab);
    check(hp->mask_id.value >= 0 && hp->mask_id.value < (int64_t)hp->n_vocab);
    for (size_t i = 0; i < hp->n_stop_ids; i++)
        check(hp->stop_ids[i] >= 0 && (size_t)hp->stop_ids[i] < hp->n_vocab);
    check(m->scheme < DLX__N_SCHEMES);
    for (size_t i = 0; i < m->graph.n; i++)
        check(m->graph.nodes[i].in_largest >= 0 && isfinite(m->graph.nodes[i].in_largest));
    check(dlx__gguf_tensors_init(&list, m, NULL) == DLX_OK);
    for (size_t i = 0; i < list.n; i++) {
        float *row = malloc(list.items[i].n_cols * sizeof *row);
        const dlx__tensor *t = list.items[i].tensor;
        const size_t row_bytes = dlx__dtype_bytes(t->dtype, list.items[i].n_cols);
        const size_t last = dlx__gguf_row(&list.items[i], list.items[i].n_rows - 1);
        if (row)
            dlx__to_f32(row, (const char *)t->data + last * row_bytes, t->dtype,
                        list.items[i].n_cols);
        free(row);
    }
    dlx__gguf_tensors_release(&list);
}

static void check_text(const dlx__checkpoint *c)
{
    dlx__tokenizer *t = NULL;
    dlx__chat_source s;
    dlx_error err = {0};
    if (dlx__tokenizer_open(&t, c, &err) == DLX_OK) {
        for (size_t i = 0; i < t->added.n_tokens; i++)
            check(dlx__vocab_entry_of(&t->vocab, t->added.tokens[i].id) != NULL);
        check(t->bpe.unknown < (dlx_token)dlx__tokenizer_n_ids(t));
    } else {
        check(err.text[0] != '\0');
    }
    dlx__tokenizer_free(t);
    if (dlx__chat_source_find(&s, c, &err) == DLX_OK)
        check(s.name != NULL || s.text == NULL);
    dlx__chat_source_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dlx__model m = {0};
    dlx_error err = {0};
    dlx__checkpoint *c = &m.checkpoint;
    if (dlx__gguf_parse(&c->gguf, data, n, "input", NULL, &err) != DLX_OK)
        return 0;
    c->kind = DLX__CHECKPOINT_GGUF;
    c->path = dlx__strdup(NULL, "input");
    if (!c->path) {
        dlx__checkpoint_release(c);
        return 0;
    }
    check_text(c);
    if (dlx__model_setup(&m, DLX__NEED_NAMES, &err) != DLX_OK) {
        check(err.text[0] != '\0' && err.code != DLX_OK);
        return 0;
    }
    check_model(&m);
    dlx__model_release(&m);
    return 0;
}
