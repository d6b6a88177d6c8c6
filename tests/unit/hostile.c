/* hostile.c: headers that lie, each with its right hash: refused by what they say, before it is believed. */
#include "unit/streams.h"

#include "unit/check.h"

#define X "\"__metadata__\":{\"fm.xxh3\":\"0000000000000000\""
#define META_(record, more) "{" X ",\"fm.record\":\"" record "\"" more "}"
#define INPUT_ ",\"fm.input\":\"{\\\"h\\\":2,\\\"w\\\":2,\\\"c\\\":1}\""
#define KEYS ",\"fm.stream\":\"1\",\"fm.classes\":\"[\\\"a\\\",\\\"b\\\"]\"" INPUT_ ",\"fm.history\":\"[]\""
#define FIRST META_("0", KEYS)
#define REPEATED ",\"fm.epochs\":\"2\",\"fm.epoch.samples\":\"2\""
#define IMAGE ",\"image\":{\"dtype\":\"U8\",\"shape\":[2,2,2,1],\"data_offsets\":[0,8]}"
#define TENSOR(name, dtype, shape, begin, end)                                                                        \
	",\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" begin "," end "]}"

typedef struct Case {
	const char *header; /* of the first record */
	size_t size;	    /* of its data, all zeros */
	const char *says;   /* NULL: this record is fine */
} Case;

static const uint8_t zeros[4096];

static bool
refused(const Case *test)
{
	Bytes bytes = { 0 };
	Reader reader;
	Status status;

	bytes_append_record(&bytes, test->header, zeros, test->size);
	status = reader_open_fd(&reader, file_of_bytes(bytes.data, bytes.size), "test");
	if (status == STATUS_OK)
		reader_close(&reader);
	free(bytes.data);
	if (!test->says)
		return status == STATUS_OK;
	return status == STATUS_INPUT && strstr(status_message(), "test: record 0 at byte 0: ") &&
	       strstr(status_message(), test->says);
}

