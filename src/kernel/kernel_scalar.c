/*
 * kernel_scalar.c - the truth that the vector files are tested against, and what runs where there
 * is no vector file. Plain loops and the C library's expf and fmaf.
 */
#include "base/little.h"
#include "dtype/convert.h"
#include "kernel/panels.h"

#include <math.h>

static bool runs_on(const dlx__cpu *cpu)
{
    (void)cpu;
    return true;
}

/* ---- products ------------------------------------------------------------------------------ */

/* A group of inputs of a row as integers. */
typedef struct quantized {
    int8_t q[DLX__GROUP];
    float scale; /* of its span */
    float sum;   /* of q */
} quantized;

/* A group of a panel, unpacked: w(k, o) = level[k][o] scale[o] + minimum[o]. */
typedef struct group {
    int level[DLX__GROUP][DLX__PANEL];
    float scale[DLX__PANEL];
    float minimum[DLX__PANEL];
    bool has_minimum;
} group;

static size_t ints_bytes(size_t n_in, size_t n_rows)
{
    return dlx__mul(dlx__mul(dlx__n_groups(n_in), n_rows), sizeof(quantized));
}

static quantized *group_of(const dlx__acts *a, size_t row, size_t g)
{
    return (quantized *)(void *)a->ints + row * dlx__n_groups(a->n_in) + g;
}

static dlx__quantum quantum_of(const float *x, size_t n, const float *known)
{
    float largest = 0;
    bool finite = true;
    for (size_t i = 0; i < n; i++) {
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
        finite = finite && isfinite(x[i]);
    }
    return dlx__quantum_of(known ? *known : largest, finite);
}

static float inside(float x, float most)
{
    x = x > most ? most : x;
    return -most > x ? -most : x;
}

static void quantize_group(quantized *out, const float *x, size_t n, const dlx__quantum *quantum,
                           const float *largest)
{
    int sum = 0;
    for (size_t i = 0; i < DLX__GROUP; i++) {
        const float in = i >= n ? 0 : largest ? inside(x[i], *largest) : x[i];
        out->q[i] = (int8_t)dlx__nearest(in, quantum);
        sum += out->q[i];
    }
    out->scale = quantum->scale;
    out->sum = (float)sum;
}

static void quantize(const dlx__acts *a, size_t row, size_t col, size_t n, const float *largest)
{
    const float *x = a->x + row * a->stride;
    const size_t end = col + n;
    for (size_t span = col; span < end; span += DLX__SPAN) {
        const size_t span_end = dlx__min(span + DLX__SPAN, end);
        const dlx__quantum quantum = quantum_of(x + span, span_end - span, largest);
        for (size_t at = span; at < span_end; at += DLX__GROUP)
            quantize_group(group_of(a, row, at / DLX__GROUP), x + at,
                           dlx__min(DLX__GROUP, span_end - at), &quantum, largest);
    }
}

static float half_at(const uint8_t *numbers, size_t i)
{
    return dlx__f16_to_f32(dlx__le16(numbers + 2 * i));
}

static int level_at(const dlx__layout *l, const uint8_t *levels, size_t k, size_t o)
{
    const size_t step = k / 4, in_line = o * 4 + k % 4;
    if (l->kind == DLX__S8 && k % 2 == 1)
        return (int8_t)levels[step * 64 + in_line];
    if (l->level_bytes == DLX__GROUP * DLX__PANEL)
        return levels[step * 64 + in_line] - l->offset;
    const int both = levels[step % 4 * 64 + in_line];
    return (step < 4 ? both & 15 : both >> 4) - l->offset;
}

static void unpack_scales(group *out, dlx__form form, const uint8_t *panel, size_t g)
{
    const dlx__layout *l = &dlx__layouts[form];
    const uint8_t *front = panel + dlx__block_at(l, g), *head = panel + dlx__head_at(l, g);
    out->has_minimum = form == DLX__FORM_Q8_1 || form == DLX__FORM_Q4_1 || form == DLX__FORM_Q4_K ||
                       form == DLX__FORM_Q5_K;
    for (size_t o = 0; o < DLX__PANEL; o++) {
        out->minimum[o] = 0;
        if (form == DLX__FORM_I8) {
            out->scale[o] = 1;
        } else if (form == DLX__FORM_Q6_K) {
            out->scale[o] = half_at(front, o);
        } else if (form == DLX__FORM_Q4_K || form == DLX__FORM_Q5_K) {
            out->scale[o] = half_at(front, o) * (float)head[o];
            out->minimum[o] = -(half_at(front + 32, o) * (float)head[DLX__PANEL + o]);
        } else {
            out->scale[o] = half_at(head, o);
            if (out->has_minimum)
                out->minimum[o] = half_at(head + 32, o);
        }
    }
}

