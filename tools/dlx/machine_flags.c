/* machine_flags.c - where a model runs. */
#include "machine_flags.h"

#include "runtimes.h"
#include "sys.h"

#include <dlx/tools.h>
#include <errno.h>
#include <string.h>

#define AT(field) offsetof(machine_flags, field)

#define ROWS(ctx_help, ctx_default)                                                                \
    {                                                                                              \
        {"threads",                                                                                \
         OPT_COUNT,                                                                                \
         AT(threads),                                                                              \
         "N",                                                                                      \
         .help = "threads to compute with",                                                        \
         .fallback = "the fast cores",                                                             \
         .lo = 1,                                                                                  \
         .hi = 1024},                                                                              \
            {"backend",                                                                            \
             OPT_CHOICE,                                                                           \
             AT(backend),                                                                          \
             "NAME",                                                                               \
             .help = "what computes; see dlx doctor",                                              \
             .fallback = "cpu; of a program its own",                                              \
             .choices = dlx_backend_names},                                                        \
            {"ctx",   OPT_COUNT,     AT(ctx), "N", .help = (ctx_help), .fallback = (ctx_default),  \
             .lo = 1, .hi = 1u << 26},                                                             \
            {"memory-limit",                                                                       \
             OPT_SIZE,                                                                             \
             AT(memory_limit),                                                                     \
             "SIZE",                                                                               \
             .help = "refuse to use more memory beside the weights, as 4G",                        \
             .fallback = "none"},                                                                  \
    }
#define MODELS_OWN "the model's, at most 4096"

const opt machine_rows[N_MACHINE_USES][N_MACHINE_ROWS] = {
    [MACHINE_RUN] = ROWS("positions of the context", "what the work needs"),
    [MACHINE_CHAT] = ROWS("positions for all turns together", MODELS_OWN),
    [MACHINE_EVAL] = ROWS("positions for the longest line", MODELS_OWN),
};

int open_model(dlx_model **out, const char *path, dlx_load load)
{
    runtimes where;
    const dlx_model_opts opts = {
        .size = sizeof opts, .load = load, .runtimes = runtimes_find(&where)};
    dlx_error err;
    errno = 0;
    if (sys_kind_of(path) == SYS_ABSENT && (errno == ENOENT || errno == ENAMETOOLONG))
        return say_failed("%s: expected a model's directory or .gguf file, found no file of that "
                          "name; check the path",
                          show_path(path).text);
    const dlx_result r = dlx_model_open(out, path, &opts, &err);
    runtimes_release(&where);
    return r == DLX_OK ? EXIT_OK : say_failed("%s", err.text);
}

int open_session(dlx_session **out, const dlx_model *model, const machine_flags *flags,
                 size_t n_ctx)
{
    dlx_session_opts opts = {.size = sizeof opts,
                             .backend = flags->backend,
                             .n_ctx = flags->ctx.given ? (size_t)flags->ctx.value : n_ctx,
                             .n_threads = (int)flags->threads.value,
                             .memory_limit = (size_t)flags->memory_limit.value,
                             .weights = flags->arithmetic.weights,
                             .compute = flags->arithmetic.compute,
                             .kernels = flags->arithmetic.kernels,
                             .scheme = flags->arithmetic.scheme,
                             .kv_type = flags->arithmetic.kv_type};
    dlx_error err;
    if (dlx_session_open(out, model, &opts, &err) != DLX_OK)
        return say_failed("%s", err.text);
    if (opts.compute && strcmp(opts.compute, dlx_session_compute(*out)) != 0)
        say("--compute %s: these kernels have no instruction for it; computing in %s", opts.compute,
            dlx_session_compute(*out));
    if (dlx_session_runtime(*out))
        say("computed by %s", dlx_session_runtime(*out));
    return EXIT_OK;
}

int need_tokenizer(const dlx_model_info *info, const char *instead)
{
    if (info->has_tokenizer)
        return EXIT_OK;
    return say_failed("%s holds no tokenizer: %s", info->path, instead);
}
