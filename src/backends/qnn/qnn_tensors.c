/* qnn_tensors.c - tensors of ONNX Runtime over the session's memory, by their names, and a call. */
#include "backends/qnn/qnn.h"

#include "backends/qnn/ort_table.h"
#include "base/fail.h"
#include "base/mem.h"

static dlx_result open_inputs(dlx__backend *b, size_t function, int stream, dlx_error *err)
{
    dlx__qnn_function *f = &b->functions[function];
    for (size_t i = 0; i < f->n_in; i++) {
        const dlx__onnx_port *p = &f->entry->inputs[i];
        f->in_names[i] = p->name;
        void *data = dlx__fixed_place(&b->fixed, function, p->name, stream);
        DLX__TRY(dlx__ort_value_open(&f->in[stream][i], &b->ort, data, p, err));
    }
    return DLX_OK;
}

static dlx_result open_outputs(dlx__backend *b, size_t function, dlx_error *err)
{
    dlx__qnn_function *f = &b->functions[function];
    for (size_t i = 0; i < f->entry->n_outputs; i++) {
        const dlx__onnx_port *p = &f->entry->outputs[i];
        void *data = dlx__fixed_place(&b->fixed, function, p->name, 0);
        if (!data) /* K and V of directories that keep none */
            continue;
        f->out_names[f->n_out] = p->name;
        DLX__TRY(dlx__ort_value_open(&f->out[f->n_out], &b->ort, data, p, err));
        f->n_out++;
    }
    return DLX_OK;
}

dlx_result dlx__qnn_tensors_open(dlx__backend *b, size_t i, dlx_error *err)
{
    dlx__qnn_function *f = &b->functions[i];
    const dlx_allocator *mem = b->opts.mem;
    const size_t n_in = f->entry->n_inputs, n_out = f->entry->n_outputs;
    bool ok = (f->in_names = dlx__alloc_zero(mem, n_in, sizeof *f->in_names)) != NULL;
    ok = ok && (f->out_names = dlx__alloc_zero(mem, n_out, sizeof *f->out_names));
    ok = ok && (f->out = dlx__alloc_zero(mem, n_out, sizeof *f->out));
    for (int s = 0; s < b->opts.n_streams; s++)
        ok = ok && (f->in[s] = dlx__alloc_zero(mem, n_in, sizeof *f->in[s]));
    if (!ok)
        return dlx__fail_memory(err, "opening a program", (n_in + n_out) * sizeof *f->out);
    f->n_in = n_in;
    for (int s = 0; s < b->opts.n_streams; s++)
        DLX__TRY(open_inputs(b, i, s, err));
    return open_outputs(b, i, err);
}

void dlx__qnn_tensors_close(dlx__backend *b, size_t function)
{
    dlx__qnn_function *f = &b->functions[function];
    const dlx_allocator *mem = b->opts.mem;
    for (int s = 0; s < DLX__PROGRAM_STREAMS; s++) {
        for (size_t i = 0; i < f->n_in && f->in[s]; i++)
            dlx__ort_release(&b->ort, DLX__ORT_RELEASE_VALUE, f->in[s][i]);
        dlx__free(mem, f->in[s]);
    }
    for (size_t i = 0; i < f->n_out; i++)
        dlx__ort_release(&b->ort, DLX__ORT_RELEASE_VALUE, f->out[i]);
    dlx__free(mem, f->out);
    dlx__free(mem, f->in_names);
    dlx__free(mem, f->out_names);
}

dlx_result dlx__qnn_run(void *backend, size_t function, int stream, dlx_error *err)
{
    dlx__backend *b = backend;
    dlx__qnn_function *f = &b->functions[function];
    return dlx__ort_session_run(&f->session, f->in_names, f->in[f->entry->n_rows ? stream : 0],
                                f->n_in, f->out_names, f->out, f->n_out, err);
}
