/* The model file: what is written comes back, equal models are equal bytes, and no damaged file is believed. */
#include "net/model.h"

#include "json/canonical.h"
#include "unit/check.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = { "T-shirt", "Schuh\xc3\xbc", "Bag \"x\"" };

static Model
make_model(void)
{
	Model model = { 0 };

	if (net_init(&model.net, "conv 2 3x3 same nobias, bn, relu, maxpool 2, flatten, dense classes",
		     (Shape){ 4, 6, 2, false }, 3))
		abort();
	model.param = calloc(model.net.param_count, sizeof *model.param);
	model.bn = calloc(model.net.bn_count, sizeof *model.bn);
	model.classes = calloc(3, sizeof *model.classes);
	for (int i = 0; i < 3; i++)
		model.classes[i] = strdup(names[i]);
	net_initialise(&model.net, 1, model.param, model.bn);
	model.input = json_pack("{s:s,s:i,s:i,s:i}", "fit", "crop", "w", 6, "h", 4, "c", 2);
	model.history = json_pack("[{s:s}]", "tool", "fm-train");
	return model;
}

/* In memory, as a descriptor. */
static int
write_model(const Model *model)
{
	int fd = memfd_create("model", 0);

	if (fd < 0 || model_write(model, fd, "memory"))
		abort();
	return fd;
}

static size_t
bytes_of(int fd, char **bytes)
{
	struct stat about;

	if (fstat(fd, &about))
		abort();
	*bytes = malloc((size_t)about.st_size + 1);
	if (pread(fd, *bytes, (size_t)about.st_size, 0) != about.st_size)
		abort();
	(*bytes)[about.st_size] = '\0';
	return (size_t)about.st_size;
}

static Status
read_bytes(Model *model, const char *bytes, size_t size)
{
	int fd = memfd_create("model", 0);
	Status status;

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	status = model_read_fd(model, fd, "m.safetensors");
	close(fd);
	return status;
}

TEST(round_trip)
{
	Model model = make_model(), again;
	char *bytes, *same;
	int fd, second;
	size_t size;

	model.scores = json_pack("{s:f}", "accuracy", 0.5);
	model.views = strdup("flip shift 1");
	model.net.shift[1] = -0.25F;
	fd = write_model(&model);
	size = bytes_of(fd, &bytes);
	CHECK(!read_bytes(&again, bytes, size), "%s", status_message());
	CHECK(!strcmp(again.net.text, model.net.text), "%s", again.net.text);
	CHECK(!memcmp(again.param, model.param, model.net.param_count * sizeof *model.param), "parameters");
	CHECK(!memcmp(again.bn, model.bn, model.net.bn_count * sizeof *model.bn), "statistics");
	CHECK(!memcmp(again.net.scale, model.net.scale, 2 * sizeof *model.net.scale), "scale");
	CHECK(!memcmp(again.net.shift, model.net.shift, 2 * sizeof *model.net.shift), "shift");
	CHECK(!strcmp(again.classes[1], names[1]) && !strcmp(again.views, "flip shift 1"), "%s", again.views);
	CHECK(again.content != 0 && again.extra_count == 0, "%zu", again.extra_count);
	second = write_model(&again);
	CHECK(bytes_of(second, &same) == size && !memcmp(bytes, same, size), "other bytes");
	free(bytes);
	free(same);
	close(fd);
	close(second);
	model_release(&model);
	model_release(&again);
}

TEST(header_is_as_the_page_says)
{
	static const char begin[] =
		"{\"__metadata__\":{\"format\":\"pt\",\"fm.model\":\"1\","
		"\"fm.arch\":\"conv 2 3x3 stride 1 same nobias, bn, relu, maxpool 2 stride 2, flatten, dense 3\","
		"\"fm.input\":\"{\\\"h\\\":4,\\\"w\\\":6,\\\"c\\\":2,\\\"scale\\\":[0.003921569,0.003921569],"
		"\\\"shift\\\":[0,0],\\\"fit\\\":\\\"crop\\\"}\",\"fm.classes\":";
	Model model = make_model();
	char *bytes;
	int fd = write_model(&model);

	bytes_of(fd, &bytes);
	CHECK(!strncmp(bytes + 8, begin, strlen(begin)), "%.400s", bytes + 8);
	CHECK(strstr(bytes + 8, "\"conv1.weight\":{\"dtype\":\"F32\",\"shape\":[2,2,3,3],\"data_offsets\":[0,144]}"), "%s",
	      bytes + 8);
	free(bytes);
	close(fd);
	model_release(&model);
}

