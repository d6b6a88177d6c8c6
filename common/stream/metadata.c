/* stream/metadata.c: what records say about themselves and their stream. */
#include "stream/metadata.h"

#include "json/canonical.h"
#include "memory.h"
#include "stream/lazy.h"

#include <inttypes.h>
#include <stdio.h>

void
hex_write(uint64_t value, char digits[static 16])
{
	for (int i = 0; i < 16; i++)
		digits[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
}

bool
hex_read(const char *digits, uint64_t *value)
{
	*value = 0;
	for (int i = 0; i < 16; i++) {
		char digit = digits[i];

		if (!(digit >= '0' && digit <= '9') && !(digit >= 'a' && digit <= 'f'))
			return false;
		*value = *value << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
	}
	return true;
}

bool
metadata_number(const json_t *metadata, const char *key, uint64_t *value)
{
	const char *text = json_string_value(json_object_get(metadata, key));

	*value = 0;
	if (!text || !*text || (*text == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(*text - '0'), value))
			return false;
	}
	return true;
}

Status
metadata_json(const json_t *metadata, const char *key, json_t **value)
{
	const json_t *text = json_object_get(metadata, key);

	if (!text)
		return fail(STATUS_INPUT, "%s is missing", key);
	return json_parse(value, json_string_value(text), json_string_length(text), key);
}

static Status
check_version(const json_t *metadata)
{
	const char *text = json_string_value(json_object_get(metadata, "fm.stream"));
	uint64_t version;

	if (!text)
		return fail(STATUS_INPUT, "not the first record of a tensor stream: fm.stream is missing");
	if (!metadata_number(metadata, "fm.stream", &version) || version < 1)
		return fail(STATUS_INPUT, "fm.stream is \"%s\", not a version", text);
	if (version > STREAM_VERSION)
		return fail(STATUS_INPUT, "a stream of version %" PRIu64 ", this program reads version %d; install a newer one",
			    version, STREAM_VERSION);
	return STATUS_OK;
}

static Status
set_classes(About *about, const json_t *classes)
{
	size_t count = json_array_size(classes);
	Status status = STATUS_OK;

	if (!json_is_array(classes) || count > STREAM_CLASSES_MOST)
		return fail(STATUS_INPUT, "fm.classes is not an array of at most %d names", STREAM_CLASSES_MOST);
	const char **names = memory_zeroed(count, sizeof *names);
	for (size_t i = 0; i < count; i++) {
		names[i] = json_string_value(json_array_get(classes, i));
		if (!names[i])
			status = fail(STATUS_INPUT, "class %zu is not a string", i);
	}
	if (status == STATUS_OK)
		status = about_set_classes(about, (uint32_t)count, names);
	free(names);
	if (status < 0)
		return fail_in(status, "fm.classes");
	return STATUS_OK;
}

static Status
read_classes(About *about, const json_t *metadata)
{
	json_t *classes;
	Status status = metadata_json(metadata, "fm.classes", &classes);

	if (status < 0)
		return status;
	status = set_classes(about, classes);
	json_decref(classes);
	return status;
}

static Status
read_input(About *about, const json_t *metadata)
{
	json_t *input;
	Status status = metadata_json(metadata, "fm.input", &input);

	if (status < 0)
		return status;
	json_decref(about->input);
	about->input = input;
	if (json_number_value(json_object_get(input, "h")) != about->height ||
	    json_number_value(json_object_get(input, "w")) != about->width ||
	    json_number_value(json_object_get(input, "c")) != about->channels)
		return fail(STATUS_INPUT, "fm.input does not say what the tensor image is: %ux%ux%u", about->height,
			    about->width, about->channels);
	/* another writer's 28.0 is 28 from here on */
	json_object_set_new(input, "h", json_integer(about->height));
	json_object_set_new(input, "w", json_integer(about->width));
	json_object_set_new(input, "c", json_integer(about->channels));
	return STATUS_OK;
}

