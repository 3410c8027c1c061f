/* rounded_file.c - the model's keys, the scheme of its rows, then the tensors. */
#include "api/rounded_file.h"

#include "api/gguf_keys.h"
#include "base/fail.h"
#include "base/os.h"
#include "export/rounded.h"
#include "model/gguf_put.h"
#include "model/recorded.h"

static dlx_result write_all(dlx__gguf_writer *w, const dlx_model *model, const dlx__export_opts *o,
                            dlx_error *err)
{
    if (dlx__gguf_put_types(w, DLX__F32, false) != DLX_OK)
        return dlx__fail_memory(err, "describing a model", 1);
    DLX__TRY(dlx__api_put_keys(w, model, err));
    return dlx__rounded_write(w, &model->core, o->rules->same_scheme(o->packing, o->scheme), o,
                              err);
}

dlx_result dlx__api_write_rounded(const dlx_model *model, const dlx__export_opts *o, dlx_error *err)
{
    dlx__gguf_writer *w;
    DLX__TRY(dlx__gguf_writer_open(&w, o->path, model->mem, err));
    const dlx_result r = write_all(w, model, o, err);
    if (r == DLX_OK)
        return dlx__gguf_writer_commit(w, err);
    dlx__gguf_writer_abandon(w);
    return r;
}
