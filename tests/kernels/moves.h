/* kernels/moves.h: a transform for every sample of a batch, and the pixels that they make, for comparing backends. */
#ifndef FM_KERNELS_MOVES_H
#define FM_KERNELS_MOVES_H

#include "backend.h"
#include "pixel/transform.h"

#include <string.h>

enum { MOVES_MOST = 64 };

typedef struct Moves {
	int32_t affine[6 * MOVES_MOST], tone[2 * MOVES_MOST], erase[5 * MOVES_MOST];
	Fill fill;
	uint8_t value;
	uint64_t state;
} Moves;

static inline int32_t
moves_noise(Moves *moves, int32_t most)
{
	moves->state = moves->state * 6364136223846793005u + 1442695040888963407u;
	return (int32_t)((moves->state >> 33) % (2 * (uint64_t)most + 1)) - most;
}

/* Usual ones, and some whose numbers are hostile. */
static inline Transform
moves_transform(Moves *moves, uint64_t i, int32_t side)
{
	static const int32_t pixel = 1 << 20;
	Transform transform = {
		{ pixel + moves_noise(moves, pixel / 2), moves_noise(moves, pixel / 2), moves_noise(moves, 8 * pixel),
		  moves_noise(moves, pixel / 2), pixel + moves_noise(moves, pixel / 2), moves_noise(moves, 8 * pixel) },
		{ 65536 + moves_noise(moves, 65536), moves_noise(moves, 64 << 16) },
		{ moves_noise(moves, side), moves_noise(moves, side), moves_noise(moves, side), moves_noise(moves, side),
		  moves_noise(moves, 300) },
	};

	if (i % 4 == 3) {
		for (int k = 0; k < 6; k++)
			transform.affine[k] = moves_noise(moves, INT32_MAX);
		transform.tone[0] = moves_noise(moves, INT32_MAX);
		for (int k = 0; k < 4; k++)
			transform.erase[k] = moves_noise(moves, INT32_MAX);
	}
	return transform;
}

/**
 * New transforms for n pictures of that shape.
 *
 * @param moves  fill and value are set, state is any number, and goes on from call to call
 * @param to     out: what they make of the pixels from, [n, h, w, c] both
 */
static inline void
moves_make(Moves *moves, uint64_t n, Shape shape, const uint8_t *from, uint8_t *to)
{
	const size_t size = (size_t)shape.h * shape.w * shape.c;

	for (uint64_t i = 0; i < n; i++) {
		const Transform transform = moves_transform(moves, i, (int32_t)shape.w);

		transform_apply(&transform, moves->fill, moves->value, shape.h, shape.w, shape.c, from + i * size,
				to + i * size);
		memcpy(moves->affine + 6 * i, transform.affine, sizeof transform.affine);
		memcpy(moves->tone + 2 * i, transform.tone, sizeof transform.tone);
		memcpy(moves->erase + 5 * i, transform.erase, sizeof transform.erase);
	}
}

/** The batch, with these transforms. */
static inline Batch
moves_batch(const Moves *moves, Batch still)
{
	still.affine = moves->affine;
	still.tone = moves->tone;
	still.erase = moves->erase;
	still.fill = (uint8_t)moves->fill;
	still.fill_value = moves->value;
	return still;
}

#endif
