/* pte_pass.h - what the files that write a method around its delegates share. */
#ifndef DLX__PTE_PASS_H
#define DLX__PTE_PASS_H

#include "export/pte_method.h"

typedef struct dlx__pass {
    dlx__pte_shared *s;
    dlx__pte_method *m;
    const dlx__pte_pass_opts *o;
    bool fixed;               /* no length may be smaller at run time */
    size_t T, S, R, d, c, kv; /* rows, positions, rows of the head at most; widths; heads of K, V */
    dlx__pte_value zero, one, minus_one, no, nothing;
    dlx__pte_value tokens, start, mask, rows;   /* inputs */
    dlx__pte_value past;                        /* how many positions, an int */
    dlx__pte_value past_size;                   /* [past, c], a list of ints */
    dlx__pte_value positions;                   /* [T] */
    dlx__pte_value embedded, turns[2];          /* what the first delegate reads */
    dlx__pte_value *cache;                      /* [2 * n_layers]: STATE */
    dlx__pte_value *fresh;                      /* [2 * n_layers]: rows that the delegate gives */
    dlx__pte_value final, picked;               /* rows of the final norm, and the chosen ones */
    dlx__pte_value logits, probs;               /* what the delegate with the head gives */
    dlx__pte_value kept, insert, keep, updated; /* COMPAT */
} dlx__pass;

/* Tensors: in a place that nothing else has; an input; a constant of the program. */
dlx__pte_value dlx__pass_planned(dlx__pass *p, dlx__pte_type type, const size_t *dims, int n_dims);
dlx__pte_value dlx__pass_given(dlx__pass *p, dlx__pte_type type, const size_t *dims, int n_dims);
dlx__pte_value dlx__pass_constant(dlx__pass *p, dlx__pte_type type, uint32_t data,
                                  const size_t *dims, int n_dims);

/* A kernel: name, overload, arguments. */
#define DLX__PASS_CALL(p, name, overload, ...)                                                     \
    dlx__pte_call((p)->m, name, overload, (const dlx__pte_value[]){__VA_ARGS__},                   \
                  sizeof((const dlx__pte_value[]){__VA_ARGS__}) / sizeof(dlx__pte_value))

/* Calls a delegate of the lowered graph; what it gives is planned. */
dlx_result dlx__pass_delegate(dlx__pass *p, const dlx__lowered *l, dlx_error *err);

/* pte_state.c: K and V in the program; the kept rows [past, c] of a head; rows of the pass kept */
void dlx__pass_add_state(dlx__pass *p);
dlx__pte_value dlx__pass_view_of_head(dlx__pass *p, size_t i, size_t head);
void dlx__pass_keep(dlx__pass *p);

/* pte_denoise.c: rows of the final norm for the head; what its logits choose, as outputs */
void dlx__pass_pick(dlx__pass *p);
void dlx__pass_choose(dlx__pass *p);

#endif
