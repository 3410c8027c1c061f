/* ort_session.c - opening, looking at and running a graph. */
#include "backends/qnn/ort_session.h"

#include "backends/qnn/ort_table.h"
#include "base/fail.h"
#include "base/tensor.h"

#include <string.h>

#define CHECK(s, status, what) dlx__ort_check((s)->ort, status, (s)->path, what, err)

/* ---- opening --------------------------------------------------------------------------------- */

static dlx_result configure(const dlx__ort_session *s, void *options, const char *key,
                            const char *value, dlx_error *err)
{
    return CHECK(s, DLX__ORT_CALL(s->ort, AddSessionConfigEntry)(options, key, value), "be set up");
}

static dlx_result use_npu(const dlx__ort_session *s, void *options, const dlx__ort_session_opts *o,
                          dlx_error *err)
{
    const dlx__ort *ort = s->ort;
    const bool has_soc = o->soc && *o->soc;
    const char *keys[] = {"backend_path", "offload_graph_io_quantization", "soc_model"};
    const char *values[] = {ort->npu, "0", o->soc};
    if (o->strict)
        DLX__TRY(configure(s, options, "session.disable_cpu_ep_fallback", "1", err));
    if (ort->api >= DLX__ORT_FULL_API)
        DLX__TRY(configure(s, options, "session.record_ep_graph_assignment_info", "1", err));
    if (o->made_into) {
        DLX__TRY(configure(s, options, "ep.context_enable", "1", err));
        DLX__TRY(configure(s, options, "ep.context_embed_mode", "0", err));
        DLX__TRY(configure(s, options, "ep.context_file_path", o->made_into, err));
    }
    return CHECK(s,
                 DLX__ORT_CALL(ort, SessionOptionsAppendExecutionProvider_V2)(
                     options, ort->env, ort->devices, ort->n_devices, keys, values, 2 + has_soc),
                 "take the QNN provider");
}

/* The CPU provider computes graphs as they are: its rewriting rounds rows of int4 products. */
static dlx_result set_options(const dlx__ort_session *s, void *options,
                              const dlx__ort_session_opts *o, dlx_error *err)
{
    const int n = o->n_threads > 0 ? o->n_threads : dlx__os_n_fast_cores();
    DLX__TRY(CHECK(s, DLX__ORT_CALL(s->ort, SetIntraOpNumThreads)(options, n), "be set up"));
    if (o->npu)
        return use_npu(s, options, o, err);
    return CHECK(s, DLX__ORT_CALL(s->ort, SetSessionGraphOptimizationLevel)(options, 0),
                 "be set up");
}

dlx_result dlx__ort_session_open(dlx__ort_session *s, const dlx__ort *ort, const char *path,
                                 const dlx__ort_session_opts *opts, dlx_error *err)
{
    void *options = NULL;
    *s = (dlx__ort_session){.ort = ort, .path = path};
    DLX__TRY(CHECK(s, DLX__ORT_CALL(ort, CreateSessionOptions)(&options), "be set up"));
    dlx_result r = set_options(s, options, opts, err);
    if (r == DLX_OK)
        r = CHECK(s, DLX__ORT_CALL(ort, CreateSession)(ort->env, path, options, &s->session),
                  "load it");
    dlx__ort_release(ort, DLX__ORT_RELEASE_SESSION_OPTIONS, options);
    return r;
}

void dlx__ort_session_close(dlx__ort_session *s)
{
    if (s->ort)
        dlx__ort_release(s->ort, DLX__ORT_RELEASE_SESSION, s->session);
    *s = (dlx__ort_session){.ort = NULL};
}

/* ---- inputs and outputs ---------------------------------------------------------------------- */

