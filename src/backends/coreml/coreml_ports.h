/*
 * coreml_ports.h - what a function of a package takes and gives: the names, types and shapes that
 * its model and sizes ask for, and what a runtime says that it has.
 */
#ifndef DLX__COREML_PORTS_H
#define DLX__COREML_PORTS_H

#include "backends/coreml/coreml_runtime.h"
#include "graph/graph.h"

/* T, P and R of export/ml_lower.h; T 0: the head alone. */
typedef struct dlx__coreml_sizes {
    size_t n_rows, n_past, n_head_rows;
    bool states; /* P are inside */
} dlx__coreml_sizes;

typedef struct dlx__coreml_ports {
    dlx__coreml_port *items; /* [n_in + n_out + n_states], in this order */
    size_t n_in, n_out, n_states;
} dlx__coreml_ports;

/* T and R as [n] ports say it; what is missing is 0. */
dlx__coreml_sizes dlx__coreml_sizes_of(const dlx__coreml_port *ports, size_t n);

/* Takes those that are found [n], in any order; refuses what a function of these sizes has not
 * (static_ports.h). `where` is for sentences. Free items with dlx__free, also of a failure. */
dlx_result dlx__coreml_ports_take(dlx__coreml_ports *p, const dlx__graph *g,
                                  const dlx__coreml_sizes *s, const dlx__coreml_port *found,
                                  size_t n, const char *where, const dlx_allocator *mem,
                                  dlx_error *err);

#endif
