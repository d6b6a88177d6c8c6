/* winners.h: of each window of a 2x2 max pool the element that will win, found while a convolution's sums are in registers.
 *
 * What batch norm makes of y rises or falls with it as gamma is positive or negative, and ReLU never turns the order round:
 * so the winner is known before the batch's statistics are. Only winners go on; the pool reads a quarter of y. */
#ifndef FM_GPU_WINNERS_H
#define FM_GPU_WINNERS_H

#include "cell.h"

template <typename Cell>
struct Winners {
	const float *gamma; /* [c], or NULL: no batch norm, as if all were 1 */
	Cell *value;	    /* out: [windows, c], of y as it is stored; NULL: no winners are wanted */
	uint8_t *element;   /* out: [windows, c], 0 to 3, row by row; or NULL */
};

#ifdef FM_KERNELS

/** What the winner has most of. Where gamma is 0 all are equal; a NaN wins, so that the loss shows it. */
__device__ inline float
winner_key(float value, float gamma)
{
	return isnan(value) ? INFINITY : gamma > 0 ? value : gamma < 0 ? -value : 0;
}

/** The winner of a window's four sums, as it is stored; of equal ones the first. */
template <typename Cell>
__device__ inline float
winner_of(const float *four, float gamma, uint32_t *element)
{
	float best = widen(narrow<Cell>(four[0])), most = winner_key(best, gamma);

	*element = 0;
#pragma unroll
	for (uint32_t i = 1; i < 4; i++) {
		const float value = widen(narrow<Cell>(four[i])), key = winner_key(value, gamma);

		if (key > most) {
			best = value;
			most = key;
			*element = i;
		}
	}
	return best;
}

/** winner_of for sums that are rounded already, in a third of the instructions. */
__device__ inline float
winner_of_rounded(const float *four, float gamma, uint32_t *element)
{
	if (gamma == 0 || isnan(four[0] + four[1] + four[2] + four[3]))
		return winner_of<float>(four, gamma, element);
	const float best = gamma > 0 ? fmaxf(fmaxf(four[0], four[1]), fmaxf(four[2], four[3])) :
				       fminf(fminf(four[0], four[1]), fminf(four[2], four[3]));

	*element = best == four[0] ? 0 : best == four[1] ? 1 : best == four[2] ? 2 : 3;
	return best;
}

template <typename Cell>
__device__ inline float
winner_gamma(const Winners<Cell> &winners, uint32_t column)
{
	return winners.gamma ? winners.gamma[column] : 1;
}

#endif

#endif
