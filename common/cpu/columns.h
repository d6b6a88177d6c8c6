/* cpu/columns.h: 3x3 convolutions by Winograd's F(2, 3) down the columns, bytes and bf16: four rows of products where direct sums
 * take six. Which stages those are the layout says, see stage_has_columns. */
#ifndef FM_CPU_COLUMNS_H
#define FM_CPU_COLUMNS_H

#include "cpu/engine.h"

/** Where sums of bytes begin, of every stage. @return false: no memory */
bool columns_allocate(Backend *backend);
/** Room for one thread. @return false: no memory */
bool columns_scratch(Backend *backend, Scratch *scratch);

/** n images of `plane` to points, which the job then reads; its window is known. @param zero  the byte that is 0, or 0 */
void columns_images(const KernelTable *kernels, Conv *conv, const Plane *plane, const void *in, uint32_t n, uint8_t zero,
		    Scratch *scratch);

/** |sum| of 255 |k| and of where it begins stays below 2^31 if that of |k| stays below this. */
double columns_absolute_most(void);
/** One block of weights [3 * 3][depth][block] to those of points, [COLUMN_TAPS][depth][block]. */
void columns_weights(const KernelTable *floats, const StageLayout *stage, const float *from, float *to);
/** Those of block n as whole numbers, to words; and where sums begin, so that they are those of pixels. */
void columns_pack(const Folded *folded, size_t s, uint32_t n, const float *whole);

/* back_columns.c: the gradient of the weights of words of two images */

/** Of an even number of images (or the last, odd), blocks first_block … end_block - 1, as that of [COLUMN_TAPS][depth][block] a
 * block. @param x, dy  their pairs */
void columns_wgrad(const Backend *backend, const StageLayout *stage, const void *x, const void *dy, uint32_t images,
		   uint32_t first_block, uint32_t end_block, float *to, bool is_added, Scratch *scratch);
/** Images whose points are made at once. */
uint32_t columns_group(const StageLayout *stage);

#endif
