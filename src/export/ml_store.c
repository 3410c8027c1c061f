/* ml_store.c - header, records, and the types and shapes that are in neither. */
#include "export/ml_store.h"

#include "base/little.h" /* records go out as they are */

#include <string.h>

enum { STEP = 64 };

static dlx__ml_type type_of(dlx__packing packing, dlx__row_part part)
{
    return part == DLX__ROW_SCALES          ? DLX__ML_HALF
           : packing == DLX__PACK_INT4_HALF ? DLX__ML_INT4
           : packing == DLX__PACK_INT8_HALF ? DLX__ML_INT8
                                            : DLX__ML_HALF;
}

static void put_head(uint8_t *out, size_t n_items)
{
    const uint32_t head[] = {(uint32_t)n_items, 2};
    memcpy(out, head, sizeof head);
}

static void put_record(uint8_t *out, const dlx__weight_item *item)
{
    enum { HALF = 1, INT8 = 4, INT4 = 8 }; /* types of this file */
    const dlx__ml_type of = item->tensor ? type_of(item->packing, item->row_part) : DLX__ML_HALF;
    const uint32_t type = of == DLX__ML_INT4 ? INT4 : of == DLX__ML_INT8 ? INT8 : HALF;
    const uint32_t head[] = {0xDEADBEEF, type};
    const uint64_t numbers[] = {item->place.n_bytes, item->place.offset + STEP};
    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, numbers, sizeof numbers);
}

const dlx__weight_layout dlx__ml_layout = {
    .head_bytes = STEP,
    .record_bytes = STEP,
    .step = STEP,
    .large_step = STEP,
    .ends_on_step = true,
    .head = put_head,
    .record = put_record,
};

dlx__ml_blob dlx__ml_store_rows(dlx__weight_store *s, const dlx__tensor *t, dlx__packing packing,
                                dlx__row_part part)
{
    dlx__ml_blob b = {.type = type_of(packing, part), .shape = {.n_dims = t->n_dims}};
    for (int i = 0; i < t->n_dims; i++)
        b.shape.dims[i] = t->shape[i];
    if (part == DLX__ROW_SCALES)
        b.shape.dims[1] = dlx__packing_has_groups(packing) ? t->shape[1] / DLX__PACK_GROUP : 1;
    b.offset = dlx__weight_store_rows(s, t, packing, part).offset;
    return b;
}

dlx__ml_blob dlx__ml_store_halves(dlx__weight_store *s, const char *key, dlx__export_part part,
                                  const uint16_t *halves, size_t n)
{
    const size_t n_bytes = dlx__mul(n, sizeof *halves);
    return (dlx__ml_blob){.type = DLX__ML_HALF,
                          .shape = {1, {n}},
                          .offset = dlx__weight_store_bytes(s, key, part, halves, n_bytes).offset};
}
