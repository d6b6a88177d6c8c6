#include "export/png.h"

#include <png.h>

#include <stdlib.h>
#include <string.h>

static png_image
image_of(const Encoder *encoder)
{
	png_image image = { .version = PNG_IMAGE_VERSION };

	image.height = encoder->height;
	image.width = encoder->width;
	image.format = encoder->channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
	return image;
}

Status
encoder_init(Encoder *encoder, const About *about)
{
	*encoder = (Encoder){ .height = about->height, .width = about->width, .channels = about->channels };
	if (encoder->channels != 1 && encoder->channels != 3)
		return fail(STATUS_INPUT, "the pictures have %u channels; PNG takes 1 (grey) or 3 (red, green, blue): try npy",
			    encoder->channels);
	png_image image = image_of(encoder);
	encoder->capacity = PNG_IMAGE_PNG_SIZE_MAX(image);
	encoder->bytes = malloc(encoder->capacity);
	return encoder->bytes ? STATUS_OK : fail_errno("no memory for a picture");
}

Status
encoder_run(Encoder *encoder, const uint8_t *pixels)
{
	png_image image = image_of(encoder);
	png_alloc_size_t size = encoder->capacity;

	if (!png_image_write_to_memory(&image, encoder->bytes, &size, 0, pixels, 0, NULL))
		return fail(STATUS_IO, "libpng: %s", image.message);
	encoder->size = size;
	return STATUS_OK;
}

void
encoder_release(Encoder *encoder)
{
	free(encoder->bytes);
	*encoder = (Encoder){ 0 };
}
