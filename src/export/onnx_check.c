/* onnx_check.c - files, then functions, then their tensors. */
#include "export/onnx_check.h"

#include "base/buf.h"
#include "base/contained.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/sha256_file.h"
#include "base/tensor.h"
#include "export/static_ports.h"

#include <string.h>

/* ---- files ----------------------------------------------------------------------------------- */

/* "<path>/weights.bin", of which *at is to be released in any case. */
static dlx_result weights_path(dlx__buf *at, const dlx__onnx_directory *d, const char *path,
                               const dlx_allocator *mem, dlx_error *err)
{
    dlx__buf_init(at, mem);
    return dlx__buf_format(at, "%s/%s", path, d->weights)
               ? DLX_OK
               : dlx__fail_memory(err, "naming a file", strlen(path));
}

static dlx_result check_size(const dlx__onnx_directory *d, const char *path,
                             const dlx_allocator *mem, dlx_error *err)
{
    dlx__buf at;
    dlx__map map = {.data = NULL};
    dlx_result r = weights_path(&at, d, path, mem, err);
    if (r == DLX_OK)
        r = dlx__os_map(&map, at.data, err);
    if (r == DLX_OK && map.len != d->n_weight_bytes)
        r = dlx__fail(err, DLX_E_MISMATCH,
                      "%s: expected %llu bytes, as the manifest says, found %zu; export it again",
                      at.data, (unsigned long long)d->n_weight_bytes, map.len);
    dlx__os_unmap(&map);
    dlx__buf_release(&at);
    return r;
}

dlx_result dlx__onnx_check_files(const dlx__onnx_directory *d, const char *path,
                                 const dlx_allocator *mem, dlx_error *err)
{
    DLX__TRY(dlx__contained_file(path, d->weights, mem, err));
    DLX__TRY(dlx__contained_file(path, d->model, mem, err));
    for (size_t i = 0; i < d->n_entries; i++) {
        const dlx__onnx_entry *e = &d->entries[i];
        DLX__TRY(dlx__contained_file(path, e->file, mem, err));
        for (size_t k = 0; k < e->n_contexts; k++)
            DLX__TRY(dlx__contained_file(path, e->contexts[k].file, mem, err));
    }
    return check_size(d, path, mem, err);
}

