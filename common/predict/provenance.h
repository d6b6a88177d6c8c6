/* predict/provenance.h: fm-predict's entry in the history. */
#ifndef FM_PREDICT_PROVENANCE_H
#define FM_PREDICT_PROVENANCE_H

#include "predict/serving.h"
#include "stream/reader.h"

#include <jansson.h>
#include <stdbool.h>

/**
 * @param options   stolen reference
 * @param is_ended  the input was read to its end, so that contents are known; the first record's history has none
 * @return new reference: the array for fm.history
 */
json_t *predict_history(json_t *options, const Reader *in, const Serving *serving, bool is_ended);

#endif
