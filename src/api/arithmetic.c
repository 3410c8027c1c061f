/* arithmetic.c - weights, compute, kernels, scheme and type of K and V of a session, from their
 * names. */
#include "api/arithmetic.h"

#include "base/fail.h"
#include "kernel/kernel.h"
#include "model/kv_cache.h"

#include <dlx/tools.h>
#include <stdio.h>
#include <string.h>

static const char STORED[] = "stored", INT8[] = "int8", FLOAT32[] = "float32", BF16[] = "bf16";

/* *second: is it the second of the two words, the one that is no default? */
static dlx_result choose(bool *second, const char *option, const char *first, const char *other,
                         const char *name, dlx_error *err)
{
    *second = name && strcmp(name, other) == 0;
    if (!name || *second || strcmp(name, first) == 0)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG, "%s: expected one of %s, %s, found %s", option, first, other,
                     name);
}

const char *dlx_kernels_name(size_t i)
{
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    for (const dlx__kernels *const *t = dlx__kernels_list(); *t; t++)
        if ((*t)->runs_on(&cpu) && i-- == 0)
            return (*t)->name;
    return NULL;
}

static dlx_result unknown_kernels(const char *name, dlx_error *err)
{
    char list[160] = "";
    size_t n = 0;
    for (size_t i = 0; dlx_kernels_name(i) && n < sizeof list; i++)
        n +=
            (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", dlx_kernels_name(i));
    return dlx__fail(err, DLX_E_ARG, "kernels: expected one of %s on this processor, found %s",
                     list, name);
}

static dlx_result unknown_scheme(const char *name, dlx_error *err)
{
    static const char list[] = ""
#define SCHEME_TEXT(name, text) text ", "
        DLX__SCHEMES(SCHEME_TEXT)
#undef SCHEME_TEXT
        ;
    return dlx__fail(err, DLX_E_ARG, "scheme: expected one of %.*s, found %s",
                     (int)(sizeof list - sizeof ", "), list, name);
}

/* The scheme where nobody names one: what the model's file says, else what the backend does. */
static dlx__scheme default_scheme(const dlx__model *m, const dlx__backend_class *backend)
{
    if (m->scheme != DLX__SCHEME_NONE)
        return m->scheme;
    return backend->scheme == DLX__SCHEME_NONE ? DLX__SCHEME_WEIGHT_ONLY : backend->scheme;
}

static dlx_result choose_scheme(dlx__scheme *out, const dlx__model *m,
                                const dlx__backend_class *backend, const char *name, dlx_error *err)
{
    *out = name ? dlx__scheme_find(name) : default_scheme(m, backend);
    if (*out == DLX__SCHEME_NONE)
        return unknown_scheme(name, err);
    if (name && backend->programs)
        return dlx__fail(err, DLX_E_ARG,
                         "scheme %s: rows are rounded as the program for %s was exported: leave it "
                         "out",
                         name, backend->name);
    return dlx__scheme_check(*out, &m->graph, err);
}

static bool keeps(const dlx__backend_class *backend, dlx__kv_type type)
{
    const unsigned types = backend->kv_types ? backend->kv_types : 1u << DLX__KV_F32;
    return types >> type & 1;
}

static dlx_result refuse_kv_type(const dlx__backend_class *backend, const char *name,
                                 dlx_error *err)
{
    char list[80] = "";
    size_t n = 0;
    for (int i = DLX__KV_F32; i < DLX__N_KV_TYPES; i++)
        if (keeps(backend, (dlx__kv_type)i))
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "",
                                  dlx__kv_type_name((dlx__kv_type)i));
    return dlx__fail(err, DLX_E_ARG, "kv_type: expected one of %s of the %s backend, found %s",
                     list, backend->name, name);
}

/* Where nobody names it: float32, or what `compute` multiplies. */
static dlx_result choose_kv_type(dlx__arithmetic *a, const dlx__backend_class *backend,
                                 const char *name, dlx_error *err)
{
    const bool halves = a->halves && keeps(backend, DLX__KV_BF16);
    const dlx__kv_type unsaid = halves ? DLX__KV_BF16 : DLX__KV_F32;
    a->kv_type = name ? dlx__kv_type_find(name) : unsaid;
    return !name || keeps(backend, a->kv_type) ? DLX_OK : refuse_kv_type(backend, name, err);
}

static dlx_result check_plain(const dlx__arithmetic *a, const dlx__backend_class *backend,
                              const char *kernels, dlx_error *err)
{
    if (a->bf16)
        return dlx__fail(err, DLX_E_ARG,
                         "compute bf16: the %s backend computes in float32 only; leave it out, or "
                         "take the cpu backend",
                         backend->name);
    if (kernels)
        return dlx__fail(err, DLX_E_ARG,
                         "kernels %s: the %s backend has none to choose from; leave them out, or "
                         "take the cpu backend",
                         kernels, backend->name);
    return DLX_OK;
}

dlx_result dlx__api_arithmetic(dlx__arithmetic *out, const dlx__model *m,
                               const dlx__backend_class *backend, dlx__arithmetic_names names,
                               dlx_error *err)
{
    *out = (dlx__arithmetic){0};
    DLX__TRY(choose(&out->int8, "weights", STORED, INT8, names.weights, err));
    DLX__TRY(choose(&out->bf16, "compute", FLOAT32, BF16, names.compute, err));
    DLX__TRY(choose_scheme(&out->scheme, m, backend, names.scheme, err));
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *kernels = dlx__kernels_find(names.kernels, &cpu);
    if (!kernels)
        return unknown_kernels(names.kernels, err);
    if (backend->plain)
        DLX__TRY(check_plain(out, backend, names.kernels, err));
    else
        out->kernels = kernels->name;
    out->halves = !backend->plain && out->bf16 && kernels->halve;
    return choose_kv_type(out, backend, names.kv_type, err);
}

void dlx__arithmetic_apply(const dlx__arithmetic *a, dlx__backend_opts *o)
{
    o->int8 = a->int8;
    o->bf16 = a->bf16;
    o->kernels = a->kernels;
    o->scheme = a->scheme;
    o->kv_type = a->kv_type;
}

bool dlx__arithmetic_same(const dlx__arithmetic *a, const dlx__arithmetic *b)
{
    return a->int8 == b->int8 && a->bf16 == b->bf16 && a->kernels == b->kernels &&
           a->scheme == b->scheme && a->kv_type == b->kv_type;
}

const char *dlx__arithmetic_weights(const dlx__arithmetic *a)
{
    return a->int8 ? INT8 : STORED;
}

const char *dlx__arithmetic_compute(const dlx__arithmetic *a)
{
    return a->halves ? BF16 : FLOAT32;
}

const char *dlx__arithmetic_scheme(const dlx__arithmetic *a)
{
    return dlx__scheme_name(a->scheme);
}

const char *dlx__arithmetic_kv_type(const dlx__arithmetic *a)
{
    return dlx__kv_type_name(a->kv_type);
}

size_t dlx__arithmetic_kv_bytes(const dlx__arithmetic *a, const dlx__model *m)
{
    return dlx__kv_slot_bytes(m->hp.n_layers, m->hp.n_heads_kv, m->hp.head_dim, a->kv_type);
}