static const Case cases[] = {
	{ FIRST IMAGE "}", 8, NULL },
	{ FIRST IMAGE "}       ", 8, NULL },

	/* JSON */
	{ FIRST IMAGE "} x", 8, "not valid JSON" },
	{ FIRST IMAGE IMAGE "}", 8, "duplicate" },
	{ META_("0", KEYS ",\"fm.record\":\"0\"") IMAGE "}", 8, "duplicate" },
	{ META_("0", KEYS ",\"deep\":{\"nested\":\"1\"}") IMAGE "}", 8, "is not a string" },
	{ META_("0", KEYS ",\"number\":1") IMAGE "}", 8, "is not a string" },
	{ "{\"__metadata__\":{\"fm.xxh4\":\"0000000000000000\"}}", 0, "does not begin with" },
	{ "{ " X "}}", 0, "does not begin with" },
	{ "{}", 0, "does not begin with" },

	/* tensors */
	{ FIRST TENSOR("image", "U9", "2,2,2,1", "0", "8") "}", 8, "unknown dtype" },
	{ FIRST TENSOR("image", "U8", "2,2,2,1", "0", "9") "}", 9, "9 bytes of data, its shape needs 8" },
	{ FIRST TENSOR("image", "U8", "2,2,2,1", "8", "0") "}", 8, "data_offsets" },
	{ FIRST TENSOR("image", "U8", "2,2,2,1", "-8", "0") "}", 8, "data_offsets" },
	{ FIRST TENSOR("image", "U8", "2,2,2,1", "0.0", "8.0") "}", 8, "data_offsets" },
	{ FIRST TENSOR("image", "U8", "2,2,2,1", "0,4", "8") "}", 8, "data_offsets" },
	{ FIRST TENSOR("image", "U8", "2,2,-2,1", "0", "8") "}", 8, "whole number" },
	{ FIRST TENSOR("image", "U8", "2,2,2,1,1,1,1,1,1", "0", "8") "}", 8, "dimensions" },
	{ FIRST TENSOR("image", "U8", "4611686018427387904,4,2,1", "0", "0") "}", 0, "overflows" },
	{ FIRST TENSOR("image", "U8", "9223372036854775808,2,2,1", "0", "0") "}", 0, "too big integer" },
	{ FIRST TENSOR("image", "U8", "2,2,2,1", "1", "9") "}", 9, "gap" },
	{ FIRST IMAGE TENSOR("label", "I32", "2", "4", "12") "}", 12, "overlap" },
	{ FIRST IMAGE TENSOR("label", "I32", "2", "12", "20") "}", 20, "gap" },
	{ FIRST IMAGE TENSOR("label", "I32", "3", "8", "20") "}", 20, "first dimension" },
	{ FIRST IMAGE TENSOR("label", "I64", "2", "8", "24") "}", 24, "expected I32" },
	{ FIRST IMAGE TENSOR("label", "I32", "2,1", "8", "16") "}", 16, "rank" },
	{ FIRST IMAGE TENSOR("id", "I32", "2", "8", "16") "}", 16, "expected I64" },
	{ FIRST IMAGE TENSOR("name", "I8", "2,4", "8", "16") "}", 16, "expected U8" },
	{ FIRST IMAGE TENSOR("prob", "F32", "2,3", "8", "32") "}", 32, "3 columns" },
	{ FIRST IMAGE TENSOR("prob", "F32", "2,2", "8", "24") "}", 24, NULL },
	{ FIRST IMAGE TENSOR("weight", "F32", "2", "8", "16") "}", 16, "reserved" },
	{ FIRST IMAGE TENSOR("target", "F32", "2,3", "8", "32") "}", 32, "reserved" },
	{ FIRST IMAGE TENSOR("scalar", "F32", "", "8", "12") "}", 12, "first dimension" },
	{ FIRST IMAGE TENSOR("other", "F16", "2,3", "8", "20") "}", 20, NULL },
	{ FIRST ",\"image\":{\"dtype\":\"U8\",\"shape\":[2,2,2,1]}}", 8, "data_offsets" },
	{ FIRST ",\"image\":{\"dtype\":\"U8\",\"data_offsets\":[0,8]}}", 8, "no shape" },
	{ FIRST ",\"image\":7}", 8, "no dtype" },
	{ FIRST ",\"image\":{\"dtype\":\"U8\",\"shape\":[2,2,2,1],\"data_offsets\":[0,8],\"x\":1}}", 8, "unknown key" },

	/* bounds */
	{ FIRST "}", 0, "no tensor \"image\"" },
	{ FIRST TENSOR("image", "U8", "2,2,2", "0", "8") "}", 8, "expected U8 [n,h,w,c]" },
	{ FIRST TENSOR("image", "I8", "2,2,2,1", "0", "8") "}", 8, "expected U8 [n,h,w,c]" },
	{ FIRST TENSOR("image", "U8", "0,2,2,0", "0", "0") "}", 0, "pictures of 2x2x0" },
	{ FIRST TENSOR("image", "U8", "0,1025,2,1", "0", "0") "}", 0, "pictures of 1025x2x1" },
	{ FIRST TENSOR("image", "U8", "0,2,2,17", "0", "0") "}", 0, "pictures of 2x2x17" },
	{ FIRST TENSOR("image", "U8", "268435457,1,1,1", "0", "268435457") "}", 0, "more than 268435456" },
	{ FIRST TENSOR("image", "U8", "0,2,2,1", "0", "0") TENSOR("other", "U8", "0,4294967296,4294967296", "0", "0") "}", 0,
	  "overflows" },
	{ FIRST TENSOR("image", "U8", "0,2,2,1", "0", "0") TENSOR("other", "U8", "0,268435457", "0", "0") "}", 0,
	  "larger than a record" },
	{ FIRST TENSOR("image", "U8", "0,2,2,1", "0", "0") "}", 0, NULL },

	/* metadata */
	{ META_("1", KEYS) IMAGE "}", 8, "fm.record is 1, expected 0" },
	{ META_("00", KEYS) IMAGE "}", 8, "fm.record is missing or not a number" },
	{ META_("18446744073709551616", KEYS) IMAGE "}", 8, "fm.record is missing or not a number" },
	{ "{" X KEYS "}" IMAGE "}", 8, "fm.record is missing" },
	{ META_("0", ",\"fm.stream\":\"2\"") IMAGE "}", 8, "version 2" },
	{ META_("0", ",\"fm.stream\":\"one\"") IMAGE "}", 8, "not a version" },
	{ META_("0", "") IMAGE "}", 8, "fm.stream is missing" },
	{ META_("0", ",\"fm.end\":\"1\"") "}", 0, "fm.stream is missing" },
	{ META_("0", ",\"fm.stream\":\"1\"") IMAGE "}", 8, "fm.classes is missing" },
	{ META_("0", ",\"fm.stream\":\"1\",\"fm.classes\":\"[1]\"") IMAGE "}", 8, "not a string" },
	{ META_("0", ",\"fm.stream\":\"1\",\"fm.classes\":\"{}\"") IMAGE "}", 8, "not an array" },
	{ META_("0", ",\"fm.stream\":\"1\",\"fm.classes\":\"[\\\"a\\\",\\\"a\\\"]\"") IMAGE "}", 8, "occurs twice" },
	{ META_("0", ",\"fm.stream\":\"1\",\"fm.classes\":\"[\\\"\\\"]\"") IMAGE "}", 8, "empty name" },
	{ META_("0", ",\"fm.stream\":\"1\",\"fm.classes\":\"[]\"") IMAGE "}", 8, "fm.input is missing" },
	{ META_("0", ",\"fm.stream\":\"1\",\"fm.classes\":\"[]\",\"fm.input\":\"{\\\"h\\\":3}\"") IMAGE "}", 8,
	  "fm.input does not say" },
	{ META_("0", ",\"fm.stream\":\"1\",\"fm.classes\":\"[]\"" INPUT_) IMAGE "}", 8, "fm.history is missing" },
	{ META_("0", ",\"fm.stream\":\"1\",\"fm.classes\":\"[]\"" INPUT_ ",\"fm.history\":\"{}\"") IMAGE "}", 8,
	  "not an array" },
	{ META_("0", ",\"fm.stream\":\"1\",\"fm.classes\":\"[]\"" INPUT_ ",\"fm.history\":\"[\"") IMAGE "}", 8,
	  "fm.history is not valid JSON" },
	{ META_("0", KEYS ",\"fm.unknown\":\"x\",\"other\":\"y\"") IMAGE "}", 8, NULL },
	{ META_("0", KEYS REPEATED ",\"fm.form\":\"lazy\",\"fm.fill\":\"nearest\"") IMAGE "}", 8, NULL },
	{ META_("0", KEYS REPEATED ",\"fm.form\":\"eager\"") IMAGE "}", 8, "not known to this version" },
	{ META_("0", KEYS ",\"fm.form\":\"lazy\",\"fm.fill\":\"nearest\"") IMAGE "}", 8, "fm.epochs is missing" },
	{ META_("0", KEYS REPEATED ",\"fm.form\":\"lazy\"") IMAGE "}", 8, "fm.fill is" },
	{ META_("0", KEYS REPEATED ",\"fm.form\":\"lazy\",\"fm.fill\":\"constant\"") IMAGE "}", 8, "fm.fill is" },
	{ META_("0", KEYS REPEATED ",\"fm.form\":\"lazy\",\"fm.fill\":\"constant 007\"") IMAGE "}", 8, "fm.fill is" },
	{ META_("0", KEYS REPEATED ",\"fm.form\":\"lazy\",\"fm.fill\":\"constant 255\"") IMAGE "}", 8, NULL },
	{ META_("0", KEYS REPEATED ",\"fm.form\":\"lazy\",\"fm.fill\":\"wrap\",\"fm.epoch\":\"0\"") IMAGE "}", 8, "come first" },
	{ META_("0", KEYS REPEATED ",\"fm.form\":\"lazy\",\"fm.fill\":\"wrap\"") IMAGE TENSOR("row", "I64", "2", "8", "24") "}", 24,
	  "already" },

	/* parts and epochs */
	{ META_("0", KEYS ",\"fm.part\":\"fit\"") IMAGE "}", 8, NULL },
	{ META_("0", KEYS ",\"fm.part\":\"both\"") IMAGE "}", 8, "neither" },
	{ META_("0", KEYS ",\"fm.epoch\":\"0\"") IMAGE "}", 8, "without fm.epochs" },
	{ META_("0", KEYS ",\"fm.epochs\":\"0\",\"fm.epoch.samples\":\"2\"") IMAGE "}", 8, "fm.epochs is" },
	{ META_("0", KEYS ",\"fm.epochs\":\"2\"") IMAGE "}", 8, "fm.epoch.samples" },
	{ META_("0", KEYS ",\"fm.epochs\":\"2\",\"fm.epoch.samples\":\"2\"") IMAGE "}", 8, "fm.epoch is missing" },
	{ META_("0", KEYS ",\"fm.epochs\":\"2\",\"fm.epoch.samples\":\"2\",\"fm.epoch\":\"2\"") IMAGE "}", 8,
	  "fm.epoch is 2 of" },
	{ META_("0", KEYS ",\"fm.epochs\":\"2\",\"fm.epoch.samples\":\"2\",\"fm.epoch\":\"1\"") IMAGE "}", 8, NULL },
	{ META_("0", KEYS ",\"fm.epochs\":\"inf\",\"fm.epoch.samples\":\"2\",\"fm.epoch\":\"99\"") IMAGE "}", 8, NULL },
	{ META_("0", KEYS ",\"fm.part\":\"holdout\",\"fm.epochs\":\"2\",\"fm.epoch.samples\":\"2\",\"fm.epoch\":\"0\"") IMAGE
	  "}", 8, "a hold-out record" },
	{ META_("0", KEYS ",\"fm.epochs\":\"2\",\"fm.epoch.samples\":\"2\",\"fm.epoch\":\"0\",\"fm.epoch.labels\":\"[]\"") IMAGE
	  "}", 8, "fm.epoch.labels is not an object" },
};

