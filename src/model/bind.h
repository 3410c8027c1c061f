/* bind.h - the tensors of a checkpoint, each given to exactly one role. */
#ifndef DLX__BIND_H
#define DLX__BIND_H

#include "model/model.h"

/*
 * Fills m->roles from the family's names and m->hp; settles whether the head is tied. A tensor that
 * is missing, left over, of another shape or of a type its role cannot have is refused. Without
 * weights the roles get tensors that have a name and a shape only.
 */
dlx_result dlx__bind(dlx__model *m, dlx_error *err);

/* The shape a role's tensor must have; returns its number of dimensions. */
int dlx__role_shape(const dlx__hparams *hp, dlx__role role, size_t shape[2]);

/* Has a role one tensor a layer (or one in all)? */
bool dlx__role_per_layer(dlx__role role);

#endif
