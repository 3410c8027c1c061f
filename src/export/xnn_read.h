/* xnn_read.h - reads and checks the payload of an XNNPACK delegate. */
#ifndef DLX__XNN_READ_H
#define DLX__XNN_READ_H

#include "base/arena.h"
#include "export/ptd_read.h"
#include "export/xnn_ops.h"

/* How often a kind of node occurs; fully connected nodes are told apart by their weights. */
typedef struct dlx__xnn_seen_nodes {
    const char *name; /* "FullyConnected" */
    const char *type; /* of the weights; NULL: they are no constant, or there are none */
    size_t n;
} dlx__xnn_seen_nodes;

typedef struct dlx__xnn_seen_value {
    uint32_t id;
    int type;
    int n_dims;
    const uint32_t *dims;
    uint32_t data;        /* constant; 0: none */
    uint32_t external_id; /* DLX__XNN_NONE of xnn_graph.h: none */
    uint32_t flags;       /* 1 input, 2 output */
} dlx__xnn_seen_value;

typedef struct dlx__xnn_seen {
    dlx__xnn_seen_nodes *kinds; /* [n_kinds], in the order in which they first occur */
    dlx__xnn_seen_value *values;
    size_t n_kinds, n_values, n_nodes, n_inputs, n_outputs;
    size_t n_constants;    /* those that have bytes */
    uint64_t inline_bytes; /* constants in the payload */
    uint64_t named_bytes;  /* constants elsewhere */
    size_t n_unsafe;       /* constants that feed something else than weights: see xnn_graph.h */
} dlx__xnn_seen;

/* Where keys are looked up. */
typedef struct dlx__xnn_keys {
    const dlx__pte_item *named; /* [n_named] of the program */
    size_t n_named;
    const dlx__ptd_file *data; /* or NULL */
} dlx__xnn_keys;

/* `where` begins the sentences. */
dlx_result dlx__xnn_read(dlx__xnn_seen *out, const uint8_t *payload, size_t n, const char *where,
                         const dlx__xnn_keys *keys, dlx__arena *arena, dlx_error *err);

#endif