static dlx_result read_shape(const dlx__ort_session *s, dlx__onnx_port *p, const void *info,
                             dlx_error *err)
{
    int64_t dims[DLX__ONNX_MAX_DIMS];
    int type;
    size_t n;
    const void *tensor = NULL;
    DLX__TRY(CHECK(s, DLX__ORT_CALL(s->ort, CastTypeInfoToTensorInfo)(info, &tensor), "tell"));
    if (!tensor)
        return DLX_OK; /* no tensor: it has no axes, which nothing here has */
    DLX__TRY(CHECK(s, DLX__ORT_CALL(s->ort, GetTensorElementType)(tensor, &type), "tell"));
    DLX__TRY(CHECK(s, DLX__ORT_CALL(s->ort, GetDimensionsCount)(tensor, &n), "tell"));
    if (n > DLX__ONNX_MAX_DIMS)
        return DLX_OK;
    DLX__TRY(CHECK(s, DLX__ORT_CALL(s->ort, GetDimensions)(tensor, dims, n), "tell"));
    p->type = (dlx__onnx_type)type;
    p->n_dims = (int)n;
    for (size_t i = 0; i < n; i++)
        p->dims[i] = dims[i] > 0 ? (size_t)dims[i] : 0; /* 0: of any length */
    return DLX_OK;
}

static dlx_result read_name(const dlx__ort_session *s, dlx__onnx_port *p, bool output, size_t i,
                            dlx_error *err)
{
    char *name = NULL;
    void *allocator = NULL;
    const dlx__ort *ort = s->ort;
    DLX__TRY(CHECK(s, DLX__ORT_CALL(ort, GetAllocatorWithDefaultOptions)(&allocator), "tell"));
    DLX__TRY(CHECK(s,
                   output
                       ? DLX__ORT_CALL(ort, SessionGetOutputName)(s->session, i, allocator, &name)
                       : DLX__ORT_CALL(ort, SessionGetInputName)(s->session, i, allocator, &name),
                   "tell"));
    if (strlen(name) < sizeof p->name)
        memcpy(p->name, name, strlen(name) + 1);
    return CHECK(s, DLX__ORT_CALL(ort, AllocatorFree)(allocator, name), "tell");
}

static dlx_result read_port(const dlx__ort_session *s, dlx__onnx_port *p, bool output, size_t i,
                            dlx_error *err)
{
    void *info = NULL;
    const dlx__ort *ort = s->ort;
    *p = (dlx__onnx_port){.n_dims = 0};
    DLX__TRY(read_name(s, p, output, i, err));
    DLX__TRY(CHECK(s,
                   output ? DLX__ORT_CALL(ort, SessionGetOutputTypeInfo)(s->session, i, &info)
                          : DLX__ORT_CALL(ort, SessionGetInputTypeInfo)(s->session, i, &info),
                   "tell"));
    const dlx_result r = read_shape(s, p, info, err);
    dlx__ort_release(ort, DLX__ORT_RELEASE_TYPE_INFO, info);
    return r;
}

static bool same(const dlx__onnx_port *a, const dlx__onnx_port *b)
{
    bool same = a->type == b->type && a->n_dims == b->n_dims && strcmp(a->name, b->name) == 0;
    for (int i = 0; i < a->n_dims && same; i++)
        same = a->dims[i] == b->dims[i];
    return same;
}

static const dlx__onnx_port *find(const dlx__onnx_port *ports, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(ports[i].name, name) == 0)
            return &ports[i];
    return NULL;
}

static dlx_result expect_side(const dlx__ort_session *s, const dlx__onnx_port *ports, size_t n,
                              bool output, dlx_error *err)
{
    size_t n_found = 0;
    char wanted[96], found[96];
    dlx__onnx_port p;
    const char *what = output ? "output" : "input";
    DLX__TRY(CHECK(s,
                   output ? DLX__ORT_CALL(s->ort, SessionGetOutputCount)(s->session, &n_found)
                          : DLX__ORT_CALL(s->ort, SessionGetInputCount)(s->session, &n_found),
                   "tell"));
    if (n_found != n)
        return dlx__fail(err, DLX_E_MISMATCH,
                         "%s: expected %zu %ss, as its manifest says, found %zu; export it again",
                         s->path, n, what, n_found);
    for (size_t i = 0; i < n; i++) {
        DLX__TRY(read_port(s, &p, output, i, err));
        const dlx__onnx_port *want = find(ports, n, p.name);
        if (!want)
            return dlx__fail(err, DLX_E_MISMATCH,
                             "%s: expected the %ss of its manifest, found another, %s; export it "
                             "again",
                             s->path, what, p.name);
        if (!same(want, &p))
            return dlx__fail(err, DLX_E_MISMATCH,
                             "%s: expected the %s %s as %s %s, found type %d, %s; export it again",
                             s->path, what, want->name, dlx__onnx_type_name(want->type),
                             dlx__shape_text(wanted, want->dims, want->n_dims), (int)p.type,
                             dlx__shape_text(found, p.dims, p.n_dims));
    }
    return DLX_OK;
}

