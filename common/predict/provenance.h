/* predict/provenance.h: fm-predict's entry in the history. */
#ifndef FM_PREDICT_PROVENANCE_H
#define FM_PREDICT_PROVENANCE_H

#include "net/model.h"
#include "stream/reader.h"

#include <jansson.h>
#include <stdbool.h>

/**
 * @param options   stolen reference
 * @param backend   what was chosen: "cpu avx512 fp32"
 * @param is_ended  the input was read to its end, so that contents are known; the first record's history has none
 * @return new reference: the array for fm.history
 */
json_t *predict_history(json_t *options, const char *backend, const Reader *in, const Model *model, bool is_ended);

#endif
