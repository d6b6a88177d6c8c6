/* decode/decode.c: which format it is. */
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>

Status
decode_allocate(Picture *picture, uint64_t height, uint64_t width, uint32_t channels)
{
	if (!height || !width || height > DECODE_SIDE_MOST || width > DECODE_SIDE_MOST || height * width > DECODE_PIXELS_MOST)
		return fail(STATUS_INPUT, "a picture of %llux%llu; expected 1 to %d pixels a side, at most %d in all",
			    (unsigned long long)height, (unsigned long long)width, DECODE_SIDE_MOST, DECODE_PIXELS_MOST);
	*picture = (Picture){ (uint32_t)height, (uint32_t)width, channels, calloc(height * width, channels) };
	return picture->pixels ? STATUS_OK : fail(STATUS_IO, "no memory for a picture of %ux%u", picture->height, picture->width);
}

static bool
begins(const uint8_t *data, size_t size, const char *magic, size_t length)
{
	return size >= length && !memcmp(data, magic, length);
}

static Status
decode_any(const uint8_t *data, size_t size, Picture *picture, int *orientation)
{
	if (begins(data, size, "\x89PNG\r\n\x1a\n", 8))
		return decode_png(data, size, picture, orientation);
	if (begins(data, size, "\xff\xd8\xff", 3))
		return decode_jpeg(data, size, picture, orientation);
	if (begins(data, size, "RIFF", 4) && size >= 12 && !memcmp(data + 8, "WEBP", 4))
		return decode_webp(data, size, picture, orientation);
	if (begins(data, size, "II*\0", 4) || begins(data, size, "MM\0*", 4))
		return decode_tiff(data, size, picture, orientation);
	if (begins(data, size, "GIF8", 4))
		return decode_gif(data, size, picture);
	if (begins(data, size, "BM", 2))
		return decode_bmp(data, size, picture);
	if (size > 2 && data[0] == 'P' && data[1] >= '1' && data[1] <= '6')
		return decode_pnm(data, size, picture);
	if (!size)
		return fail(STATUS_INPUT, "empty");
	return fail(STATUS_INPUT, "no PNG, JPEG, WebP, GIF, TIFF, BMP, PBM, PGM or PPM file");
}

Status
decode(const uint8_t *data, size_t size, Picture *picture)
{
	int orientation = 1;
	Status status = decode_any(data, size, picture, &orientation);

	return status < 0 ? status : orient(picture, orientation);
}
