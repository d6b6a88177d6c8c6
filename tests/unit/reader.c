/* reader.c: whole streams come out as they went in, however they are chunked; torn and damaged ones don't. */
#include "unit/streams.h"

#include "unit/check.h"

#include <pthread.h>

static bool
says(const char *text)
{
	bool is_said = strstr(status_message(), text);

	if (!is_said)
		printf("# the message is: %s\n", status_message());
	return is_said;
}

TEST(whole)
{
	Bytes stream = make_stream(100, 7, 3, 5, 2);
	uint64_t samples;

	CHECK(read_through(file_of_bytes(stream.data, stream.size), &samples) == 0, "%s", status_message());
	CHECK(samples == 100);
	free(stream.data);
}

TEST(what_a_record_holds)
{
	Bytes stream = make_stream(10, 4, 3, 5, 2);
	Reader reader;
	Record record;
	uint64_t number = 0, row = 0;

	CHECK(reader_open_fd(&reader, file_of_bytes(stream.data, stream.size), "test") == STATUS_OK);
	CHECK(reader.about.height == 3 && reader.about.width == 5 && reader.about.channels == 2);
	CHECK(reader.about.class_count == 3 && !strcmp(reader.about.classes[2], "\u00fc"));
	CHECK(reader.about.column_count == 4 && !reader.about.columns[about_find(&reader.about, "id")].is_implied && reader.about.epochs == EPOCHS_NONE);
	while (reader_next(&reader, &record) > 0) {
		CHECK(record.number == number++ && record.part == PART_NONE && record.epoch == -1);
		CHECK((uintptr_t)record.tensors[0].data % 64 == 0);
		for (size_t i = 0; i < record.tensor_count; i++)
			CHECK(!strcmp(record.tensors[i].name, reader.about.columns[i].name));
		for (uint64_t i = 0; i < record.n; i++, row++) {
			CHECK(((int64_t *)record_find(&record, "id")->data)[i] == (int64_t)row);
			CHECK(record_find(&record, "image")->data[i * 30 + 29] == (uint8_t)(row + 29 * 7));
		}
	}
	CHECK(row == 10 && reader.samples == 10 && reader.content);
	reader_close(&reader);
	free(stream.data);
}

TEST(no_samples)
{
	Bytes stream = make_stream(0, 1, 3, 5, 2);
	uint64_t samples;

	CHECK(read_through(file_of_bytes(stream.data, stream.size), &samples) == 0, "%s", status_message());
	CHECK(samples == 0);
	free(stream.data);
}

/* Every record boundary, and every byte of the last two records and of the first header. */
TEST(torn_anywhere)
{
	Bytes stream = make_stream(20, 4, 3, 5, 2);
	size_t boundary = 0;

	for (size_t size = 0; size < stream.size; size++) {
		char where[64];

		if (size == (boundary ? record_end(&stream, boundary) : 0) && size)
			boundary = size;
		else if (!boundary && size && size == record_end(&stream, 0))
			boundary = size;
		CHECK(read_bytes(stream.data, size) == STATUS_INPUT, "cut at %zu", size);
		snprintf(where, sizeof where, "at byte %zu: ", boundary);
		CHECK(says(where) && says("record ") && says("torn"), "cut at %zu", size);
	}
	free(stream.data);
}

/* Every bit of the first header, length included, and one of every byte behind it. */
TEST(flipped_bits)
{
	Bytes stream = make_stream(8, 4, 2, 2, 1);
	uint64_t header;

	memcpy(&header, stream.data, 8);
	for (size_t bit = 0; bit < stream.size * 8; bit += bit < (header + 8) * 8 ? 1 : 7) {
		stream.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK(read_bytes(stream.data, stream.size) == STATUS_INPUT, "bit %zu", bit);
		CHECK(says("record ") && says("at byte "), "bit %zu", bit);
		stream.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	free(stream.data);
}

TEST(lengths)
{
	static const uint64_t lengths[] = { 0, 1, 7, (16 << 20) + 1, UINT32_MAX, 1ull << 63, (1ull << 63) - 1, UINT64_MAX };
	Bytes stream = make_stream(3, 3, 2, 2, 1);

	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		memcpy(stream.data, &lengths[i], 8);
		CHECK(read_bytes(stream.data, stream.size) == STATUS_INPUT, "%zu", i);
		CHECK(says("record 0 at byte 0"));
	}
	free(stream.data);
}

