/* metrics/sort.h: sort integers by counting, in time that grows with n alone. */
#ifndef FM_METRICS_SORT_H
#define FM_METRICS_SORT_H

#include <stdint.h>

/**
 * Sort ascending.
 *
 * @param keys   [n], in
 * @param spare  [n], overwritten
 * @return whichever of the two holds the result
 */
uint32_t *sort_keys(uint32_t *keys, uint32_t *spare, uint64_t n);

#endif
