/* cpu/fold.h: weights for prediction: batch norm folded into them, and for int8 quantised. */
#ifndef FM_CPU_FOLD_H
#define FM_CPU_FOLD_H

#include "cpu/engine.h"

/** Make backend->folded of these vectors, unless it is that already. */
void fold(Backend *backend, Vector which);

/**
 * Of every stage's output: what a step of its bytes is worth, and which byte is 0. The last one's numbers, where they are
 * floats, stay what they are.
 *
 * @param ranges  [stage_count][2]: the least and the largest number seen; read, not kept
 */
void quantise_ranges(Folded *folded, const float *ranges);

/** Does a byte 0 outside the picture differ from a pixel of 0, so that every output pixel has a bias of its own? */
bool quantise_needs_map(const Folded *folded, size_t s);

/**
 * From scale[s] and shift[s] as batch norm has them and from the weights: whole-numbered weights (in folded->weight), and
 * scale, shift and map that lead from their sums of products to bytes of the output.
 */
void quantise_stage(Folded *folded, size_t s, const float *param);

/** What a step of the output that stage s adds to its own is worth in steps of its own. */
float quantise_added_step(const Folded *folded, size_t s);

/** Can a sum of the stage's products leave 32 bits, however coarse its weights are? */
bool quantise_is_too_deep(const StageLayout *stage);

#endif
