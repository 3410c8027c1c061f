/* shape_api.c - opening a model of a published shape with random weights; the list of shapes. */
#include "api/json_build.h"
#include "api/shapes.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <dlx/tools.h>
#include <stdio.h>
#include <string.h>

/* What a session makes of a float model, rather than a type that weights are stored as. */
static const char PACKED_INT8[] = "int8";

const char *const *dlx_type_names(void)
{
    static const char *const names[] = {
#define TYPE_NAME(name, text, gguf, elems, bytes) text,
        DLX__DTYPES(TYPE_NAME)
#undef TYPE_NAME
            NULL};
    return names;
}

static void join(char out[256], const char *const *names)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; names[i] && used < 255; i++) {
        int n = snprintf(out + used, 256 - used, "%s%s", i ? ", " : "", names[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

static dlx_result unknown_shape(const char *name, dlx_error *err)
{
    char all[256];
    join(all, dlx_shape_names());
    return dlx__fail(err, DLX_E_ARG, "shape: expected one of %s, found %s", all,
                     name ? name : "none");
}

static dlx_result find_type(dlx__dtype *out, const char *name, dlx_error *err)
{
    char all[256];
    for (int i = 0; i < DLX__N_DTYPES; i++) {
        if (strcmp(dlx__dtype_of((dlx__dtype)i)->name, name) == 0) {
            *out = (dlx__dtype)i;
            return DLX_OK;
        }
    }
    if (strcmp(name, PACKED_INT8) == 0)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "type int8: nothing is stored so, a session makes it of floats while it "
                         "opens: take bf16 here, and weights int8 for the session; q8_0 is int8 "
                         "with a scale for 32 weights");
    join(all, dlx_type_names());
    return dlx__fail(err, DLX_E_ARG, "type: expected one of %s, found %s", all, name);
}

static dlx_result find_family(const dlx__family **out, const char *name, dlx_error *err)
{
    *out = dlx__family_find(name);
    if (*out)
        return DLX_OK;
    char all[256] = "";
    for (size_t i = 0; dlx_family_name(i); i++) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", dlx_family_name(i));
    }
    return dlx__fail(err, DLX_E_ARG, "family: expected one of %s, found %s", all, name);
}

/* Refuses before anything is allocated: a machine that swaps measures its disk. */
static dlx_result check_memory(const dlx__model *m, const char *type, dlx_error *err)
{
    const double gib = 1024.0 * 1024.0 * 1024.0;
    uint64_t need = dlx__weights_bytes(dlx__checkpoint_weights(&m->checkpoint));
    size_t have = dlx__os_total_memory();
    if (have == 0 || need <= have)
        return DLX_OK;
    return dlx__fail(err, DLX_E_NOMEM,
                     "%s: %s weights take %.1f GiB, this machine has %.1f GiB: choose a smaller "
                     "type or a smaller shape",
                     m->checkpoint.path, type, (double)need / gib, (double)have / gib);
}

static dlx_result make_core(dlx__model *m, const dlx__shape *shape, const dlx_shape_opts *o,
                            const dlx_allocator *mem, dlx_error *err)
{
    const dlx__family *family;
    dlx__dtype dtype;
    DLX__TRY(find_type(&dtype, o->type ? o->type : "q8_0", err));
    DLX__TRY(find_family(&family, o->family ? o->family : shape->family, err));
    *m = (dlx__model){.mem = mem};
    DLX__TRY(dlx__shape_checkpoint(&m->checkpoint, shape, family, dtype, mem, err));
    DLX__TRY(dlx__model_setup(m, DLX__NEED_WEIGHTS, err));
    dlx_result r = check_memory(m, dlx__dtype_of(dtype)->name, err);
    if (r == DLX_OK)
        r = dlx__shape_fill(m, o->seed, err);
    if (r != DLX_OK)
        dlx__model_release(m);
    return r;
}

dlx_result dlx_model_open_shape(dlx_model **out, const char *name, const dlx_shape_opts *opts,
                                dlx_error *err)
{
    static const dlx_shape_opts none = {.size = sizeof none};
    const dlx_shape_opts *o = opts ? opts : &none;
    const dlx__shape *shape = name ? dlx__shape_find(name) : NULL;
    const double start = dlx__os_seconds();
    *out = NULL;
    if (!shape)
        return unknown_shape(name, err);
    dlx_model *model = dlx__alloc_zero(o->mem, 1, sizeof *model);
    if (!model)
        return dlx__fail_memory(err, "opening a model", sizeof *model);
    model->mem = o->mem;
    model->load = DLX_LOAD_ALL;
    dlx_result r = make_core(&model->core, shape, o, o->mem, err);
    if (r != DLX_OK) {
        dlx__free(o->mem, model);
        return r;
    }
    dlx__fail(&model->chat_failure, DLX_E_UNSUPPORTED, "%s: random weights have no chat template",
              model->core.checkpoint.path);
    model->open_seconds = dlx__os_seconds() - start;
    *out = model;
    return DLX_OK;
}

static json_t *describe(const dlx__shape *s)
{
    const dlx__family *family = dlx__family_find(s->family);
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "name", s->name,
                     "family", s->family, "n_params", (json_int_t)dlx__shape_params(s, family),
                     "n_layers", (json_int_t)s->n_layers, "n_embd", (json_int_t)s->n_embd,
                     "n_heads", (json_int_t)s->n_heads, "n_heads_kv", (json_int_t)s->n_heads_kv,
                     "head_dim", (json_int_t)s->head_dim, "n_ff", (json_int_t)s->n_ff, "n_vocab",
                     (json_int_t)s->n_vocab);
}

dlx_result dlx_shapes(char **json, dlx_error *err)
{
    json_t *list = json_array();
    for (const char *const *name = dlx_shape_names(); *name; name++)
        dlx__api_append(&list, describe(dlx__shape_find(*name)));
    return dlx__api_json_text(list, NULL, json, err);
}
