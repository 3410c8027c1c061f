/* rules.c - types by role and name. */
#include "quant/rules.h"

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

/* One size above: what loses most when it is rounded. */
static dlx__dtype larger(dlx__dtype type)
{
    switch (type) {
    case DLX__Q4_K:
        return DLX__Q6_K;
    case DLX__Q5_K:
        return DLX__Q6_K;
    case DLX__Q4_0:
    case DLX__Q4_1:
    case DLX__Q5_0:
    case DLX__Q5_1:
    case DLX__Q6_K:
        return DLX__Q8_0;
    default:
        return type;
    }
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
        return larger(rules->type);
    return rules->type;
}

dlx__ruling dlx__rules_apply(const dlx__rules *rules, const dlx__model *m, dlx__role role,
                             size_t layer)
{
    const dlx__tensor *t = dlx__model_tensor(m, role, layer);
    if (t->n_dims < 2)
        return (dlx__ruling){.type = DLX__F32, .group = DLX__GRID_OWN};
    char name[160];
    dlx__dtype type = wanted(rules, role);
    if (dlx__role_name(name, m->family, DLX__CHECKPOINT_GGUF, role, layer))
        for (size_t i = 0; i < rules->n_keeps; i++)
            if (dlx__pattern_fits(rules->keeps[i].pattern, name)) {
                type = rules->keeps[i].type;
                break;
            }
    dlx__ruling r = {.type = fitting(type, t->shape[1]), .group = rules->group};
    r.fell_back = r.type != type;
    if (is_float(r.type) || r.type != rules->type)
        r.group = DLX__GRID_OWN; /* the group was asked for the type that was asked for */
    if (r.group > DLX__GRID_OWN && t->shape[1] % r.group != 0) {
        r.group = DLX__GRID_OWN;
        r.fell_back = true;
    }
    return r;
}
