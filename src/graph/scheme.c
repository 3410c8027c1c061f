/* scheme.c - the names of schemes, and what the static ones need. */
#include "graph/scheme.h"

#include "base/fail.h"

#include <math.h>
#include <string.h>

static const char *const names[DLX__N_SCHEMES] = {[DLX__SCHEME_NONE] = "none",
#define SCHEME_NAME(name, text) [DLX__SCHEME_##name] = text,
                                                  DLX__SCHEMES(SCHEME_NAME)
#undef SCHEME_NAME
};

const char *dlx__scheme_name(dlx__scheme scheme)
{
    return names[scheme];
}

dlx__scheme dlx__scheme_find(const char *name)
{
    for (int i = DLX__SCHEME_NONE + 1; i < DLX__N_SCHEMES; i++)
        if (strcmp(names[i], name) == 0)
            return (dlx__scheme)i;
    return DLX__SCHEME_NONE;
}

static bool is_recorded(dlx__scheme scheme, const dlx__node *node)
{
    if (scheme == DLX__SCHEME_STATIC_AFFINE)
        return node->has_ranges;
    return node->in_largest > 0 && isfinite(node->in_largest);
}

dlx_result dlx__scheme_check(dlx__scheme scheme, const dlx__graph *g, dlx_error *err)
{
    const bool affine = scheme == DLX__SCHEME_STATIC_AFFINE;
    if (!dlx__scheme_is_recorded(scheme))
        return DLX_OK;
    for (size_t i = 0; i < g->n; i++) {
        const dlx__node *node = &g->nodes[i];
        if (node->op == DLX__OP_LINEAR && !is_recorded(scheme, node))
            return dlx__fail(err, DLX_E_ARG,
                             "scheme %s: expected the range%s of what %s reads%s, found %s "
                             "recorded; make a file that has them: dlx quantize MODEL OUT.gguf "
                             "--scheme %s --calibrate TEXT",
                             names[scheme], affine ? "s" : "",
                             node->weight->name ? node->weight->name : "a product",
                             affine ? " and writes" : "",
                             affine && node->in_largest > 0 ? "only what it reads" : "none",
                             affine ? names[DLX__SCHEME_STATIC] : names[scheme]);
    }
    return DLX_OK;
}
