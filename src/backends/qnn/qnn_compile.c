/* qnn_compile.c - a graph is compiled by opening it; falling back to the CPU is forbidden. */
#include "backends/qnn/qnn_compile.h"

#include "backends/qnn/ort_table.h"
#include "base/buf.h"
#include "base/fail.h"

#include <stdio.h>
#include <string.h>

dlx_result dlx__qnn_compiler_open(dlx__qnn_compiler *c, const dlx__soc *soc,
                                  const dlx__runtime_paths *paths, const dlx_allocator *mem,
                                  dlx_error *why, dlx_error *err)
{
    dlx_error failure = {.text = ""};
    *c = (dlx__qnn_compiler){.soc = soc, .mem = mem};
    *why = (dlx_error){.code = DLX_OK};
    const dlx_result r = dlx__ort_open(&c->ort, paths, mem, &failure);
    if (r == DLX_E_NOMEM)
        return dlx__fail(err, r, "%s", failure.text);
    if (r == DLX_OK && c->ort.n_devices)
        return DLX_OK;
    (void)dlx__fail(why, DLX_E_UNSUPPORTED, "nothing was compiled for %s: %s", soc->name,
                    r == DLX_OK ? c->ort.why_cpu : failure.text);
    return DLX_OK;
}

void dlx__qnn_compiler_close(dlx__qnn_compiler *c)
{
    dlx__ort_close(&c->ort);
}

/* ---- nodes that are not on the NPU ----------------------------------------------------------- */

/* Lines as one: "MatMul a;Add b". */
static void join_lines(char *lines)
{
    for (char *at = strchr(lines, '\n'); at; at = strchr(at, '\n'))
        *at = at[1] ? ';' : '\0';
}

static dlx_result refuse_strays(const dlx__qnn_compiler *c, const dlx__ort_session *s,
                                const char *function, dlx_error *err)
{
    dlx__buf names;
    size_t n_strays, n_nodes;
    dlx__buf_init(&names, c->mem);
    dlx_result r = dlx__ort_session_strays(s, &names, &n_strays, &n_nodes, err);
    if (r == DLX_OK && n_strays > 0) {
        join_lines(names.data);
        r = dlx__fail(err, DLX_E_UNSUPPORTED,
                      "%s: expected all %zu nodes on the NPU of %s, found %zu that %s not: %s",
                      function, n_nodes, c->soc->name, n_strays, n_strays == 1 ? "is" : "are",
                      names.data);
    }
    dlx__buf_release(&names);
    return r;
}

/* Which they are is told by a session that may put them on the CPU; *failure otherwise. */
static dlx_result explain(const dlx__qnn_compiler *c, const char *path, const char *function,
                          const dlx_error *failure, dlx_error *err)
{
    dlx__ort_session s;
    const dlx__ort_session_opts opts = {.npu = true, .soc = c->soc->name, .n_threads = 1};
    dlx_result r = DLX_OK;
    if (c->ort.api >= DLX__ORT_FULL_API && failure->code != DLX_E_NOMEM) {
        if (dlx__ort_session_open(&s, &c->ort, path, &opts, NULL) == DLX_OK)
            r = refuse_strays(c, &s, function, err);
        dlx__ort_session_close(&s);
    }
    return r == DLX_OK ? dlx__fail(err, failure->code, "%s", failure->text) : r;
}

/* ---- a graph --------------------------------------------------------------------------------- */

static dlx_result compile(dlx__qnn_compiler *c, const char *from, const char *to,
                          const char *function, dlx_error *err)
{
    dlx__ort_session s;
    dlx_error failure = {.text = ""};
    const dlx__ort_session_opts opts = {
        .npu = true, .strict = true, .soc = c->soc->name, .made_into = to, .n_threads = 1};
    dlx_result r = dlx__ort_session_open(&s, &c->ort, from, &opts, &failure);
    if (r == DLX_OK && c->ort.api >= DLX__ORT_FULL_API)
        r = refuse_strays(c, &s, function, &failure);
    dlx__ort_session_close(&s);
    if (r == DLX_OK && dlx__os_path_kind(to) != DLX__PATH_FILE)
        r = dlx__fail(&failure, DLX_E_UNSUPPORTED,
                      "%s: expected ONNX Runtime to write a compiled graph, found none", to);
    return r == DLX_OK ? DLX_OK : explain(c, from, function, &failure, err);
}

dlx_result dlx__qnn_compile(void *compiler, const char *folder, const char *function,
                            char file[DLX__ONNX_CONTEXT_NAME], dlx_error *err)
{
    dlx__qnn_compiler *c = compiler;
    dlx__buf from, to;
    dlx__buf_init(&from, c->mem);
    dlx__buf_init(&to, c->mem);
    snprintf(file, DLX__ONNX_CONTEXT_NAME, "%s_%s_ctx.onnx", function, c->soc->name);
    const bool ok = dlx__buf_format(&from, "%s/%s.onnx", folder, function) &&
                    dlx__buf_format(&to, "%s/%s", folder, file);
    const dlx_result r = ok ? compile(c, from.data, to.data, function, err)
                            : dlx__fail_memory(err, "naming a file", strlen(folder));
    c->n_compiled += r == DLX_OK;
    dlx__buf_release(&to);
    dlx__buf_release(&from);
    return r;
}