TEST(garbage_after_the_end)
{
	Bytes stream = make_stream(3, 3, 2, 2, 1), torn = make_stream(5, 3, 2, 2, 1);
	size_t whole = stream.size;

	bytes_append(&stream, "x", 1);
	CHECK(read_bytes(stream.data, stream.size) == STATUS_INPUT && says("of joined stream 2"));
	stream.size = whole;
	bytes_append(&stream, torn.data + record_end(&torn, 0), torn.size - record_end(&torn, 0));
	CHECK(read_bytes(stream.data, stream.size) == STATUS_INPUT && says("only another stream's first record"));
	stream.size = record_end(&stream, 0);
	bytes_append(&stream, torn.data, torn.size);
	CHECK(read_bytes(stream.data, stream.size) == STATUS_INPUT && says("another one begins here"));
	free(stream.data);
	free(torn.data);
}

TEST(missing_record)
{
	Bytes stream = make_stream(9, 3, 2, 2, 1);
	size_t first = record_end(&stream, 0), second = record_end(&stream, first);

	memmove(stream.data + first, stream.data + second, stream.size - second);
	CHECK(read_bytes(stream.data, stream.size - (second - first)) == STATUS_INPUT);
	CHECK(says("record 1 at byte ") && says("fm.record is 2, expected 1"));
	free(stream.data);
}

TEST(joined)
{
	Bytes stream = make_stream(9, 4, 2, 2, 1), other = make_stream(5, 2, 2, 2, 1), small = make_stream(2, 2, 2, 3, 1);
	Reader reader;
	Record record;
	int64_t ids[19];
	int count = 0;
	size_t two;

	bytes_append(&stream, other.data, other.size);
	two = stream.size;
	bytes_append(&stream, other.data, other.size);
	CHECK(reader_open_fd(&reader, file_of_bytes(stream.data, stream.size), "test") == STATUS_OK);
	while (reader_next(&reader, &record) > 0) {
		for (uint64_t i = 0; i < record.n && count < 19; i++)
			ids[count++] = ((int64_t *)record_find(&record, "id")->data)[i];
	}
	CHECK(count == 19 && ids[8] == 8 && ids[9] == 1ll << 40 && ids[13] == (1ll << 40) + 4 && ids[14] == 2ll << 40);
	json_t *inputs = reader_inputs(&reader, "stdin");
	CHECK(json_array_size(inputs) == 3);
	CHECK(!strcmp(json_string_value(json_object_get(json_array_get(inputs, 2), "name")), "member"));
	CHECK(json_integer_value(json_object_get(json_array_get(inputs, 0), "samples")) == 9);
	json_decref(inputs);
	reader_close(&reader);
	stream.size = two;
	bytes_append(&stream, small.data, small.size);
	CHECK(read_bytes(stream.data, stream.size) == STATUS_INPUT && says("record 0 of joined stream 3 at byte") && says("2x3x1"));
	free(stream.data);
	free(other.data);
	free(small.data);
}

typedef struct Feed {
	const Bytes *stream;
	int fd;
	unsigned seed;
} Feed;

/* Chunks of 1 to 1,000 bytes, now and then a pause. */
static void *
feed(void *context)
{
	Feed *feed = context;
	size_t at = 0;

	while (at < feed->stream->size) {
		size_t size = (size_t)(rand_r(&feed->seed) % (rand_r(&feed->seed) % 2 ? 10 : 1000)) + 1;

		if (size > feed->stream->size - at)
			size = feed->stream->size - at;
		if (write(feed->fd, feed->stream->data + at, size) < 0)
			abort();
		at += size;
		if (rand_r(&feed->seed) % 16 == 0)
			usleep(50);
	}
	close(feed->fd);
	return NULL;
}