TEST(first_records)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK(refused(&cases[i]), "case %zu: %s\n# the message is: %s", i, cases[i].header, status_message());
}

TEST(reserved_may_be_shown)
{
	char path[64];
	Bytes bytes = { 0 };
	Reader reader;

	bytes_append_record(&bytes, FIRST IMAGE TENSOR("weight", "F32", "2", "8", "16") "}", zeros, 16);
	int fd = file_of_bytes(bytes.data, bytes.size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	CHECK(reader_open_to_show(&reader, path) == STATUS_OK, "%s", status_message());
	reader_close(&reader);
	close(fd);
	free(bytes.data);
}

/* Any JSON number may be a side: all who ask afterwards find a whole one. */
TEST(sides_as_numbers)
{
	static const char header[] = META_("0", ",\"fm.stream\":\"1\",\"fm.classes\":\"[]\",\"fm.history\":\"[]\",\"fm.input\":"
		"\"{\\\"c\\\":1.0,\\\"h\\\":2e0,\\\"w\\\":2}\"") IMAGE "}";
	Bytes bytes = { 0 };
	Reader reader;

	bytes_append_record(&bytes, header, zeros, 8);
	int fd = file_of_bytes(bytes.data, bytes.size);
	free(bytes.data);
	CHECK(reader_open_fd(&reader, fd, "sides") == STATUS_OK, "%s", status_message());
	if (reader.state)
		CHECK(json_integer_value(json_object_get(reader.about.input, "h")) == 2, "the height is not whole");
	reader_close(&reader);
}

/* A first record that is fine, then others; the last one is what the message is about. */
static bool
refused_later(const char *says, const char *first, const char *second, const char *third)
{
	const char *headers[] = { first, second, third };
	Bytes bytes = { 0 };
	Status status;

	for (int i = 0; i < 3 && headers[i]; i++)
		bytes_append_record(&bytes, headers[i], zeros, strstr(headers[i], "[0,8]") ? 8 : 0);
	status = read_bytes(bytes.data, bytes.size);
	free(bytes.data);
	return says ? status == STATUS_INPUT && strstr(status_message(), says) : status == STATUS_OK;
}

/* A first record whose header is so long: JSON takes spaces behind it. */
static Status
open_header_of(size_t size)
{
	static const char header[] = FIRST IMAGE "}";
	char *text = malloc(size + 1);
	Bytes bytes = { 0 };
	Reader reader;
	Status status;

	if (!text)
		abort();
	memset(text, ' ', size);
	memcpy(text, header, sizeof header - 1);
	text[size] = '\0';
	bytes_append_record(&bytes, text, zeros, 8);
	status = reader_open_fd(&reader, file_of_bytes(bytes.data, bytes.size), "test");
	if (status == STATUS_OK)
		reader_close(&reader);
	free(bytes.data);
	free(text);
	return status;
}

TEST(headers_of_sixteen_mebibytes)
{
	CHECK(open_header_of(16 << 20) == STATUS_OK, "%s", status_message());
	CHECK(open_header_of((16 << 20) + 1) == STATUS_INPUT);
	CHECK(strstr(status_message(), "a header of 16777217 bytes, more than 16777216"), "%s", status_message());
}

/* A first record with so many classes: "0", "1", … */
static Status
open_classes(unsigned count)
{
	static const char begin[] = META_("0", ",\"fm.stream\":\"1\"" INPUT_ ",\"fm.history\":\"[]\",\"fm.classes\":\"[");
	char *text = malloc(sizeof begin + (size_t)count * 12 + 200), *to = text;
	Bytes bytes = { 0 };
	Reader reader;
	Status status;

	if (!text)
		abort();
	to = stpcpy(to, begin) - 1; /* not META_'s closing brace */
	for (unsigned i = 0; i < count; i++)
		to += sprintf(to, "%s\\\"%u\\\"", i ? "," : "", i);
	strcpy(to, "]\"}" IMAGE "}");
	bytes_append_record(&bytes, text, zeros, 8);
	status = reader_open_fd(&reader, file_of_bytes(bytes.data, bytes.size), "test");
	if (status == STATUS_OK) {
		status = reader.about.class_count == count ? STATUS_OK : fail(STATUS_NO, "%u classes", reader.about.class_count);
		reader_close(&reader);
	}
	free(bytes.data);
	free(text);
	return status;
}

TEST(as_many_classes_as_may_be)
{
	CHECK(open_classes(65536) == STATUS_OK, "%s", status_message());
	CHECK(open_classes(65537) == STATUS_INPUT);
	CHECK(strstr(status_message(), "fm.classes is not an array of at most 65536 names"), "%s", status_message());
}

#define END(record, samples) META_(record, ",\"fm.end\":\"1\",\"fm.records\":\"" record "\",\"fm.samples\":\"" samples \
	"\",\"fm.history\":\"[]\"") "}"
