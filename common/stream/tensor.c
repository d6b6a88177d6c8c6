/* stream/tensor.c: dtypes and their sizes. */
#include "stream/tensor.h"

#include <string.h>

static const struct {
	const char *name;
	size_t size;
} dtypes[DTYPE_COUNT] = {
	[DTYPE_BOOL] = { "BOOL", 1 }, [DTYPE_U8] = { "U8", 1 },	  [DTYPE_I8] = { "I8", 1 },   [DTYPE_U16] = { "U16", 2 },
	[DTYPE_I16] = { "I16", 2 },   [DTYPE_U32] = { "U32", 4 }, [DTYPE_I32] = { "I32", 4 }, [DTYPE_U64] = { "U64", 8 },
	[DTYPE_I64] = { "I64", 8 },   [DTYPE_F16] = { "F16", 2 }, [DTYPE_BF16] = { "BF16", 2 }, [DTYPE_F32] = { "F32", 4 },
	[DTYPE_F64] = { "F64", 8 },
};

size_t
dtype_size(Dtype dtype)
{
	return dtypes[dtype].size;
}

const char *
dtype_name(Dtype dtype)
{
	return dtypes[dtype].name;
}

Dtype
dtype_from_name(const char *name)
{
	Dtype dtype = 0;

	while (dtype < DTYPE_COUNT && strcmp(name, dtypes[dtype].name) != 0)
		dtype++;
	return dtype;
}

size_t
tensor_row_size(const Tensor *tensor)
{
	size_t size = dtype_size(tensor->dtype);

	for (int i = 1; i < tensor->rank; i++)
		size *= tensor->shape[i];
	return size;
}
