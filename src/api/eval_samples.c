/* eval_samples.c - numbers of single lines, and what they say about their ratio or mean. */
#include "api/eval_samples.h"
#include "api/json_build.h"

#include "base/mem.h"

#include <math.h>

static const char KEY[] = "samples";

bool dlx__eval_keep(json_t *tally, const char *name, const json_t *line, const char *key)
{
    json_t *samples = dlx__api_child(tally, KEY);
    json_t *list = json_object_get(samples, name);
    if (!list && dlx__api_set(samples, name, json_array()))
        list = json_object_get(samples, name);
    return json_array_append(list, json_object_get(line, key)) == 0;
}

void dlx__eval_forget(json_t *tally)
{
    json_object_del(tally, KEY);
}

/* Lets out [n] hold the samples of a name. */
static const double *numbers(double *out, const json_t *samples, const char *name, size_t n)
{
    const json_t *list = name ? json_object_get(samples, name) : NULL;
    for (size_t i = 0; list && i < n; i++)
        out[i] = json_number_value(json_array_get(list, i));
    return list ? out : NULL;
}

bool dlx__eval_estimate_of(dlx__eval_estimate *out, const json_t *tally,
                           const dlx__eval_names *names, uint64_t seed, const dlx_allocator *mem)
{
    const json_t *samples = json_object_get(tally, KEY);
    size_t n = json_array_size(json_object_get(samples, names->num[0]));
    double *room = dlx__alloc_zero(mem, dlx__mul(4, n), sizeof *room);
    if (!room)
        return false;
    dlx__ratio sides[2];
    for (size_t s = 0; s < 2; s++)
        sides[s] = (dlx__ratio){numbers(room + 2 * s * n, samples, names->num[s], n),
                                numbers(room + (2 * s + 1) * n, samples, names->den[s], n)};
    const dlx__ratio *b = sides[1].num ? &sides[1] : NULL;
    *out = (dlx__eval_estimate){
        .n = n, .a = dlx__ratio_of(&sides[0], n), .b = b ? dlx__ratio_of(b, n) : 0};
    bool ok = dlx__interval_ratio(&out->interval, &sides[0], b, n, seed, mem);
    dlx__free(mem, room);
    return ok;
}

json_t *dlx__eval_interval(dlx__interval x)
{
    return isfinite(x.lo) && isfinite(x.hi) ? json_pack("[f, f]", x.lo, x.hi) : json_null();
}
