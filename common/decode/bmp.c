/* decode/bmp.c: Windows bitmaps of 1, 4, 8, 16, 24 and 32 bits a pixel, not run-length encoded. */
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_HEADER = 14, CORE_HEADER = 12, INFO_HEADER = 40, RGB = 0, BITFIELDS = 3 };

typedef struct Bmp {
	const uint8_t *data;
	size_t size;
	uint32_t header, bits, compression, palette_count, palette_entry;
	size_t palette, pixels, stride;
	uint32_t mask[3];
	bool is_top_down;
	uint32_t height, width;
} Bmp;

static uint32_t
little(const uint8_t *at, int size)
{
	uint32_t value = 0;

	for (int i = 0; i < size; i++)
		value |= (uint32_t)at[i] << (8 * i);
	return value;
}

static Status
damaged(const char *what)
{
	return fail(STATUS_INPUT, "BMP: %s", what);
}

static Status
read_core(Bmp *bmp)
{
	const uint8_t *at = bmp->data + FILE_HEADER;

	bmp->width = little(at + 4, 2);
	bmp->height = little(at + 6, 2);
	bmp->bits = little(at + 10, 2);
	bmp->palette_entry = 3;
	return STATUS_OK;
}

static Status
read_info(Bmp *bmp)
{
	const uint8_t *at = bmp->data + FILE_HEADER;

	if (bmp->header < INFO_HEADER || bmp->size < FILE_HEADER + INFO_HEADER)
		return damaged("a header of unknown size");
	bmp->width = little(at + 4, 4);
	bmp->height = little(at + 8, 4);
	bmp->is_top_down = bmp->height >> 31;
	bmp->height = bmp->is_top_down ? 0 - bmp->height : bmp->height;
	bmp->bits = little(at + 14, 2);
	bmp->compression = little(at + 16, 4);
	bmp->palette_count = little(at + 32, 4);
	bmp->palette_entry = 4;
	if (bmp->compression == BITFIELDS && bmp->size < FILE_HEADER + INFO_HEADER + 12)
		return damaged("truncated");
	for (int i = 0; i < 3 && bmp->compression == BITFIELDS; i++)
		bmp->mask[i] = little(at + INFO_HEADER + 4 * i, 4);
	if (bmp->compression == BITFIELDS && bmp->header == INFO_HEADER)
		bmp->palette += 12;
	return STATUS_OK;
}

static Status
check(Bmp *bmp)
{
	uint32_t bits = bmp->bits;
	bool is_known = bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32;

	if (!is_known || (bmp->compression != RGB && !(bmp->compression == BITFIELDS && (bits == 16 || bits == 32))))
		return fail(STATUS_INPUT, "BMP: %u bits a pixel, compression %u; expected 1, 4, 8, 16, 24 or 32, not compressed", bits,
			    bmp->compression);
	if (bits <= 8 && (!bmp->palette_count || bmp->palette_count > 1U << bits))
		bmp->palette_count = 1U << bits;
	if (bmp->width > DECODE_SIDE_MOST || bmp->height > DECODE_SIDE_MOST)
		return fail(STATUS_INPUT, "BMP: a picture of %ux%u; expected at most %d pixels a side", bmp->height, bmp->width,
			    DECODE_SIDE_MOST);
	bmp->stride = ((size_t)bmp->width * bits + 31) / 32 * 4;
	if (bits <= 8 && (bmp->palette > bmp->size || bmp->size - bmp->palette < (size_t)bmp->palette_count * bmp->palette_entry))
		return damaged("truncated");
	if (bmp->pixels > bmp->size || bmp->size - bmp->pixels < bmp->stride * bmp->height)
		return damaged("truncated");
	if (bmp->compression == RGB && bits > 8)
		memcpy(bmp->mask, bits == 16 ? (uint32_t[]){ 0x7c00, 0x3e0, 0x1f } : (uint32_t[]){ 0xff0000, 0xff00, 0xff },
		       sizeof bmp->mask);
	return STATUS_OK;
}

/* What a mask lets through, as 0 to 255. */
static uint8_t
masked(uint32_t value, uint32_t mask)
{
	uint32_t most = mask ? mask >> __builtin_ctz(mask) : 0;

	return mask ? (uint8_t)(((uint64_t)((value & mask) >> __builtin_ctz(mask)) * 255 + most / 2) / most) : 0;
}

static Status
put_pixel(const Bmp *bmp, const uint8_t *row, uint32_t x, uint8_t *to)
{
	if (bmp->bits > 8) {
		uint32_t value = little(row + (size_t)x * (bmp->bits / 8), (int)bmp->bits / 8);

		for (int k = 0; k < 3; k++)
			to[k] = masked(value, bmp->mask[k]);
		return STATUS_OK;
	}
	size_t bit = (size_t)x * bmp->bits;
	uint32_t index = row[bit / 8] >> (8 - bmp->bits - bit % 8) & ((1U << bmp->bits) - 1);

	if (index >= bmp->palette_count)
		return damaged("a colour that its palette hasn't");
	const uint8_t *colour = bmp->data + bmp->palette + (size_t)index * bmp->palette_entry;

	to[0] = colour[2];
	to[1] = colour[1];
	to[2] = colour[0];
	return STATUS_OK;
}

Status
decode_bmp(const uint8_t *data, size_t size, Picture *picture)
{
	Bmp bmp = { .data = data, .size = size };

	if (size < FILE_HEADER + CORE_HEADER)
		return damaged("truncated");
	bmp.header = little(data + FILE_HEADER, 4);
	bmp.pixels = little(data + 10, 4);
	bmp.palette = FILE_HEADER + (size_t)bmp.header;
	Status status = bmp.header == CORE_HEADER ? read_core(&bmp) : read_info(&bmp);

	if (status < 0 || (status = check(&bmp)) < 0 || (status = decode_allocate(picture, bmp.height, bmp.width, 3)) < 0)
		return status;
	for (uint32_t y = 0; y < bmp.height && status >= 0; y++) {
		const uint8_t *row = data + bmp.pixels + (size_t)(bmp.is_top_down ? y : bmp.height - 1 - y) * bmp.stride;

		for (uint32_t x = 0; x < bmp.width && status >= 0; x++)
			status = put_pixel(&bmp, row, x, picture->pixels + ((size_t)y * bmp.width + x) * 3);
	}
	if (status < 0)
		free(picture->pixels);
	return status;
}
