/* predict/ranges.h: the ranges of activations in a model's fm.calibration, see fm-model(5). */
#ifndef FM_PREDICT_RANGES_H
#define FM_PREDICT_RANGES_H

#include "net/net.h"
#include "status.h"

#include <jansson.h>

/**
 * What the model says of its activations.
 *
 * @param calibration  fm.calibration, or NULL
 * @param ranges       out: [stage_count][2], malloced: the least and the largest number of every stage's output
 * @return STATUS_OK; STATUS_INPUT, saying how to get ranges where there are none; STATUS_IO (memory)
 */
MUST_CHECK Status ranges_read(const json_t *calibration, const Net *net, float **ranges);

/** [[least, largest], …], a new reference. */
json_t *ranges_json(const Net *net, const float *ranges);

#endif
