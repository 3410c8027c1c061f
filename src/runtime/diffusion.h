/*
 * diffusion.h - diffusion blocks: which positions of the canvas are revealed together, and how many
 * of them a pass may reveal.
 *
 * A block is a window of the canvas, not a copy: a position is open while the canvas holds the mask
 * id there. Blocks are created in order, get the ids 0, 1, 2 ... and become inactive with their
 * last mask.
 */
#ifndef DLX__DIFFUSION_H
#define DLX__DIFFUSION_H

#include "base/base.h"

typedef struct dlx__block {
    size_t id;
    size_t start, n; /* positions start .. start + n - 1 */
    size_t n_masked; /* positions still open */
    bool is_active;  /* has masks; false for good once it is complete */
} dlx__block;

typedef struct dlx__block_manager {
    dlx_token *canvas; /* [n_canvas], borrowed */
    size_t n_canvas;
    dlx_token mask_id;
    dlx__block *blocks; /* [n], borrowed storage for `capacity` of them */
    size_t n, capacity;
} dlx__block_manager;

/* Storage is the caller's, so that creating a block while decoding takes no memory. */
void dlx__block_manager_init(dlx__block_manager *m, dlx_token *canvas, size_t n_canvas,
                             dlx_token mask_id, dlx__block *storage, size_t capacity);

/* Forgets all blocks; ids start at 0 again. The canvas stays as it is. */
void dlx__block_manager_reset(dlx__block_manager *m);

/* Refuses empty blocks, blocks that leave the canvas and blocks beyond the capacity. */
dlx_result dlx__block_create(dlx__block_manager *m, size_t start, size_t n, size_t *id,
                             dlx_error *err);

const dlx__block *dlx__block_get(const dlx__block_manager *m, size_t id); /* NULL: no such block */

/* The first active block with an id of at least `from`; NULL: none. */
const dlx__block *dlx__block_next_active(const dlx__block_manager *m, size_t from);
bool dlx__block_any_active(const dlx__block_manager *m);

/*
 * Reveals a position, given relative to the block. Refused: an unknown block, a position outside
 * the block, one that is revealed already, the mask id itself.
 */
dlx_result dlx__block_accept(dlx__block_manager *m, size_t id, size_t local, dlx_token token,
                             dlx_error *err);

/*
 * Lists the open positions (absolute, ascending) of the block's local part [from, to), at most
 * `capacity` of them, and returns how many there are. out may be NULL with capacity 0.
 */
size_t dlx__block_masks(const dlx__block_manager *m, const dlx__block *b, size_t from, size_t to,
                        size_t *out, size_t capacity);

/* The open positions of all active blocks, in order. */
size_t dlx__block_all_masks(const dlx__block_manager *m, size_t *out, size_t capacity);

/* ---- schedules: how many positions the pass `step` of `n_steps` may reveal --------------------
 */

/*
 * n spread over n_steps, what is left over first; 0 from n_steps on. LLaDA calls it with the masks
 * of the block (get_num_transfer_tokens of its generate.py), SDAR with the block length.
 */
size_t dlx__quota_even(size_t n, size_t n_steps, size_t step);

/*
 * Dream: of n_masked, the share 1 - s/t truncated toward zero, everything in the last step; t and s
 * are neighbours of linspace(1, eps, n_steps + 1). All in float32, as torch computes it: the
 * truncation makes the last bit count.
 */
size_t dlx__quota_dream(size_t n_masked, size_t n_steps, double eps, size_t step);

/* The share itself, with which Dream's `origin` reveals each position; 1 in the last step. */
float dlx__dream_share(size_t n_steps, double eps, size_t step);

#endif
