/* graphs_api.c - the model that a directory of ONNX graphs is of: a GGUF file in it describes it.
 */
#include "api/api.h"

#include "base/buf.h"
#include "base/contained.h"
#include "base/fail.h"
#include "base/mem.h"

static dlx_result open_description(dlx_model *model, const char *path, dlx_error *err)
{
    dlx__buf file;
    dlx_result r;
    dlx__buf_init(&file, model->mem);
    DLX__TRY(dlx__contained_file(path, model->graphs->model, model->mem, err));
    if (!dlx__buf_format(&file, "%s/%s", path, model->graphs->model))
        r = dlx__fail_memory(err, "opening a program", 1);
    else if (model->load == DLX_LOAD_TEXT)
        r = dlx__checkpoint_open(&model->text_only, file.data, DLX__NEED_NOTHING, model->mem, err);
    else
        r = dlx__model_open(&model->core, file.data, DLX__NEED_NAMES, model->mem, err);
    dlx__buf_release(&file);
    return r;
}

/* The model is called by the name that its user gave. */
static dlx_result name_it(dlx_model *model, const char *path, dlx_error *err)
{
    dlx__checkpoint *c = model->load == DLX_LOAD_TEXT ? &model->text_only : &model->core.checkpoint;
    char *copy = dlx__strdup(model->mem, path);
    if (!copy)
        return dlx__fail_memory(err, "opening a program", 1);
    dlx__free(model->mem, c->path);
    c->path = copy;
    return DLX_OK;
}

dlx_result dlx__api_open_graphs(dlx_model *model, const char *path, dlx_error *err)
{
    model->graphs = dlx__alloc_zero(model->mem, 1, sizeof *model->graphs);
    if (!model->graphs)
        return dlx__fail_memory(err, "opening a program", sizeof *model->graphs);
    dlx_result r = dlx__onnx_directory_open(model->graphs, path, model->mem, err);
    if (r == DLX_OK)
        r = open_description(model, path, err);
    if (r == DLX_OK) {
        r = name_it(model, path, err);
        if (r != DLX_OK && model->load == DLX_LOAD_TEXT)
            dlx__checkpoint_release(&model->text_only);
        else if (r != DLX_OK)
            dlx__model_release(&model->core);
    }
    if (r != DLX_OK)
        dlx__api_close_graphs(model);
    return r;
}

void dlx__api_close_graphs(dlx_model *model)
{
    if (model->graphs)
        dlx__onnx_directory_release(model->graphs);
    dlx__free(model->mem, model->graphs);
    model->graphs = NULL;
}

const char *dlx__api_program_backend(const dlx_model *model)
{
    if (model->program)
        return "xnnpack";
    if (model->graphs)
        return "qnn";
    return model->package ? "coreml" : NULL;
}

const char *dlx__api_program_path(const dlx_model *model)
{
    if (model->package)
        return model->package;
    return dlx__api_program_backend(model) ? model->core.checkpoint.path : NULL;
}