TEST(checkpoint)
{
	Model model = make_model(), again;
	int64_t steps[2] = { 7, -1 };
	char *bytes;
	int fd;
	size_t size;

	model.extra = calloc(1, sizeof *model.extra);
	model.extra[0] = (Tensor){ .name = strdup("fm.steps"), .dtype = DTYPE_I64, .rank = 1, .shape = { 2 },
				   .size = sizeof steps, .data = malloc(sizeof steps) };
	memcpy(model.extra[0].data, steps, sizeof steps);
	model.extra_count = 1;
	model.extra_metadata = json_pack("{s:s}", "fm.train", "{}");
	fd = write_model(&model);
	size = bytes_of(fd, &bytes);
	CHECK(!read_bytes(&again, bytes, size), "%s", status_message());
	CHECK(again.extra_count == 1 && !strcmp(again.extra[0].name, "fm.steps"), "%zu", again.extra_count);
	CHECK(again.extra[0].size == sizeof steps && !memcmp(again.extra[0].data, steps, sizeof steps), "steps");
	CHECK(!strcmp(json_string_value(json_object_get(again.extra_metadata, "fm.train")), "{}"), "fm.train");
	free(bytes);
	close(fd);
	model_release(&model);
	model_release(&again);
}

/* The header with one text put in place of another of the same length; the data as they were. */
static void
expect_refusal(const char *from, const char *to, const char *words)
{
	Model model = make_model(), damaged;
	char *bytes, *at;
	int fd = write_model(&model);
	size_t size = bytes_of(fd, &bytes);
	Status status;

	close(fd);
	model_release(&model);
	at = memmem(bytes, size, from, strlen(from));
	CHECK(at && strlen(from) == strlen(to), "%s is not there", from);
	memcpy(at, to, strlen(to));
	status = read_bytes(&damaged, bytes, size);
	free(bytes);
	CHECK(status == STATUS_INPUT, "%s: %d", to, status);
	CHECK(strstr(status_message(), "m.safetensors") && strstr(status_message(), words), "%s", status_message());
}

TEST(refused_headers)
{
	expect_refusal("\"fm.model\":\"1\"", "\"fm.model\":\"2\"", "newer");
	expect_refusal("\"fm.model\":\"1\"", "\"fm.model\":\"x\"", "not a version");
	expect_refusal("\"fm.model\"", "\"xx.model\"", "no fm.model");
	expect_refusal("\"fm.arch\"", "\"fm.arcx\"", "fm.arch is missing");
	expect_refusal("\"fm.input\"", "\"fm.inpux\"", "fm.input is missing");
	expect_refusal("\"fm.classes\"", "\"fm.classex\"", "fm.classes is missing");
	expect_refusal("maxpool 2 ", "maxpoul 2 ", "unknown layer");
	expect_refusal("dense 3\"", "dense 4\"", "its output is 4, but there are 3 classes");
	expect_refusal("\\\"h\\\":4", "\\\"h\\\":0", "fm.input: h, w and c");
	expect_refusal("\\\"h\\\":4", "\\\"h\\\":9", "fm.arch wants it as F32 [3, 24]");
	expect_refusal("[0.003921569,", "[1e9999999999", "");
	expect_refusal("\\\"shift\\\":[0,0]", "\\\"shift\\\":[0  ]", "shift is not an array of 2");
	expect_refusal("T-shirt", "Schuh\xc3\xbc", "fm.classes has \"Schuh\xc3\xbc\" twice");
	expect_refusal("\\\"T-shirt\\\",\\\"", "\\\"\\\",       \\\"", "fm.classes[0] is not a name");
	expect_refusal("conv1.weight", "conv2.weight", "conv1.weight is missing");
	expect_refusal("bn1.running_mean", "bn1.running_maen", "bn1.running_mean is missing");
	expect_refusal("\"F32\",\"shape\":[2,2,3,3]", "\"I32\",\"shape\":[2,2,3,3]", "is I32 [2, 2, 3, 3]");
	expect_refusal("[2,2,3,3]", "[2,3,3,2]", "is F32 [2, 3, 3, 2]; fm.arch wants it as F32 [2, 2, 3, 3]");
	expect_refusal("\"data_offsets\":[0,144]", "\"data_offsets\":[0,145]", "");
}

TEST(refused_superfluous_tensor)
{
	Model model = make_model(), damaged;
	char *bytes;
	int fd;
	size_t size;
	Status status;

	model.extra = calloc(1, sizeof *model.extra);
	model.extra[0] = (Tensor){ .name = strdup("fc7.weight"), .dtype = DTYPE_F32, .rank = 1, .shape = { 0 } };
	model.extra_count = 1;
	fd = write_model(&model);
	size = bytes_of(fd, &bytes);
	status = read_bytes(&damaged, bytes, size);
	CHECK(status == STATUS_INPUT && strstr(status_message(), "fc7.weight belongs to no layer"), "%s",
	      status_message());
	free(bytes);
	close(fd);
	model_release(&model);
}