dlx_result dlx__ort_session_expect(const dlx__ort_session *s, const dlx__onnx_entry *e,
                                   dlx_error *err)
{
    DLX__TRY(expect_side(s, e->inputs, e->n_inputs, false, err));
    return expect_side(s, e->outputs, e->n_outputs, true, err);
}

/* ---- where its nodes are --------------------------------------------------------------------- */

static dlx_result name_nodes(const dlx__ort_session *s, void *const *nodes, size_t n, dlx__buf *out,
                             dlx_error *err)
{
    const char *name, *kind;
    for (size_t i = 0; i < n; i++) {
        DLX__TRY(CHECK(s, DLX__ORT_CALL(s->ort, EpAssignedNode_GetName)(nodes[i], &name), "tell"));
        DLX__TRY(CHECK(s, DLX__ORT_CALL(s->ort, EpAssignedNode_GetOperatorType)(nodes[i], &kind),
                       "tell"));
        if (!dlx__buf_format(out, "%s %s\n", kind, name))
            return dlx__fail_memory(err, "listing nodes", out->len);
    }
    return DLX_OK;
}

dlx_result dlx__ort_session_strays(const dlx__ort_session *s, dlx__buf *out, size_t *n_strays,
                                   size_t *n_nodes, dlx_error *err)
{
    void *const *parts = NULL, *const *nodes = NULL;
    const char *provider;
    size_t n_parts = 0, n;
    *n_strays = *n_nodes = 0;
    DLX__TRY(CHECK(
        s, DLX__ORT_CALL(s->ort, Session_GetEpGraphAssignmentInfo)(s->session, &parts, &n_parts),
        "tell"));
    for (size_t i = 0; i < n_parts; i++) {
        DLX__TRY(CHECK(s, DLX__ORT_CALL(s->ort, EpAssignedSubgraph_GetEpName)(parts[i], &provider),
                       "tell"));
        DLX__TRY(CHECK(s, DLX__ORT_CALL(s->ort, EpAssignedSubgraph_GetNodes)(parts[i], &nodes, &n),
                       "tell"));
        *n_nodes += n;
        if (strcmp(provider, DLX__ORT_QNN) == 0)
            continue;
        *n_strays += n;
        DLX__TRY(name_nodes(s, nodes, n, out, err));
    }
    return DLX_OK;
}

/* ---- running --------------------------------------------------------------------------------- */

size_t dlx__onnx_port_bytes(const dlx__onnx_port *p)
{
    size_t n = p->type == DLX__ONNX_INT64                                    ? 8
               : p->type == DLX__ONNX_FLOAT || p->type == DLX__ONNX_INT32    ? 4
               : p->type == DLX__ONNX_FLOAT16 || p->type == DLX__ONNX_UINT16 ? 2
                                                                             : 1;
    for (int i = 0; i < p->n_dims; i++)
        n = dlx__mul(n, p->dims[i]);
    return n;
}

dlx_result dlx__ort_value_open(void **out, const dlx__ort *ort, void *data,
                               const dlx__onnx_port *port, dlx_error *err)
{
    int64_t dims[DLX__ONNX_MAX_DIMS];
    for (int i = 0; i < port->n_dims; i++)
        dims[i] = (int64_t)port->dims[i];
    return dlx__ort_check(ort,
                          DLX__ORT_CALL(ort, CreateTensorWithDataAsOrtValue)(
                              ort->memory_info, data, dlx__onnx_port_bytes(port), dims,
                              (size_t)port->n_dims, (int)port->type, out),
                          port->name, "take a tensor", err);
}

dlx_result dlx__ort_session_run(const dlx__ort_session *s, const char *const *in_names,
                                void *const *in, size_t n_in, const char *const *out_names,
                                void **out, size_t n_out, dlx_error *err)
{
    return CHECK(
        s, DLX__ORT_CALL(s->ort, Run)(s->session, NULL, in_names, in, n_in, out_names, n_out, out),
        "run it");
}
