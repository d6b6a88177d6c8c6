/* pixel/warp.h: transforms applied fast, by the best instruction set that the machine has. */
#ifndef FM_PIXEL_WARP_H
#define FM_PIXEL_WARP_H

#include "pixel/transform.h"
#include "status.h"

#include <stdint.h>

/** What one thread needs to warp pictures of one geometry. warp_release gives it back. */
typedef struct Warp {
	Fill fill;
	uint8_t value;
	uint32_t h, w, c;
	struct WarpMachinery *machinery;
} Warp;

/** @return STATUS_OK; STATUS_IO without memory, STATUS_DEVICE where FM_CPU demands what can't run; nothing is held then */
MUST_CHECK Status warp_init(Warp *warp, Fill fill, uint8_t value, uint32_t h, uint32_t w, uint32_t c);

/** transform_apply to one picture, bit for bit. */
void warp_apply(Warp *warp, const Transform *transform, const uint8_t *from, uint8_t *to);

/** The instruction set chosen: "plain", "avx2", "avx512". */
const char *warp_name(const Warp *warp);

void warp_release(Warp *warp);

#endif
