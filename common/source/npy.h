/* source/npy.h: NumPy's array files: what one says of itself. */
#ifndef FM_SOURCE_NPY_H
#define FM_SOURCE_NPY_H

#include "source/bytes.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

enum { NPY_RANK_MOST = 4, NPY_HEADER_MOST = 64 << 10, NPY_MAGIC_SIZE = 6 };

#define NPY_MAGIC "\x93NUMPY"

typedef struct NpyHeader {
	char kind;	/* 'u', 'i', 'b', 'f', …, as NumPy's typestr has it */
	uint32_t size;	/* bytes of a value */
	bool is_big_endian;
	int rank;
	uint64_t shape[NPY_RANK_MOST]; /* 1 beyond rank */
} NpyHeader;

/**
 * Parse the header's text: a Python dict with descr, fortran_order and shape.
 *
 * @return STATUS_OK; STATUS_INPUT: not that, a structured type, column-major order, more than NPY_RANK_MOST dimensions
 */
MUST_CHECK Status npy_parse(NpyHeader *header, const char *text, size_t length, const char *name);

/** Read and parse magic, version and header; what follows are the values. */
MUST_CHECK Status npy_header_read(Bytes *bytes, NpyHeader *header);

/** One whole number. @return false where it doesn't fit */
bool npy_integer(const NpyHeader *header, const uint8_t *value, int64_t *number);

#endif
