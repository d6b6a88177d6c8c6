/* source/decoder.h: a child process that decodes pictures. */
#ifndef FM_SOURCE_DECODER_H
#define FM_SOURCE_DECODER_H

#include "picture/helper.h"

#include <stddef.h>
#include <sys/types.h>

/** Zeroed but for form, nothing runs yet: the first picture starts it. */
typedef struct Decoder {
	Form form;
	pid_t child; /* 0: none */
	HelperLine line;
} Decoder;

/**
 * Have a picture file decoded and brought to the form.
 *
 * Several, of HELPER_AT_ONCE bytes together at most with 8 more for each, may be sent before as many answers are taken,
 * which come in their order.
 *
 * @return 1; STATUS_IO: the decoder can't be started
 */
MUST_CHECK Status decoder_send(Decoder *decoder, const uint8_t *data, size_t size);

enum { DECODER_GONE = 2 };

/**
 * @param picture  out: malloced pixels
 * @return 1 a picture; 0 it can't be decoded: status_message says why; DECODER_GONE: something made the decoder end, this
 *         picture if it was alone: status_message says how. Then the others that were sent have no answer; the next that
 *         is sent notices nothing of it.
 */
int decoder_take(Decoder *decoder, Picture *picture);

void decoder_close(Decoder *decoder);

#endif
