/* source/picture_source.c: what all picture files share: decode, check, skip or stop. */
#include "source/picture_source.h"

#include "cli/message.h"
#include "cli/threads.h"
#include "memory.h"
#include "source/picture_supply.h"
#include "source/pool.h"
#include "source/samples.h"

#include <inttypes.h>

typedef struct PictureState {
	PictureSupply supply;
	Pool *pool;
	char *place; /* for messages: "" for a list */
	bool skips;
	uint64_t *skipped;
	Job first; /* looked at before the first record; name NULL: sent already */
	Job job;   /* sent last: its name is still needed */
	char *first_name;
	uint32_t height, width, channels;
} PictureState;

static Status
fail_picture(const PictureState *state, const Job *job)
{
	return fail(job->status, "%s%s%s: %s", state->place, *state->place ? "/" : "", job->name, job->reason);
}

/* The next picture that could be decoded; bad ones are an error, or are named and passed over. */
static Status
next_good(PictureState *state, Job *job)
{
	Status status;

	while ((status = pool_next(state->pool, job)) > 0 && job->reason) {
		status = fail_picture(state, job);
		job_release(job);
		if (!state->skips)
			return status;
		warn("%s; skipped", status_message());
		++*state->skipped;
	}
	return status;
}

static Status
check_size(const PictureState *state, const Job *job)
{
	const Picture *picture = &job->picture;

	if (picture->height == state->height && picture->width == state->width && picture->channels == state->channels)
		return STATUS_OK;
	bool is_colour = picture->height == state->height && picture->width == state->width;

	return fail(STATUS_INPUT, "%s is %ux%ux%u, %s is %ux%ux%u; make them equal with %s", state->first_name, state->height,
		    state->width, state->channels, job->name, picture->height, picture->width, picture->channels,
		    is_colour ? "--channels 1 or --channels 3" : "--size HxW (see --fit)");
}

static Status
picture_read(void *own, Sample *sample)
{
	PictureState *state = own;
	Status status = 1;

	job_release(&state->job);
	if (state->first.name) {
		state->job = state->first;
		state->first = (Job){ 0 };
	} else
		status = next_good(state, &state->job);
	if (status <= 0)
		return status;
	if ((status = check_size(state, &state->job)) < 0)
		return status;
	memcpy(sample->image, state->job.picture.pixels, (size_t)state->height * state->width * state->channels);
	sample->label = state->job.label;
	sample->name = state->job.name;
	sample->has_stored_hash = true;
	sample->stored_hash = state->job.hash;
	return 1;
}

static void
picture_close(void *own)
{
	PictureState *state = own;

	if (state->pool)
		pool_close(state->pool);
	picture_supply_close(&state->supply);
	job_release(&state->first);
	job_release(&state->job);
	free(state->first_name);
	free(state->place);
	free(state);
}

static const SamplesKind tree_kind = { .read = picture_read, .close = picture_close };
static const SamplesKind list_kind = { .read = picture_read, .close = picture_close, .is_single = true };

/* ---- opening ---- */

/* The first picture says what all of them are, as far as the form doesn't. */
static Status
look_at_first(PictureState *state, const Form *form)
{
	Status status = next_good(state, &state->first);

	state->height = form->height;
	state->width = form->width;
	state->channels = form->channels;
	if (status > 0) {
		state->height = state->first.picture.height;
		state->width = state->first.picture.width;
		state->channels = state->first.picture.channels;
		state->first_name = memory_text(state->first.name);
	}
	if (status != 0 || (form->height && form->channels))
		return status;
	return fail(STATUS_INPUT, "%s: no picture%s", *state->place ? state->place : "the list",
		    *state->skipped ? " that can be decoded" : "");
}

static Status
prepare(PictureState *state, const SourceRequest *request, uint64_t name_width, About *about)
{
	const PoolSupplier supplier = { &state->supply, picture_supply_next, picture_supply_load };
	Status status = pool_open(&state->pool, &supplier, &request->form, threads_default(0), request->seed);

	if (status < 0) {
		state->pool = NULL;
		return status;
	}
	if ((status = look_at_first(state, &request->form)) < 0)
		return status;
	status = samples_about(about, state->height, state->width, state->channels, name_width ? name_width : 1,
			       *state->place ? state->place : "the list");
	if (status >= 0)
		form_describe(&request->form, about->input);
	return status;
}

static PictureState *
state_new(const char *place, const SourceRequest *request)
{
	PictureState *state = memory_zeroed(1, sizeof *state);

	state->place = memory_text(place);
	state->skips = request->skips_bad;
	state->skipped = request->skipped;
	return state;
}

Status
picture_source_open_tree(Source *source, const Files *files, const PictureNames *names, Split split, int64_t first_id,
			 const SourceRequest *request)
{
	PictureState *state = state_new(files->name, request);
	About about = { 0 };
	Status status = picture_supply_open_tree(&state->supply, files, names, split);

	if (status >= 0)
		status = prepare(state, request, names->longest, &about);
	if (status >= 0)
		status = about_set_classes(&about, names->class_count, (const char *const *)names->classes);
	if (status >= 0)
		return samples_open(source, &tree_kind, state, &about, files->name, first_id, request->seed);
	about_release(&about);
	picture_close(state);
	return status;
}

Status
picture_source_open_list(Source *source, const SourceRequest *request)
{
	PictureState *state = state_new("", request);
	About about = { 0 };
	bool is_single = request->list != NULL;
	Status status = picture_supply_open_list(&state->supply, request->list, request->paths, request->path_count);

	if (status >= 0)
		status = prepare(state, request, is_single ? SAMPLE_NAME_MOST : state->supply.longest, &about);
	if (status >= 0)
		return samples_open(source, is_single ? &list_kind : &tree_kind, state, &about,
				    is_single ? request->list : request->paths[0], 0, request->seed);
	about_release(&about);
	picture_close(state);
	return status;
}
