/* mlpackage_check.c - parts by their hashes, functions by what the model needs. */
#include "export/mlpackage_check.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/sha256_file.h"
#include "export/ml_model.h"
#include "export/ml_package.h"
#include "export/mlpackage_reader.h"
#include "export/static_ports.h"

#include <string.h>

/* ---- parts ----------------------------------------------------------------------------------- */

/* The item of `place`, whose bytes are in `file` below Data. */
static dlx_result check_part(const dlx__mlpackage_file *f, const char *path, const char *place,
                             const char *file, dlx__buf *at, dlx_error *err)
{
    char sha256[DLX__SHA256_HEX], id[DLX__ML_ID];
    size_t i = 0;
    while (i < f->n_items && strcmp(f->items[i].path, place) != 0)
        i++;
    if (i == f->n_items)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected %s among the items of its manifest, found none; write the "
                         "package again with dlx export",
                         path, place);
    dlx__buf_reset(at);
    if (!dlx__buf_format(at, "%s/Data/%s", path, file))
        return dlx__fail_memory(err, "reading a Core ML package", strlen(path));
    DLX__TRY(dlx__sha256_file(sha256, at->data, err));
    dlx__ml_identify(id, place, sha256);
    if (strcmp(id, f->items[i].id) == 0)
        return DLX_OK;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected the bytes that the identifier %.36s in the manifest is made of, "
                     "found others; the file is damaged, or of another package: write it again "
                     "with dlx export",
                     at->data, f->items[i].id);
}

dlx_result dlx__mlpackage_check_parts(const dlx__mlpackage_file *f, const char *path,
                                      const dlx_allocator *mem, dlx_error *err)
{
    static const char *const parts[][2] = {
        {DLX__ML_MODEL, DLX__ML_MODEL},
        {DLX__ML_WEIGHTS, DLX__ML_WEIGHTS "/weight.bin"},
        {DLX__ML_DESCRIPTION, DLX__ML_DESCRIPTION},
    };
    dlx__buf at;
    dlx_result r = DLX_OK;
    if (f->n_items != DLX__LEN(parts))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a manifest of %zu items, found %zu; write the package again "
                         "with dlx export",
                         path, DLX__LEN(parts), f->n_items);
    dlx__buf_init(&at, mem);
    for (size_t i = 0; i < DLX__LEN(parts) && r == DLX_OK; i++)
        r = check_part(f, path, parts[i][0], parts[i][1], &at, err);
    dlx__buf_release(&at);
    return r;
}

/* ---- functions ------------------------------------------------------------------------------- */

/* A function whose tensors are looked at. */
typedef struct looking {
    const dlx__graph *g;
    dlx__static_shape shape;
    bool states;
    const char *path;
    dlx_error *err;
} looking;

/* A length of a tensor; 0: there is no such. */
static size_t length_of(const dlx__mil_values *values, const char *name, size_t axis)
{
    const dlx__mil_value *v = dlx__mil_values_find(values, name);
    return v && axis < v->type.rank && v->type.dims[axis] > 0 ? (size_t)v->type.dims[axis] : 0;
}

static dlx__static_shape shape_of(const dlx__mlpackage_function *fn)
{
    const size_t n_rows = length_of(&fn->inputs, "input_ids", 1);
    const size_t inside = length_of(&fn->states, "k_0", 2);
    return (dlx__static_shape){.name = fn->name,
                               .n_rows = n_rows,
                               .n_past = inside ? inside : length_of(&fn->inputs, "past_k_0", 2),
                               .n_head_rows = n_rows ? length_of(&fn->inputs, "head_rows", 0)
                                                     : length_of(&fn->inputs, "rows", 1)};
}

static int element_of(const dlx__static_port *p)
{
    return p->numbers == DLX__NUMBERS_INDEX ? DLX__MIL_I32
           : p->numbers == DLX__NUMBERS_SUM ? DLX__MIL_F32
                                            : DLX__MIL_F16;
}

static dlx_result check_value(const looking *x, const dlx__mil_value *v, dlx__static_side side)
{
    int64_t dims[4];
    dlx__static_port at;
    if (!dlx__static_port_find(&at, x->g, &x->shape, x->states, v->name) || at.side != side)
        return dlx__fail(x->err, DLX_E_MISMATCH,
                         "%s: function %.80s: expected a tensor that its model has, found %.80s; "
                         "write the package again with dlx export",
                         x->path, x->shape.name, v->name);
    for (int i = 0; i < at.n_dims; i++)
        dims[i] = (int64_t)at.dims[i];
    const dlx__mil_type wanted = {.kind =
                                      side == DLX__SIDE_STATE ? DLX__MIL_STATE : DLX__MIL_TENSOR,
                                  .element = element_of(&at),
                                  .rank = (size_t)at.n_dims,
                                  .dims = dims};
    if (dlx__mil_same_type(&wanted, &v->type))
        return DLX_OK;
    return dlx__fail(x->err, DLX_E_MISMATCH,
                     "%s: function %.80s: expected %.80s as %s for its model, rows and positions, "
                     "found %s; write the package again with dlx export",
                     x->path, x->shape.name, v->name, dlx__mil_type_text(&wanted).text,
                     dlx__mil_type_text(&v->type).text);
}

/* As many as the function has, each known; the reader found none twice. */
static dlx_result check_side(const looking *x, const dlx__mil_values *values, dlx__static_side side)
{
    static const char *const words[] = {"inputs", "outputs", "states"};
    const size_t wanted = dlx__static_port_count(x->g, &x->shape, x->states, side);
    for (size_t i = 0; i < values->n; i++)
        DLX__TRY(check_value(x, &values->items[i], side));
    if (values->n == wanted)
        return DLX_OK;
    return dlx__fail(x->err, DLX_E_MISMATCH,
                     "%s: function %.80s: expected %zu %s for its model, found %zu; write the "
                     "package again with dlx export",
                     x->path, x->shape.name, wanted, words[side], values->n);
}

static dlx_result check_functions(const dlx__mlpackage_file *f, const char *path,
                                  const dlx__model *m, dlx__static_shape *shapes, dlx_error *err)
{
    const dlx__mlpackage_kept kept = dlx__mlpackage_kept_of(f);
    const dlx__static_shapes all = {shapes, f->n_functions, kept.n_ctx, kept.states};
    for (size_t i = 0; i < f->n_functions; i++) {
        const dlx__mlpackage_function *fn = &f->functions[i];
        shapes[i] = shape_of(fn);
        const looking x = {&m->graph, shapes[i], kept.states, path, err};
        DLX__TRY(check_side(&x, &fn->inputs, DLX__SIDE_INPUT));
        DLX__TRY(check_side(&x, &fn->outputs, DLX__SIDE_OUTPUT));
        DLX__TRY(check_side(&x, &fn->states, DLX__SIDE_STATE));
    }
    return dlx__static_shapes_check(&all, m, path, err);
}

dlx_result dlx__mlpackage_check_model(const dlx__mlpackage_file *f, const char *path,
                                      const dlx__model *m, size_t n_ids, const dlx_allocator *mem,
                                      dlx_error *err)
{
    dlx__static_shape *shapes = dlx__alloc_zero(mem, f->n_functions, sizeof *shapes);
    if (!shapes)
        return dlx__fail_memory(err, "checking functions", f->n_functions * sizeof *shapes);
    dlx_result r = dlx__mlpackage_check_metadata(f, path, m, n_ids, err);
    if (r == DLX_OK)
        r = check_functions(f, path, m, shapes, err);
    dlx__free(mem, shapes);
    return r;
}
