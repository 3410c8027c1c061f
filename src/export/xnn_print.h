/* xnn_print.h - an XNNPACK graph as lines, for people and for tests. */
#ifndef DLX__XNN_PRINT_H
#define DLX__XNN_PRINT_H

#include "base/buf.h"
#include "export/xnn_graph.h"

/*
 * One line a node: "%31 FullyConnected %30 %27:qbint4[96, 96] -> fp32 [32, 96]"; a weight stands
 * with its type and shape where it is read. The same graph gives the same bytes. false: no memory.
 */
bool dlx__xnn_print(const dlx__xnn_graph *g, dlx__buf *out);

/* "fp32 [32, 96]" */
bool dlx__xnn_print_value(const dlx__xnn_graph *g, dlx__xnn_value v, dlx__buf *out);

#endif
