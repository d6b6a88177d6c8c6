/* writer.c: the bytes that a writer makes, the sizes of its records, and what it does when its reader goes. */
#include "unit/streams.h"

#include "unit/check.h"

#include <signal.h>

static Record
pixels(uint64_t n, uint64_t row, uint8_t *data, Tensor *tensor)
{
	*tensor = (Tensor){ "image", DTYPE_U8, 4, { n, 1, row, 1 }, data, n * row };
	return (Record){ .n = n, .tensor_count = 1, .tensors = tensor, .epoch = -1 };
}

/* The header of the record at this offset, as text. */
static const char *
header_at(const Bytes *bytes, size_t at)
{
	static char text[1 << 16];
	uint64_t length;

	memcpy(&length, bytes->data + at, 8);
	snprintf(text, sizeof text, "%.*s", (int)length, (const char *)bytes->data + at + 8);
	while (*text && text[strlen(text) - 1] == ' ')
		text[strlen(text) - 1] = '\0';
	return text + 44; /* behind the digits of the hash */
}

TEST(canonical_bytes)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);
	uint8_t data[] = { 1, 2, 3, 4 };
	Tensor tensor;
	About about;
	Writer writer;

	about_init(&about, 1, 2, 1);
	json_object_set_new(about.others, "zebra", json_string("\u00e9\n"));
	json_object_set_new(about.others, "Ape", json_string("a"));
	json_object_set_new(about.input, "fit", json_string("crop"));
	CHECK(about_set_classes(&about, 2, (const char *const[]){ "a", "\"" }) == 0);
	CHECK(writer_open(&writer, fd, "memory", &about) == 0);
	Record record = pixels(2, 2, data, &tensor);
	CHECK(writer_send(&writer, &record) == 0 && writer_finish(&writer, NULL) == 0);
	writer_close(&writer);
	about_release(&about);
	Bytes bytes = bytes_of_file(fd);
	CHECK(!strcmp(header_at(&bytes, 0), "\",\"fm.record\":\"0\",\"fm.stream\":\"1\",\"fm.classes\":\"[\\\"a\\\",\\\"\\\\\\\"\\\"]\","
		      "\"fm.input\":\"{\\\"h\\\":1,\\\"w\\\":2,\\\"c\\\":1,\\\"fit\\\":\\\"crop\\\"}\",\"fm.history\":\"[]\",\"Ape\":\"a\","
		      "\"zebra\":\"\u00e9\\u000a\"},\"image\":{\"dtype\":\"U8\",\"shape\":[2,1,2,1],\"data_offsets\":[0,4]}}"),
	      "%s", header_at(&bytes, 0));
	CHECK(!strncmp(header_at(&bytes, record_end(&bytes, 0)), "\",\"fm.record\":\"1\",\"fm.history\":\"[]\",\"fm.end\":\"1\","
		       "\"fm.records\":\"1\",\"fm.samples\":\"2\",\"fm.content\":\"", 94));
	CHECK(read_bytes(bytes.data, bytes.size) == 0, "%s", status_message());
	free(bytes.data);
}

/* Unknown fm.* keys stop here, others go on. */
TEST(keys_passed_on)
{
	Bytes bytes = { 0 };
	Reader reader;

	bytes_append_record(&bytes, "{\"__metadata__\":{\"fm.xxh3\":\"0000000000000000\",\"fm.record\":\"0\",\"fm.stream\":\"1\","
			    "\"fm.classes\":\"[]\",\"fm.input\":\"{\\\"h\\\":1,\\\"w\\\":1,\\\"c\\\":1}\",\"fm.history\":\"[]\",\"fm.new\":\"x\","
			    "\"fmx\":\"y\"},\"image\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1],\"data_offsets\":[0,1]}}", "p", 1);
	CHECK(reader_open_fd(&reader, file_of_bytes(bytes.data, bytes.size), "test") == 0, "%s", status_message());
	CHECK(json_object_size(reader.about.others) == 1 && json_object_get(reader.about.others, "fmx"));
	CHECK(reader.about.columns[about_find(&reader.about, "id")].is_implied);
	reader_close(&reader);
	free(bytes.data);
}

