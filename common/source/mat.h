/* source/mat.h: MATLAB's MAT-files, level 5: the variables in one, read one after the other.
 *
 * Source: "MAT-File Format" of The MathWorks: a header of 128 bytes, then elements, each a tag (type, size) and its data;
 * a variable is an element miMATRIX, or miCOMPRESSED around one, by zlib. Of numbers only what images and labels are: real
 * arrays of up to MAT_RANK_MOST dimensions; other variables are named and can't be read. */
#ifndef FM_SOURCE_MAT_H
#define FM_SOURCE_MAT_H

#include "source/bytes.h"

#include <stdbool.h>

enum { MAT_RANK_MOST = 4, MAT_NAME_MOST = 63 };

typedef struct Mat Mat;

typedef struct MatVariable {
	char name[MAT_NAME_MOST + 1];
	char kind;	 /* 'u', 'i', 'f': how its values are stored; 0: none that can be read */
	uint32_t size;	 /* bytes of a value, as stored */
	int rank;
	uint64_t shape[MAT_RANK_MOST]; /* 1 beyond rank; the first one runs fastest */
	uint64_t count;	 /* values */
	bool is_big_endian;
} MatVariable;

/** Does a file that begins so look like one? @param size  of start: MAT_HEADER or more */
bool is_mat_start(const uint8_t *start, size_t size);

enum { MAT_HEADER = 128 };

/** Read the header. @param bytes  taken over, whatever happens. @return STATUS_OK; STATUS_INPUT: level 4, 7.3 (HDF5), or no MAT-file */
MUST_CHECK Status mat_open(Mat **mat, Bytes *bytes);

/** Its file, for messages. */
const char *mat_name(const Mat *mat);

/** The next variable, past what is left of the one before. @return 1, or 0 at the file's end; STATUS_INPUT: damaged */
MUST_CHECK Status mat_next(Mat *mat, MatVariable *variable);

/** Bytes of its values, in their order; all of them must be there. */
MUST_CHECK Status mat_read(Mat *mat, void *data, size_t size);

/** One value as a whole number. @return false where it is none */
bool mat_integer(const MatVariable *variable, const uint8_t *value, int64_t *number);

void mat_close(Mat *mat);

#endif
