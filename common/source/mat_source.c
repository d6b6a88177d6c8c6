/* source/mat_source.c */
#include "source/mat_source.h"

#include "memory.h"
#include "source/mat.h"
#include "source/samples.h"

#include <inttypes.h>

enum { DIGITS = 10 };

typedef struct MatState {
	Mat *mat;
	uint64_t h, w, c, n, done;
	uint8_t *labels;  /* [n] */
	uint8_t *columns; /* [c, w, h]: a picture as it is stored */
} MatState;

/* Go on to a variable. @return 1; STATUS_INPUT: there is none of that name */
static Status
find(Mat *mat, const char *name, MatVariable *variable)
{
	Status status;

	while ((status = mat_next(mat, variable)) > 0)
		if (!strcmp(variable->name, name))
			return 1;
	return status < 0 ? status : fail(STATUS_INPUT, "%s: no variable \"%s\"; expected X, the pictures, and y, their digits",
					  mat_name(mat), name);
}

/* from [c, w, h] to [h, w, c] */
static void
transpose(const MatState *state, uint8_t *image)
{
	const uint8_t *from = state->columns;

	for (uint64_t c = 0; c < state->c; c++)
		for (uint64_t x = 0; x < state->w; x++)
			for (uint64_t y = 0; y < state->h; y++)
				image[(y * state->w + x) * state->c + c] = *from++;
}

/* What lies behind the pictures, to the file's end. */
static Status
drain(Mat *mat)
{
	MatVariable ignored;
	Status status;

	while ((status = mat_next(mat, &ignored)) > 0)
		;
	return status;
}

static Status
read_one(void *own, Sample *sample)
{
	MatState *state = own;

	if (state->done == state->n)
		return drain(state->mat);
	Status status = mat_read(state->mat, state->columns, state->h * state->w * state->c);

	if (status < 0)
		return status;
	transpose(state, sample->image);
	sample->label = state->labels[state->done++];
	return 1;
}

static void
close_one(void *own)
{
	MatState *state = own;

	mat_close(state->mat);
	free(state->labels);
	free(state->columns);
	free(state);
}

static const SamplesKind mat_kind = { .read = read_one, .close = close_one };

/* ---- opening ---- */

static Status
read_label(Mat *mat, const MatVariable *variable, uint64_t at, uint8_t *label)
{
	uint8_t value[8];
	int64_t number = -1;
	Status status = mat_read(mat, value, variable->size);

	if (status < 0)
		return status;
	if (!mat_integer(variable, value, &number) || number < 0 || number > DIGITS)
		return fail(STATUS_INPUT, "%s: y of sample %" PRIu64 " is no digit; expected 1 to 9, or 10 for 0", mat_name(mat), at);
	*label = (uint8_t)(number % DIGITS);
	return STATUS_OK;
}

/* Memory grows with what is really there, not with what the file promises. */
static Status
read_labels(MatState *state, Mat *mat)
{
	MatVariable variable;
	uint64_t room = 0;
	Status status = find(mat, "y", &variable);

	if (status < 0)
		return status;
	if (!variable.kind || variable.count != state->n)
		return fail(STATUS_INPUT, "%s: y has %" PRIu64 " values, X has %" PRIu64 " pictures; expected as many whole numbers",
			    mat_name(mat), variable.count, state->n);
	for (uint64_t i = 0; i < state->n; i++) {
		if (i == room) {
			room = room ? 2 * room : 4096;
			state->labels = memory_grow(state->labels, room, 1);
		}
		if ((status = read_label(mat, &variable, i, &state->labels[i])) < 0)
			return status;
	}
	return STATUS_OK;
}

static Status
find_images(MatState *state)
{
	MatVariable variable;
	Status status = find(state->mat, "X", &variable);

	if (status < 0)
		return status;
	if (variable.kind != 'u' || variable.size != 1 || variable.rank < 3)
		return fail(STATUS_INPUT, "%s: X has %d dimensions and values of type %c%u; expected bytes [h, w, c, n]",
			    mat_name(state->mat), variable.rank, variable.kind ? variable.kind : '?', variable.size);
	state->h = variable.shape[0];
	state->w = variable.shape[1];
	state->c = variable.shape[2];
	state->n = variable.shape[3];
	if (state->h > STREAM_SIDE_MOST || state->w > STREAM_SIDE_MOST || state->c > STREAM_CHANNELS_MOST)
		return fail(STATUS_INPUT, "%s: X has pictures of %" PRIu64 "x%" PRIu64 "x%" PRIu64 "; expected at most %d pixels a side",
			    mat_name(state->mat), state->h, state->w, state->c, STREAM_SIDE_MOST);
	return STATUS_OK;
}

static Status
prepare(MatState *state, Bytes *labels, About *about)
{
	Mat *digits = NULL;
	Status status = find_images(state);

	if (status >= 0)
		status = samples_about(about, (uint32_t)state->h, (uint32_t)state->w, (uint32_t)state->c, 0, mat_name(state->mat));
	if (status >= 0 && (status = mat_open(&digits, labels)) >= 0)
		status = read_labels(state, digits);
	mat_close(digits);
	if (status < 0)
		return status;
	state->columns = memory_zeroed(state->h * state->w, state->c);
	return samples_number_classes(about, DIGITS);
}

Status
mat_source_open(Source *source, Bytes *images, Bytes *labels, int64_t first_id)
{
	MatState *state = memory_zeroed(1, sizeof *state);
	About about = { 0 };
	Status status = mat_open(&state->mat, images);

	if (status >= 0)
		status = prepare(state, labels, &about);
	bytes_close(labels);
	if (status >= 0)
		return samples_open(source, &mat_kind, state, &about, mat_name(state->mat), first_id, 0);
	about_release(&about);
	close_one(state);
	return status;
}
