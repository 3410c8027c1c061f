/* static_ports.c - tensors by their names. */
#include "export/static_ports.h"

#include <stdio.h>
#include <string.h>

/* ---- those that a function has once ---------------------------------------------------------- */

enum { N_PLAIN = 12 };

/* A tensor, and whether the function has it. */
typedef struct plain {
    dlx__static_port port;
    bool is;
} plain;

static void list_plain(plain to[N_PLAIN], const dlx__graph *g, const dlx__static_shape *f,
                       bool states)
{
    const size_t T = f->n_rows, P = f->n_past, R = f->n_head_rows, none = SIZE_MAX;
    const size_t c = g->head_dim, d = g->n_embd, seen = states ? P : P + T;
    const bool body = T > 0, head = T > 0 && R > 0;
    const dlx__static_side in = DLX__SIDE_INPUT, out = DLX__SIDE_OUTPUT;
    const dlx__static_numbers index = DLX__NUMBERS_INDEX, row = DLX__NUMBERS_ROW,
                              sum = DLX__NUMBERS_SUM;
    const plain all[N_PLAIN] = {
        {{"input_ids", in, index, {1, T}, 2, none}, body},
        {{"cos", in, row, {1, 1, T, c}, 4, none}, body},
        {{"sin", in, row, {1, 1, T, c}, 4, none}, body},
        {{"mask", in, row, {1, 1, T, seen}, 4, none}, body},
        {{"position", in, index, {1}, 1, none}, body && states},
        {{"head_rows", in, index, {R}, 1, none}, head},
        {{"output_hidden", out, row, {1, T, d}, 3, none}, body},
        {{"output_best", out, index, {R}, 1, none}, head},
        {{"output_logit", out, sum, {R}, 1, none}, head},
        {{"output_lse", out, sum, {R}, 1, none}, head},
        {{"rows", in, row, {1, R, d}, 3, none}, !body},
        {{"output_logits", out, row, {1, R, g->n_vocab}, 3, none}, !body},
    };
    memcpy(to, all, sizeof all);
}

/* ---- K and V of layers ----------------------------------------------------------------------- */

/* "past_k_7" after "past_": of K and V [2 L] the place; false: it is none. */
static bool is_kept(const char *name, const char *prefix, size_t n_layers, size_t *index)
{
    char side, end;
    size_t layer;
    const size_t n = strlen(prefix);
    if (strncmp(name, prefix, n) != 0 || (name[n] != 'k' && name[n] != 'v') || name[n + 1] != '_' ||
        name[n + 2] < '0' || name[n + 2] > '9' ||
        sscanf(name + n, "%c_%zu%c", &side, &layer, &end) != 2 || layer >= n_layers)
        return false;
    *index = 2 * layer + (side == 'v');
    return true;
}

static bool find_kept(dlx__static_port *out, const dlx__graph *g, const dlx__static_shape *f,
                      bool states, const char *name)
{
    size_t index = 0;
    const size_t n = g->n_layers, T = f->n_rows, P = f->n_past;
    const bool fresh = !states && T && is_kept(name, "output_new_", n, &index);
    const bool past = !states && P && is_kept(name, "past_", n, &index);
    const bool state = states && P && is_kept(name, "", n, &index);
    *out = (dlx__static_port){.name = name,
                              .side = fresh   ? DLX__SIDE_OUTPUT
                                      : state ? DLX__SIDE_STATE
                                              : DLX__SIDE_INPUT,
                              .numbers = DLX__NUMBERS_ROW,
                              .dims = {1, g->n_heads_kv, fresh ? T : P, g->head_dim},
                              .n_dims = 4,
                              .kept = index};
    return fresh || past || state;
}

bool dlx__static_port_find(dlx__static_port *out, const dlx__graph *g, const dlx__static_shape *f,
                           bool states, const char *name)
{
    plain all[N_PLAIN];
    list_plain(all, g, f, states);
    for (size_t i = 0; i < N_PLAIN; i++)
        if (all[i].is && strcmp(all[i].port.name, name) == 0) {
            *out = all[i].port;
            return true;
        }
    return find_kept(out, g, f, states, name);
}

size_t dlx__static_port_count(const dlx__graph *g, const dlx__static_shape *f, bool states,
                              dlx__static_side side)
{
    plain all[N_PLAIN];
    size_t n = 0;
    list_plain(all, g, f, states);
    for (size_t i = 0; i < N_PLAIN; i++)
        n += all[i].is && all[i].port.side == side;
    const bool has_kept = side == DLX__SIDE_OUTPUT  ? !states && f->n_rows > 0
                          : side == DLX__SIDE_INPUT ? !states && f->n_past > 0
                                                    : states && f->n_past > 0;
    return n + (has_kept ? 2 * g->n_layers : 0);
}
