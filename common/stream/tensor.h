/* stream/tensor.h: dtypes and named arrays, as safetensors has them. */
#ifndef FM_STREAM_TENSOR_H
#define FM_STREAM_TENSOR_H

#include <stddef.h>
#include <stdint.h>

typedef enum Dtype {
	DTYPE_BOOL, DTYPE_U8, DTYPE_I8, DTYPE_U16, DTYPE_I16, DTYPE_U32, DTYPE_I32,
	DTYPE_U64, DTYPE_I64, DTYPE_F16, DTYPE_BF16, DTYPE_F32, DTYPE_F64,
	DTYPE_COUNT,
} Dtype;

/** Bytes of one element. */
size_t dtype_size(Dtype dtype);

/** "F32" */
const char *dtype_name(Dtype dtype);

/** @return the dtype, or DTYPE_COUNT for a name that is none */
Dtype dtype_from_name(const char *name);

enum { TENSOR_RANK_MOST = 8 };

/** One array. name and data belong to whatever holds the tensor (a record, a file). */
typedef struct Tensor {
	const char *name;
	Dtype dtype;
	int rank;
	uint64_t shape[TENSOR_RANK_MOST];
	uint8_t *data; /* row-major, little-endian */
	size_t size;   /* bytes */
} Tensor;

/** Bytes of one row (one index of the first dimension). */
size_t tensor_row_size(const Tensor *tensor);

#endif
