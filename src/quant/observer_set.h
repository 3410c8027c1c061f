/*
 * observer_set.h - the observers of a model by name, one for the input of each linear node
 * ("layers.3.mlp.down"), and the JSON file in which they are kept:
 *
 *   {"format": "dlx-observers", "version": 1, "observers": [
 *     {"name": "layers.3.mlp.down", "kind": "percentile", "n_channels": 8, "group": 8,
 *      "percentile": 99.9000015, "n_bins": 2048, "n_rows": 2, "min": [-1], "max": [3.5],
 *      "counts": [[1, 0, 14, 1]], "squares": [0.5, ...]}, ...]}
 *
 * "counts" has the bins from that of min to that of max (histogram.h). A file that was written and
 * read is the same set, to the last bit.
 */
#ifndef DLX__OBSERVER_SET_H
#define DLX__OBSERVER_SET_H

#include "base/buf.h"
#include "quant/observers.h"

enum { DLX__OBSERVER_SET_MOST = 1 << 14, DLX__OBSERVER_NAME_BYTES = 200 };

typedef struct dlx__observer_set {
    const dlx_allocator *mem;
    dlx__observer **items; /* [n], sorted by the bytes of their names */
    size_t n, capacity;
} dlx__observer_set;

void dlx__observer_set_init(dlx__observer_set *set, const dlx_allocator *mem); /* empty */
void dlx__observer_set_release(dlx__observer_set *set);

/*
 * Makes an observer under a new name, of 1 to 200 printable ASCII bytes without blanks, quotes and
 * backslashes. It stays where it is until the set is released.
 */
dlx_result dlx__observer_set_add(dlx__observer_set *set, const char *name,
                                 const dlx__observer_spec *spec, size_t n_channels, dlx_error *err);

dlx__observer *dlx__observer_set_find(const dlx__observer_set *set, const char *name); /* or NULL */

/*
 * Adds what the other set saw: of the same names, observed alike. The sentence names what differs;
 * after a failure `into` is as it was.
 */
dlx_result dlx__observer_set_merge(dlx__observer_set *into, const dlx__observer_set *other,
                                   dlx_error *err);

/* Appends the JSON text to out. */
dlx_result dlx__observer_set_write(const dlx__observer_set *set, dlx__buf *out, dlx_error *err);

/* Fills an empty set from JSON text; `path` is for the sentences. After a failure it is empty. */
dlx_result dlx__observer_set_parse(dlx__observer_set *set, const char *text, size_t n,
                                   const char *path, dlx_error *err);

/* The same with files. */
dlx_result dlx__observer_set_save(const dlx__observer_set *set, const char *path, dlx_error *err);
dlx_result dlx__observer_set_load(dlx__observer_set *set, const char *path, dlx_error *err);

#endif
