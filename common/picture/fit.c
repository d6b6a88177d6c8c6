/* picture/fit.c: colours and form. */
#include "picture/fit.h"

#include "picture/resize.h"

#include <stdlib.h>
#include <string.h>

static const char *const fit_names[FIT_COUNT] = { "pad", "crop", "stretch" };

const char *
fit_name(Fit fit)
{
	return fit_names[fit];
}

Fit
fit_of_name(const char *name)
{
	Fit fit = FIT_PAD;

	while (fit < FIT_COUNT && strcmp(fit_names[fit], name) != 0)
		fit++;
	return fit;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
background_parse(const char *text, uint8_t background[static 3])
{
	if (strlen(text) != 6)
		return false;
	for (int i = 0; i < 3; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		background[i] = (uint8_t)(16 * high + low);
	}
	return true;
}

/* ---- memory ---- */

static Status
picture_new(Picture *picture, uint32_t height, uint32_t width, uint32_t channels)
{
	size_t size;

	*picture = (Picture){ height, width, channels, NULL };
	if (__builtin_mul_overflow((size_t)height * width, channels, &size) || !(picture->pixels = malloc(size ? size : 1)))
		return fail(STATUS_IO, "no memory for a picture of %ux%ux%u", height, width, channels);
	return STATUS_OK;
}

/* ---- colours ---- */

static uint8_t
grey_of(const uint8_t *colour)
{
	return (uint8_t)((19595U * colour[0] + 38470U * colour[1] + 7471U * colour[2] + 32768U) >> 16);
}

/* a of 255 parts of it over what is below, rounded */
static uint8_t
over(unsigned value, unsigned below, unsigned alpha)
{
	return (uint8_t)((value * alpha + below * (255 - alpha) + 127) / 255);
}

/* One pixel as colour, alpha laid over the background. */
static void
colour_of(const uint8_t *pixel, uint32_t channels, const uint8_t *background, uint8_t colour[static 3])
{
	bool is_grey = channels <= 2, has_alpha = channels == 2 || channels == 4;

	for (int i = 0; i < 3; i++) {
		uint8_t value = is_grey ? pixel[0] : pixel[i];

		colour[i] = has_alpha ? over(value, background[i], pixel[channels - 1]) : value;
	}
}

static bool
is_grey(const uint8_t *colour)
{
	return colour[0] == colour[1] && colour[1] == colour[2];
}

/* How many channels there will be: as many as before, without alpha, where the form doesn't say. */
static uint32_t
channels_wanted(const Picture *in, const Form *form)
{
	if (form->channels)
		return form->channels;
	if (in->channels == 2)
		return is_grey(form->background) ? 1 : 3;
	return in->channels == 4 ? 3 : in->channels;
}

static Status
convert(const Picture *in, const Form *form, uint32_t channels, Picture *out)
{
	Status status = picture_new(out, in->height, in->width, channels);
	size_t count = (size_t)in->height * in->width;
	uint8_t colour[3];

	for (size_t i = 0; status >= 0 && i < count; i++) {
		colour_of(in->pixels + i * in->channels, in->channels, form->background, colour);
		if (channels == 3)
			memcpy(out->pixels + 3 * i, colour, 3);
		else
			out->pixels[i] = grey_of(colour);
	}
	return status;
}

/* ---- form ---- */

static uint32_t
rounded_share(uint64_t side, uint64_t wanted, uint64_t other)
{
	uint64_t share = (2 * side * wanted + other) / (2 * other);

	return share ? (uint32_t)share : 1;
}

/* The middle part of in that has the form's shape; pixels point into in. stride: of a row, in pixels */
static Picture
middle(const Picture *in, const Form *form, size_t *at)
{
	uint64_t is_wide = (uint64_t)in->width * form->height, is_high = (uint64_t)in->height * form->width;
	Picture part = *in;

	if (is_wide > is_high)
		part.width = rounded_share(in->height, form->width, form->height);
	else if (is_high > is_wide)
		part.height = rounded_share(in->width, form->height, form->width);
	part.width = part.width > in->width ? in->width : part.width;
	part.height = part.height > in->height ? in->height : part.height;
	*at = ((size_t)((in->height - part.height) / 2) * in->width + (in->width - part.width) / 2) * in->channels;
	return part;
}

static Status
crop(const Picture *in, const Form *form, Picture *out)
{
	size_t at, row;
	Picture cut, part = middle(in, form, &at);
	Status status = picture_new(&cut, part.height, part.width, in->channels);

	if (status < 0)
		return status;
	row = (size_t)part.width * in->channels;
	for (uint32_t y = 0; y < part.height; y++)
		memcpy(cut.pixels + y * row, in->pixels + at + (size_t)y * in->width * in->channels, row);
	status = resize(&cut, out);
	free(cut.pixels);
	return status;
}

static void
fill(Picture *out, const uint8_t *background)
{
	size_t count = (size_t)out->height * out->width;

	for (size_t i = 0; i < count; i++)
		for (uint32_t k = 0; k < out->channels; k++)
			out->pixels[i * out->channels + k] = out->channels == 3 ? background[k] : grey_of(background);
}

static Status
pad(const Picture *in, const Form *form, Picture *out)
{
	bool is_wide = (uint64_t)in->width * form->height > (uint64_t)in->height * form->width;
	Picture small;
	uint32_t height = is_wide ? rounded_share(in->height, form->width, in->width) : form->height;
	uint32_t width = is_wide ? form->width : rounded_share(in->width, form->height, in->height);
	Status status = picture_new(&small, height, width, in->channels);

	if (status < 0)
		return status;
	if ((status = resize(in, &small)) >= 0) {
		size_t row = (size_t)width * in->channels, stride = (size_t)out->width * in->channels;
		uint8_t *to = out->pixels + (out->height - height) / 2 * stride + (out->width - width) / 2 * in->channels;

		fill(out, form->background);
		for (uint32_t y = 0; y < height; y++)
			memcpy(to + y * stride, small.pixels + y * row, row);
	}
	free(small.pixels);
	return status;
}

static Status
shape(const Picture *in, const Form *form, Picture *out)
{
	Status status = picture_new(out, form->height ? form->height : in->height, form->width ? form->width : in->width,
				    in->channels);

	if (status < 0)
		return status;
	if (out->height == in->height && out->width == in->width)
		memcpy(out->pixels, in->pixels, (size_t)in->height * in->width * in->channels);
	else if (form->fit == FIT_CROP)
		status = crop(in, form, out);
	else
		status = form->fit == FIT_PAD ? pad(in, form, out) : resize(in, out);
	if (status < 0)
		free(out->pixels);
	return status;
}

Status
picture_fit(const Picture *in, const Form *form, Picture *out)
{
	uint32_t channels = channels_wanted(in, form);
	Picture converted;

	if (channels == in->channels)
		return shape(in, form, out);
	if (in->channels > 4 || (channels != 1 && channels != 3))
		return fail(STATUS_INPUT, "%u channels can't become %u; expected 1 (grey) or 3 (colour)", in->channels, channels);
	Status status = convert(in, form, channels, &converted);

	if (status < 0)
		return status;
	status = shape(&converted, form, out);
	free(converted.pixels);
	return status;
}
