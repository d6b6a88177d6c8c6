/* cpu/columns.h: a prediction's 3x3 convolutions in bytes or bf16 by Winograd's F(2, 3) down the columns: four rows of products where
 * direct sums take six. */
#ifndef FM_CPU_COLUMNS_H
#define FM_CPU_COLUMNS_H

#include "cpu/engine.h"

enum { COLUMN_TAPS = COLUMN_POINTS * 3 };

/** Room for the weights of every stage that goes this way, which follows from its shape and the kernels alone.
 * @return false: no memory */
bool columns_allocate(Backend *backend);
/** Room for one thread. @return false: no memory */
bool columns_scratch(Backend *backend, Scratch *scratch);
/** A stage's, or NULL where it doesn't go this way. */
const ColumnWeights *columns_of(const Folded *folded, size_t s);
/** |sum| of 255 |k| and of where it begins stays below 2^31. */
double columns_absolute_most(void);
/** One block of weights, floats [3 * 3][depth][block], to those of its points, [COLUMN_TAPS][depth][block]. */
void columns_weights(const StageLayout *stage, uint32_t block, const float *from, float *to);
/** The same of block n, for bytes whole numbers: to words and, for bytes, where sums begin, so that they are those of pixels. */
void columns_pack(const Folded *folded, size_t s, uint32_t n, const float *points);
/** Both, of a stage whose weights are floats. */
void columns_fold(const Folded *folded, size_t s);
/** n images of a convolution, as main_images. */
void main_columns(const MainJob *job, const void *in, void *y, const Plane *y_plane, uint32_t n, Scratch *scratch);

#endif
