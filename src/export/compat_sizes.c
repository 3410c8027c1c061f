/* compat_sizes.c - every layer has its own masks, and the whole cache comes in and goes out. */
#include "export/compat_sizes.h"

#include "base/fail.h"

static const size_t MOST_BYTES = (size_t)1 << 31;

dlx__compat_sizes dlx__compat_sizes_of(const dlx__hparams *hp, size_t n_rows, size_t n_ctx)
{
    const size_t per_layer = dlx__mul(hp->n_layers, sizeof(float));
    const size_t kv = dlx__mul(dlx__mul(2, hp->n_heads_kv), hp->head_dim);
    return (dlx__compat_sizes){
        .cache = dlx__mul(per_layer, dlx__mul(kv, n_ctx)),
        .mask = dlx__mul(per_layer, dlx__mul(n_rows, dlx__add(n_ctx, n_rows))),
        .insert = dlx__mul(per_layer, dlx__mul(n_ctx, n_rows)),
        .keep = dlx__mul(per_layer, n_ctx),
    };
}

dlx_result dlx__compat_check(const dlx__hparams *hp, size_t n_rows, size_t n_ctx, dlx_error *err)
{
    const dlx__compat_sizes s = dlx__compat_sizes_of(hp, n_rows, n_ctx);
    const size_t largest = dlx__max(dlx__max(s.cache, s.mask), dlx__max(s.insert, s.keep));
    if (largest <= MOST_BYTES)
        return DLX_OK;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "cache compat: expected inputs of at most 2 GiB, found one of %.1f GiB for "
                     "%zu positions and %zu rows: give fewer, or take state or io, which cost what "
                     "is in use",
                     (double)largest / (double)((size_t)1 << 30), n_ctx, n_rows);
}