/* However 3 MiB are sent, no record is larger than 1 MiB, and the content is the same. */
TEST(records_of_at_most_one_mebibyte)
{
	enum { ROW = 1024, ROWS = 3000 }; /* 1,024 rows would fill a record, were it not for its header */
	uint8_t *data = malloc(ROW * ROWS);
	uint64_t contents[3], rows[] = { 1, 700, ROWS };

	for (size_t i = 0; i < ROW * ROWS; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	for (int way = 0; way < 3; way++) {
		int fd = memfd_create("stream", MFD_CLOEXEC);
		About about;
		Writer writer;
		Tensor tensor;
		size_t at = 0;

		about_init(&about, 1, ROW, 1);
		CHECK(writer_open(&writer, fd, "memory", &about) == 0);
		for (uint64_t begin = 0; begin < ROWS; begin += rows[way]) {
			uint64_t n = ROWS - begin < rows[way] ? ROWS - begin : rows[way];
			Record record = pixels(n, ROW, data + begin * ROW, &tensor);

			CHECK(writer_send(&writer, &record) == 0);
		}
		CHECK(writer_finish(&writer, NULL) == 0);
		contents[way] = writer_content(&writer);
		CHECK(writer.samples == ROWS && (way < 2 || writer.records == 3));
		writer_close(&writer);
		about_release(&about);
		Bytes bytes = bytes_of_file(fd);
		while (at < bytes.size) {
			size_t end = record_end(&bytes, at);
			CHECK(end - at <= 1 << 20);
			at = end;
		}
		CHECK(read_bytes(bytes.data, bytes.size) == 0);
		free(bytes.data);
	}
	CHECK(contents[0] == contents[1] && contents[1] == contents[2]);
	free(data);
}

static uint64_t
content_of_names(const char *names, uint64_t width)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);
	uint8_t data[2] = { 1, 2 };
	Tensor tensors[] = {
		{ "image", DTYPE_U8, 4, { 2, 1, 1, 1 }, data, 2 },
		{ "name", DTYPE_U8, 2, { 2, width }, (uint8_t *)names, 2 * width },
	};
	Record record = { .n = 2, .tensor_count = 2, .tensors = tensors, .epoch = -1 };
	About about;
	Writer writer;
	uint64_t content = 0;

	about_init(&about, 1, 1, 1);
	if (about_add_column(&about, "name", DTYPE_U8, 1, &width) == 0 && writer_open(&writer, fd, "memory", &about) == 0 &&
	    writer_send(&writer, &record) == 0 && writer_finish(&writer, NULL) == 0)
		content = writer_content(&writer);
	writer_close(&writer);
	about_release(&about);
	close(fd);
	return content;
}

/* How wide names are padded plays no part; what they say does, and what stands behind the first NUL does not. */
TEST(content_of_padded_names)
{
	uint64_t content = content_of_names("a\0bc", 2);

	CHECK(content && content == content_of_names("a\0\0\0bc\0\0", 4));
	CHECK(content == content_of_names("a\0x\0bc\0y", 4));
	CHECK(content != content_of_names("ab\0\0c\0\0\0", 4));
}

TEST(one_large_sample)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);
	uint8_t *data = calloc(2, 2 << 20);
	Tensor tensor = { "image", DTYPE_U8, 4, { 2, 1024, 1024, 2 }, data, 4 << 20 };
	Record record = { .n = 2, .tensor_count = 1, .tensors = &tensor, .epoch = -1 };
	About about;
	Writer writer;

	about_init(&about, 1024, 1024, 2);
	CHECK(writer_open(&writer, fd, "memory", &about) == 0 && writer_send(&writer, &record) == 0);
	CHECK(writer.records == 2);
	CHECK(writer_send_whole(&writer, &record) == 0 && writer.records == 3);
	CHECK(writer_finish(&writer, NULL) == 0);
	writer_close(&writer);
	about_release(&about);
	Bytes bytes = bytes_of_file(fd);
	CHECK(read_bytes(bytes.data, bytes.size) == 0);
	free(bytes.data);
	free(data);
}

TEST(what_does_not_fit)
{
	uint8_t data[8] = { 0 };
	Tensor tensor;
	About about;
	Writer writer;

	about_init(&about, 1, 2, 1);
	CHECK(writer_open(&writer, 1, "memory", &about) == 0);
	Record record = pixels(2, 3, data, &tensor);
	CHECK(writer_send(&writer, &record) == STATUS_INPUT);
	record = pixels(2, 2, data, &tensor);
	tensor.name = "picture";
	CHECK(writer_send(&writer, &record) == STATUS_INPUT);
	record.tensor_count = 0;
	CHECK(writer_send(&writer, &record) == STATUS_INPUT);
	CHECK(about_add_column(&about, "image", DTYPE_U8, 0, NULL) == STATUS_INPUT);
	writer_close(&writer);
	about_release(&about);
}

