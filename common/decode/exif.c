/* decode/exif.c: which way is up. */
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY = 12 };

static uint32_t
number(const uint8_t *at, int size, bool is_big_endian)
{
	uint32_t value = 0;

	for (int i = 0; i < size; i++)
		value |= (uint32_t)at[is_big_endian ? size - 1 - i : i] << (8 * i);
	return value;
}

int
exif_orientation(const uint8_t *data, size_t size)
{
	bool is_big_endian = size >= 2 && data[0] == 'M';
	size_t at = size >= 8 ? number(data + 4, 4, is_big_endian) : size;

	if (at >= size || size - at < 2)
		return 1;
	uint32_t count = number(data + at, 2, is_big_endian);

	for (at += 2; count-- && size - at >= ENTRY; at += ENTRY) {
		if (number(data + at, 2, is_big_endian) != TAG_ORIENTATION)
			continue;
		uint32_t value = number(data + at + 8, 2, is_big_endian);

		return number(data + at + 2, 2, is_big_endian) == TYPE_SHORT && value >= 1 && value <= 8 ? (int)value : 1;
	}
	return 1;
}

/* Where the upright pixel (y, x) is stored. */
static size_t
stored_at(const Picture *stored, int orientation, uint32_t y, uint32_t x)
{
	bool is_transposed = orientation >= 5;
	uint32_t row = is_transposed ? x : y, column = is_transposed ? y : x;
	bool mirrors_columns = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
	bool mirrors_rows = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;

	/* of a transposed picture, rows run along the upright x: 6 is stored turned left, 8 turned right */
	if (mirrors_rows)
		row = stored->height - 1 - row;
	if (mirrors_columns)
		column = stored->width - 1 - column;
	return ((size_t)row * stored->width + column) * stored->channels;
}

Status
orient(Picture *picture, int orientation)
{
	Picture upright = *picture;
	size_t size = (size_t)picture->height * picture->width * picture->channels;

	if (orientation <= 1 || orientation > 8)
		return STATUS_OK;
	if (orientation >= 5) {
		upright.height = picture->width;
		upright.width = picture->height;
	}
	upright.pixels = malloc(size);
	if (!upright.pixels) {
		free(picture->pixels);
		return fail(STATUS_IO, "no memory to turn a picture");
	}
	uint8_t *to = upright.pixels;

	for (uint32_t y = 0; y < upright.height; y++)
		for (uint32_t x = 0; x < upright.width; x++, to += picture->channels)
			memcpy(to, picture->pixels + stored_at(picture, orientation, y, x), picture->channels);
	free(picture->pixels);
	*picture = upright;
	return STATUS_OK;
}
