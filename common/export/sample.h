/* export/sample.h: one sample of a record, as exporters see it. */
#ifndef FM_EXPORT_SAMPLE_H
#define FM_EXPORT_SAMPLE_H

#include "stream/reader.h"

typedef struct Sample {
	const uint8_t *pixels; /* [h, w, c] */
	int32_t label;	       /* -1: unlabelled */
	int64_t id;
	int64_t epoch;	       /* -1: none */
	const char *name;      /* not NUL-terminated; NULL: none */
	size_t name_length;
} Sample;

/** @param row  below record->n */
Sample sample_of(const Record *record, uint64_t row);

/** Bytes of a picture. */
size_t picture_size(const About *about);

#endif
