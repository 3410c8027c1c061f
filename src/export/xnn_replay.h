/*
 * xnn_replay.h - is a payload one that xnn_graph.h could have built? XNNPACK trusts the types and
 * shapes of a graph at many places, so that a damaged one may end the process. Whatever the builder
 * refuses is refused here, by building the graph once more, node by node.
 */
#ifndef DLX__XNN_REPLAY_H
#define DLX__XNN_REPLAY_H

#include "export/xnn_read.h"

/*
 * Refuses a payload with node kinds that this library does not write, values that are out of order,
 * types and shapes that do not follow from the inputs, and results that nothing reads. `payload`
 * has passed dlx__xnn_read; `where` begins the sentences.
 */
dlx_result dlx__xnn_replay(const uint8_t *payload, size_t n, const char *where,
                           const dlx_allocator *mem, dlx_error *err);

#endif
