// labels: quick
/*
 * No memory, at every point in turn: a whole visit of the public interface (open, session, text,
 * chat, generation, reports) is repeated while its n-th allocation fails, once through the caller's
 * allocator and once through jansson's. A visit must end as the undisturbed one does, byte for
 * byte, or with DLX_E_NOMEM and a sentence; in both cases every block is given back.
 *
 * jansson's allocations fail while reports are written, not while files are read: its reader (2.14)
 * does not survive them itself. It drops characters and then writes behind its buffer.
 */
#include "failing_mem.h"
#include "support.h"

#include <dlx/tools.h>
#include <jansson.h>

enum { MAX_TRACE = 1 << 16, MAX_POINTS = 90 };

typedef struct place {
    const char *path;
    const char *backend;
    bool has_text; /* a tokenizer and a chat template */
} place;

/* jansson's hooks have no user pointer. Requests count and fail from the time when `json_armed` is
 * set. */
static failing_mem json_heap;
static bool json_armed;

static void *json_take(size_t n)
{
    if (json_armed)
        return failing_resize(&json_heap, NULL, n ? n : 1);
    void *p = malloc(n ? n : 1);
    json_heap.n_alive += p != NULL;
    return p;
}

static void json_give(void *p)
{
    failing_resize(&json_heap, p, 0);
}

/* All that a visit gave, as bytes: two visits are equal when these are. */
typedef struct trace {
    char bytes[MAX_TRACE];
    size_t n;
} trace;

static void record(trace *t, const void *bytes, size_t n)
{
    assert_true(n <= sizeof t->bytes - t->n);
    memcpy(t->bytes + t->n, bytes, n);
    t->n += n;
}

static dlx_result visit_text(const dlx_model *model, trace *t, dlx_error *err)
{
    static const char messages[] = "[{\"role\":\"user\",\"content\":\"Say h\\u00e9llo to Ann.\"}]";
    static const char extras[] = "{\"tools\":[{\"name\":\"f\"}],\"enable_thinking\":false}";
    char *rendered = NULL, *text = NULL;
    dlx_token *ids = NULL;
    size_t n = 0, n_bytes = 0;
    dlx_result r = dlx_chat_render(model, messages, extras, true, &rendered, err);
    if (r == DLX_OK) {
        record(t, rendered, strlen(rendered));
        r = dlx_tokenize(model, rendered, strlen(rendered), false, &ids, &n, err);
    }
    if (r == DLX_OK) {
        record(t, ids, n * sizeof *ids);
        r = dlx_detokenize(model, ids, n, false, &text, &n_bytes, err);
    }
    if (r == DLX_OK)
        record(t, text, n_bytes);
    dlx_free(model, rendered);
    dlx_free(model, text);
    dlx_free(model, ids);
    return r;
}

static bool keep_text(void *user, const dlx_event *event)
{
    if (event->kind == DLX_EV_TEXT)
        record(user, event->text, event->n_text);
    return true;
}

static dlx_result visit_session(const place *p, const dlx_model *model, trace *t, dlx_error *err)
{
    static const dlx_token prompt[] = {5, 9, 17, 30, 4, 8};
    static const char *const stop_texts[] = {"never said"};
    dlx_session_opts opts = {
        .size = sizeof opts, .backend = p->backend, .n_ctx = 64, .n_threads = 1};
    dlx_session *session = NULL;
    dlx_result r = dlx_session_open(&session, model, &opts, err);
    dlx_gen_opts gen;
    dlx_gen_init(model, &gen);
    gen.max_tokens = 8;
    gen.steps = 0;
    gen.on_event = keep_text;
    gen.event_user = t;
    gen.temperature = 0.5;
    gen.top_k = 9;
    gen.stop_texts = stop_texts;
    gen.n_stop_texts = p->has_text;
    dlx_gen_result result;
    if (r == DLX_OK)
        r = dlx_generate(session, prompt, 6, &gen, &result, err);
    if (r == DLX_OK)
        record(t, result.ids, result.n_ids * sizeof *result.ids);
    dlx_session_free(session);
    return r;
}

