/*
 * fuzz_observers.c - any bytes as the JSON of a set of observers. What is accepted must be what
 * observing could have left: it answers for its ranges, merges with itself, and is written as a
 * text that reads back and is written the same.
 */
// rooms: quant
// parser: (quant/observers_read|format/json_list)
#include "base/mem.h"
#include "fuzz.h"
#include "quant/observer_set.h"

#include <stdlib.h>
#include <string.h>

static void check(bool sound)
{
    if (!sound)
        abort();
}

static void check_range(const dlx__observer *o, size_t g, dlx__affine_grid grid)
{
    dlx__range r;
    dlx__affine a;
    check(dlx__observer_range(o, g, grid, &r, NULL) == DLX_OK);
    check(r.min <= r.max && fabsf(r.min) <= FLT_MAX && fabsf(r.max) <= FLT_MAX);
    check(dlx__observer_affine(o, g, grid, &a, NULL) == DLX_OK);
    check(a.scale >= FLT_MIN && a.scale <= FLT_MAX);
    check(a.zero_point >= a.q_min && a.zero_point <= a.q_max);
}

/* Few ranges are asked for: a search takes its time. */
static void check_observer(const dlx__observer *o)
{
    dlx_error err = {.text = ""};
    dlx__range r;
    check(o->n_groups * o->spec.group == o->n_channels);
    if (o->n_rows == 0) {
        check(dlx__observer_range(o, 0, (dlx__affine_grid){0}, &r, &err) != DLX_OK && err.text[0]);
        return;
    }
    check_range(o, 0, (dlx__affine_grid){.bits = 8});
    check_range(o, o->n_groups - 1, (dlx__affine_grid){.bits = 4, .symmetric = true});
}

static void check_text(const dlx__observer_set *set)
{
    dlx__observer_set back;
    dlx__buf text, again;
    dlx__observer_set_init(&back, NULL);
    dlx__buf_init(&text, NULL);
    dlx__buf_init(&again, NULL);
    check(dlx__observer_set_write(set, &text, NULL) == DLX_OK);
    check(dlx__observer_set_parse(&back, text.data, text.len, "again", NULL) == DLX_OK);
    check(dlx__observer_set_write(&back, &again, NULL) == DLX_OK);
    check(text.len == again.len && memcmp(text.data, again.data, text.len) == 0);
    dlx__buf_release(&text);
    dlx__buf_release(&again);
    dlx__observer_set_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dlx__observer_set set;
    dlx_error err = {.text = ""};
    dlx__observer_set_init(&set, NULL);
    if (dlx__observer_set_parse(&set, (const char *)data, n, "input", &err) != DLX_OK) {
        check(err.text[0] && set.n == 0);
        return 0;
    }
    for (size_t i = 0; i < set.n; i++)
        check_observer(set.items[i]);
    check_text(&set);
    if (dlx__observer_set_merge(&set, &set, &err) == DLX_OK)
        check_text(&set);
    else
        check(err.code == DLX_E_FULL); /* twice as many rows are too many */
    dlx__observer_set_release(&set);
    return 0;
}
