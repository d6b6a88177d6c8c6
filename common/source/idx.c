/* source/idx.c: the IDX format, byte by byte. */
#include "source/idx.h"

#include "stream/record.h"

size_t
idx_value_size(IdxType type)
{
	return type == IDX_I32 ? 4 : type == IDX_I16 ? 2 : 1;
}

int32_t
idx_label(IdxType type, const uint8_t *value)
{
	switch (type) {
	case IDX_I32:
		return (int32_t)((uint32_t)value[0] << 24 | value[1] << 16 | value[2] << 8 | value[3]);
	case IDX_I16:
		return (int16_t)(value[0] << 8 | value[1]);
	case IDX_I8:
		return (int8_t)value[0];
	default:
		return value[0];
	}
}

Status
idx_header_size(const uint8_t *magic, const char *name)
{
	unsigned type = magic[2], rank = magic[3];

	if (magic[0] || magic[1])
		return fail(STATUS_INPUT,
			    "%s: not an IDX file: it begins with the bytes %02x %02x %02x %02x, an IDX file with two zeros",
			    name, magic[0], magic[1], type, rank);
	if (type != IDX_U8 && type != IDX_I8 && type != IDX_I16 && type != IDX_I32)
		return fail(STATUS_INPUT, "%s: IDX values of type 0x%02x; expected whole numbers (0x08, 0x09, 0x0b or 0x0c)",
			    name, type);
	if (rank != 1 && rank != 3 && rank != 4)
		return fail(STATUS_INPUT, "%s: an IDX array of %u dimensions; expected 1 (labels), 3 or 4 (images)", name, rank);
	if (rank > 1 && type != IDX_U8)
		return fail(STATUS_INPUT, "%s: IDX images of type 0x%02x; expected bytes (0x08)", name, type);
	return (Status)(IDX_MAGIC_SIZE + 4 * rank);
}

static Status
check_sides(const IdxHeader *header, const char *name)
{
	uint32_t h = header->shape[1], w = header->shape[2], c = header->shape[3];

	if (!h || !w || !c || h > STREAM_SIDE_MOST || w > STREAM_SIDE_MOST || c > STREAM_CHANNELS_MOST)
		return fail(STATUS_INPUT, "%s: images of %ux%ux%u; expected 1 to %d pixels a side and 1 to %d channels", name, h,
			    w, c, STREAM_SIDE_MOST, STREAM_CHANNELS_MOST);
	return STATUS_OK;
}

Status
idx_parse(IdxHeader *header, const uint8_t *bytes, const char *name)
{
	Status size = idx_header_size(bytes, name);

	if (size < 0)
		return size;
	*header = (IdxHeader){ .type = bytes[2], .rank = bytes[3], .shape = { 1, 1, 1, 1 } };
	for (int i = 0; i < header->rank; i++)
		header->shape[i] = (uint32_t)idx_label(IDX_I32, bytes + IDX_MAGIC_SIZE + 4 * i);
	return check_sides(header, name);
}