#define EPOCHS META_("0", KEYS ",\"fm.epochs\":\"2\",\"fm.epoch.samples\":\"2\",\"fm.epoch\":\"0\"") IMAGE "}"
#define EPOCH(number, epoch) META_(number, ",\"fm.epoch\":\"" epoch "\"") IMAGE "}"
#define PART(number, part, more) META_(number, more ",\"fm.part\":\"" part "\"") IMAGE "}"

TEST(later_records)
{
	const char *first = FIRST IMAGE "}";

	CHECK(refused_later(NULL, first, END("1", "2"), NULL), "%s", status_message());
	CHECK(refused_later("fm.samples is \"3\"", first, END("1", "3"), NULL), "%s", status_message());
	CHECK(refused_later("fm.record is 2", first, END("2", "2"), NULL));
	CHECK(refused_later("fm.records is \"01\", there were 1", first, META_("1", ",\"fm.end\":\"1\",\"fm.records\":\"01\"") "}", NULL));
	CHECK(refused_later("has no fm.records, there were 1", first, META_("1", ",\"fm.end\":\"1\"") "}", NULL));
	CHECK(refused_later("has no fm.samples, there were 2", first, META_("1", ",\"fm.end\":\"1\",\"fm.records\":\"1\"") "}", NULL));
	CHECK(refused_later("holds tensors", first, META_("1", ",\"fm.end\":\"1\",\"fm.records\":\"1\"") IMAGE "}", NULL));
	CHECK(refused_later("fm.end is not", first, META_("1", ",\"fm.end\":\"2\"") "}", NULL));
	CHECK(refused_later("fm.content says", first, META_("1", ",\"fm.end\":\"1\",\"fm.records\":\"1\",\"fm.samples\":\"2\","
			    "\"fm.content\":\"0123456789abcdef\"") "}", NULL));
	CHECK(refused_later("\"image\" is missing", first, META_("1", "") "}", NULL));
	CHECK(refused_later("expected U8", first, META_("1", "") TENSOR("image", "I8", "2,2,2,1", "0", "8") "}", NULL));
	CHECK(refused_later("dimension 1", first, META_("1", "") TENSOR("image", "U8", "2,1,4,1", "0", "8") "}", NULL));
	CHECK(refused_later("holds 2 tensors", first,
			    META_("1", "") IMAGE TENSOR("more", "U8", "2,0", "8", "8") "}", NULL), "%s", status_message());
	CHECK(refused_later("fm.part is there", first, PART("1", "fit", ""), NULL));
}

