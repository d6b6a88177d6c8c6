/* decode/tiff.c: TIFF's first picture, by libtiff. */
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

typedef struct Memory {
	const uint8_t *data;
	size_t size, at;
} Memory;

static tmsize_t
read_memory(thandle_t handle, void *to, tmsize_t size)
{
	Memory *memory = handle;
	size_t left = memory->at < memory->size ? memory->size - memory->at : 0;
	size_t count = (size_t)size < left ? (size_t)size : left;

	memcpy(to, memory->data + memory->at, count);
	memory->at += count;
	return (tmsize_t)count;
}

static tmsize_t
write_nothing(thandle_t handle, void *from, tmsize_t size)
{
	(void)handle;
	(void)from;
	(void)size;
	return 0;
}

static toff_t
seek_memory(thandle_t handle, toff_t offset, int whence)
{
	Memory *memory = handle;

	memory->at = offset + (whence == SEEK_CUR ? memory->at : whence == SEEK_END ? memory->size : 0);
	memory->at = memory->at > memory->size ? memory->size : memory->at;
	return memory->at;
}

static int
close_memory(thandle_t handle)
{
	(void)handle;
	return 0;
}

static toff_t
size_memory(thandle_t handle)
{
	return ((Memory *)handle)->size;
}

static uint8_t
undo_alpha(unsigned value, unsigned alpha)
{
	unsigned whole = alpha ? (value * 255 + alpha / 2) / alpha : 0;

	return (uint8_t)(whole > 255 ? 255 : whole);
}

/* The library's pixels are 0xAABBGGRR, colours multiplied by alpha. */
static void
unpack(const uint32_t *raster, const Picture *picture)
{
	size_t count = (size_t)picture->height * picture->width;
	uint32_t c = picture->channels;

	for (size_t i = 0; i < count; i++) {
		uint8_t *to = picture->pixels + i * c;
		unsigned alpha = TIFFGetA(raster[i]), colour[] = { TIFFGetR(raster[i]), TIFFGetG(raster[i]), TIFFGetB(raster[i]) };
		bool has_alpha = c == 2 || c == 4;

		for (uint32_t k = 0; k < (c < 3 ? 1 : 3); k++)
			to[k] = has_alpha ? undo_alpha(colour[k], alpha) : (uint8_t)colour[k];
		if (has_alpha)
			to[c - 1] = (uint8_t)alpha;
	}
}

static Status
read_picture(TIFF *tiff, Picture *picture, int *orientation)
{
	uint32_t height = 0, width = 0;
	uint16_t photometric = PHOTOMETRIC_RGB, extra = 0, *kinds = NULL, turned = ORIENTATION_TOPLEFT;

	TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
	TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
	TIFFGetFieldDefaulted(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
	TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
	TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &turned);
	bool is_grey = photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE;
	bool has_alpha = extra > 0 && kinds && kinds[0] != EXTRASAMPLE_UNSPECIFIED;
	Status status = decode_allocate(picture, height, width, (is_grey ? 1U : 3U) + has_alpha);

	if (status < 0)
		return status;
	uint32_t *raster = calloc((size_t)height * width, sizeof *raster);

	*orientation = turned >= 1 && turned <= 8 ? turned : 1;
	if (!raster)
		status = fail(STATUS_IO, "no memory for a picture");
	else if (!TIFFReadRGBAImageOriented(tiff, width, height, raster, *orientation, 1))
		status = fail(STATUS_INPUT, "TIFF: truncated, damaged, or of a kind that the library doesn't know");
	else
		unpack(raster, picture);
	free(raster);
	if (status < 0)
		free(picture->pixels);
	return status;
}

Status
decode_tiff(const uint8_t *data, size_t size, Picture *picture, int *orientation)
{
	Memory memory = { data, size, 0 };

	TIFFSetErrorHandler(NULL);
	TIFFSetWarningHandler(NULL);
	TIFF *tiff = TIFFClientOpen("picture", "rm", &memory, read_memory, write_nothing, seek_memory, close_memory, size_memory,
				    NULL, NULL);

	if (!tiff)
		return fail(STATUS_INPUT, "TIFF: truncated or damaged within its header");
	Status status = read_picture(tiff, picture, orientation);

	TIFFClose(tiff);
	return status;
}