static void unpack_group(group *out, dlx__form form, const uint8_t *panel, size_t g)
{
    const dlx__layout *l = &dlx__layouts[form];
    const uint8_t *levels = panel + dlx__levels_at(l, g), *head = panel + dlx__head_at(l, g);
    for (size_t k = 0; k < DLX__GROUP; k++)
        for (size_t o = 0; o < DLX__PANEL; o++) {
            out->level[k][o] = level_at(l, levels, k, o);
            if (form == DLX__FORM_Q6_K) /* the scale of 16 inputs is an integer too */
                out->level[k][o] *= (int8_t)head[k / 16 * DLX__PANEL + o];
        }
    unpack_scales(out, form, panel, g);
}

/* t [16] += a group of a row times the group of the panel, in units of the row's scale. */
static void multiply_group(float *t, const quantized *a, const group *w)
{
    int sum[DLX__PANEL] = {0};
    for (size_t k = 0; k < DLX__GROUP; k++)
        for (size_t o = 0; o < DLX__PANEL; o++)
            sum[o] += w->level[k][o] * a->q[k];
    for (size_t o = 0; o < DLX__PANEL; o++) {
        t[o] = fmaf((float)sum[o], w->scale[o], t[o]);
        if (w->has_minimum)
            t[o] = fmaf(w->minimum[o], a->sum, t[o]);
    }
}

/* y [16] += n groups of row r, a span or what is left of it, times those of the panel. */
static void multiply_span(float *y, const dlx__acts *a, size_t r, size_t first, size_t n,
                          const group *w)
{
    float t[DLX__PANEL] = {0};
    for (size_t g = 0; g < n; g++)
        multiply_group(t, group_of(a, r, first + g), w + g);
    const float scale = group_of(a, r, first)->scale;
    for (size_t o = 0; o < DLX__PANEL; o++)
        y[o] = fmaf(t[o], scale, y[o]);
}

static void panel_int(float *y, size_t y_stride, const dlx__acts *a, dlx__form form,
                      const uint8_t *panel)
{
    const size_t n_groups = dlx__n_groups(a->n_in);
    for (size_t g = 0; g < n_groups; g += DLX__SPAN_GROUPS) {
        group w[DLX__SPAN_GROUPS];
        const size_t n = dlx__min(DLX__SPAN_GROUPS, n_groups - g);
        for (size_t i = 0; i < n; i++)
            unpack_group(w + i, form, panel, g + i);
        for (size_t r = 0; r < a->n_rows; r++)
            multiply_span(y + r * y_stride, a, r, g, n, w);
    }
}

static void apply_output_scales(float *y, size_t y_stride, const dlx__acts *a, const uint8_t *panel)
{
    const size_t level_bytes = dlx__layouts[DLX__FORM_I8].level_bytes;
    const uint8_t *scales = panel + dlx__n_groups(a->n_in) * level_bytes;
    for (size_t r = 0; r < a->n_rows; r++)
        for (size_t o = 0; o < DLX__PANEL; o++)
            y[r * y_stride + o] *= dlx__le_f32(scales + o * sizeof(float));
}

/* w [inputs][16] = groups of a panel as floats. */
static void widen(float (*w)[DLX__PANEL], const group *g, dlx__form form)
{
    for (size_t k = 0; k < DLX__GROUP; k++)
        for (size_t o = 0; o < DLX__PANEL; o++) {
            w[k][o] = (float)g->level[k][o];
            if (form != DLX__FORM_I8)
                w[k][o] = w[k][o] * g->scale[o];
            if (g->has_minimum)
                w[k][o] = w[k][o] + g->minimum[o];
        }
}

/* The same of rows that are not rounded. */
static void panel_widened(float *y, size_t y_stride, const dlx__acts *a, dlx__form form,
                          const uint8_t *panel)
{
    for (size_t k = 0; k < a->n_in; k += DLX__GROUP) {
        group g;
        float w[DLX__GROUP][DLX__PANEL];
        unpack_group(&g, form, panel, k / DLX__GROUP);
        widen(w, &g, form);
        for (size_t r = 0; r < a->n_rows; r++)
            for (size_t i = 0; i < dlx__min(DLX__GROUP, a->n_in - k); i++)
                for (size_t o = 0; o < DLX__PANEL; o++)
                    y[r * y_stride + o] =
                        fmaf(w[i][o], a->x[r * a->stride + k + i], y[r * y_stride + o]);
    }
}

static float weight_at(dlx__form form, const uint8_t *panel, size_t k, size_t o)
{
    if (form == DLX__FORM_F32)
        return dlx__le_f32(panel + (k * DLX__PANEL + o) * 4);
    if (form == DLX__FORM_F16)
        return half_at(panel, k * DLX__PANEL + o);
    return dlx__bf16_to_f32(dlx__le16(panel + (k / 2 * DLX__PANEL + o) * 4 + k % 2 * 2));
}

