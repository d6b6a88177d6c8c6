/* source/decoder.h: a child process that decodes pictures. */
#ifndef FM_SOURCE_DECODER_H
#define FM_SOURCE_DECODER_H

#include "picture/fit.h"

#include <stddef.h>
#include <sys/types.h>

/** Zeroed but for form, nothing runs yet: the first picture starts it. */
typedef struct Decoder {
	Form form;
	pid_t child; /* 0: none */
	int fd;
} Decoder;

/**
 * Decode a picture file and bring it to the form.
 *
 * @param picture  out: malloced pixels
 * @return 1 a picture; 0 it can't be decoded: status_message says why (damaged, too large, too slow, or it made the decoder
 *         crash, which the next picture doesn't notice); STATUS_IO: the decoder can't be started
 */
MUST_CHECK Status decoder_run(Decoder *decoder, const uint8_t *data, size_t size, Picture *picture);

void decoder_close(Decoder *decoder);

#endif