/* A first record with a key of so many bytes. @return of the first failure; *bytes: what was written */
static Status
write_key(size_t size, Bytes *bytes)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);
	char *text = malloc(size + 1);
	uint8_t data[2] = { 0 };
	Tensor tensor;
	About about;
	Writer writer;

	if (!text)
		abort();
	memset(text, 'x', size);
	text[size] = '\0';
	about_init(&about, 1, 2, 1);
	json_object_set_new(about.others, "key", json_string(text));
	Status status = writer_open(&writer, fd, "memory", &about);
	Record record = pixels(1, 2, data, &tensor);
	if (status == STATUS_OK)
		status = writer_send(&writer, &record);
	if (status == STATUS_OK)
		status = writer_finish(&writer, NULL);
	writer_close(&writer);
	about_release(&about);
	free(text);
	*bytes = bytes_of_file(fd);
	return status;
}

static uint64_t
header_size(const Bytes *bytes)
{
	uint64_t length;

	memcpy(&length, bytes->data, sizeof length);
	return length;
}

/* 16 MiB, as the reader has it; not a byte more, and it is not the record that is told to be too large. */
TEST(longest_header)
{
	enum { MOST = 16 << 20, SHORT = 800 };
	Bytes bytes, longer;

	CHECK(write_key(SHORT, &bytes) == STATUS_OK);
	size_t size = SHORT + MOST - header_size(&bytes);
	free(bytes.data);
	CHECK(write_key(size, &bytes) == STATUS_OK, "%s", status_message());
	CHECK(header_size(&bytes) == MOST && read_bytes(bytes.data, bytes.size) == STATUS_OK, "%s", status_message());
	CHECK(write_key(size + 8, &longer) == STATUS_INPUT && longer.size == 0);
	CHECK(strstr(status_message(), "a record's header of 16777224 bytes, more than 16777216"), "%s", status_message());
	free(bytes.data);
	free(longer.data);
}

/* The history of an end record is complete, and so may be the first to be too long. */
TEST(longest_header_of_an_end_record)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);
	char *text = malloc((16 << 20) + 1);
	json_t *history = json_array();
	About about;
	Writer writer;

	memset(text, 'x', 16 << 20);
	text[16 << 20] = '\0';
	json_array_append_new(history, json_string(text));
	about_init(&about, 1, 2, 1);
	CHECK(writer_open(&writer, fd, "memory", &about) == 0);
	CHECK(writer_finish(&writer, history) == STATUS_INPUT);
	CHECK(strstr(status_message(), "a record's header of 16777"), "%s", status_message());
	writer_close(&writer);
	about_release(&about);
	json_decref(history);
	free(text);
	close(fd);
}

static volatile sig_atomic_t signals;

static void
count_signal(int number)
{
	(void)number;
	signals++;
}

static Status
send_to_nobody(uint64_t epochs)
{
	uint8_t data[2] = { 0 };
	Tensor tensor;
	About about;
	Writer writer;
	Status status;
	int ends[2];

	if (pipe(ends))
		abort();
	close(ends[0]);
	about_init(&about, 1, 2, 1);
	about.epochs = epochs;
	about.epoch_samples = 1;
	if (writer_open(&writer, ends[1], "pipe", &about) < 0)
		abort();
	Record record = pixels(1, 2, data, &tensor);
	record.epoch = epochs ? 0 : -1;
	status = writer_send(&writer, &record);
	if (epochs && (writer_send(&writer, &record) != WRITER_ENOUGH || writer_finish(&writer, NULL) != WRITER_ENOUGH))
		status = STATUS_IO;
	writer_close(&writer);
	about_release(&about);
	close(ends[1]);
	return status;
}

/* Of a repeated stream a reader may have enough, without any signal; of another it may not. */
TEST(enough)
{
	signal(SIGPIPE, count_signal);
	CHECK(send_to_nobody(3) == WRITER_ENOUGH && signals == 0);
	CHECK(send_to_nobody(EPOCHS_NONE) == STATUS_IO && signals == 1);
	signal(SIGPIPE, SIG_DFL);
}

int
main(void)
{
	RUN(canonical_bytes);
	RUN(keys_passed_on);
	RUN(records_of_at_most_one_mebibyte);
	RUN(content_of_padded_names);
	RUN(one_large_sample);
	RUN(what_does_not_fit);
	RUN(longest_header);
	RUN(longest_header_of_an_end_record);
	RUN(enough);
	return check_done();
}
