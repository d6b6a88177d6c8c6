/* decode/png.c: PNG, by libpng. */
#include "decode/decode.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

typedef struct PngState {
	png_structp png;
	png_infop info;
	const uint8_t *data;
	size_t size, at;
	uint8_t **rows;
	char reason[120];
} PngState;

static void
read_bytes(png_structp png, png_bytep to, size_t size)
{
	PngState *state = png_get_io_ptr(png);

	if (size > state->size - state->at)
		png_error(png, "truncated");
	memcpy(to, state->data + state->at, size);
	state->at += size;
}

static void
stop(png_structp png, png_const_charp reason)
{
	PngState *state = png_get_error_ptr(png);

	strncpy(state->reason, reason, sizeof state->reason - 1);
	png_longjmp(png, 1);
}

static void
ignore(png_structp png, png_const_charp reason)
{
	(void)png;
	(void)reason;
}

/* 8 bits a value; palettes and bits become values, a transparent colour becomes alpha. */
static void
ask_for_bytes(png_structp png, png_infop info)
{
	png_set_expand(png);
	png_set_scale_16(png);
	png_set_interlace_handling(png);
	png_read_update_info(png, info);
}

static Status
read_pixels(PngState *state, Picture *picture)
{
	png_structp png = state->png;

	png_read_info(png, state->info);
	ask_for_bytes(png, state->info);
	Status status = decode_allocate(picture, png_get_image_height(png, state->info), png_get_image_width(png, state->info),
					png_get_channels(png, state->info));

	if (status < 0)
		return status;
	state->rows = calloc(picture->height, sizeof *state->rows);
	if (!state->rows)
		return fail(STATUS_IO, "no memory for a picture");
	for (uint32_t y = 0; y < picture->height; y++)
		state->rows[y] = picture->pixels + (size_t)y * picture->width * picture->channels;
	png_read_image(png, state->rows);
	png_read_end(png, state->info);
	return STATUS_OK;
}

static Status
read_guarded(PngState *state, Picture *picture, int *orientation)
{
	png_bytep exif;
	png_uint_32 exif_size;

	if (setjmp(png_jmpbuf(state->png)))
		return fail(STATUS_INPUT, "PNG: %s", state->reason);
	png_set_read_fn(state->png, state, read_bytes);
	png_set_user_limits(state->png, DECODE_SIDE_MOST, DECODE_SIDE_MOST);
	png_set_chunk_malloc_max(state->png, 16 << 20);
	Status status = read_pixels(state, picture);

	if (status >= 0 && png_get_eXIf_1(state->png, state->info, &exif_size, &exif))
		*orientation = exif_orientation(exif, exif_size);
	return status;
}

Status
decode_png(const uint8_t *data, size_t size, Picture *picture, int *orientation)
{
	PngState state = { .data = data, .size = size };

	*picture = (Picture){ 0 };
	state.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, stop, ignore);
	state.info = state.png ? png_create_info_struct(state.png) : NULL;
	Status status = state.info ? read_guarded(&state, picture, orientation) : fail(STATUS_IO, "no memory for a picture");

	png_destroy_read_struct(&state.png, &state.info, NULL);
	free(state.rows);
	if (status < 0)
		free(picture->pixels);
	return status;
}
