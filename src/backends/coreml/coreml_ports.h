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

/* The list that a function of these sizes has; free items with dlx__free. */
dlx_result dlx__coreml_ports_expect(dlx__coreml_ports *p, const dlx__graph *g,
                                    const dlx__coreml_sizes *s, const dlx_allocator *mem,
                                    dlx_error *err);

/* T and R as [n] ports say it; what is missing is 0. */
dlx__coreml_sizes dlx__coreml_sizes_of(const dlx__coreml_port *ports, size_t n);

/* Refuses found [n] that are not those that are wanted, in any order. `where` is for sentences. */
dlx_result dlx__coreml_ports_check(const dlx__coreml_ports *wanted, const dlx__coreml_port *found,
                                   size_t n, const char *where, dlx_error *err);

#endif
