/* xnn_reader.h - what the files that read an XNNPACK payload share. */
#ifndef DLX__XNN_READER_H
#define DLX__XNN_READER_H

#include "export/xnn_read.h"
#include "format/flat_view.h"

typedef struct dlx__xnn_place {
    uint32_t id;    /* of a value, as nodes name it */
    uint32_t index; /* in values */
} dlx__xnn_place;

typedef struct dlx__xnn_reader {
    dlx__xnn_seen *out;
    dlx__flat_view view;
    dlx__flat_table root;
    dlx__arena *arena;
    dlx_error *err;
    const dlx__xnn_keys *keys;
    uint64_t blob_bytes;      /* of the constants in the payload */
    uint64_t *constant_bytes; /* [n_constants] */
    size_t n_constants;
    dlx__xnn_place *places; /* [out->n_values] sorted by id */
    bool *computed;         /* [out->n_values] at the node that is being read */
    bool open_order;        /* a node kind is unknown, so nobody knows what it computes */
} dlx__xnn_reader;

/* Each leaves its faults in r->view; a failure is of memory. */
dlx_result dlx__xnn_read_constants(dlx__xnn_reader *r);
dlx_result dlx__xnn_read_values(dlx__xnn_reader *r);
dlx_result dlx__xnn_read_nodes(dlx__xnn_reader *r);

void *dlx__xnn_reader_alloc(dlx__xnn_reader *r, size_t n, size_t size); /* NULL with a failure */

#endif