static void panel_float(float *y, size_t y_stride, const dlx__acts *a, dlx__form form,
                        const uint8_t *panel)
{
    for (size_t k = 0; k < a->n_in; k++)
        for (size_t o = 0; o < DLX__PANEL; o++) {
            const float w = weight_at(form, panel, k, o);
            for (size_t r = 0; r < a->n_rows; r++)
                y[r * y_stride + o] = fmaf(w, a->x[r * a->stride + k], y[r * y_stride + o]);
        }
}

static void gemm(float *y, size_t y_stride, const dlx__acts *a, const dlx__packed *w,
                 size_t first_panel, size_t n_panels)
{
    for (size_t p = 0; p < n_panels; p++) {
        const size_t first_out = (first_panel + p) * DLX__PANEL;
        const size_t n_out = dlx__min(DLX__PANEL, w->n_out - first_out);
        const uint8_t *panel = w->data + (first_panel + p) * w->panel_bytes;
        float *yp = y + p * DLX__PANEL;
        for (size_t r = 0; r < a->n_rows; r++)
            memset(yp + r * y_stride, 0, DLX__PANEL * sizeof *yp);
        if (!dlx__form_is_int(w->form))
            panel_float(yp, y_stride, a, w->form, panel);
        else if (a->ints)
            panel_int(yp, y_stride, a, w->form, panel);
        else
            panel_widened(yp, y_stride, a, w->form, panel);
        if (w->form == DLX__FORM_I8)
            apply_output_scales(yp, y_stride, a, panel);
        for (size_t r = 0; r < a->n_rows; r++) /* 0 * NaN */
            memset(yp + r * y_stride + n_out, 0, (DLX__PANEL - n_out) * sizeof *yp);
    }
}

/* ---- attention ----------------------------------------------------------------------------- */

static float key_at(const dlx__attend_in *in, size_t slot, size_t feature)
{
    const size_t at = dlx__kv_key_at(in->head_dim, slot, feature);
    return dlx__kv_number(in->type, in->keys, at, slot);
}

static float value_at(const dlx__attend_in *in, size_t slot, size_t feature)
{
    const size_t at = dlx__kv_value_at(in->type, in->head_dim, slot, feature);
    return dlx__kv_number(in->type, in->values, at, slot);
}

static float score(const float *q, size_t slot, size_t width, const dlx__attend_in *in)
{
    float sum = 0;
    for (size_t c = 0; c < in->head_dim; c++)
        sum += key_at(in, slot, c) * q[c * width];
    return sum * in->scale;
}

/* One lane; scores are computed twice rather than stored. q and y are the lane's first numbers. */
static void attend_lane(float *y, const float *q, size_t width, size_t n_seen,
                        const dlx__attend_in *in)
{
    float max = -INFINITY;
    for (size_t j = 0; j < n_seen; j++) {
        float s = score(q, j, width, in);
        max = s > max ? s : max;
    }
    for (size_t c = 0; c < in->head_dim; c++)
        y[c * width] = 0;
    float sum = 0;
    for (size_t j = 0; j < n_seen; j++) {
        float p = expf(score(q, j, width, in) - max);
        sum += p;
        for (size_t c = 0; c < in->head_dim; c++)
            y[c * width] += p * value_at(in, j, c);
    }
    for (size_t c = 0; c < in->head_dim; c++)
        y[c * width] /= sum;
}

static void attend(float *y, float *q, size_t width, const dlx__attend_in *in)
{
    for (size_t l = 0; l < width; l++)
        attend_lane(y + l, q + l, width, (size_t)in->n_seen[l], in);
}

/* ---- rows ---------------------------------------------------------------------------------- */

static void norm(float *y, const float *x, const float *weight, size_t n, float eps)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    const float factor = 1.0f / sqrtf((float)(sum / (double)n) + eps);
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * factor * weight[i];
}

static void rope(float *x, const float *cosine, const float *sine, size_t half)
{
    for (size_t i = 0; i < half; i++) {
        const float a = x[i], b = x[half + i];
        x[i] = a * cosine[i] - b * sine[i];
        x[half + i] = b * cosine[i] + a * sine[i];
    }
}

static void silu_mul(float *y, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

/* One logit a time, the sums moved to the new maximum where there is one. */
static void stats(dlx__stats *s, const float *logits, size_t n, int32_t first_id)
{
    for (size_t i = 0; i < n; i++) {
        dlx__stats one;
        dlx__stats_reset(&one);
        if (logits[i] > -INFINITY) {
            one.max = logits[i];
            one.sum = 1;
            one.best = first_id + (int32_t)i;
        }
        one.broken = !(logits[i] < INFINITY);
        dlx__stats_merge(s, &one);
    }
}

const dlx__kernels dlx__kernels_scalar = {
    .name = "scalar",
    .runs_on = runs_on,
    .panel_bytes = dlx__panel_bytes,
    .pack = dlx__panel_pack,
    .ints_bytes = ints_bytes,
    .quantize = quantize,
    .gemm = gemm,
    .attend = attend,
    .norm = norm,
    .rope = rope,
    .silu_mul = silu_mul,
    .add = add,
    .stats = stats,
};
