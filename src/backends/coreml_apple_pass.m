/*
 * coreml_apple_pass.m - passes through a Core ML package and what their rows choose. K and V are
 * kept in the arrays that the next pass reads them from, or in a state of Core ML's.
 */
#import "backends/coreml_apple.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"

#include <math.h>
#include <string.h>

static const float UNSEEN = -10000.0f;

/* Row i of the last axis but one of an output, [1, rows, n], wherever its strides put it. */
static void copy_row(uint16_t *to, MLMultiArray *from, size_t head, size_t row, size_t n)
{
    const NSUInteger axes = from.shape.count;
    const uint16_t *p = from.dataPointer;
    const size_t step = from.strides[axes - 1].unsignedLongValue;
    p += row * from.strides[axes - 2].unsignedLongValue;
    if (axes == 4)
        p += head * from.strides[1].unsignedLongValue;
    for (size_t i = 0; i < n; i++)
        to[i] = p[i * step];
}

/* ---- a call -------------------------------------------------------------------------------- */

typedef struct call {
    const dlx__step *step;
    size_t at, n, n_kv; /* rows at .. at + n - 1; positions before n_kv are kept */
} call;

static bool sees(const dlx__step *s, size_t row, size_t position)
{
    return s->visibility == DLX__VISIBLE_FULL || position / s->block <= row / s->block;
}

/* [T, width]: positions that are kept, then the rows; rows that pad see what the first one sees. */
static void fill_mask(uint16_t *mask, const dlx__backend *b, const call *c, const DLXFunction *f)
{
    const uint16_t no = dlx__f32_to_f16(UNSEEN);
    const size_t own = b->has_states ? f.width : f.width - f.rows; /* columns of positions */
    for (size_t i = 0; i < f.rows; i++) {
        const size_t row = c->at + (i < c->n ? i : 0);
        for (size_t p = 0; p < own; p++) {
            const bool fresh = p >= c->at && p < c->at + c->n;
            const bool there = b->has_states ? fresh || p < c->n_kv : !fresh && p < c->n_kv;
            mask[i * f.width + p] = there && sees(c->step, row, p) ? 0 : no;
        }
        for (size_t j = own; j < f.width; j++)
            mask[i * f.width + j] = j - own < c->n && sees(c->step, row, c->at + j - own) ? 0 : no;
    }
}

static void fill_rotation(uint16_t *cosines, uint16_t *sines, const dlx__backend *b, size_t at,
                          size_t n)
{
    const size_t half = b->model->graph.head_dim / 2;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < half; j++) {
            const double rate = pow(b->model->hp.rope_theta, -(double)j / (double)half);
            const double angle = (double)(at + i) * rate;
            const size_t k = i * 2 * half + j;
            cosines[k] = cosines[k + half] = dlx__f32_to_f16((float)cos(angle));
            sines[k] = sines[k + half] = dlx__f32_to_f16((float)sin(angle));
        }
}

static NSDictionary *inputs_of(const dlx__backend *b, const call *c, DLXFunction *f)
{
    NSMutableDictionary *in =
        [dlx__coreml_package(b).kept[(NSUInteger)c->step->stream] mutableCopy];
    for (NSString *name in @[ @"input_ids", @"cos", @"sin", @"mask", @"head_rows", @"position" ]) {
        NSArray<NSNumber *> *shape = dlx__coreml_shape(f.model, name);
        const bool real = ![@[ @"input_ids", @"head_rows", @"position" ] containsObject:name];
        if (shape && !(in[name] = dlx__coreml_array(shape, real ? MLMultiArrayDataTypeFloat16
                                                                : MLMultiArrayDataTypeInt32)))
            return nil;
    }
    int32_t *ids = ((MLMultiArray *)in[@"input_ids"]).dataPointer;
    for (size_t i = 0; i < c->n; i++)
        ids[i] = c->step->ids[c->at - c->step->start + i];
    if (in[@"position"])
        *(int32_t *)((MLMultiArray *)in[@"position"]).dataPointer = (int32_t)c->at;
    for (size_t i = 0; i < f.headRows && i < c->n; i++)
        ((int32_t *)((MLMultiArray *)in[@"head_rows"]).dataPointer)[i] = (int32_t)i;
    fill_rotation(((MLMultiArray *)in[@"cos"]).dataPointer,
                  ((MLMultiArray *)in[@"sin"]).dataPointer, b, c->at, f.rows);
    fill_mask(((MLMultiArray *)in[@"mask"]).dataPointer, b, c, f);
    return in;
}

