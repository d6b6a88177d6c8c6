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
	PicturePlace from; /* its texts are not looked at */
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
	if (job->place)
		return fail(job->status, "%s: %s: %s", job->place, job->name, job->reason);
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
	state->from.close(state->from.supplier.context);
	job_release(&state->first);
	job_release(&state->job);
	free(state->first_name);
	free(state->place);
	free(state);
}

static bool
picture_would_wait(void *own)
{
	const PictureState *state = own;

	return state->from.would_wait && !state->first.name && pool_is_idle(state->pool) &&
	       state->from.would_wait(state->from.supplier.context);
}

static const SamplesKind many_kind = { .read = picture_read, .would_wait = picture_would_wait, .close = picture_close };
static const SamplesKind single_kind = { .read = picture_read, .close = picture_close, .is_single = true };

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
prepare(PictureState *state, const SourceRequest *request, About *about)
{
	Status status = pool_open(&state->pool, &state->from.supplier, &request->form, threads_default(0), request->seed);

	if (status < 0) {
		state->pool = NULL;
		return status;
	}
	if ((status = look_at_first(state, &request->form)) < 0)
		return status;
	status = samples_about(about, state->height, state->width, state->channels, state->from.longest ? state->from.longest : 1,
			       *state->place ? state->place : "the list");
	if (status >= 0)
		form_describe(&request->form, about->input);
	return status;
}

Status
picture_source_open(Source *source, const PicturePlace *place, uint32_t class_count, char *const *classes, int64_t first_id,
		    const SourceRequest *request)
{
	PictureState *state = memory_zeroed(1, sizeof *state);
	About about = { 0 };

	*state = (PictureState){ .from = *place, .place = memory_text(place->name), .skips = request->skips_bad,
				 .skipped = request->skipped };
	Status status = prepare(state, request, &about);

	if (status >= 0)
		status = about_set_classes(&about, class_count, (const char *const *)classes);
	if (status >= 0)
		return samples_open(source, place->is_single ? &single_kind : &many_kind, state, &about, place->source, first_id,
				    request->seed);
	about_release(&about);
	picture_close(state);
	return status;
}

/* ---- folders, archives, lists ---- */

static void
close_supply(void *context)
{
	picture_supply_close(context);
	free(context);
}

static PicturePlace
place_of(PictureSupply *supply, const char *name, const char *source)
{
	return (PicturePlace){
		.supplier = { .context = supply, .next = picture_supply_next, .load = picture_supply_load },
		.close = close_supply, .name = name, .source = source, .longest = supply->longest,
	};
}

Status
picture_source_open_tree(Source *source, const Files *files, const PictureNames *names, Split split, int64_t first_id,
			 const SourceRequest *request)
{
	PictureSupply *supply = memory_zeroed(1, sizeof *supply);
	Status status = picture_supply_open_tree(supply, files, names, split);
	PicturePlace place = place_of(supply, files->name, files->name);

	place.longest = names->longest;
	place.supplier.is_ready = true;
	if (status >= 0)
		return picture_source_open(source, &place, names->class_count, names->classes, first_id, request);
	close_supply(supply);
	return status;
}

Status
picture_source_open_list(Source *source, const SourceRequest *request)
{
	PictureSupply *supply = memory_zeroed(1, sizeof *supply);
	Status status = picture_supply_open_list(supply, request->list, request->paths, request->path_count);
	PicturePlace place = place_of(supply, "", request->list ? request->list : request->paths[0]);

	if (request->list) {
		place.is_single = true;
		place.longest = SAMPLE_NAME_MOST;
	} else
		place.supplier.is_ready = true;
	if (status >= 0)
		return picture_source_open(source, &place, 0, NULL, 0, request);
	close_supply(supply);
	return status;
}
