/* info/describe.h: what a stream or a model is, as one JSON object, and that object as text for people. */
#ifndef FM_INFO_DESCRIBE_H
#define FM_INFO_DESCRIBE_H

#include "net/model.h"
#include "status.h"
#include "stream/reader.h"

#include <jansson.h>
#include <stdio.h>

/**
 * Read a stream to its end and describe it: {schema, kind: "stream", records, samples, holdout_samples, tensors, input,
 * classes: [{name, samples}], unlabelled, epochs, epoch_samples, content, history}; of a lazy one also {form: "lazy", fill, data_samples}, and
 * classes and unlabelled count its data set. Joined streams have members: [{content, samples, history}] in place of history.
 *
 * @param description  out: new reference
 */
MUST_CHECK Status describe_stream(Reader *reader, json_t **description);

/** {schema, kind: "model" or "checkpoint", architecture, input, classes, layers: [{name, type, output_shape,
 *  parameters}], parameters, trainable, non_trainable, views, scores, calibration, content, history}. New reference. */
json_t *describe_model(const Model *model);

/** The description as text, control bytes made visible. */
void describe_print(const json_t *description, FILE *out);

#endif