static void keep_rows(const dlx__backend *b, const call *c, id<MLFeatureProvider> out)
{
    const size_t kv = b->model->graph.n_heads_kv, d = b->model->graph.head_dim;
    NSDictionary<NSString *, MLMultiArray *> *kept =
        dlx__coreml_package(b).kept[(NSUInteger)c->step->stream];
    for (NSString *name in kept) {
        NSString *fresh = [@"output_new_" stringByAppendingString:[name substringFromIndex:5]];
        MLMultiArray *from = [out featureValueForName:fresh].multiArrayValue;
        uint16_t *to = kept[name].dataPointer; /* [kv, n_ctx, d] */
        for (size_t h = 0; h < kv; h++)
            for (size_t i = 0; i < c->n; i++)
                copy_row(to + (h * b->n_ctx + c->at + i) * d, from, h, i, d);
    }
}

static void note_rows(dlx__backend *b, const call *c, DLXFunction *f, id<MLFeatureProvider> out)
{
    pass *p = &b->passes[c->step->stream];
    const size_t d = b->model->graph.n_embd, first = c->at - c->step->start;
    MLMultiArray *hidden = [out featureValueForName:@"output_hidden"].multiArrayValue;
    MLMultiArray *best = [out featureValueForName:@"output_best"].multiArrayValue;
    MLMultiArray *logit = [out featureValueForName:@"output_logit"].multiArrayValue;
    MLMultiArray *lse = [out featureValueForName:@"output_lse"].multiArrayValue;
    for (size_t i = 0; i < c->n; i++) {
        copy_row(p->hidden + (first + i) * d, hidden, 0, i, d);
        p->stats[first + i].logit = NAN;
        if (i >= f.headRows)
            continue;
        const float x = logit[(NSInteger)i].floatValue, sum = lse[(NSInteger)i].floatValue;
        p->stats[first + i] = (dlx__row_stat){.best = best[(NSInteger)i].intValue,
                                              .logit = x,
                                              .prob = expf(x - sum),
                                              .finite = isfinite(x) && isfinite(sum)};
    }
}

static dlx_result run_call(dlx__backend *b, const call *c, DLXFunction *f, dlx_error *err)
{
    NSError *error = nil;
    NSDictionary *in = inputs_of(b, c, f);
    MLDictionaryFeatureProvider *features =
        in ? [[MLDictionaryFeatureProvider alloc] initWithDictionary:in error:&error] : nil;
    if (!features)
        return dlx__fail_memory(err, "preparing a pass", f.rows);
    id<MLFeatureProvider> out =
        b->has_states
            ? [f.model
                  predictionFromFeatures:features
                              usingState:dlx__coreml_package(b).states[(NSUInteger)c->step->stream]
                                   error:&error]
            : [f.model predictionFromFeatures:features error:&error];
    if (!out)
        return dlx__coreml_fail(err, b->opts.path, "run a pass", error);
    keep_rows(b, c, out);
    note_rows(b, c, f, out);
    return DLX_OK;
}

/* ---- a pass -------------------------------------------------------------------------------- */

/* The function with the fewest rows that has room for all, or for whole blocks of them. */
static dlx_result next_call(const dlx__backend *b, call *c, DLXFunction **f, dlx_error *err)
{
    const dlx__step *s = c->step;
    for (DLXFunction *one in dlx__coreml_package(b).functions) {
        *f = one;
        if (one.rows >= c->n && (!b->has_states || c->at + one.rows <= b->n_ctx))
            return DLX_OK;
    }
    const size_t end = ((*f).rows + c->at) / (s->block ? s->block : 1) * (s->block ? s->block : 1);
    if (s->visibility == DLX__VISIBLE_FULL || end <= c->at ||
        (b->has_states && c->at + (*f).rows > b->n_ctx))
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected passes of at most %zu rows within the context, found %zu "
                         "from position %zu on; export it with other --rows, --canvas or --ctx",
                         b->opts.path, (*f).rows, c->n, c->at);
    c->n = dlx__min(c->n, end - c->at);
    return DLX_OK;
}

static dlx_result reserve(dlx__backend *b, pass *p, size_t n, dlx_error *err)
{
    if (n <= p->capacity)
        return DLX_OK;
    dlx__free(b->opts.mem, p->hidden);
    dlx__free(b->opts.mem, p->stats);
    p->hidden = dlx__alloc(b->opts.mem, dlx__mul(dlx__mul(n, b->model->graph.n_embd), 2));
    p->stats = dlx__alloc(b->opts.mem, dlx__mul(n, sizeof *p->stats));
    p->capacity = p->hidden && p->stats ? n : 0;
    return p->capacity ? DLX_OK : dlx__fail_memory(err, "noting a pass", n);
}

dlx_result dlx__coreml_step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    pass *p = &b->passes[in->stream];
    p->n = 0;
    if (in->tap || in->observe)
        return dlx__fail(err, DLX_E_UNSUPPORTED, "%s: what is inside of a package cannot be seen",
                         b->opts.path);
    DLX__TRY(reserve(b, p, in->n, err));
    for (size_t at = in->start; at < in->start + in->n;) {
        DLXFunction *f = nil;
        call c = {in, at, in->start + in->n - at, dlx__max(in->n_kv, at)};
        if (in->stop && in->stop(in->stop_user))
            return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
        DLX__TRY(next_call(b, &c, &f, err));
        @autoreleasepool {
            DLX__TRY(run_call(b, &c, f, err));
        }
        at += c.n;
    }
    p->n = in->n;
    return DLX_OK;
}