static Status
read_history(About *about, const json_t *metadata)
{
	json_t *history;
	Status status = metadata_json(metadata, "fm.history", &history);

	if (status < 0)
		return status;
	json_decref(about->history);
	about->history = history;
	if (!json_is_array(history))
		return fail(STATUS_INPUT, "fm.history is not an array");
	return STATUS_OK;
}

static Status
check_epoch_labels(const json_t *labels)
{
	const char *key;
	json_t *count;

	if (!json_is_object(labels))
		return fail(STATUS_INPUT, "fm.epoch.labels is not an object");
	json_object_foreach((json_t *)labels, key, count) {
		if (!json_is_integer(count) || json_integer_value(count) < 0)
			return fail(STATUS_INPUT, "fm.epoch.labels: the count of \"%s\" is not a whole number", key);
	}
	return STATUS_OK;
}

static Status
read_epochs(About *about, const json_t *metadata)
{
	const char *epochs = json_string_value(json_object_get(metadata, "fm.epochs"));

	if (!epochs)
		return STATUS_OK;
	if (!strcmp(epochs, "inf"))
		about->epochs = EPOCHS_ENDLESS;
	else if (!metadata_number(metadata, "fm.epochs", &about->epochs) || !about->epochs || about->epochs > UINT32_MAX)
		return fail(STATUS_INPUT, "fm.epochs is \"%s\", neither a number from 1 to %" PRIu32 " nor \"inf\"", epochs,
			    UINT32_MAX);
	if (!metadata_number(metadata, "fm.epoch.samples", &about->epoch_samples))
		return fail(STATUS_INPUT, "fm.epoch.samples is missing or not a number");
	if (!json_object_get(metadata, "fm.epoch.labels"))
		return STATUS_OK;
	Status status = metadata_json(metadata, "fm.epoch.labels", &about->epoch_labels);
	return status < 0 ? status : check_epoch_labels(about->epoch_labels);
}

/* After the columns: those of the lazy form must not be among them. */
static Status
read_form(About *about, const json_t *metadata)
{
	const char *form = json_string_value(json_object_get(metadata, "fm.form"));
	Fill fill = FILL_NEAREST;
	uint8_t value = 0;
	Status status;

	if (!form)
		return STATUS_OK;
	if (strcmp(form, "lazy") != 0)
		return fail(STATUS_INPUT, "the form \"%s\" of a stream (fm.form) is not known to this version; send \"lazy\" or "
			    "plain records", form);
	if (about->epochs == EPOCHS_NONE)
		return fail(STATUS_INPUT, "fm.epochs is missing: a lazy stream (fm.form) is a repeated one");
	status = lazy_fill_read(json_string_value(json_object_get(metadata, "fm.fill")), &fill, &value);
	return status < 0 ? status : lazy_describe(about, fill, value);
}

static void
read_others(About *about, const json_t *metadata)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)metadata, key, value) {
		if (strncmp(key, "fm.", 3) != 0)
			json_object_set(about->others, key, value);
	}
}

/* Known names and what they must be; rank and dims of a row, 0 = free, -1 = as many as classes. */
static const struct Known {
	const char *name;
	Dtype dtype;
	int rank;
	int columns;
	bool is_reserved;
} known[] = {
	{ "image", DTYPE_U8, 3, 0, false }, { "label", DTYPE_I32, 0, 0, false }, { "id", DTYPE_I64, 0, 0, false },
	{ "name", DTYPE_U8, 1, 0, false },  { "prob", DTYPE_F32, 1, -1, false }, { "weight", DTYPE_F32, 0, 0, true },
	{ "target", DTYPE_F32, 1, 0, true },
};

