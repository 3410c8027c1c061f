/*
 * onnx_lower.h - a model's graph as static ONNX graphs for a phone's NPU, which all refer to one
 * file of weights (weight_store.h). T rows of a pass, P positions kept before them, R rows for the
 * head, d the width, V the vocabulary, kv heads of c numbers:
 *
 *     in   input_ids i32 [1, T]
 *          cos, sin [1, 1, T, c]: of the rows' positions, both halves alike
 *          mask [1, 1, T, P + T]: added to the scores, first the kept positions, then the rows
 *          past_k_L, past_v_L [1, kv, P, c] of each layer L, where P > 0
 *          head_rows i32 [R], with a head
 *     out  output_new_k_L, output_new_v_L [1, kv, T, c]
 *          output_hidden [1, T, d]: of the final norm
 *          output_best i32 [R], output_logit [R], output_lse [R], with a head: of each row the best
 *          id that may be chosen, its logit, and the logarithm of the sum of all exp(logit)
 *
 * and for the head alone rows [1, R, d] -> output_logits [1, R, V], nothing taken away.
 *
 * Fewer rows and positions are padded and masked, so one graph is every pattern of attention.
 */
#ifndef DLX__ONNX_LOWER_H
#define DLX__ONNX_LOWER_H

#include "export/onnx_graph.h"
#include "export/static_functions.h"
#include "export/weight_store.h"
#include "graph/graph.h"

/* What is added to the scores of what is not seen: far enough, and within fp16. */
#define DLX__ONNX_UNSEEN (-10000.0f)

/* Node kinds that have no form here are refused by name. On failure nothing is to be released. */
dlx_result dlx__onnx_lower(dlx__onnx_graph *to, const dlx__graph *g, const dlx__static_function *f,
                           dlx__weight_store *store, const dlx_allocator *mem, dlx_error *err);

#endif
