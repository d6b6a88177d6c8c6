/* train/validation.h: validation data, and what a net makes of them after an epoch. */
#ifndef FM_TRAIN_VALIDATION_H
#define FM_TRAIN_VALIDATION_H

#include "backend.h"
#include "status.h"
#include "train/kept.h"
#include "train/monitor.h"

#include <jansson.h>

/** validation_read or validation_of, validation_release. */
typedef struct Validation {
	const Kept *kept;
	uint64_t content;  /* fm.content of the data, unlabelled samples counted too */
	uint32_t classes;  /* the model's */
	char *const *names;
	int32_t *map;	   /* [the data's classes]: index in the model; NULL: the same */
	uint8_t *pixels;   /* a batch */
	int32_t *labels;
	float *prob;
	uint32_t batch;
} Validation;

/** Validation data from --val, read whole. */
typedef struct ValidationFile {
	About about; /* what the file says of itself */
	Kept kept;
	uint64_t content;
	json_t *inputs; /* for the history */
	const char *name;
} ValidationFile;

/** @return STATUS_OK; STATUS_USAGE for a repeated stream; STATUS_INPUT, also when nothing has a label; STATUS_IO */
MUST_CHECK Status validation_file_read(ValidationFile *file, const char *path, uint64_t memory);
void validation_file_release(ValidationFile *file);

/** @return STATUS_INPUT if the pictures have another size than the training data, or a class is missing there */
MUST_CHECK Status validation_file_map(const ValidationFile *file, const About *training, int32_t *map);

/**
 * @param kept   borrowed
 * @param map    stolen, malloced; or NULL
 * @param names  [classes], borrowed
 * @param batch  samples of a prediction
 */
MUST_CHECK Status validation_init(Validation *validation, const Kept *kept, uint64_t content, int32_t *map,
				  uint32_t classes, char *const *names, uint32_t batch);

/**
 * Predict all of it with a backend's weights.
 *
 * val_loss is the plain mean cross-entropy, without class weights or smoothing.
 *
 * @param which   as BackendTable.predict has it
 * @param scores  out: the val_ numbers alone are set; NaN when a probability is
 * @param json    out: new reference to all scores, with content, or NULL when a probability is NaN
 */
MUST_CHECK Status validation_run(Validation *validation, const BackendTable *table, Backend *backend, Vector which,
				 EpochScores *scores, json_t **json);

/** Put samples from `first` on into pixels and labels. @return how many: a batch, or what is left */
uint32_t validation_gather(Validation *validation, uint64_t first);

void validation_release(Validation *validation);

#endif
