/* parts.c - tensors by what they are to the model. */
#include "export/parts.h"

#include "model/bind.h"

static const char *const names[DLX__N_EXPORT_PARTS] = {
#define PART_NAME(name, text) text,
    DLX__EXPORT_PARTS(PART_NAME)
#undef PART_NAME
};

const char *dlx__export_part_name(dlx__export_part part)
{
    return names[part];
}

static dlx__export_part part_of_role(dlx__role role)
{
    switch (role) {
    case DLX__ROLE_EMBED: /* a table is one; a filter out of it is a tied head */
    case DLX__ROLE_HEAD:
        return DLX__PART_HEAD;
    case DLX__ROLE_Q:
    case DLX__ROLE_K:
    case DLX__ROLE_V:
    case DLX__ROLE_O:
        return DLX__PART_ATTENTION;
    case DLX__ROLE_GATE:
    case DLX__ROLE_UP:
    case DLX__ROLE_DOWN:
        return DLX__PART_FEED_FORWARD;
    case DLX__ROLE_Q_BIAS:
    case DLX__ROLE_K_BIAS:
    case DLX__ROLE_V_BIAS:
        return DLX__PART_BIASES;
    default:
        return DLX__PART_NORMS;
    }
}

static dlx__export_part part_of(const dlx__model *m, const dlx__tensor *t)
{
    for (int role = 0; role < DLX__N_ROLES; role++) {
        const size_t n = dlx__role_per_layer((dlx__role)role) ? m->hp.n_layers : 1;
        for (size_t layer = 0; layer < n; layer++)
            if (dlx__model_tensor(m, (dlx__role)role, layer) == t)
                return part_of_role((dlx__role)role);
    }
    return DLX__PART_HEAD; /* a tied head may have a description of its own */
}

dlx__export_part dlx__export_part_of(const dlx__model *m, const dlx__tensor *t, bool is_table)
{
    return is_table && t->n_dims == 2 ? DLX__PART_EMBEDDING : part_of(m, t);
}

typedef struct weighing {
    dlx__export_parts *parts;
    const dlx__model *model;
} weighing;

static void weigh(void *user, const dlx__tensor *t, bool is_table, uint64_t n_bytes)
{
    const weighing *w = user;
    w->parts->bytes[dlx__export_part_of(w->model, t, is_table)] += n_bytes;
}

void dlx__export_parts_weigh(dlx__export_parts *parts, const dlx__packed *packed)
{
    weighing w = {parts, packed->model};
    dlx__packed_visit(packed, weigh, &w);
}