TEST(parts_and_epochs)
{
	CHECK(refused_later(NULL, EPOCHS, EPOCH("1", "1"), END("2", "4")), "%s", status_message());
	CHECK(refused_later("ends after epoch 0", EPOCHS, END("1", "2"), NULL));
	/* sent from behind the last one */
	CHECK(refused_later(NULL, META_("0", KEYS REPEATED) TENSOR("image", "U8", "0,2,2,1", "0", "0") "}", END("1", "0"), NULL),
	      "%s", status_message());
	CHECK(refused_later("epoch 0 has 4 samples", EPOCHS, EPOCH("1", "0"), EPOCH("2", "1")));
	CHECK(refused_later("fm.epoch is 2 of", EPOCHS, EPOCH("1", "2"), NULL));
	CHECK(refused_later("fm.epoch is missing", EPOCHS, META_("1", "") IMAGE "}", NULL));
	CHECK(refused_later("fm.epoch 0 follows 1", META_("0", KEYS ",\"fm.epochs\":\"2\",\"fm.epoch.samples\":\"2\","
			    "\"fm.epoch\":\"1\"") IMAGE "}", EPOCH("1", "0"), NULL));
	CHECK(refused_later(NULL, PART("0", "holdout", KEYS), PART("1", "fit", ""), END("2", "4")), "%s", status_message());
	CHECK(refused_later("must come first", PART("0", "fit", KEYS), PART("1", "holdout", ""), NULL));
	CHECK(refused_later("fm.part is missing", PART("0", "fit", KEYS), META_("1", "") IMAGE "}", NULL));
}

