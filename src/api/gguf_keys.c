/* gguf_keys.c - the model's keys, and its text's. */
#include "api/gguf_keys.h"

#include "base/fail.h"
#include "model/gguf_put.h"
#include "text/text_put.h"

dlx_result dlx__api_put_keys(dlx__gguf_writer *w, const dlx_model *model, dlx_error *err)
{
    const dlx__model *m = &model->core;
    const dlx__text_facts facts = {.n_rows = m->hp.n_rows_vocab,
                                   .bos_id = m->hp.bos_id.value,
                                   .eos_id = m->hp.n_stop_ids ? m->hp.stop_ids[0] : -1};
    if (dlx__gguf_put_model(w, m) != DLX_OK)
        return dlx__fail_memory(err, "describing a model", 1);
    DLX__TRY(dlx__text_put(w, &m->checkpoint, model->tokenizer, &facts, err));
    if (dlx__gguf_put_carried(w, m) != DLX_OK)
        return dlx__fail_memory(err, "describing a model", 1);
    return DLX_OK;
}
