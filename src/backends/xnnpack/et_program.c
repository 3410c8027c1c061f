/* et_program.c - opening a .pte file. */
#include "backends/xnnpack/et_program.h"

#include "base/fail.h"
#include "base/mem.h"
#include "export/program_check.h"

static dlx_result read_facts(dlx__program *p, const dlx__pte_file *f, const dlx__model *m,
                             dlx_error *err)
{
    DLX__TRY(dlx__program_facts_read(&p->facts, f, p->path, err));
    if (p->facts.n_vocab == m->hp.n_rows_vocab)
        return DLX_OK;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected %zu columns of logits, as its model has ids, found %zu; export "
                     "it again",
                     p->path, m->hp.n_rows_vocab, p->facts.n_vocab);
}

/* *data_path: the file with its weights, to be freed; NULL: they are in it. */
static dlx_result check_file(dlx__program *p, char **data_path, const dlx__model *m,
                             const dlx_allocator *mem, dlx_error *err)
{
    dlx__pte_file f;
    DLX__TRY(dlx__pte_open_found(&f, data_path, p->path, mem, err));
    dlx_result r = read_facts(p, &f, m, err);
    if (r == DLX_OK)
        r = dlx__program_check(&f, p->path, mem, err);
    dlx__pte_close(&f);
    return r;
}

static dlx_result fail_runtime(const dlx__program *p, const char *what, int error, dlx_error *err)
{
    char text[160];
    p->runtime.functions->error_text(error, text, sizeof text);
    return dlx__fail(err, DLX_E_UNSUPPORTED, "%s: the ExecuTorch runtime could not %s: %s", p->path,
                     what, text);
}

static dlx_result open_module(dlx__program *p, const char *data_path, int n_threads, dlx_error *err)
{
    DLX__TRY(dlx__et_runtime_open(&p->runtime, err));
    const int error = p->runtime.functions->open(&p->module, p->path, data_path, n_threads);
    return error ? fail_runtime(p, "load it", error, err) : DLX_OK;
}

dlx_result dlx__program_open(dlx__program *p, const char *path, const dlx__model *m, int n_threads,
                             const dlx_allocator *mem, dlx_error *err)
{
    char *data_path = NULL;
    *p = (dlx__program){.path = path};
    dlx_result r = check_file(p, &data_path, m, mem, err);
    if (r == DLX_OK)
        r = open_module(p, data_path, n_threads, err);
    dlx__free(mem, data_path);
    if (r != DLX_OK)
        dlx__program_close(p);
    return r;
}

void dlx__program_close(dlx__program *p)
{
    if (p->module)
        p->runtime.functions->close(p->module);
    dlx__et_runtime_close(&p->runtime);
    *p = (dlx__program){.path = NULL};
}

dlx_result dlx__program_run(dlx__program *p, const char *method, const dlx__et_tensor *in, int n_in,
                            dlx__et_tensor *out, int n_out, dlx_error *err)
{
    int n_found = 0;
    const int error = p->runtime.functions->run(p->module, method, in, n_in, out, n_out, &n_found);
    if (error)
        return fail_runtime(p, "run it", error, err);
    if (n_found != n_out)
        return dlx__fail(err, DLX_E_MISMATCH, "%s: expected %d results of %s, found %d", p->path,
                         n_out, method, n_found);
    return DLX_OK;
}
