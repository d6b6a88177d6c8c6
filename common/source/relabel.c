/* source/relabel.c: a map from the source's labels to others. */
#include "source/relabel.h"

#include "memory.h"
#include "source/chosen.h"

#include <stdio.h>

enum { DROPPED = -2 };

typedef struct RelabelState {
	Source inner;
	int32_t *map; /* [inner.about.class_count]: another label, or DROPPED */
	int32_t unlabelled; /* -1 or DROPPED */
	Chosen chosen;
} RelabelState;

static Status
relabel(RelabelState *state, Record *record)
{
	int32_t *labels = (int32_t *)record_find(record, "label")->data;
	Status status = chosen_begin(&state->chosen, record);
	bool drops = false;

	for (uint64_t i = 0; status >= 0 && i < record->n; i++) {
		labels[i] = labels[i] < 0 ? state->unlabelled : state->map[labels[i]];
		if (labels[i] == DROPPED)
			state->chosen.keep[i] = 0, drops = true;
	}
	if (status >= 0 && (drops || state->unlabelled == DROPPED))
		chosen_apply(&state->chosen, record);
	else
		for (uint64_t i = 0; status >= 0 && i < record->n; i++)
			state->chosen.rows[i] = i;
	return status;
}

static Status
relabel_next(Source *source, Record *record)
{
	RelabelState *state = source->state;
	Status status;

	/* a record that nothing is left of is not sent */
	do {
		if ((status = source_next(&state->inner, record)) <= 0)
			return status;
		if ((status = relabel(state, record)) < 0)
			return status;
	} while (!record->n);
	return 1;
}

static bool
relabel_stored_hash(const Source *source, uint64_t row, uint64_t seed, uint64_t *hash)
{
	const RelabelState *state = source->state;

	return source_stored_hash(&state->inner, state->chosen.rows[row], seed, hash);
}

static Status
relabel_finish(Source *source)
{
	return source_finish(&((RelabelState *)source->state)->inner);
}

static json_t *
relabel_inputs(const Source *source)
{
	return source_inputs(&((const RelabelState *)source->state)->inner);
}

static void
relabel_close(Source *source)
{
	RelabelState *state = source->state;

	source_close(&state->inner);
	chosen_release(&state->chosen);
	free(state->map);
	free(state);
}

static const SourceKind relabel_kind = {
	.next = relabel_next,
	.stored_hash = relabel_stored_hash,
	.finish = relabel_finish,
	.inputs = relabel_inputs,
	.close = relabel_close,
};

/* ---- what all three share ---- */

static RelabelState *
relabel_begin(Source *source, Source *inner)
{
	RelabelState *state = memory_zeroed(1, sizeof *state);

	state->inner = *inner;
	*inner = (Source){ 0 };
	state->unlabelled = -1;
	state->map = memory_zeroed(state->inner.about.class_count, sizeof *state->map);
	source_wrap(source, &state->inner, &relabel_kind, state);
	return state;
}

static Status
check_plain(const Source *source, const char *option)
{
	if (source->about.epochs)
		return fail(STATUS_USAGE, "%s: %s repeats its samples epoch by epoch; choose before fm-augment --epochs", option,
			    source->name);
	if (about_find(&source->about, "prob") >= 0)
		return fail(STATUS_USAGE, "%s: %s holds predictions, one a class; choose before fm-predict", option, source->name);
	return STATUS_OK;
}

static int32_t
find_class(const About *about, const char *name, size_t length)
{
	for (uint32_t i = 0; i < about->class_count; i++)
		if (!strncmp(about->classes[i], name, length) && !about->classes[i][length])
			return (int32_t)i;
	return -1;
}

static Status
fail_class(const Source *source, const char *option, const char *name, size_t length)
{
	const About *about = &source->about;

	if (!about->class_count)
		return fail(STATUS_USAGE, "%s: %s has no classes", option, source->name);
	return fail(STATUS_USAGE, "%s: %s has no class \"%.*s\"; its %u classes are \"%s\" to \"%s\"", option, source->name,
		    (int)length, name, about->class_count, about->classes[0], about->classes[about->class_count - 1]);
}

static Status
relabel_end(Source *source, Status status)
{
	if (status < 0)
		source_close(source);
	return status;
}

/* ---- --class ---- */

const char *
class_list_parse(const char *text)
{
	static const char expected[] = "names of classes, separated by commas";

	if (!*text || *text == ',' || text[strlen(text) - 1] == ',' || strstr(text, ",,"))
		return expected;
	return NULL;
}

/* Keep the named ones, numbered anew. */
static Status
choose(RelabelState *state, Source *source, const char *list)
{
	const About *about = &state->inner.about;
	const char **names = memory_zeroed(about->class_count, sizeof *names);
	uint32_t count = 0;

	for (uint32_t i = 0; i < about->class_count; i++)
		state->map[i] = DROPPED;
	for (const char *name = list; *name; name += *name == ',') {
		size_t length = strcspn(name, ",");
		int32_t found = find_class(about, name, length);

		if (found < 0) {
			free(names);
			return fail_class(source, "--class", name, length);
		}
		state->map[found] = 0;
		name += length;
	}
	for (uint32_t i = 0; i < about->class_count; i++)
		if (state->map[i] != DROPPED) {
			names[count] = about->classes[i];
			state->map[i] = (int32_t)count++;
		}
	Status status = about_set_classes(&source->about, count, names);

	free(names);
	return status;
}

