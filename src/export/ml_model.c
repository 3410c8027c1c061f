/*
 * ml_model.c - the specification: what its users see of each function, what they should know of the
 * model, then the program. Field numbers are those of Core ML's Model.proto and MIL.proto.
 */
#include "export/ml_model.h"

#include "base/fail.h"
#include "export/ml_package.h"

#include <math.h>
#include <stdio.h>

/* ---- what users of the package should know --------------------------------------------------- */

static void tell_text(dlx__proto *p, const char *key, const char *text)
{
    dlx__proto_begin(p, 100); /* Metadata.userDefined */
    dlx__proto_text(p, 1, key);
    dlx__proto_text_always(p, 2, text);
    dlx__proto_end(p);
}

static void tell_int(dlx__proto *p, const char *key, int64_t x)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)x);
    tell_text(p, key, text);
}

/* Nothing where the model has none. */
static void tell_fact(dlx__proto *p, const char *key, int64_t x)
{
    if (x >= 0)
        tell_int(p, key, x);
}

static void tell_stops(dlx__proto *p, const dlx__hparams *hp)
{
    char text[DLX__MAX_STOP_IDS * 12 + 1] = "";
    size_t at = 0;
    for (size_t i = 0; i < hp->n_stop_ids; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, i ? ",%d" : "%d", (int)hp->stop_ids[i]);
    tell_text(p, "dlx.stop_ids", text);
}

static void tell_decoding(dlx__proto *p, const dlx__model *m)
{
    char text[32];
    const dlx__family *f = m->family;
    tell_int(p, "dlx.shift_logits", f->shift);
    tell_int(p, "dlx.seeds_blocks", f->seeds_blocks);
    tell_text(p, "dlx.sampler", f->samplers[0]);
    if (f->threshold > 0) { /* as it is written down: 0.9, not the float beside it */
        snprintf(text, sizeof text, "%g", round((double)f->threshold * 1e6) / 1e6);
        tell_text(p, "dlx.threshold", text);
    }
}

/* "denoise,prefill,logits" */
static void tell_functions(dlx__proto *p, const dlx__ml_functions *f)
{
    dlx__buf names;
    dlx__buf_init(&names, f->list.mem);
    bool ok = true;
    for (size_t i = 0; i < f->list.n && ok; i++)
        ok = dlx__buf_format(&names, i ? ",%s" : "%s", f->list.items[i].name);
    if (ok)
        tell_text(p, "dlx.functions", names.data);
    else if (p->failure.code == DLX_OK)
        dlx__fail_memory(&p->failure, "describing a package", names.len);
    dlx__buf_release(&names);
}

static void put_metadata(dlx__proto *p, const dlx__model *m, const dlx__export_opts *o,
                         const dlx__ml_functions *f)
{
    const dlx__hparams *hp = &m->hp;
    dlx__proto_begin(p, 100); /* ModelDescription.metadata */
    dlx__proto_text(p, 1, "A language model for block-wise decoding, written by DiffuLex Edge");
    tell_int(p, "dlx.format", 1);
    tell_text(p, "dlx.family", m->family->name);
    tell_text(p, "dlx.dtype", dlx__packing_name(o->packing));
    tell_text(p, "dlx.cache", dlx__export_cache_name(o->cache));
    tell_text(p, "dlx.compute_unit", o->unit);
    tell_text(p, "dlx.minimum_deployment_target", o->target->name);
    tell_text(p, "dlx.tokenizer", DLX__ML_DESCRIPTION);
    tell_functions(p, f);
    tell_int(p, "dlx.n_ctx", (int64_t)o->n_ctx);
    tell_int(p, "dlx.n_layers", (int64_t)hp->n_layers);
    tell_int(p, "dlx.n_heads_kv", (int64_t)hp->n_heads_kv);
    tell_int(p, "dlx.head_dim", (int64_t)hp->head_dim);
    tell_text(p, "dlx.visibility",
              m->family->visibility == DLX__VISIBLE_FULL ? "full" : "block_causal");
    tell_fact(p, "dlx.block_length", hp->block_length.value);
    tell_fact(p, "dlx.sub_block_length", hp->small_block.value);
    tell_fact(p, "dlx.mask_id", hp->mask_id.value);
    tell_fact(p, "dlx.bos_id", hp->bos_id.value);
    tell_stops(p, hp);
    tell_int(p, "dlx.n_ids", (int64_t)o->n_ids);
    tell_fact(p, "dlx.never_id", o->never_id);
    char text[32];
    snprintf(text, sizeof text, "%.9g", hp->rope_theta);
    tell_text(p, "dlx.rope_theta", text);
    snprintf(text, sizeof text, "%g", (double)DLX__ML_UNSEEN);
    tell_text(p, "dlx.unseen", text);
    tell_decoding(p, m);
    dlx__proto_end(p);
}

/* ---- the specification ----------------------------------------------------------------------- */

void dlx__ml_model_put(const dlx__model *m, const dlx__export_opts *o, const dlx__ml_functions *f,
                       dlx__proto *p)
{
    dlx__proto_int(p, 1, o->target->specification);
    dlx__proto_begin(p, 2); /* ModelDescription */
    for (size_t i = 0; i < f->list.n; i++)
        dlx__ml_describe(&f->graphs[i], 20, p);
    dlx__proto_text(p, 21, f->list.items[0].name);
    put_metadata(p, m, o, f);
    dlx__proto_end(p);
    dlx__proto_begin(p, 502); /* mlProgram */
    dlx__proto_int(p, 1, 1);
    for (size_t i = 0; i < f->list.n; i++)
        dlx__ml_serialize(&f->graphs[i], o->target->opset, 2, p);
    dlx__proto_end(p);
}
