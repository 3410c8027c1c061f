/* program_api.c - the model that an exported program is of: its keys and vocabulary are inside. */
#include "api/api.h"

#include "base/fail.h"
#include "base/mem.h"
#include "export/pte_model.h"

static dlx_result open_file(dlx_model *model, const char *path, dlx_error *err)
{
    char *data_path = NULL;
    dlx__pte_file *f = dlx__alloc_zero(model->mem, 1, sizeof *f);
    if (!f)
        return dlx__fail_memory(err, "opening a program", sizeof *f);
    const dlx_result r = dlx__pte_open_found(f, &data_path, path, model->mem, err);
    dlx__free(model->mem, data_path);
    if (r == DLX_OK)
        model->program = f;
    else
        dlx__free(model->mem, f);
    return r;
}

/* The description, in the program or in the file with its data. */
static const dlx__pte_item *description(const dlx__pte_file *f)
{
    const dlx__pte_item *item = dlx__pte_find_item(f->named, f->n_named, DLX__PTE_DESCRIPTION);
    return item ? item
                : dlx__pte_find_item(f->outside.items, f->outside.n_items, DLX__PTE_DESCRIPTION);
}

static dlx_result read_description(dlx__checkpoint *c, const dlx_model *model, const char *path,
                                   dlx_error *err)
{
    const dlx__pte_item *item = description(model->program);
    *c = (dlx__checkpoint){.kind = DLX__CHECKPOINT_GGUF, .mem = model->mem};
    if (!item)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: expected a program that dlx export wrote, which describes its model, "
                         "found another one (dlx inspect shows what is in it); name the model that "
                         "it was made from",
                         path);
    c->path = dlx__strdup(model->mem, path);
    if (!c->path)
        return dlx__fail_memory(err, "opening a program", 1);
    const dlx_result r =
        dlx__gguf_parse(&c->gguf, item->data, (size_t)item->n_bytes, c->path, model->mem, err);
    if (r != DLX_OK)
        dlx__checkpoint_release(c);
    return r;
}

dlx_result dlx__api_open_program(dlx_model *model, const char *path, dlx_error *err)
{
    const bool text_only = model->load == DLX_LOAD_TEXT;
    DLX__TRY(open_file(model, path, err));
    dlx_result r =
        read_description(text_only ? &model->text_only : &model->core.checkpoint, model, path, err);
    if (r == DLX_OK && !text_only)
        r = dlx__model_setup(&model->core, DLX__NEED_NAMES, err);
    if (r != DLX_OK)
        dlx__api_close_program(model);
    return r;
}

void dlx__api_close_program(dlx_model *model)
{
    if (model->program)
        dlx__pte_close(model->program);
    dlx__free(model->mem, model->program);
    model->program = NULL;
}