/* Three records of two samples each: the ids of their first ones. */
static void
begin_with_ids(const char *const headers[3], int64_t first, int64_t second, int64_t third)
{
	const int64_t expected[] = { first, second, third };
	Bytes bytes = { 0 };
	Reader reader;
	Record record;

	for (int i = 0; i < 3; i++)
		bytes_append_record(&bytes, headers[i], zeros, 8);
	CHECK(reader_open_fd(&reader, file_of_bytes(bytes.data, bytes.size), "test") == STATUS_OK, "%s", status_message());
	for (int i = 0; i < 3; i++) {
		const int64_t *ids;

		CHECK(reader_next(&reader, &record) == 1, "%s", status_message());
		ids = (const int64_t *)record_find(&record, "id")->data;
		CHECK(ids[0] == expected[i] && ids[1] == expected[i] + 1, "record %d: %ld, %ld", i, ids[0], ids[1]);
	}
	reader_close(&reader);
	free(bytes.data);
}

#define OF_FOUR(more) META_("0", KEYS ",\"fm.epochs\":\"4\",\"fm.epoch.samples\":\"4\"" more) IMAGE "}"

/* In each epoch on from what came before all epochs, whichever epoch the first is. */
TEST(ids_that_are_implied)
{
	const char *plain[] = { FIRST IMAGE "}", META_("1", "") IMAGE "}", META_("2", "") IMAGE "}" };
	const char *whole[] = { OF_FOUR(",\"fm.epoch\":\"0\""), EPOCH("1", "0"), EPOCH("2", "1") };
	const char *late[] = { OF_FOUR(",\"fm.epoch\":\"2\""), EPOCH("1", "2"), EPOCH("2", "3") };
	const char *marked[] = { OF_FOUR(",\"fm.part\":\"holdout\""), PART("1", "fit", ",\"fm.epoch\":\"2\""),
				 PART("2", "fit", ",\"fm.epoch\":\"2\"") };

	begin_with_ids(plain, 0, 2, 4);
	begin_with_ids(whole, 0, 2, 0);
	begin_with_ids(late, 0, 2, 0);
	begin_with_ids(marked, 0, 2, 4);
}