TEST(any_chunking)
{
	Bytes stream = make_stream(60, 7, 5, 5, 3);
	Reader reader;
	uint64_t content;

	CHECK(reader_open_fd(&reader, file_of_bytes(stream.data, stream.size), "test") == 0 && reader_drain(&reader) == 0);
	content = reader.content;
	reader_close(&reader);
	for (unsigned seed = 0; seed < 20; seed++) {
		Feed from = { &stream, 0, seed };
		pthread_t thread;
		Record record;
		Status status;
		int ends[2];

		CHECK(pipe(ends) == 0);
		from.fd = ends[1];
		pthread_create(&thread, NULL, feed, &from);
		CHECK(reader_open_fd(&reader, ends[0], "test") == 0, "%s", status_message());
		do {
			while (seed % 2 && reader_would_wait(&reader))
				usleep(10);
			status = reader_next(&reader, &record);
		} while (status > 0);
		CHECK(status == 0, "%s", status_message());
		CHECK(reader.content == content && reader.samples == 60);
		reader_close(&reader);
		pthread_join(thread, NULL);
	}
	free(stream.data);
}

/* The record in hand stays as it is while the next is looked for; the end record is no reason not to wait. */
TEST(would_wait)
{
	Bytes stream = make_stream(2, 1, 2, 2, 1);
	size_t first = record_end(&stream, 0), second = record_end(&stream, first);
	Reader reader;
	Record record;
	int ends[2];

	CHECK(pipe(ends) == 0);
	CHECK(write(ends[1], stream.data, first) == (ssize_t)first);
	CHECK(reader_open_fd(&reader, ends[0], "test") == 0);
	CHECK(!reader_would_wait(&reader));
	CHECK(reader_next(&reader, &record) == 1);
	CHECK(reader_would_wait(&reader));
	CHECK(write(ends[1], stream.data + first, 100) == 100);
	CHECK(reader_would_wait(&reader));
	CHECK(write(ends[1], stream.data + first + 100, second - first - 100) == (ssize_t)(second - first - 100));
	CHECK(!reader_would_wait(&reader));
	CHECK(record_find(&record, "image")->data[3] == 21);
	CHECK(reader_next(&reader, &record) == 1 && record_find(&record, "image")->data[3] == 22);
	CHECK(write(ends[1], stream.data + second, stream.size - second) == (ssize_t)(stream.size - second));
	CHECK(reader_would_wait(&reader));
	close(ends[1]);
	CHECK(!reader_would_wait(&reader));
	CHECK(reader_next(&reader, &record) == 0);
	reader_close(&reader);
	free(stream.data);
}

TEST(stop)
{
	Bytes stream = make_stream(2, 1, 2, 2, 1);
	volatile sig_atomic_t stop = 0;
	size_t first = record_end(&stream, 0);
	Reader reader;
	Record record;
	int ends[2];

	CHECK(pipe(ends) == 0);
	CHECK(write(ends[1], stream.data, first + 10) == (ssize_t)first + 10);
	CHECK(reader_open_fd(&reader, ends[0], "test") == 0);
	reader.stop = &stop;
	CHECK(reader_next(&reader, &record) == 1);
	stop = 1;
	CHECK(reader_next(&reader, &record) == STATUS_INTERRUPTED);
	CHECK(reader_next(&reader, &record) == STATUS_INTERRUPTED);
	close(ends[1]);
	CHECK(reader_next(&reader, &record) == STATUS_INTERRUPTED, "it wins over torn input");
	reader_close(&reader);
	free(stream.data);
}

int
main(void)
{
	RUN(whole);
	RUN(what_a_record_holds);
	RUN(no_samples);
	RUN(torn_anywhere);
	RUN(flipped_bits);
	RUN(lengths);
	RUN(garbage_after_the_end);
	RUN(missing_record);
	RUN(joined);
	RUN(any_chunking);
	RUN(would_wait);
	RUN(stop);
	return check_done();
}
