/* decode/webp.c: WebP, by libwebp. */
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>

static uint32_t
little(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Chunks: four letters, their length, their bytes, padded to an even number. */
static int
orientation_of(const uint8_t *data, size_t size)
{
	for (size_t at = 12; size - at >= 8;) {
		size_t length = little(data + at + 4), rest = size - at - 8;

		if (length > rest)
			return 1;
		if (!memcmp(data + at, "EXIF", 4)) {
			bool has_name = length > 6 && !memcmp(data + at + 8, "Exif\0\0", 6);

			return exif_orientation(data + at + 8 + (has_name ? 6 : 0), length - (has_name ? 6 : 0));
		}
		length += length & 1;
		if (length > rest)
			return 1;
		at += 8 + length;
	}
	return 1;
}

Status
decode_webp(const uint8_t *data, size_t size, Picture *picture, int *orientation)
{
	WebPBitstreamFeatures features;

	if (WebPGetFeatures(data, size, &features) != VP8_STATUS_OK)
		return fail(STATUS_INPUT, "WebP: truncated or damaged within its header");
	if (features.has_animation)
		return fail(STATUS_INPUT, "WebP: an animation; expected one picture");
	Status status = decode_allocate(picture, (uint64_t)features.height, (uint64_t)features.width, features.has_alpha ? 4 : 3);

	if (status < 0)
		return status;
	size_t stride = (size_t)picture->width * picture->channels, room = stride * picture->height;
	const uint8_t *done = features.has_alpha ? WebPDecodeRGBAInto(data, size, picture->pixels, room, (int)stride) :
						   WebPDecodeRGBInto(data, size, picture->pixels, room, (int)stride);

	*orientation = orientation_of(data, size);
	if (done)
		return STATUS_OK;
	free(picture->pixels);
	return fail(STATUS_INPUT, "WebP: truncated or damaged");
}
