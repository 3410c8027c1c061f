/*
 * Nothing is allocated while an answer is decoded: not through the caller's allocator, and not by a
 * library behind its back. Counted from the first event to the end, with text streaming, for every
 * family, cache and sampler.
 */
#include "generation_support.h"

#include "base/mem.h"
#include "failing_mem.h"
#include "runtime/gen_options.h"

/*
 * Where the C library lets a program put its own malloc in front (glibc, and no sanitizer that does
 * the same), every malloc of the process is counted, also those of jansson and PCRE2.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__GLIBC__) && !defined(SANITIZED) && !defined(__SANITIZE_ADDRESS__) &&                 \
    !defined(__SANITIZE_THREAD__)
#define COUNTS_MALLOC
#endif

static size_t n_mallocs; /* of this thread; the workers of a pool take none */

#if defined(COUNTS_MALLOC)

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    n_mallocs++;
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    n_mallocs++;
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    n_mallocs++;
    return __libc_realloc(p, n);
}

#endif

static stage s;
static failing_mem counted;
static dlx_token prompt[64];
static size_t calls_before, mallocs_before, n_runs;

static bool note_first(void *user, const dlx_event *e)
{
    if (e->kind == DLX_EV_PASS && s.rec.n_events == 0) {
        calls_before = counted.n_calls;
        mallocs_before = n_mallocs;
    }
    return record(user, e);
}

static void run_and_count(const char *what)
{
    static const char *const stops[] = {"never said", " w"};
    calls_before = SIZE_MAX;
    s.opts.on_event = note_first;
    s.opts.stop_texts = stops;
    s.opts.n_stop_texts = s.opts.infill ? 0 : 1;
    dlx_result r = try_generate(&s, prompt, 37);
    size_t mallocs_after = n_mallocs;
    assert_ok(r, &s.err);
    assert_true(calls_before != SIZE_MAX && s.rec.n_events > 1);
    assert_true(s.opts.infill || s.result.n_ids == 0 || s.rec.n_text_events > 0);
    if (counted.n_calls != calls_before || mallocs_after != mallocs_before)
        fail_msg("%s, %s, %s, %s: %zu allocations and %zu of malloc in %zu passes",
                 s.model.family->name, s.opts.cache, s.opts.sampler, what,
                 counted.n_calls - calls_before, mallocs_after - mallocs_before, s.result.passes);
    n_runs++;
}

static bool is_allowed(void)
{
    return dlx__gen_check(&s.model, &s.opts, prompt, 37, 192, &s.err) == DLX_OK;
}

/* Options that ask for buffers of their own. */
static void run_each_way(void)
{
    run_and_count("greedy");
    s.opts.temperature = 0.9;
    s.opts.top_k = 20;
    s.opts.top_p = 0.9;
    run_and_count("filtered");
    s.opts.temperature = 0.0;
    s.opts.top_k = 0;
    s.opts.top_p = 1.0;
    if (s.model.family->autoregressive)
        return;
    s.opts.infill = true;
    prompt[20] = prompt[33] = mask_of(&s);
    run_and_count("infill");
    s.opts.infill = false;
    fill_prompt(prompt, 37, 4);
    if (!dlx__rules_of(s.model.family).guidance)
        return;
    s.opts.cfg_scale = 1.0;
    run_and_count("guided");
    s.opts.cfg_scale = 0.0;
    s.opts.confidence_eos_eot_inf = true;
    if (is_allowed())
        run_and_count("with ids of no confidence");
    s.opts.confidence_eos_eot_inf = false;
}

static void every_mode(const char *folder, const dlx__backend_class *backend, size_t n_samplers)
{
    failing_mem_init(&counted, 0);
    open_stage(&s, folder, true);
    dlx__engine_free(s.engine);
    open_engine(&s, backend, 2, &counted.mem);
    fill_prompt(prompt, 37, 4);
    s.opts.n_stop_ids = 0;
    s.opts.max_tokens = 16;
    const dlx__family *family = s.model.family;
    for (size_t i = 0; i < n_samplers && family->samplers[i]; i++)
        for (size_t k = 0; family->caches[k]; k++) {
            s.opts.sampler = family->samplers[i];
            s.opts.cache = family->caches[k];
            if (is_allowed())
                run_each_way();
        }
    close_stage(&s);
    assert_int_equal(counted.n_alive, 0);
}

static void test_none_while_decoding(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EACH; i++) {
        every_mode(one_of_each[i], default_backend(), SIZE_MAX);
        every_mode(one_of_each[i], dlx__backend_find("reference"), 1);
    }
    printf("  %zu runs\n", n_runs);
    assert_true(n_runs > 100);
}

/* The measure itself: what an event takes is seen. */
static bool take_one(void *user, const dlx_event *e)
{
    void *volatile p = dlx__alloc(&counted.mem, 10);
    dlx__free(&counted.mem, p);
    return note_first(user, e);
}

static void test_one_would_be_seen(void **state)
{
    (void)state;
    failing_mem_init(&counted, 0);
    open_stage(&s, "sdar-tiny-b4", true);
    dlx__engine_free(s.engine);
    open_engine(&s, default_backend(), 1, &counted.mem);
    fill_prompt(prompt, 37, 4);
    s.opts.on_event = take_one;
    generate(&s, prompt, 37);
    assert_true(counted.n_calls - calls_before == s.rec.n_events - 1);
#if defined(COUNTS_MALLOC)
    assert_true(n_mallocs - mallocs_before >= s.rec.n_events - 1);
#endif
    close_stage(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_none_while_decoding),
                                       cmocka_unit_test(test_one_would_be_seen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
