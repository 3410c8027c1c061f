/*
 * permute.h - the row order of q and k in llama.cpp's files. Our graphs, like the models' own code,
 * turn the pairs (i, i + c/2) of a head; llama.cpp's turn neighbours for some architectures (LLaDA
 * among them), so its converter stores row t*c/2 + j of a head (t = 0, 1) at 2*j + t.
 *
 * The rows are put back when a file is opened, in a copy: one layout for every backend and
 * exporter is worth q's and k's share of the memory, which the model counts in n_copied_bytes;
 * the file's own pages of them are handed back to the system.
 */
#ifndef DLX__PERMUTE_H
#define DLX__PERMUTE_H

#include "model/model.h"

/* n_heads * head_dim rows of row_bytes; src and dst do not overlap. */
void dlx__rows_to_llama_cpp(void *dst, const void *src, size_t n_heads, size_t head_dim,
                            size_t row_bytes);
void dlx__rows_from_llama_cpp(void *dst, const void *src, size_t n_heads, size_t head_dim,
                              size_t row_bytes);

/* Replaces the q and k tensors of a bound model by copies in our order. */
dlx_result dlx__unpermute_qk(dlx__model *m, dlx_error *err);

#endif