static Status
check_known(const About *about, const Tensor *tensor, bool is_shown)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const struct Known *is = &known[i];

		if (strcmp(tensor->name, is->name) != 0)
			continue;
		if (is->is_reserved && !is_shown)
			return fail(STATUS_INPUT, "tensor \"%s\" is reserved: version %d can't use it; send the stream without it",
				    is->name, STREAM_VERSION);
		if (tensor->dtype != is->dtype || tensor->rank != is->rank + 1)
			return fail(STATUS_INPUT, "tensor \"%s\" is %s of rank %d, expected %s of rank %d", is->name,
				    dtype_name(tensor->dtype), tensor->rank, dtype_name(is->dtype), is->rank + 1);
		if (is->columns < 0 && tensor->shape[1] != about->class_count)
			return fail(STATUS_INPUT, "tensor \"%s\" has %" PRIu64 " columns, fm.classes %u names", is->name,
				    tensor->shape[1], about->class_count);
	}
	return STATUS_OK;
}

static Status
add_column(About *about, const Tensor *tensor, uint64_t n, bool is_shown)
{
	if (!tensor->rank || tensor->shape[0] != n)
		return fail(STATUS_INPUT, "tensor \"%s\" does not share the first dimension of image, %" PRIu64, tensor->name, n);
	Status status = check_known(about, tensor, is_shown);
	if (status < 0 || !strcmp(tensor->name, "image"))
		return status;
	return about_add_column(about, tensor->name, tensor->dtype, tensor->rank - 1, tensor->shape + 1);
}

static Status
read_columns(About *about, const Safetensors *file, uint64_t n, bool is_shown)
{
	Status status = STATUS_OK;

	for (size_t i = 0; i < file->tensor_count && status == STATUS_OK; i++)
		status = add_column(about, &file->tensors[i], n, is_shown);
	return status;
}

/* @return the tensor image, whose bounds are kept; or NULL with the failure recorded */
static const Tensor *
check_image(const Safetensors *file)
{
	const Tensor *image = NULL;

	for (size_t i = 0; i < file->tensor_count; i++) {
		if (!strcmp(file->tensors[i].name, "image"))
			image = &file->tensors[i];
	}
	if (!image) {
		fail(STATUS_INPUT, "there is no tensor \"image\"");
		return NULL;
	}
	if (image->dtype != DTYPE_U8 || image->rank != 4) {
		fail(STATUS_INPUT, "tensor \"image\" is %s of rank %d, expected U8 [n,h,w,c]", dtype_name(image->dtype),
		     image->rank);
		return NULL;
	}
	if (image->shape[1] - 1 >= STREAM_SIDE_MOST || image->shape[2] - 1 >= STREAM_SIDE_MOST ||
	    image->shape[3] - 1 >= STREAM_CHANNELS_MOST) {
		fail(STATUS_INPUT, "pictures of %" PRIu64 "x%" PRIu64 "x%" PRIu64 ", expected 1x1x1 to %dx%dx%d", image->shape[1],
		     image->shape[2], image->shape[3], STREAM_SIDE_MOST, STREAM_SIDE_MOST, STREAM_CHANNELS_MOST);
		return NULL;
	}
	return image;
}

static Status
read_about(About *about, const Safetensors *file, uint64_t n, bool is_shown)
{
	const json_t *metadata = file->metadata;
	Status status = read_classes(about, metadata);

	if (status == STATUS_OK)
		status = read_input(about, metadata);
	if (status == STATUS_OK)
		status = read_history(about, metadata);
	if (status == STATUS_OK)
		status = read_epochs(about, metadata);
	if (status == STATUS_OK)
		status = read_columns(about, file, n, is_shown);
	if (status == STATUS_OK)
		status = read_form(about, metadata);
	read_others(about, metadata);
	about->is_marked = json_object_get(metadata, "fm.part") != NULL;
	return status;
}

