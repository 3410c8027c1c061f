/* program_facts.c - constant methods by name. */
#include "export/program_facts.h"

#include "base/fail.h"

#include <string.h>

static const dlx__pte_seen_method *find(const dlx__pte_file *f, const char *name)
{
    for (size_t i = 0; i < f->n_methods; i++)
        if (strcmp(f->methods[i].name, name) == 0)
            return &f->methods[i];
    return NULL;
}

/* What a constant method returns; NULL: there is none of this kind. */
static const dlx__pte_seen *told(const dlx__pte_file *f, const char *name, int kind)
{
    const dlx__pte_seen_method *m = find(f, name);
    if (!m || m->n_outputs != 1 || m->values[m->outputs[0]].kind != kind)
        return NULL;
    return &m->values[m->outputs[0]];
}

static dlx_result read_layout(dlx__export_cache *cache, const dlx__pte_file *f, const char *path,
                              dlx_error *err)
{
    const dlx__pte_seen *layout = told(f, "get_cache_layout", DLX__PTE_KIND_STRING);
    if (layout && dlx__export_cache_find(cache, layout->text))
        return DLX_OK;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "%s: expected a program that dlx export wrote, which tells where keys and "
                     "values are, found %s",
                     path, layout ? layout->text : "another one (dlx inspect shows it)");
}

/* At least 1; 0: it does not say. */
static size_t number(const dlx__pte_file *f, const char *name)
{
    const dlx__pte_seen *n = told(f, name, DLX__PTE_KIND_INT);
    return n && n->i > 0 ? (size_t)n->i : 0;
}

size_t dlx__program_n_ctx(const dlx__pte_file *f)
{
    return number(f, "get_max_context_len");
}

/* Where the method or a number is missing, there is none. */
static void read_denoise(dlx__program_facts *facts, const dlx__pte_file *f)
{
    const dlx__pte_seen *never = told(f, "get_never_id", DLX__PTE_KIND_INT);
    facts->never_id = never ? never->i : -1;
    facts->n_ids = number(f, "get_n_ids");
    if (find(f, "denoise") && facts->n_ids && (!facts->masked || find(f, "denoise_masked")))
        facts->n_denoise_rows = number(f, "get_max_denoise_rows");
}

/* Ids are [1, n_rows], and the rotation has a table of n_ctx rows. */
static bool sizes_are_true(const dlx__program_facts *facts, const dlx__pte_seen_method *forward)
{
    const dlx__pte_seen *ids = forward->n_inputs ? &forward->values[forward->inputs[0]] : NULL;
    if (!ids || ids->kind != DLX__PTE_KIND_TENSOR || ids->n_dims != 2 ||
        (size_t)ids->dims[1] != facts->n_rows)
        return false;
    for (size_t i = 0; i < forward->n_values; i++) {
        const dlx__pte_seen *v = &forward->values[i];
        if (v->kind == DLX__PTE_KIND_TENSOR && v->constant && v->n_dims == 2 &&
            v->type == DLX__PTE_FLOAT && (size_t)v->dims[0] == facts->n_ctx)
            return true;
    }
    return false;
}

dlx_result dlx__program_facts_read(dlx__program_facts *facts, const dlx__pte_file *f,
                                   const char *path, dlx_error *err)
{
    *facts = (dlx__program_facts){.n_ctx = dlx__program_n_ctx(f),
                                  .n_rows = number(f, "get_max_seq_len"),
                                  .n_vocab = number(f, "get_vocab_size"),
                                  .masked = find(f, "forward_masked") != NULL};
    DLX__TRY(read_layout(&facts->cache, f, path, err));
    read_denoise(facts, f);
    const dlx__pte_seen_method *forward = find(f, "forward");
    if (!forward || !facts->n_ctx || !facts->n_rows || !facts->n_vocab)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a method forward and its numbers of positions, rows and "
                         "ids, found not all of them; export it again",
                         path);
    if (!sizes_are_true(facts, forward))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected tensors for the %zu positions and %zu rows that it tells, "
                         "found others; export it again",
                         path, facts->n_ctx, facts->n_rows);
    return DLX_OK;
}
