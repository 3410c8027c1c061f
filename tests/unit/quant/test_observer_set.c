// labels: quick
/* test_observer_set.c - observers by name, their JSON there and back, and hostile JSON. */
#include "base/mem.h"
#include "base/os.h"
#include "base/rng.h"
#include "failing_mem.h"
#include "quant/observer_set.h"
#include "unit.h"

#include <stdio.h>

enum { CHANNELS = 4, N_ROWS = 50 };

static const dlx__observer_spec specs[] = {
    {.group = 1},
    {.kind = DLX__OBSERVER_MOVING_AVERAGE, .group = 2, .squares = true},
    {.kind = DLX__OBSERVER_PERCENTILE, .percentile = 99.5f},
    {.kind = DLX__OBSERVER_MSE, .group = 2, .n_bins = 64, .squares = true},
};
static const char *const names[] = {"layers.10.mlp.up", "layers.2.attn.q", "head",
                                    "layers.2.mlp.up"};

static const float *data(void)
{
    static float x[N_ROWS * CHANNELS];
    dlx__rng rng;
    dlx__rng_seed(&rng, 3);
    for (size_t i = 0; i < DLX__LEN(x); i++)
        x[i] = (float)((dlx__rng_uniform(&rng) - 0.4) * 1e-3 * (double)(i + 1));
    return x;
}

/* One observer of each kind, of which the first `n_seen` have seen rows. */
static dlx_result fill(dlx__observer_set *set, size_t from, size_t n_rows, size_t n_seen,
                       dlx_error *err)
{
    for (size_t i = 0; i < DLX__LEN(specs); i++) {
        DLX__TRY(dlx__observer_set_add(set, names[i], &specs[i], CHANNELS, err));
        dlx__observer *o = dlx__observer_set_find(set, names[i]);
        for (size_t row = from; row < from + n_rows && i < n_seen; row += 5)
            DLX__TRY(dlx__observer_add(o, data() + row * CHANNELS, 5, err));
    }
    return DLX_OK;
}

static void open_set(dlx__observer_set *set, size_t from, size_t n_rows, size_t n_seen)
{
    dlx_error err;
    dlx__observer_set_init(set, NULL);
    assert_ok(fill(set, from, n_rows, n_seen, &err), &err);
}

/* The set as text; free with dlx__free. */
static char *text_of(const dlx__observer_set *set)
{
    dlx__buf out;
    dlx_error err;
    dlx__buf_init(&out, NULL);
    assert_ok(dlx__observer_set_write(set, &out, &err), &err);
    return out.data;
}

