/* cpu/winograd.h: a prediction's 3x3 convolutions in floats by Winograd's F(4x4, 3x3): 36 products where direct sums take 144. */
#ifndef FM_CPU_WINOGRAD_H
#define FM_CPU_WINOGRAD_H

#include "cpu/engine.h"

/** Whether a stage goes this way, from its shape and the kernels alone; so a batch's size changes no bits. */
bool winograd_suits(const StageLayout *stage, const KernelTable *kernels);
/** Can it do the stage's pool too? */
bool winograd_can_pool(const StageLayout *stage);
/** How many images go through the convolutions at once, and room for the weights of every stage that goes this way.
 * @return false: no memory */
bool winograd_allocate(Backend *backend);
/** Room for one thread. @return false: no memory */
bool winograd_scratch(Backend *backend, Scratch *scratch);
/** The stage's weights, batch norm in them, to points: [block][WINOGRAD_POINTS][depth][block]. */
void winograd_weights(const Folded *folded, size_t s);
/** n images of a convolution, as main_images; y is the stage's output where is_pooled. */
void main_winograd(const MainJob *job, const void *in, void *y, const Plane *y_plane, bool is_pooled, uint32_t n,
		   Scratch *scratch);

#endif