TEST(what_cannot_be_joined)
{
	const char *whole[] = { PART("0", "fit", KEYS), END("1", "2"), FIRST IMAGE "}" };

	CHECK(refused_later("can't be joined", whole[0], whole[1], whole[2]));
	CHECK(refused_later("can't be joined", whole[2], whole[1], EPOCHS));
	CHECK(refused_later("can't be joined", whole[2], whole[1], whole[0]));
	CHECK(refused_later("1 classes after 2", whole[2], whole[1], META_("0", ",\"fm.stream\":\"1\",\"fm.classes\":"
			    "\"[\\\"a\\\"]\"" INPUT_ ",\"fm.history\":\"[]\"") IMAGE "}"));
	CHECK(refused_later("class 1 is \"c\" after \"b\"", whole[2], whole[1], META_("0", ",\"fm.stream\":\"1\","
			    "\"fm.classes\":\"[\\\"a\\\",\\\"c\\\"]\"" INPUT_ ",\"fm.history\":\"[]\"") IMAGE "}"));
}

/* Labels and ids at odd addresses: they come out aligned, and right. */
TEST(no_alignment_is_assumed)
{
	uint8_t data[2 + 8 + 8 + 16] = { 0 };
	int32_t labels[] = { 1, -1 };
	int64_t ids[] = { 5, 1ll << 50 };
	Bytes bytes = { 0 };
	Reader reader;
	Record record;

	memcpy(data + 10, labels, 8);
	memcpy(data + 18, ids, 16);
	bytes_append_record(&bytes, FIRST TENSOR("name", "U8", "2,1", "0", "2") TENSOR("image", "U8", "2,2,2,1", "2", "10")
			    TENSOR("label", "I32", "2", "10", "18") TENSOR("id", "I64", "2", "18", "34") "}", data, sizeof data);
	CHECK(reader_open_fd(&reader, file_of_bytes(bytes.data, bytes.size), "test") == 0, "%s", status_message());
	CHECK(reader_next(&reader, &record) == 1);
	CHECK((uintptr_t)record_find(&record, "id")->data % 8 == 0);
	CHECK((uintptr_t)record_find(&record, "label")->data % 4 == 0);
	CHECK(((int64_t *)record_find(&record, "id")->data)[1] == 1ll << 50);
	CHECK(((int32_t *)record_find(&record, "label")->data)[0] == 1);
	reader_close(&reader);
	free(bytes.data);
}

TEST(labels_and_names)
{
	uint8_t data[16] = { 0 };
	Bytes bytes = { 0 };

	data[8] = 2;
	bytes_append_record(&bytes, FIRST IMAGE TENSOR("label", "I32", "2", "8", "16") "}", data, 16);
	CHECK(read_bytes(bytes.data, bytes.size) == STATUS_INPUT && strstr(status_message(), "label 2"));
	bytes.size = 0;
	data[8] = 0xff;
	bytes_append_record(&bytes, FIRST IMAGE TENSOR("name", "U8", "2,4", "8", "16") "}", data, 16);
	CHECK(read_bytes(bytes.data, bytes.size) == STATUS_INPUT && strstr(status_message(), "not UTF-8"));
	free(bytes.data);
}

int
main(void)
{
	RUN(first_records);
	RUN(reserved_may_be_shown);
	RUN(sides_as_numbers);
	RUN(headers_of_sixteen_mebibytes);
	RUN(as_many_classes_as_may_be);
	RUN(later_records);
	RUN(parts_and_epochs);
	RUN(ids_that_are_implied);
	RUN(what_cannot_be_joined);
	RUN(no_alignment_is_assumed);
	RUN(labels_and_names);
	return check_done();
}
