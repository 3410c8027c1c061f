/*
 * rules.h - which type each tensor gets. Vectors stay float32. Matrices get the type that was asked
 * for, embedding and head 8 bits beside small types, unless a pattern says otherwise; a type whose
 * blocks do not divide the rows falls back to the nearest that does.
 */
#ifndef DLX__RULES_H
#define DLX__RULES_H

#include "dtype/grid.h"
#include "model/model.h"

/* Tensors whose GGUF name fits the pattern (* any text, ? any character) get the type. */
typedef struct dlx__keep {
    const char *pattern;
    dlx__dtype type;
} dlx__keep;

typedef struct dlx__rules {
    dlx__dtype type;        /* of matrices */
    bool mixed;             /* v and down are q6_k */
    size_t group;           /* inputs that share a scale, as for dlx__grids_choose */
    bool all;               /* embedding and head too */
    const dlx__keep *keeps; /* [n_keeps], the first that fits counts */
    size_t n_keeps;
} dlx__rules;

/* What becomes of a tensor. */
typedef struct dlx__ruling {
    dlx__dtype type;
    size_t group;
    bool other_type;  /* than was asked for, whose blocks do not divide the rows */
    bool other_group; /* likewise */
} dlx__ruling;

dlx__ruling dlx__rules_apply(const dlx__rules *rules, const dlx__model *m, dlx__role role,
                             size_t layer);

/* The first pattern that decides nothing: no matrix has such a name, or one before it has them all.
 * NULL: none is. */
const dlx__keep *dlx__rules_unused(const dlx__rules *rules, const dlx__model *m);

/* Does the whole text fit the pattern? */
bool dlx__pattern_fits(const char *pattern, const char *text);

#endif