/* Looks at the model at `p` without its weights. */
static dlx_result visit_reports(const place *p, const dlx_allocator *mem, trace *t, dlx_error *err)
{
    dlx_model_opts model_opts = {.size = sizeof model_opts, .load = DLX_LOAD_SHAPES, .mem = mem};
    dlx_inspect_opts opts = {.size = sizeof opts, .n_ctx = 64, .tensors = true, .graph = true};
    dlx_model *model = NULL;
    char *json = NULL;
    t->n = 0;
    dlx_result r = dlx_model_open(&model, p->path, &model_opts, err);
    if (r != DLX_OK)
        return r;
    json_armed = true;
    r = dlx_inspect(model, &opts, &json, err);
    if (r == DLX_OK)
        record(t, json, strlen(json));
    dlx_free(model, json);
    json = NULL;
    if (r == DLX_OK)
        r = dlx_doctor(&json, err);
    if (r == DLX_OK)
        record(t, json, strlen(json));
    dlx_free(NULL, json);
    dlx_model_free(model);
    return r;
}

/* A session on the model at `p` from its opening to its end. */
static dlx_result visit(const place *p, const dlx_allocator *mem, trace *t, dlx_error *err)
{
    dlx_model_opts opts = {.size = sizeof opts, .mem = mem};
    dlx_model *model = NULL;
    t->n = 0;
    dlx_result r = dlx_model_open(&model, p->path, &opts, err);
    if (r != DLX_OK) {
        assert_null(model);
        return r;
    }
    if (p->has_text)
        r = visit_text(model, t, err);
    if (r == DLX_OK)
        r = visit_session(p, model, t, err);
    dlx_model_free(model);
    return r;
}

/* The tasks are read and judged: what follows only writes. */
static bool arm_after_last(void *user, size_t line, size_t n_lines, const char *json)
{
    (void)user;
    json_armed = line + 1 == n_lines;
    return json[0] == '{';
}

/* JSON but for the numbers of every "..._second" and "seconds": they are what a clock says. */
static void record_without_seconds(trace *t, const char *json)
{
    const char *at = json, *name;
    while ((name = strstr(at, "second")) != NULL) {
        const char *number = strchr(name, ':') + 1;
        record(t, at, (size_t)(number - at));
        at = number + strcspn(number, ",}");
    }
    record(t, at, strlen(at));
}

/* Judges on the task file, without what a clock says. */
static dlx_result visit_eval(const place *p, const dlx_allocator *mem, trace *t, dlx_error *err)
{
    dlx_model_opts opts = {.size = sizeof opts, .mem = mem};
    dlx_session_opts session_opts = {.size = sizeof session_opts, .n_ctx = 128, .n_threads = 1};
    dlx_eval_opts eval = {
        .size = sizeof eval, .raw = true, .n_samples = 1, .on_line = arm_after_last};
    dlx_model *model = NULL;
    dlx_session *session = NULL;
    char *json = NULL;
    dlx_gen_opts gen;
    t->n = 0;
    dlx_result r = dlx_model_open(&model, p->path, &opts, err);
    if (r == DLX_OK)
        r = dlx_session_open(&session, model, &session_opts, err);
    if (r == DLX_OK) {
        dlx_gen_init(model, &gen);
        gen.max_tokens = 8;
        eval.gen = &gen;
        r = dlx_eval(session, support_tmp("fault_tasks.jsonl"), &eval, &json, err);
    }
    if (r == DLX_OK)
        record_without_seconds(t, json);
    if (model)
        dlx_free(model, json);
    dlx_session_free(session);
    dlx_model_free(model);
    return r;
}

/* Compares two evaluations, with every kind of line. */
static dlx_result visit_comparison(const place *p, const dlx_allocator *mem, trace *t,
                                   dlx_error *err)
{
    static const char lines[] =
        "{\"exact\":true,\"fields\":{\"x\":true},\"passes\":2,\"tokens\":3,\"split\":\"a\"}\n"
        "{\"exact\":false,\"passes\":1,\"tokens\":4,\"split\":\"a\"}\n"
        "{\"right\":true}\n{\"nats\":1.5,\"tokens\":2,\"bytes\":7}\n";
    const dlx_eval_compare_opts opts = {.size = sizeof opts, .mem = mem};
    char *json = NULL;
    (void)p;
    t->n = 0;
    json_armed = true;
    dlx_result r = dlx_eval_compare(lines, lines, &opts, &json, err);
    if (r == DLX_OK)
        record(t, json, strlen(json));
    mem->resize(mem->user, json, 0);
    return r;
}

