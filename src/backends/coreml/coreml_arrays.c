/* coreml_arrays.c - arrays over the session's memory, by the names of ports, and a call. */
#include "backends/coreml/coreml.h"

#include "base/fail.h"
#include "base/mem.h"

dlx_result dlx__coreml_arrays_open(dlx__backend *b, size_t i, dlx_error *err)
{
    dlx__coreml_function *f = &b->functions[i];
    const size_t n = f->ports.n_in + f->ports.n_out;
    for (int s = 0; s < b->opts.n_streams; s++) {
        f->arrays[s] = dlx__alloc_zero(b->opts.mem, n, sizeof *f->arrays[s]);
        if (!f->arrays[s])
            return dlx__fail_memory(err, "opening a package", dlx__mul(n, sizeof *f->arrays[s]));
        for (size_t k = 0; k < n; k++) {
            const dlx__coreml_port *port = &f->ports.items[k];
            f->arrays[s][k] =
                (dlx__coreml_array){port, dlx__fixed_place(&b->fixed, i, port->name, s)};
        }
    }
    return DLX_OK;
}

void dlx__coreml_arrays_close(dlx__backend *b, size_t i)
{
    for (int s = 0; s < DLX__PROGRAM_STREAMS; s++)
        dlx__free(b->opts.mem, b->functions[i].arrays[s]);
}

dlx_result dlx__coreml_run(void *backend, size_t function, int stream, dlx_error *err)
{
    const dlx__backend *b = backend;
    const dlx__coreml_function *f = &b->functions[function];
    const bool of_rows = f->size.n_rows > 0;
    const dlx__coreml_array *arrays = f->arrays[of_rows ? stream : 0];
    return dlx__coreml_of(b,
                          b->runtime->run(f->handle, of_rows ? b->states[stream] : NULL, arrays,
                                          f->ports.n_in, arrays + f->ports.n_in, f->ports.n_out,
                                          err),
                          err);
}
