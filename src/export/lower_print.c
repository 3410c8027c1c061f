/* lower_print.c - what a delegate gets, computes and gives, as lines. */
#include "export/lower.h"
#include "export/xnn_print.h"

static const char *kind_name(dlx__extern_kind kind)
{
    static const char *const names[] = {[DLX__EXTERN_EMBEDDED] = "embedded rows",
                                        [DLX__EXTERN_COS] = "cosines",
                                        [DLX__EXTERN_SIN] = "sines",
                                        [DLX__EXTERN_SCALE] = "scale of the scores",
                                        [DLX__EXTERN_MASK] = "mask",
                                        [DLX__EXTERN_GAIN] = "gain",
                                        [DLX__EXTERN_PAST] = "past",
                                        [DLX__EXTERN_NEW] = "new",
                                        [DLX__EXTERN_LOGITS] = "logits",
                                        [DLX__EXTERN_CACHE] = "cache",
                                        [DLX__EXTERN_INSERT] = "rows to insert",
                                        [DLX__EXTERN_KEEP] = "positions to keep",
                                        [DLX__EXTERN_UPDATED] = "updated cache",
                                        [DLX__EXTERN_FINAL] = "final rows",
                                        [DLX__EXTERN_PICKED] = "picked rows",
                                        [DLX__EXTERN_NEVER] = "ids never chosen",
                                        [DLX__EXTERN_PROBS] = "probabilities"};
    return names[kind];
}

static bool is_output(dlx__extern_kind kind)
{
    return kind == DLX__EXTERN_NEW || kind == DLX__EXTERN_LOGITS || kind == DLX__EXTERN_UPDATED ||
           kind == DLX__EXTERN_FINAL || kind == DLX__EXTERN_PROBS;
}

static bool put_subject(dlx__buf *out, const dlx__extern *e)
{
    if (e->kind == DLX__EXTERN_GAIN)
        return dlx__buf_format(out, " %s", e->tensor->name);
    if (e->kind != DLX__EXTERN_PAST && e->kind != DLX__EXTERN_NEW)
        return true;
    const bool ok = dlx__buf_format(out, " %s of layer %zu", e->side ? "V" : "K", e->layer);
    return ok && (e->kind == DLX__EXTERN_NEW || dlx__buf_format(out, ", heads from %zu", e->head));
}

static bool put_extern(dlx__buf *out, const dlx__lowered *l, uint32_t place)
{
    const dlx__extern *e = &l->externs[place];
    for (dlx__xnn_value v = 0; v < l->xnn.n_values; v++)
        if (l->xnn.values[v].external_id == place)
            return dlx__buf_format(out, "  %s %%%u %s", is_output(e->kind) ? "gives" : "gets", v,
                                   kind_name(e->kind)) &&
                   put_subject(out, e) && dlx__buf_text(out, ": ") &&
                   dlx__xnn_print_value(&l->xnn, v, out) && dlx__buf_byte(out, '\n');
    return true;
}

bool dlx__lowered_print(const dlx__lowered *l, dlx__buf *out)
{
    for (uint32_t place = 0; place < l->n; place++)
        if (!put_extern(out, l, place))
            return false;
    return dlx__buf_format(out, "  nodes %zu\n", l->xnn.n_nodes) && dlx__xnn_print(&l->xnn, out);
}
