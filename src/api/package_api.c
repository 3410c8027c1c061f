/* package_api.c - the model that a Core ML package is of: its keys and vocabulary are inside. */
#include "api/api.h"

#include "base/contained.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "export/ml_package.h"

#include <string.h>

static dlx_result open_description(dlx_model *model, const char *package, const char *path,
                                   dlx_error *err)
{
    if (dlx__os_path_kind(path) == DLX__PATH_ABSENT)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: expected a package that dlx export wrote, which describes its model "
                         "in this file, found none; name the model that it was made from",
                         path);
    DLX__TRY(dlx__contained_file(package, "Data/" DLX__ML_DESCRIPTION, model->mem, err));
    if (model->load == DLX_LOAD_TEXT)
        return dlx__checkpoint_open(&model->text_only, path, DLX__NEED_NOTHING, model->mem, err);
    return dlx__model_open(&model->core, path, DLX__NEED_NAMES, model->mem, err);
}

dlx_result dlx__api_open_package(dlx_model *model, const char *path, dlx_error *err)
{
    dlx__buf description;
    dlx__buf_init(&description, model->mem);
    model->package = dlx__strdup(model->mem, path);
    dlx_result r =
        model->package && dlx__buf_format(&description, "%s/Data/%s", path, DLX__ML_DESCRIPTION)
            ? open_description(model, path, description.data, err)
            : dlx__fail_memory(err, "opening a package", strlen(path));
    dlx__buf_release(&description);
    if (r != DLX_OK) {
        dlx__free(model->mem, model->package);
        model->package = NULL;
    }
    return r;
}
