/* source/tensors_source.h: a safetensors file of images and labels as a source. */
#ifndef FM_SOURCE_TENSORS_SOURCE_H
#define FM_SOURCE_TENSORS_SOURCE_H

#include "source/bytes.h"
#include "source/idx_source.h"

/** Does a file that begins so look like safetensors: a header's length, then a JSON object? @param size  of start, 9 or more */
bool is_safetensors_start(const uint8_t *start, size_t size);

/**
 * Its tensors "image" or "images", U8 [n, h, w] or [n, h, w, c], and "label" or "labels", whole numbers [n] or [n, 1], if it
 * has any; others are passed over.
 *
 * @param images  taken over, whatever happens
 * @param labels  the same file, opened once more; taken over, whatever happens
 * @return STATUS_OK; STATUS_INPUT: no safetensors file, no such tensors, as array_source_open; STATUS_IO
 */
MUST_CHECK Status tensors_source_open(Source *source, Bytes *images, Bytes *labels, const IdxTraits *traits);

#endif