dlx_result dlx__onnx_check_weights(const dlx__onnx_directory *d, const char *path,
                                   const dlx_allocator *mem, dlx_error *err)
{
    dlx__buf at;
    char found[DLX__SHA256_HEX];
    dlx_result r = weights_path(&at, d, path, mem, err);
    if (r == DLX_OK)
        r = dlx__sha256_file(found, at.data, err);
    if (r == DLX_OK && strcmp(found, d->sha256) != 0)
        r = dlx__fail(err, DLX_E_MISMATCH,
                      "%s: expected weights whose SHA-256 is %s, as the manifest says, found %s; "
                      "they are those of another program, or damaged: export it again",
                      at.data, d->sha256, found);
    dlx__buf_release(&at);
    return r;
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* A function whose tensors are looked at. */
typedef struct looking {
    const dlx__graph *g;
    const dlx__onnx_entry *e;
    dlx__static_shape shape;
    const char *path;
    dlx_error *err;
} looking;

static dlx__onnx_type type_of(const dlx__static_port *p)
{
    return p->numbers == DLX__NUMBERS_INDEX ? DLX__ONNX_INT32 : DLX__ONNX_FLOAT;
}

static dlx_result check_port(const looking *x, const dlx__onnx_port *p, dlx__static_side side)
{
    char wanted[96], found[96];
    dlx__static_port at;
    if (!dlx__static_port_find(&at, x->g, &x->shape, false, p->name) || at.side != side)
        return dlx__fail(x->err, DLX_E_MISMATCH,
                         "%s/%s: expected a tensor that this version knows, found %s; export it "
                         "again",
                         x->path, x->e->file, p->name);
    bool ok = p->type == type_of(&at) && p->n_dims == at.n_dims;
    for (int i = 0; i < p->n_dims && ok; i++)
        ok = p->dims[i] == at.dims[i];
    if (ok)
        return DLX_OK;
    return dlx__fail(x->err, DLX_E_MISMATCH,
                     "%s/%s: expected %s as %s %s for its model, rows and positions, found %s %s; "
                     "export it again",
                     x->path, x->e->file, p->name, dlx__onnx_type_name(type_of(&at)),
                     dlx__shape_text(wanted, at.dims, at.n_dims), dlx__onnx_type_name(p->type),
                     dlx__shape_text(found, p->dims, p->n_dims));
}

/* As many as the function has, each known and none twice: so all of them are there. */
static dlx_result check_side(const looking *x, const dlx__onnx_port *ports, size_t n,
                             dlx__static_side side)
{
    const size_t wanted = dlx__static_port_count(x->g, &x->shape, false, side);
    for (size_t i = 0; i < n; i++) {
        DLX__TRY(check_port(x, &ports[i], side));
        for (size_t k = 0; k < i; k++)
            if (strcmp(ports[k].name, ports[i].name) == 0)
                return dlx__fail(x->err, DLX_E_MISMATCH,
                                 "%s/%s: expected %s once, found it twice; export it again",
                                 x->path, x->e->file, ports[i].name);
    }
    if (n == wanted)
        return DLX_OK;
    return dlx__fail(x->err, DLX_E_MISMATCH,
                     "%s/%s: expected %zu %ss for its model, found %zu; export it again", x->path,
                     x->e->file, wanted, side == DLX__SIDE_INPUT ? "input" : "output", n);
}

static dlx__static_shape shape_of(const dlx__onnx_entry *e)
{
    return (dlx__static_shape){e->name, e->n_rows, e->n_past, e->n_head_rows};
}

/* ---- the model ------------------------------------------------------------------------------- */

static dlx_result check_functions(const dlx__onnx_directory *d, const char *path,
                                  const dlx__model *m, const dlx_allocator *mem, dlx_error *err)
{
    dlx__static_shape *items = dlx__alloc_zero(mem, d->n_entries, sizeof *items);
    const dlx__static_shapes all = {items, d->n_entries, d->keeps ? d->n_ctx : 0, false};
    if (!items)
        return dlx__fail_memory(err, "checking functions", d->n_entries * sizeof *items);
    for (size_t i = 0; i < d->n_entries; i++)
        items[i] = shape_of(&d->entries[i]);
    const dlx_result r = dlx__static_shapes_check(&all, m, path, err);
    dlx__free(mem, items);
    return r;
}

dlx_result dlx__onnx_check_model(const dlx__onnx_directory *d, const char *path,
                                 const dlx__model *m, const dlx_allocator *mem, dlx_error *err)
{
    if (strcmp(d->family, m->family->name) != 0)
        return dlx__fail(err, DLX_E_MISMATCH,
                         "%s: expected a program of %s, as its model is, found one of %s; export "
                         "it again",
                         path, m->family->name, d->family);
    if (d->n_ids > m->hp.n_vocab || d->never_id != m->hp.mask_id.value)
        return dlx__fail(err, DLX_E_MISMATCH,
                         "%s: expected a program that chooses among %zu ids but for %lld, as its "
                         "model says, found %zu but for %lld; export it again",
                         path, m->hp.n_vocab, (long long)m->hp.mask_id.value, d->n_ids,
                         (long long)d->never_id);
    for (size_t i = 0; i < d->n_entries; i++) {
        const dlx__onnx_entry *e = &d->entries[i];
        const looking x = {&m->graph, e, shape_of(e), path, err};
        DLX__TRY(check_side(&x, e->inputs, e->n_inputs, DLX__SIDE_INPUT));
        DLX__TRY(check_side(&x, e->outputs, e->n_outputs, DLX__SIDE_OUTPUT));
    }
    return check_functions(d, path, m, mem, err);
}