TEST(refused_values)
{
	static const float bad[] = { NAN, INFINITY, -INFINITY };
	Model model = make_model(), damaged;

	for (size_t i = 0; i < 4; i++) {
		float *value = i < 3 ? &model.param[i * 7] : &model.bn[2], before = *value;
		char *bytes;
		int fd;
		size_t size;

		*value = i < 3 ? bad[i] : -1e-3F; /* bn[2] is a variance */
		fd = write_model(&model);
		size = bytes_of(fd, &bytes);
		CHECK(read_bytes(&damaged, bytes, size) == STATUS_INPUT, "%g", (double)*value);
		CHECK(strstr(status_message(), "expected a finite number"), "%s", status_message());
		*value = before;
		free(bytes);
		close(fd);
	}
	model_release(&model);
}

TEST(every_cut_and_more)
{
	Model model = make_model(), damaged;
	char *bytes;
	int fd = write_model(&model);
	size_t size = bytes_of(fd, &bytes);

	for (size_t cut = 0; cut < size; cut++)
		CHECK(read_bytes(&damaged, bytes, cut) == STATUS_INPUT, "cut at %zu", cut);
	CHECK(read_bytes(&damaged, bytes, size + 1) == STATUS_INPUT, "one byte too many");
	CHECK(strstr(status_message(), "goes on after byte"), "%s", status_message());
	memset(bytes, 0xff, 8);
	CHECK(read_bytes(&damaged, bytes, size) == STATUS_INPUT, "a header of 2^64 - 1 bytes");
	free(bytes);
	close(fd);
	model_release(&model);
}

/* Flipping any bit of the header must be refused, or mean a model that can be written again. */
TEST(every_header_bit)
{
	Model model = make_model();
	char *bytes;
	int fd = write_model(&model);
	size_t size = bytes_of(fd, &bytes);
	uint64_t length;

	memcpy(&length, bytes, sizeof length);
	for (size_t bit = 0; bit < 8 * (8 + length); bit++) {
		Model other;

		bytes[bit / 8] ^= (char)(1 << bit % 8);
		if (!read_bytes(&other, bytes, size)) {
			close(write_model(&other));
			model_release(&other);
		}
		bytes[bit / 8] ^= (char)(1 << bit % 8);
	}
	free(bytes);
	close(fd);
	model_release(&model);
}

TEST(classes_by_name)
{
	Model model = make_model();
	char *stream[] = { model.classes[2], model.classes[0] }, *stranger[] = { model.classes[1], "Hut" };
	int32_t map[2];

	CHECK(!model_map_classes(&model, 2, stream, map, "stdin") && map[0] == 2 && map[1] == 0, "%s", status_message());
	CHECK(model_map_classes(&model, 2, stranger, map, "stdin") == STATUS_INPUT && strstr(status_message(), "\"Hut\""),
	      "%s", status_message());
	model_release(&model);
}

TEST(input_by_shape)
{
	Model model = make_model();
	json_t *fits = json_pack("{s:i,s:i,s:i}", "h", 4, "w", 6, "c", 2);
	json_t *other = json_pack("{s:i,s:i,s:i}", "h", 32, "w", 32, "c", 3);

	CHECK(!model_check_input(&model, fits, "m.safetensors", "stdin"), "%s", status_message());
	CHECK(model_check_input(&model, other, "m.safetensors", "stdin") == STATUS_INPUT, "accepted");
	CHECK(!strcmp(status_message(), "m.safetensors wants pictures of 4x6x2, stdin has 32x32x3; make them with: "
					"fm-fetch SOURCE --like m.safetensors"), "%s", status_message());
	json_decref(fits);
	json_decref(other);
	model_release(&model);
}

TEST(missing_file)
{
	Model model;

	CHECK(model_read(&model, "/nowhere/m.safetensors") == STATUS_IO, "%s", status_message());
	CHECK(model_read(&model, "/") == STATUS_IO, "%s", status_message());
	CHECK(model_read(&model, "/dev/null") == STATUS_INPUT, "%s", status_message());
}

int
main(void)
{
	RUN(round_trip);
	RUN(header_is_as_the_page_says);
	RUN(checkpoint);
	RUN(refused_headers);
	RUN(refused_superfluous_tensor);
	RUN(refused_values);
	RUN(every_cut_and_more);
	RUN(every_header_bit);
	RUN(classes_by_name);
	RUN(input_by_shape);
	RUN(missing_file);
	return check_done();
}
