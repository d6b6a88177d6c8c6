/* stream/safetensors.h: the one codec of records, models and checkpoints.
 *
 * The format: u64 little-endian length of the header, JSON header padded with spaces to 8 bytes, data; offsets are
 * relative to the data, contiguous from 0 in data order and fill it. Every byte is treated as hostile. */
#ifndef FM_STREAM_SAFETENSORS_H
#define FM_STREAM_SAFETENSORS_H

#include "status.h"
#include "stream/tensor.h"

#include <jansson.h>

/** A parsed header. safetensors_release gives it back. */
typedef struct Safetensors {
	json_t *metadata; /* object of strings; never NULL */
	size_t tensor_count;
	Tensor *tensors; /* in data order; data NULL until placed; names owned here */
	uint64_t data_size;
} Safetensors;

/**
 * Parse the JSON header (without its length) of at most STREAM_HEADER_MOST bytes.
 *
 * @param what  for messages: "record 3 at byte 1234", a file's name
 * @return STATUS_OK, or STATUS_INPUT and nothing is held
 */
MUST_CHECK Status safetensors_parse(Safetensors *file, const char *header, size_t length, const char *what);

/** Point every tensor into data, which has data_size bytes and stays the caller's. */
void safetensors_place(Safetensors *file, uint8_t *data);

/**
 * The header's bytes, length included, padded to 8: `__metadata__` first with its members in the order given, then the
 * tensors in the order given, contiguous.
 *
 * @param length  out: bytes of the result
 * @return malloced
 */
char *safetensors_header(const json_t *metadata, const Tensor *tensors, size_t count, size_t *length);

void safetensors_release(Safetensors *file);

#endif