static void observers_by_name(void **state)
{
    (void)state;
    dlx__observer_set set;
    dlx_error err;
    open_set(&set, 0, 0, 0);
    assert_int_equal(set.n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(dlx__observer_set_find(&set, names[i])->name, names[i]);
    assert_null(dlx__observer_set_find(&set, "layers.2"));
    assert_null(dlx__observer_set_find(&set, "zzz"));
    assert_string_equal(set.items[0]->name, "head");
    assert_int_equal(dlx__observer_set_add(&set, "head", &specs[0], 4, &err), DLX_E_ARG);
    assert_says(&err, "head: expected each name of an observer once");
    char longest[DLX__OBSERVER_NAME_BYTES + 2];
    memset(longest, 'n', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    const char *const bad[] = {"", "a b", "a\"", "a\\", "\xC3\xA4", "a\n", longest};
    for (size_t i = 0; i < DLX__LEN(bad); i++) {
        assert_int_equal(dlx__observer_set_add(&set, bad[i], &specs[0], 4, &err), DLX_E_ARG);
        assert_says(&err, "expected the name of an observer");
    }
    assert_ok(dlx__observer_set_add(&set, longest + 1, &specs[0], 4, &err), &err);
    dlx__observer_spec unsound = {.group = 3};
    assert_int_equal(dlx__observer_set_add(&set, "tail", &unsound, 4, &err), DLX_E_ARG);
    assert_says(&err, "tail: expected groups of channels");
    assert_int_equal(set.n, 5);
    dlx__observer_set_release(&set);
}

static void merged_sets_equal_the_whole(void **state)
{
    (void)state;
    dlx__observer_set a, b, whole;
    dlx_error err;
    open_set(&a, 0, 20, 4);
    open_set(&b, 20, N_ROWS - 20, 4);
    open_set(&whole, 0, N_ROWS, 4);
    assert_ok(dlx__observer_set_merge(&a, &b, &err), &err);
    for (size_t i = 0; i < 4; i += 2) { /* without averages and squares: exactly */
        const dlx__observer *o = dlx__observer_set_find(&a, names[i]);
        const dlx__observer *w = dlx__observer_set_find(&whole, names[i]);
        assert_int_equal(o->n_rows, w->n_rows);
        assert_memory_equal(o->ranges, w->ranges, o->n_groups * sizeof *o->ranges);
    }
    dlx__observer_set_release(&a);
    dlx__observer_set_release(&b);
    dlx__observer_set_release(&whole);
}

static void sets_that_differ_are_not_merged(void **state)
{
    (void)state;
    dlx__observer_set a, b;
    dlx_error err;
    open_set(&a, 0, 10, 4);
    open_set(&b, 0, 10, 4);
    char *before = text_of(&a);
    assert_ok(dlx__observer_set_add(&b, "layers.2.mlp.down", &specs[0], 4, &err), &err);
    assert_int_equal(dlx__observer_set_merge(&a, &b, &err), DLX_E_MISMATCH);
    assert_says(&err, "layers.2.mlp.down: expected an observer of this name in both sets");
    assert_int_equal(dlx__observer_set_merge(&b, &a, &err), DLX_E_MISMATCH);
    assert_says(&err, "layers.2.mlp.down: expected");
    assert_ok(dlx__observer_set_add(&a, "zzz", &specs[0], 4, &err), &err);
    assert_int_equal(dlx__observer_set_merge(&b, &a, &err), DLX_E_MISMATCH);
    dlx__observer_set_release(&b);
    open_set(&b, 0, 10, 4);
    assert_int_equal(dlx__observer_set_merge(&b, &a, &err), DLX_E_MISMATCH);
    assert_says(&err, "zzz: expected");
    assert_ok(dlx__observer_set_add(&b, "zzz", &specs[0], 8, &err), &err);
    assert_int_equal(dlx__observer_set_merge(&a, &b, &err), DLX_E_MISMATCH);
    assert_says(&err, "zzz: expected equal channels in both observers, found 4 and 8");
    dlx__observer_set_release(&b);
    dlx__observer_set_release(&a);
    open_set(&a, 0, 10, 4);
    char *after = text_of(&a);
    assert_string_equal(before, after);
    dlx__free(NULL, before);
    dlx__free(NULL, after);
    dlx__observer_set_release(&a);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void assert_same_observer(const dlx__observer *a, const dlx__observer *b)
{
    assert_string_equal(a->name, b->name);
    dlx_error err;
    assert_ok(dlx__observer_match(a, b, &err), &err);
    assert_int_equal(a->n_rows, b->n_rows);
    assert_int_equal(a->n_batches, b->n_batches);
    assert_memory_equal(a->ranges, b->ranges, a->n_groups * sizeof *a->ranges);
    if (a->squares)
        assert_memory_equal(a->squares, b->squares, a->n_channels * sizeof *a->squares);
    for (size_t g = 0; a->histograms && g < a->n_groups; g++) {
        const dlx__histogram *h = &a->histograms[g], *k = &b->histograms[g];
        assert_int_equal(h->n, k->n);
        assert_int_equal(h->first, k->first);
        assert_int_equal(h->exponent, k->exponent);
        assert_int_equal(h->n_values, k->n_values);
        assert_memory_equal(&h->range, &k->range, sizeof h->range);
        assert_memory_equal(h->counts, k->counts, h->n * sizeof *h->counts);
    }
}

/* To the last bit, also of what has seen nothing; and what was read goes on observing. */
static void json_round_trip_is_exact(void **state)
{
    (void)state;
    for (size_t n_seen = 0; n_seen <= 4; n_seen++) {
        dlx__observer_set set, back;
        dlx_error err;
        open_set(&set, 0, N_ROWS, n_seen);
        char *text = text_of(&set);
        dlx__observer_set_init(&back, NULL);
        assert_ok(dlx__observer_set_parse(&back, text, strlen(text), "t.json", &err), &err);
        assert_int_equal(back.n, set.n);
        for (size_t i = 0; i < set.n; i++) {
            assert_same_observer(back.items[i], set.items[i]);
            assert_ok(dlx__observer_add(back.items[i], data(), 3, &err), &err);
            assert_ok(dlx__observer_add(set.items[i], data(), 3, &err), &err);
            assert_same_observer(back.items[i], set.items[i]);
        }
        dlx__free(NULL, text);
        dlx__observer_set_release(&set);
        dlx__observer_set_release(&back);
    }
}

/* The largest, the smallest and odd floats; many rows. */
static void json_keeps_extreme_numbers(void **state)
{
    (void)state;
    const float x[] = {FLT_MAX, -FLT_MAX,    1e-45f,         -0.0f,
                       0.1f,    16777217.0f, 1.1754942e-38f, -1 / 3.0f};
    for (size_t kind = 0; kind < DLX__N_OBSERVER_KINDS; kind++) {
        for (size_t group = 1; group <= 8; group *= 2) {
            dlx__observer_spec spec = {(dlx__observer_kind)kind, group, 0, 0, 0, true};
            dlx__observer_set set, back;
            dlx_error err;
            dlx__observer_set_init(&set, NULL);
            dlx__observer_set_init(&back, NULL);
            assert_ok(dlx__observer_set_add(&set, "x", &spec, 8, &err), &err);
            assert_ok(dlx__observer_add(set.items[0], x, 1, &err), &err);
            for (int i = 0; i < 45; i++) /* doubled again and again */
                assert_ok(dlx__observer_merge(set.items[0], set.items[0], &err), &err);
            char *text = text_of(&set);
            assert_ok(dlx__observer_set_parse(&back, text, strlen(text), "t.json", &err), &err);
            assert_same_observer(back.items[0], set.items[0]);
            dlx__free(NULL, text);
            dlx__observer_set_release(&set);
            dlx__observer_set_release(&back);
        }
    }
}

static void files_there_and_back(void **state)
{
    (void)state;
    const char *path = DLX_TMP_DIR "/observers.json";
    dlx__observer_set set, back;
    dlx_error err;
    open_set(&set, 0, N_ROWS, 4);
    dlx__observer_set_init(&back, NULL);
    assert_ok(dlx__observer_set_save(&set, path, &err), &err);
    assert_ok(dlx__observer_set_load(&back, path, &err), &err);
    char *text = text_of(&set), *again = text_of(&back);
    assert_string_equal(text, again);
    dlx__free(NULL, text);
    dlx__free(NULL, again);
    dlx__observer_set_release(&back);
    assert_int_equal(dlx__observer_set_load(&back, "/absent/o.json", &err), DLX_E_IO);
    assert_int_equal(dlx__observer_set_save(&set, "/absent/o.json", &err), DLX_E_IO);
    assert_says(&err, "/absent/o.json");
    dlx__os_remove(path);
    dlx__observer_set_release(&set);
}

static dlx_result parse(const char *text, dlx_error *err)
{
    dlx__observer_set set;
    dlx__observer_set_init(&set, NULL);
    dlx_result r = dlx__observer_set_parse(&set, text, strlen(text), "t.json", err);
    if (r != DLX_OK)
        assert_int_equal(set.n, 0);
    dlx__observer_set_release(&set);
    return r;
}

static const char SOUND[] =
    "{\"format\": \"dlx-observers\", \"version\": 1, \"observers\": [{\"name\": \"a\", \"kind\": "
    "\"mse\", \"n_channels\": 4, \"group\": 2, \"n_bins\": 4, \"n_rows\": 2, \"min\": [0, -1], "
    "\"max\": [3, 0], \"counts\": [[1, 0, 2, 1], [2, 1, 1]], \"squares\": [1, 2, 3, 0.5]}, "
    "{\"name\": \"b\", \"kind\": \"moving_average\", \"n_channels\": 2, \"group\": 2, "
    "\"momentum\": 0.5, \"n_rows\": 2, \"n_batches\": 1, \"min\": [-1.5], \"max\": [2]}]}";

/* One damage after another to a sound text. */
static void damaged_fields_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *from, *to, *words;
    } cases[] = {
        {"dlx-observers", "dlx", "t.json: expected a file that dlx quantize --observations wrote"},
        {"\"version\": 1", "\"version\": 2", "\"version\" to be from 1 to 1, found 2"},
        {"\"observers\": [{", "\"observers\": [7, {", "entry 0 of \"observers\" to be an object"},
        {"\"observers\"", "\"observer\"", "\"observers\" to be a list, found no such field"},
        {"\"a\"", "7", "\"name\" to be a text"},
        {"\"a\"", "\"\"", "t.json: expected the name of an observer"},
        {"\"b\"", "\"a\"", "t.json: a: expected each name of an observer once"},
        {"\"mse\"", "\"mean\"", "t.json: a: expected \"kind\" to be minmax"},
        {"\"mse\"", "\"minmax\"", "a minmax observer has no number of bins"},
        {"\"n_channels\": 4", "\"n_channels\": 0", "\"n_channels\" to be from 1"},
        {"\"n_channels\": 4", "\"n_channels\": 99999999999", "\"n_channels\" to be from 1"},
        {"\"n_channels\": 4", "\"n_channels\": 16777216", "\"min\" to have 8388608 entries"},
        {"\"n_channels\": 4", "\"n_channels\": 5", "\"squares\" to have 5 entries, found 4"},
        {"\"group\": 2, \"n_bins\"", "\"group\": 0, \"n_bins\"", "\"group\" to be from 1 to 4"},
        {"\"group\": 2, \"n_bins\"", "\"group\": 1, \"n_bins\"", "\"min\" to have 4 entries"},
        {"\"n_bins\": 4", "\"n_bins\": 1", "\"n_bins\" to be from 2 to 65536"},
        {"\"n_bins\": 4", "\"n_bins\": 8", "\"counts\" to have 7 entries, found 4"},
        {"\"n_rows\": 2, \"min\": [0", "\"n_rows\": 0, \"min\": [1", "entry 0 of \"min\""},
        {"\"n_rows\": 2, \"min\": [0", "\"n_rows\": 3, \"min\": [0", "to sum up"},
        {"\"n_rows\": 2, \"min\"", "\"n_rows\": 1e15, \"min\"", "sum up"},
        {"\"n_rows\": 2, \"min\"", "\"n_rows\": 4503599627370496, \"min\"", "fewer rows"},
        {"\"n_rows\": 2, \"min\"", "\"n_rows\": 2.5, \"min\"", "\"n_rows\" to be a whole number"},
        {"\"min\": [0, -1]", "\"min\": [0]", "\"min\" to have 2 entries, found 1"},
        {"\"min\": [0, -1]", "\"min\": [4, -1]", "\"min\" up to \"max\" in entry 0, found 4 and 3"},
        {"\"min\": [0, -1]", "\"min\": [1e39, -1]", "entry 0 of \"min\" to be from"},
        {"\"min\": [0, -1]", "\"min\": [null, -1]", "entry 0 of \"min\" to be a number"},
        {"[1, 0, 2, 1]", "[0, 1, 2, 1]", "counts of entry 0"},
        {"[1, 0, 2, 1]", "[1, 1, 2, 0]", "counts of entry 0"},
        {"[1, 0, 2, 1]", "[1, 0, 1, 1]", "counts of entry 0"},
        {"[1, 0, 2, 1]", "[1.5, 0, 1.5, 1]", "counts of entry 0"},
        {"[1, 0, 2, 1]", "[-1, 0, 4, 1]", "entry 0 of \"counts\" to be from 0 to 4, found -1"},
        {"[1, 0, 2, 1]", "7", "entry 0 of \"counts\" to be a list"},
        {"\"counts\"", "\"count\"", "\"counts\" to be a list, found no such field"},
        {"3, 0.5]", "3, -0.5]", "entry 3 of \"squares\" to be from 0"},
        {"\"momentum\": 0.5", "\"momentum\": 2", "t.json: b: expected the momentum"},
        {"\"n_batches\": 1", "\"n_batches\": 3", "found 3 batches and 2 rows"},
        {"\"n_batches\": 1", "\"n_batches\": 0", "found 0 batches and 2 rows"},
        {", \"n_batches\": 1", "", "\"n_batches\" to be a number, found no such field"},
        {"\"n_batches\": 1", "\"n_rows\": 1", "duplicate"},
        {"]}]}", "]}]", "expected JSON"},
    };
    dlx_error err;
    assert_ok(parse(SOUND, &err), &err);
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        char text[sizeof SOUND + 100];
        const char *at = strstr(SOUND, cases[i].from);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - SOUND), SOUND, cases[i].to,
                 at + strlen(cases[i].from));
        dlx_result r = parse(text, &err);
        if (r != DLX_E_FORMAT || !strstr(err.text, cases[i].words))
            fail_msg("%s: %s", cases[i].to, r == DLX_OK ? "accepted" : err.text);
        assert_int_equal(err.code, DLX_E_FORMAT);
    }
    assert_int_equal(parse("[]", &err), DLX_E_FORMAT);
    assert_int_equal(parse("", &err), DLX_E_FORMAT);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static dlx_result live(const dlx_allocator *mem, dlx_error *err)
{
    dlx__observer_set set, other, back;
    dlx__buf out;
    dlx__observer_set_init(&set, mem);
    dlx__observer_set_init(&other, mem);
    dlx__observer_set_init(&back, mem);
    dlx__buf_init(&out, mem);
    dlx_result r;
    DLX__GO(fill(&set, 0, 10, 4, err));
    DLX__GO(fill(&other, 10, 40, 4, err));
    DLX__GO(dlx__observer_set_merge(&set, &other, err));
    DLX__GO(dlx__observer_set_write(&set, &out, err));
    DLX__GO(dlx__observer_set_parse(&back, out.data, out.len, "t.json", err));
    DLX__GO(dlx__observer_set_save(&back, DLX_TMP_DIR "/observers-memory.json", err));
    dlx__observer_set_release(&back);
    DLX__GO(dlx__observer_set_load(&back, DLX_TMP_DIR "/observers-memory.json", err));
done:
    dlx__buf_release(&out);
    dlx__observer_set_release(&set);
    dlx__observer_set_release(&other);
    dlx__observer_set_release(&back);
    return r;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (int once = 0; once < 2; once++) {
        dlx_result r = DLX_E_NOMEM;
        for (size_t at = 1; r != DLX_OK; at++) {
            failing_mem f;
            dlx_error err = {.text = ""};
            failing_mem_init(&f, at);
            f.once = once;
            r = live(&f.mem, &err);
            assert_int_equal(f.n_alive, 0);
            assert_true(r == DLX_OK || (r == DLX_E_NOMEM && strstr(err.text, "out of memory")));
            assert_true(at < 1000);
        }
    }
    dlx__os_remove(DLX_TMP_DIR "/observers-memory.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(observers_by_name),
        cmocka_unit_test(merged_sets_equal_the_whole),
        cmocka_unit_test(sets_that_differ_are_not_merged),
        cmocka_unit_test(json_round_trip_is_exact),
        cmocka_unit_test(json_keeps_extreme_numbers),
        cmocka_unit_test(files_there_and_back),
        cmocka_unit_test(damaged_fields_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