Status
class_open(Source *source, Source *inner, const char *classes)
{
	RelabelState *state = relabel_begin(source, inner);
	Status status = check_plain(source, "--class");

	state->unlabelled = DROPPED;
	return relabel_end(source, status < 0 ? status : choose(state, source, classes));
}

/* ---- --rename ---- */

const char *
rename_parse(const char *text)
{
	static const char expected[] = "OLD=NEW, several separated by commas";
	const char *pair = text;

	do {
		size_t length = strcspn(pair, ","), name = strcspn(pair, "=");

		if (!name || name + 1 >= length || strcspn(pair + name + 1, "=") < length - name - 1)
			return expected;
		pair += length;
	} while (*pair++);
	return NULL;
}

/* Give this class its new name, once. @param name  malloced, or NULL: it has none yet */
static Status
rename_class(char **name, const char *old, size_t old_length, const char *new, size_t new_length)
{
	if (*name && (strlen(*name) != new_length || strncmp(*name, new, new_length) != 0))
		return fail(STATUS_USAGE, "--rename gives the class \"%.*s\" two names, \"%s\" and \"%.*s\"", (int)old_length, old,
			    *name, (int)new_length, new);
	free(*name);
	*name = strndup(new, new_length);
	if (!*name)
		abort();
	return STATUS_OK;
}

/* The new names, by old class; array of malloced texts, NULL where there is none. */
static Status
rename_all(const Source *source, const char *renames, char **names)
{
	for (const char *pair = renames; *pair; pair += *pair == ',') {
		size_t length = strcspn(pair, ","), old = strcspn(pair, "=");
		int32_t found = find_class(&source->about, pair, old);

		if (found < 0)
			return fail_class(source, "--rename", pair, old);
		Status status = rename_class(&names[found], pair, old, pair + old + 1, length - old - 1);
		if (status < 0)
			return status;
		pair += length;
	}
	return STATUS_OK;
}

/* Equal names are one class, where the first of them stands. */
static Status
merge(RelabelState *state, Source *source, char *const *names, uint32_t count)
{
	const char **distinct = memory_zeroed(count, sizeof *distinct);
	json_t *seen = json_object();
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		const json_t *index = json_object_get(seen, names[i]);

		state->map[i] = index ? (int32_t)json_integer_value(index) : (int32_t)kept;
		if (index)
			continue;
		json_object_set_new(seen, names[i], json_integer((json_int_t)kept));
		distinct[kept++] = names[i];
	}
	Status status = about_set_classes(&source->about, kept, distinct);

	json_decref(seen);
	free(distinct);
	return status;
}

Status
rename_open(Source *source, Source *inner, const char *renames)
{
	RelabelState *state = relabel_begin(source, inner);
	const About *about = &state->inner.about;
	char **names = memory_zeroed(about->class_count, sizeof *names);
	Status status = check_plain(source, "--rename");

	if (status >= 0)
		status = rename_all(source, renames, names);
	for (uint32_t i = 0; i < about->class_count; i++)
		names[i] = names[i] ? names[i] : memory_text(about->classes[i]);
	if (status >= 0)
		status = merge(state, source, names, about->class_count);
	for (uint32_t i = 0; i < about->class_count; i++)
		free(names[i]);
	free(names);
	return relabel_end(source, status);
}

/* ---- --classes ---- */

static bool
are_numbers(const About *about)
{
	char number[12];

	for (uint32_t i = 0; i < about->class_count; i++) {
		snprintf(number, sizeof number, "%u", i);
		if (strcmp(about->classes[i], number) != 0)
			return false;
	}
	return true;
}

static Status
map_by_name(RelabelState *state, const json_t *places, const char *file)
{
	const About *about = &state->inner.about;

	for (uint32_t i = 0; i < about->class_count; i++) {
		const json_t *place = json_object_get(places, about->classes[i]);

		if (!place)
			return fail(STATUS_INPUT, "%s has the class \"%s\", which %s lacks; choose with --class or --rename",
				    state->inner.name, about->classes[i], file);
		state->map[i] = (int32_t)json_integer_value(place);
	}
	return STATUS_OK;
}

static Status
map_by_position(RelabelState *state, uint32_t count, const char *file)
{
	const About *about = &state->inner.about;

	if (about->class_count > count)
		return fail(STATUS_INPUT, "%s has %u classes without names, %s names only %u", state->inner.name,
			    about->class_count, file, count);
	for (uint32_t i = 0; i < about->class_count; i++)
		state->map[i] = (int32_t)i;
	return STATUS_OK;
}

static bool
holds_all(const About *about, const json_t *places)
{
	for (uint32_t i = 0; i < about->class_count; i++)
		if (!json_object_get(places, about->classes[i]))
			return false;
	return true;
}

Status
classes_open(Source *source, Source *inner, uint32_t count, const char *const *names, const char *file)
{
	RelabelState *state = relabel_begin(source, inner);
	const About *about = &state->inner.about;
	json_t *places = json_object();
	Status status = check_plain(source, "--classes");

	if (status >= 0)
		status = about_set_classes(&source->about, count, names);
	for (uint32_t i = 0; status >= 0 && i < count; i++)
		json_object_set_new(places, names[i], json_integer((json_int_t)i));
	if (status >= 0)
		status = are_numbers(about) && !holds_all(about, places) ? map_by_position(state, count, file) :
									   map_by_name(state, places, file);
	json_decref(places);
	return relabel_end(source, status);
}