/* ---- the head ------------------------------------------------------------------------------ */

/* Does the head leave out what the package leaves out? */
static bool same_ids(const dlx__backend *b, const dlx__head *in)
{
    const size_t n_ids = in->n_ids ? in->n_ids : b->model->graph.n_vocab;
    const bool has_never = b->never_id >= 0 && (size_t)b->never_id < b->n_ids;
    size_t n_never = 0;
    for (size_t i = 0; i < in->n_suppress; i++) {
        if ((size_t)in->suppress[i] >= b->n_ids)
            continue;
        if (in->suppress[i] != b->never_id)
            return false;
        n_never++;
    }
    return n_ids == b->n_ids && n_never == has_never;
}

static bool told_already(const dlx__backend *b, const dlx__head *in)
{
    const pass *p = &b->passes[in->stream];
    if (in->logits || !in->stats || !in->best_only || in->cfg_scale != 0.0f || !same_ids(b, in))
        return false;
    for (size_t i = 0; i < in->n; i++)
        if (isnan(p->stats[in->rows[i]].logit))
            return false;
    return true;
}

/* out [n_vocab] = the logits of a row of a stream's last pass. */
static dlx_result row_logits(dlx__backend *b, int stream, size_t row, float *out, dlx_error *err)
{
    NSError *error = nil;
    MLModel *head = dlx__coreml_package(b).logits;
    const size_t d = b->model->graph.n_embd, n = b->model->graph.n_vocab;
    MLMultiArray *rows =
        dlx__coreml_array(dlx__coreml_shape(head, @"rows"), MLMultiArrayDataTypeFloat16);
    if (!rows)
        return dlx__fail_memory(err, "computing logits", d);
    memcpy(rows.dataPointer, b->passes[stream].hidden + row * d, d * sizeof(uint16_t));
    MLDictionaryFeatureProvider *features =
        [[MLDictionaryFeatureProvider alloc] initWithDictionary:@{@"rows" : rows} error:&error];
    id<MLFeatureProvider> given = [head predictionFromFeatures:features error:&error];
    if (!given)
        return dlx__coreml_fail(err, b->opts.path, "compute logits", error);
    MLMultiArray *logits = [given featureValueForName:@"output_logits"].multiArrayValue;
    const uint16_t *x = logits.dataPointer; /* the first row */
    const size_t step = logits.strides[2].unsignedLongValue;
    for (size_t v = 0; v < n; v++)
        out[v] = dlx__f16_to_f32(x[v * step]);
    return DLX_OK;
}

/* The row's logits in b->logits, guided if asked for. */
static dlx_result wanted_logits(dlx__backend *b, const dlx__head *in, size_t row, dlx_error *err)
{
    const size_t n = b->model->graph.n_vocab;
    float *c = b->logits, *u = b->logits + n;
    if (in->cfg_scale == 0.0f)
        return row_logits(b, in->stream, row, c, err);
    DLX__TRY(row_logits(b, 0, row, c, err));
    DLX__TRY(row_logits(b, 1, row, u, err));
    for (size_t v = 0; v < n; v++)
        c[v] = u[v] + (in->cfg_scale + 1.0f) * (c[v] - u[v]);
    return DLX_OK;
}

static dlx_result check_rows(const dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    const int first = in->cfg_scale != 0.0f ? 0 : in->stream;
    const int last = in->cfg_scale != 0.0f ? 1 : in->stream;
    for (size_t i = 0; i < in->n; i++)
        for (int s = first; s <= last; s++)
            if (s >= b->opts.n_streams || in->rows[i] >= b->passes[s].n)
                return dlx__fail(err, DLX_E_ARG,
                                 "expected rows of the last pass, found row %zu of stream %d; run "
                                 "a pass first",
                                 in->rows[i], s);
    return DLX_OK;
}

dlx_result dlx__coreml_head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    const size_t n = b->model->graph.n_vocab;
    DLX__TRY(check_rows(b, in, err));
    const bool told = told_already(b, in);
    for (size_t i = 0; i < in->n; i++) {
        if (told) {
            in->stats[i] = b->passes[in->stream].stats[in->rows[i]];
            continue;
        }
        @autoreleasepool {
            DLX__TRY(wanted_logits(b, in, in->rows[i], err));
        }
        if (in->logits)
            memcpy(in->logits + i * n, b->logits, n * sizeof *b->logits);
        if (in->stats)
            in->stats[i] = dlx__row_stat_of_logits(b->kernels, b->logits, n, in);
    }
    return DLX_OK;
}
