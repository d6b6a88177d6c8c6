/* metrics/outcomes.h: what became of each sample, so that two models can be compared sample by sample. */
#ifndef FM_METRICS_OUTCOMES_H
#define FM_METRICS_OUTCOMES_H

#include "status.h"
#include "stream/record.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Outcome {
	int64_t id;
	uint64_t digest; /* of the picture */
	double log_loss; /* of labelled ones */
	int32_t label;	 /* -1: unknown */
	bool is_right;
} Outcome;

typedef struct Outcomes {
	uint64_t n, room;
	Outcome *samples;
} Outcomes;

/**
 * Keep a record's outcomes.
 *
 * @param map  [classes]: the label to keep for each of the stream's own, or NULL: as it is
 * @return STATUS_OK; STATUS_INPUT (a row that is no probabilities, a label out of range), STATUS_IO (memory)
 */
MUST_CHECK Status outcomes_add(Outcomes *outcomes, const Record *record, uint32_t classes, const int32_t *map);

/** Sort by id. @param name  of the stream. @return STATUS_OK, or STATUS_INPUT if an id occurs twice */
MUST_CHECK Status outcomes_sort(Outcomes *outcomes, const char *name);

/**
 * Where each class of one stream is found, by name, in another.
 *
 * @param map   out, [from->class_count]
 * @return STATUS_OK, or STATUS_INPUT naming a class that is missing
 */
MUST_CHECK Status outcomes_map_classes(const About *from, const About *to, int32_t *map, const char *from_name,
				       const char *to_name);

void outcomes_release(Outcomes *outcomes);

#endif
