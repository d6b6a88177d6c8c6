/* record.cc: parts in order of their alignment. */
#include "record.h"

static size_t
in_lines(size_t size)
{
	return (size + 255) / 256 * 256;
}

template <typename T>
static T *
take(unsigned char *memory, size_t *offset, size_t count)
{
	T *const place = memory ? reinterpret_cast<T *>(memory + *offset) : nullptr;

	*offset += in_lines(count * sizeof(T));
	return place;
}

static Record
place(unsigned char *memory, uint32_t batch_most, size_t *offset)
{
	const size_t n = batch_most;
	Record record;

	*offset = 0;
	record.head = take<Head>(memory, offset, 1);
	record.ids = take<int64_t>(memory, offset, n);
	record.row = take<int64_t>(memory, offset, n);
	record.label_a = take<int32_t>(memory, offset, n);
	record.label_b = take<int32_t>(memory, offset, n);
	record.lambda = take<float>(memory, offset, n);
	record.weight = take<float>(memory, offset, n);
	record.affine = take<int32_t>(memory, offset, 6 * n);
	record.tone = take<int32_t>(memory, offset, 2 * n);
	record.erase = take<int32_t>(memory, offset, 5 * n);
	record.pixels = memory ? memory + *offset : nullptr;
	return record;
}

size_t
record_head_size(uint32_t batch_most)
{
	size_t size;

	place(nullptr, batch_most, &size);
	return size;
}

Record
record_at(void *memory, uint32_t batch_most)
{
	size_t size;

	return place(static_cast<unsigned char *>(memory), batch_most, &size);
}