typedef dlx_result (*visit_fn)(const place *, const dlx_allocator *, trace *, dlx_error *);

static trace undisturbed, disturbed;

/* One visit with failures at these requests; returns how many requests of each kind it made. */
static void visit_once(visit_fn fn, const place *p, long fail_at, long json_fail_at, long *n,
                       long *n_json)
{
    failing_mem heap;
    failing_mem_init(&heap, (size_t)fail_at);
    heap.once = true;
    failing_mem_init(&json_heap, (size_t)json_fail_at);
    json_heap.once = true;
    json_armed = false;
    json_malloc_t old_take;
    json_free_t old_give;
    json_get_alloc_funcs(&old_take, &old_give);
    json_set_alloc_funcs(json_take, json_give);
    trace *t = fail_at || json_fail_at ? &disturbed : &undisturbed;
    dlx_error err = {.code = DLX_OK};
    dlx_result r = fn(p, &heap.mem, t, &err);
    json_set_alloc_funcs(old_take, old_give);
    if (heap.n_alive || json_heap.n_alive)
        fail_msg("%s, failures at %ld and %ld: %ld and %ld blocks are lost (%s)", p->path, fail_at,
                 json_fail_at, heap.n_alive, json_heap.n_alive, err.text);
    if (r == DLX_OK) {
        if (t->n != undisturbed.n || memcmp(t->bytes, undisturbed.bytes, t->n) != 0)
            fail_msg("%s, failures at %ld and %ld: success, but not the same results", p->path,
                     fail_at, json_fail_at);
    } else if (t == &undisturbed || r != DLX_E_NOMEM || err.code != r || strlen(err.text) < 15) {
        fail_msg("%s, failures at %ld and %ld: result %d, \"%s\"", p->path, fail_at, json_fail_at,
                 r, err.text);
    }
    *n = (long)heap.n_calls;
    *n_json = (long)json_heap.n_calls;
}

static void check_place(visit_fn fn, const place *p)
{
    long n, n_json, ignored;
    visit_once(fn, p, 0, 0, &n, &n_json);
    assert_true(n > 10 && undisturbed.n > 0);
    for (long at = 1; at <= n; at += 1 + n / MAX_POINTS)
        visit_once(fn, p, at, 0, &ignored, &ignored);
    for (long at = 1; at <= n_json; at += 1 + n_json / MAX_POINTS)
        visit_once(fn, p, 0, at, &ignored, &ignored);
    print_message("%s: %ld requests, %ld of jansson\n", p->path, n, n_json);
}

static const place records = {DLX_SOURCE_DIR "/models/records", "cpu", true};

static void test_golden_checkpoints(void **state)
{
    (void)state;
    static const char *const folders[] = {"llada-gqa-sharded", "dream-specials", "sdar-tiny-b4",
                                          "fast-dllm-v2-tiny-tied"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        place p = {support_golden(folders[i]), i % 2 ? "reference" : "cpu", false};
        check_place(visit, &p);
        check_place(visit_reports, &p);
    }
}

static void test_model_with_text(void **state)
{
    (void)state;
    check_place(visit, &records);
    check_place(visit_reports, &records);
}

static void test_eval(void **state)
{
    (void)state;
    support_write(support_tmp("fault_tasks.jsonl"),
                  "{\"prompt\":\"Ann\",\"answer\":\"{\\\"name\\\": 1}\",\"split\":\"a\"}\n"
                  "{\"prompt\":\"Ann\",\"choices\":[\"x\",\"yes\"],\"label\":1,\"split\":\"b\"}\n"
                  "{\"text\":\"Ann is here.\"}\n");
    check_place(visit_eval, &records);
    check_place(visit_comparison, &records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_checkpoints),
        cmocka_unit_test(test_model_with_text),
        cmocka_unit_test(test_eval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
