/* source/fitted.c: records of pictures of another size. */
#include "source/fitted.h"

#include "memory.h"

typedef struct FittedState {
	Source inner;
	Form form;
	Tensor *tensors; /* the inner source's, but for the image */
	uint8_t *pixels;
	size_t room; /* bytes */
} FittedState;

static Status
fit_image(FittedState *state, const About *about, Tensor *image)
{
	const About *from = &state->inner.about;
	size_t row = (size_t)about->height * about->width * about->channels, size = image->shape[0] * row;

	if (size > state->room) {
		uint8_t *larger = realloc(state->pixels, size);

		if (!larger)
			return fail(STATUS_IO, "no memory for a record of %zu bytes", size);
		state->pixels = larger;
		state->room = size;
	}
	for (uint64_t i = 0; i < image->shape[0]; i++) {
		Picture in = { from->height, from->width, from->channels, image->data + i * tensor_row_size(image) }, out;
		Status status = picture_fit(&in, &state->form, &out);

		if (status < 0)
			return status;
		memcpy(state->pixels + i * row, out.pixels, row);
		free(out.pixels);
	}
	image->shape[1] = about->height;
	image->shape[2] = about->width;
	image->shape[3] = about->channels;
	image->data = state->pixels;
	image->size = size;
	return STATUS_OK;
}

static Status
fitted_next(Source *source, Record *record)
{
	FittedState *state = source->state;
	Status status = source_next(&state->inner, record);

	if (status <= 0)
		return status;
	memcpy(state->tensors, record->tensors, record->tensor_count * sizeof *record->tensors);
	record->tensors = state->tensors;
	status = fit_image(state, &source->about, record_find(record, "image"));
	return status < 0 ? status : 1;
}

static bool
fitted_stored_hash(const Source *source, uint64_t row, uint64_t seed, uint64_t *hash)
{
	return source_stored_hash(&((const FittedState *)source->state)->inner, row, seed, hash);
}

static Status
fitted_finish(Source *source)
{
	return source_finish(&((FittedState *)source->state)->inner);
}

static json_t *
fitted_inputs(const Source *source)
{
	return source_inputs(&((const FittedState *)source->state)->inner);
}

static void
fitted_close(Source *source)
{
	FittedState *state = source->state;

	source_close(&state->inner);
	free(state->tensors);
	free(state->pixels);
	free(state);
}

static const SourceKind fitted_kind = {
	.next = fitted_next,
	.stored_hash = fitted_stored_hash,
	.finish = fitted_finish,
	.inputs = fitted_inputs,
	.close = fitted_close,
};

/* The same columns, the image's shape apart, which changes no order. */
static void
describe(About *about, const Form *form)
{
	Column *image = &about->columns[about_find(about, "image")];

	about->height = form->height;
	about->width = form->width;
	about->channels = form->channels;
	image->shape[0] = form->height;
	image->shape[1] = form->width;
	image->shape[2] = form->channels;
	image->row_size = (size_t)form->height * form->width * form->channels;
	json_object_set_new(about->input, "h", json_integer(form->height));
	json_object_set_new(about->input, "w", json_integer(form->width));
	json_object_set_new(about->input, "c", json_integer(form->channels));
	form_describe(form, about->input);
}

Status
fitted_open(Source *source, Source *inner, const Form *form)
{
	const About *about = &inner->about;
	Form whole = *form;

	whole.height = form->height ? form->height : about->height;
	whole.width = form->width ? form->width : about->width;
	whole.channels = form->channels ? form->channels : about->channels;
	if (whole.height == about->height && whole.width == about->width && whole.channels == about->channels) {
		Source same = *inner;

		*inner = (Source){ 0 };
		*source = same;
		return STATUS_OK;
	}
	FittedState *state = memory_zeroed(1, sizeof *state);

	*state = (FittedState){ .inner = *inner, .form = whole };
	state->tensors = memory_zeroed(about->column_count, sizeof *state->tensors);
	*inner = (Source){ 0 };
	source_wrap(source, &state->inner, &fitted_kind, state);
	describe(&source->about, &whole);
	return STATUS_OK;
}
