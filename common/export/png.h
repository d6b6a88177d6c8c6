/* export/png.h: pictures as PNG, through libpng. */
#ifndef FM_EXPORT_PNG_H
#define FM_EXPORT_PNG_H

#include "status.h"
#include "stream/record.h"

/** Makes PNGs of one geometry; encoder_release. */
typedef struct Encoder {
	uint32_t height, width, channels;
	size_t capacity, size; /* bytes; size of the newest */
	uint8_t *bytes;
} Encoder;

/** @return STATUS_INPUT for channels other than 1 (grey) and 3 (RGB) */
MUST_CHECK Status encoder_init(Encoder *encoder, const About *about);

/** pixels [h, w, c] into bytes, size: exactly these values. */
MUST_CHECK Status encoder_run(Encoder *encoder, const uint8_t *pixels);

void encoder_release(Encoder *encoder);

#endif
