/* rules.c - types by role and name. */
#include "quant/rules.h"

#include "model/bind.h"

bool dlx__pattern_fits(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) { /* the star takes one character more */
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == 0;
}

static bool divides(dlx__dtype type, size_t n_cols)
{
    return n_cols % dlx__dtype_of(type)->block_elems == 0;
}

/* The nearest type whose blocks divide the rows: of super-blocks the plain type of about the size.
 */
static dlx__dtype fitting(dlx__dtype type, size_t n_cols)
{
    if (divides(type, n_cols))
        return type;
    if (type == DLX__Q4_K)
        type = DLX__Q5_0;
    else if (type == DLX__Q5_K)
        type = DLX__Q5_1;
    else if (type == DLX__Q6_K)
        type = DLX__Q8_0;
    return divides(type, n_cols) ? type : DLX__F16;
}

static bool is_float(dlx__dtype type)
{
    return dlx__grid_width(type) == 0;
}

/* Before patterns and blocks have their say. */
static dlx__dtype wanted(const dlx__rules *rules, dlx__role role)
{
    const bool outer = role == DLX__ROLE_EMBED || role == DLX__ROLE_HEAD;
    if (is_float(rules->type) || (outer && rules->all))
        return rules->type;
    if (outer)
        return DLX__Q8_0;
    if (rules->mixed && (role == DLX__ROLE_V || role == DLX__ROLE_DOWN))
        return DLX__Q6_K; /* what loses most when it is rounded */
    return rules->type;
}

/* The first pattern that fits the name of a matrix; NULL: none. */
static const dlx__keep *keep_of(const dlx__rules *rules, const dlx__model *m, dlx__role role,
                                size_t layer)
{
    char name[160];
    if (dlx__role_name(name, m->family, DLX__CHECKPOINT_GGUF, role, layer))
        for (size_t i = 0; i < rules->n_keeps; i++)
            if (dlx__pattern_fits(rules->keeps[i].pattern, name))
                return &rules->keeps[i];
    return NULL;
}

static bool is_head(const dlx__model *m, dlx__role role)
{
    return role == (m->hp.tied ? DLX__ROLE_EMBED : DLX__ROLE_HEAD);
}

dlx__ruling dlx__rules_apply(const dlx__rules *rules, const dlx__model *m, dlx__role role,
                             size_t layer)
{
    const dlx__tensor *t = dlx__model_tensor(m, role, layer);
    if (t->n_dims < 2)
        return (dlx__ruling){.type = DLX__F32, .group = DLX__GRID_OWN};
    const dlx__keep *keep = keep_of(rules, m, role, layer);
    const dlx__dtype type = keep ? keep->type : wanted(rules, role);
    dlx__ruling r = {.type = fitting(type, t->shape[1]), .group = rules->group};
    r.other_type = r.type != type;
    if (is_float(r.type) || r.type != rules->type)
        r.group = DLX__GRID_OWN; /* the group was asked for the type that was asked for */
    if (rules->group == DLX__GRID_PORTABLE && r.type == DLX__Q8_0 && is_head(m, role))
        r.group = DLX__GRID_ROW; /* programs of four bits have such a head */
    if (r.group > DLX__GRID_OWN && t->shape[1] % r.group != 0) {
        r.group = DLX__GRID_OWN;
        r.other_group = true;
    }
    return r;
}

/* Does the pattern fit a matrix that no pattern before it fits? */
static bool is_used(const dlx__rules *rules, const dlx__model *m, const dlx__keep *keep)
{
    for (int role = 0; role < DLX__N_ROLES; role++) {
        if (role == DLX__ROLE_HEAD && m->hp.tied)
            continue; /* it has no tensor of its own */
        const size_t n = dlx__role_per_layer((dlx__role)role) ? m->hp.n_layers : 1;
        for (size_t layer = 0; layer < n; layer++) {
            const dlx__tensor *t = dlx__model_tensor(m, (dlx__role)role, layer);
            if (t && t->n_dims == 2 && keep_of(rules, m, (dlx__role)role, layer) == keep)
                return true;
        }
    }
    return false;
}

const dlx__keep *dlx__rules_unused(const dlx__rules *rules, const dlx__model *m)
{
    for (size_t i = 0; i < rules->n_keeps; i++)
        if (!is_used(rules, m, &rules->keeps[i]))
            return &rules->keeps[i];
    return NULL;
}
