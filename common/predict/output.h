/* predict/output.h: what fm-predict sends on: every record as it came, with prob, in the model's classes. */
#ifndef FM_PREDICT_OUTPUT_H
#define FM_PREDICT_OUTPUT_H

#include "net/model.h"
#include "status.h"
#include "stream/record.h"

/** output_init, output_release. */
typedef struct Output {
	About about;   /* the input's, with prob and the model's classes */
	int32_t *map;  /* [the input's classes]: index in the model */
	uint32_t map_count;
	Tensor *tensors; /* of the record in hand */
	float *prob;
	size_t prob_room; /* floats */
} Output;

/**
 * @param in     a stream of pictures; predictions that it may hold are replaced
 * @param name   of the stream, for messages
 * @return STATUS_OK; STATUS_INPUT (a class that the model lacks), STATUS_IO (memory); and nothing is held
 */
MUST_CHECK Status output_init(Output *output, const About *in, const Model *model, const char *name);

/**
 * Make the record to send. Labels are mapped in place; prob is to be filled.
 *
 * @param in      read; its memory is used by out
 * @param out     out: valid until the next call
 * @return STATUS_OK; STATUS_INPUT (a label out of range), STATUS_IO (memory)
 */
MUST_CHECK Status output_begin(Output *output, const Record *in, Record *out);

/** Would this record be too large for one, so that it has to be split? */
bool output_is_too_large(const Record *record);

void output_release(Output *output);

#endif