Status
metadata_read_about(About *about, const Safetensors *file, bool is_shown)
{
	Status status = check_version(file->metadata);

	if (status < 0)
		return status;
	if (json_object_get(file->metadata, "fm.form") && json_object_get(file->metadata, "fm.epoch"))
		return fail(STATUS_INPUT, "fm.epoch in the first record of a lazy stream (fm.form); its data set must come first");
	const Tensor *image = check_image(file);
	if (!image)
		return STATUS_INPUT;
	about_init(about, (uint32_t)image->shape[1], (uint32_t)image->shape[2], (uint32_t)image->shape[3]);
	status = read_about(about, file, image->shape[0], is_shown);
	if (status < 0)
		about_release(about);
	return status;
}

static void
put_number(json_t *metadata, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, value);
	json_object_set_new(metadata, key, json_string(text));
}

static void
put_json(json_t *metadata, const char *key, const json_t *value)
{
	size_t length;
	char *text = json_canonical(value, &length);

	json_object_set_new(metadata, key, json_stringn(text, length));
	free(text);
}

static void
put_classes(json_t *metadata, const About *about)
{
	json_t *classes = json_array();

	for (uint32_t i = 0; i < about->class_count; i++)
		json_array_append_new(classes, json_string(about->classes[i]));
	put_json(metadata, "fm.classes", classes);
	json_decref(classes);
}

static int
by_bytes(const void *left, const void *right)
{
	const char *const *a = left, *const *b = right;

	return strcmp(*a, *b);
}

static void
put_others(json_t *metadata, const json_t *others)
{
	size_t count = 0;
	const char **keys = memory_zeroed(json_object_size(others), sizeof *keys);
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)others, key, value)
		keys[count++] = key;
	qsort(keys, count, sizeof *keys, by_bytes);
	for (size_t i = 0; i < count; i++)
		json_object_set(metadata, keys[i], json_object_get(others, keys[i]));
	free(keys);
}

static void
put_form(json_t *metadata, const About *about)
{
	char fill[16];

	lazy_fill_write(about, fill);
	json_object_set_new(metadata, "fm.form", json_string("lazy"));
	json_object_set_new(metadata, "fm.fill", json_string(fill));
}

static void
put_about(json_t *metadata, const About *about)
{
	put_number(metadata, "fm.stream", STREAM_VERSION);
	put_classes(metadata, about);
	put_json(metadata, "fm.input", about->input);
	put_json(metadata, "fm.history", about->history);
	if (about->epochs != EPOCHS_NONE) {
		if (about->epochs == EPOCHS_ENDLESS)
			json_object_set_new(metadata, "fm.epochs", json_string("inf"));
		else
			put_number(metadata, "fm.epochs", about->epochs);
		put_number(metadata, "fm.epoch.samples", about->epoch_samples);
		if (about->epoch_labels)
			put_json(metadata, "fm.epoch.labels", about->epoch_labels);
	}
	if (about->is_lazy)
		put_form(metadata, about);
	put_others(metadata, about->others);
}

static json_t *
begin(uint64_t number)
{
	json_t *metadata = json_object();

	json_object_set_new(metadata, "fm.xxh3", json_string("0000000000000000"));
	put_number(metadata, "fm.record", number);
	return metadata;
}

json_t *
metadata_of_record(const Record *record, uint64_t number, const About *about)
{
	json_t *metadata = begin(number);

	if (record->part != PART_NONE)
		json_object_set_new(metadata, "fm.part", json_string(record->part == PART_HOLDOUT ? "holdout" : "fit"));
	if (record->epoch >= 0)
		put_number(metadata, "fm.epoch", (uint64_t)record->epoch);
	if (about)
		put_about(metadata, about);
	return metadata;
}

json_t *
metadata_of_end(uint64_t records, uint64_t samples, uint64_t content, const json_t *history)
{
	json_t *metadata = begin(records);
	char digits[17] = "";

	put_json(metadata, "fm.history", history);
	json_object_set_new(metadata, "fm.end", json_string("1"));
	put_number(metadata, "fm.records", records);
	put_number(metadata, "fm.samples", samples);
	hex_write(content, digits);
	json_object_set_new(metadata, "fm.content", json_string(digits));
	return metadata;
}
