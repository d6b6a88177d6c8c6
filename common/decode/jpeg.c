/* decode/jpeg.c: JPEG, by libjpeg(-turbo). */
#include "decode/decode.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

typedef struct JpegState {
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	jmp_buf back;
	char reason[JMSG_LENGTH_MAX];
	uint8_t *row; /* of CMYK */
} JpegState;

static void
stop(j_common_ptr jpeg)
{
	JpegState *state = jpeg->client_data;

	jpeg->err->format_message(jpeg, state->reason);
	longjmp(state->back, 1);
}

/* What the library mends by guessing is no picture: data that end or make no sense. Stray bytes between markers are harmless. */
static void
judge(j_common_ptr jpeg, int level)
{
	int code = jpeg->err->msg_code;

	if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC ||
			  code == JWRN_BOGUS_PROGRESSION || code == JWRN_NOT_SEQUENTIAL))
		stop(jpeg);
}

static int
orientation_of(const struct jpeg_decompress_struct *jpeg)
{
	for (jpeg_saved_marker_ptr marker = jpeg->marker_list; marker; marker = marker->next)
		if (marker->marker == JPEG_APP0 + 1 && marker->data_length > 6 && !memcmp(marker->data, "Exif\0\0", 6))
			return exif_orientation(marker->data + 6, marker->data_length - 6);
	return 1;
}

/* Ink to light; Adobe's programs store it inverted, which their marker tells. */
static void
from_ink(const uint8_t *ink, uint8_t *to, uint32_t width, bool is_inverted)
{
	for (uint32_t x = 0; x < width; x++, ink += 4, to += 3)
		for (int k = 0; k < 3; k++) {
			unsigned light = is_inverted ? ink[k] : 255U - ink[k], black = is_inverted ? ink[3] : 255U - ink[3];

			to[k] = (uint8_t)((light * black + 127) / 255);
		}
}

static Status
read_rows(JpegState *state, Picture *picture)
{
	struct jpeg_decompress_struct *jpeg = &state->jpeg;
	bool is_ink = jpeg->out_color_space == JCS_CMYK;
	size_t stride = (size_t)picture->width * picture->channels;

	state->row = is_ink ? malloc((size_t)picture->width * 4) : NULL;
	if (is_ink && !state->row)
		return fail(STATUS_IO, "no memory for a picture");
	while (jpeg->output_scanline < jpeg->output_height) {
		uint8_t *to = picture->pixels + jpeg->output_scanline * stride, *row = is_ink ? state->row : to;

		jpeg_read_scanlines(jpeg, &row, 1);
		if (is_ink)
			from_ink(row, to, picture->width, jpeg->saw_Adobe_marker);
	}
	jpeg_finish_decompress(jpeg);
	return STATUS_OK;
}

static Status
read_guarded(JpegState *state, const uint8_t *data, size_t size, Picture *picture, int *orientation)
{
	struct jpeg_decompress_struct *jpeg = &state->jpeg;

	if (setjmp(state->back))
		return fail(STATUS_INPUT, "JPEG: %s", state->reason);
	jpeg_create_decompress(jpeg);
	jpeg->client_data = state;
	jpeg_mem_src(jpeg, data, size);
	jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
	jpeg_read_header(jpeg, TRUE);
	*orientation = orientation_of(jpeg);
	bool is_ink = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;

	jpeg->out_color_space = is_ink ? JCS_CMYK : jpeg->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
	Status status = decode_allocate(picture, jpeg->image_height, jpeg->image_width, jpeg->num_components == 1 ? 1 : 3);

	if (status < 0)
		return status;
	jpeg_start_decompress(jpeg);
	return read_rows(state, picture);
}

Status
decode_jpeg(const uint8_t *data, size_t size, Picture *picture, int *orientation)
{
	JpegState *state = calloc(1, sizeof *state);

	*picture = (Picture){ 0 };
	if (!state)
		return fail(STATUS_IO, "no memory for a picture");
	state->jpeg.err = jpeg_std_error(&state->errors);
	state->jpeg.client_data = state;
	state->errors.error_exit = stop;
	state->errors.emit_message = judge;
	Status status = read_guarded(state, data, size, picture, orientation);

	jpeg_destroy_decompress(&state->jpeg);
	free(state->row);
	free(state);
	if (status < 0)
		free(picture->pixels);
	return status;
}
