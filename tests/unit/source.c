/* Sources: the parts of them that can be tried without files. */
#include "unit/check.h"

#include "memory.h"
#include "source/chain.h"
#include "source/digest.h"
#include "source/download.h"
#include "source/holdout.h"
#include "source/idx.h"
#include "source/idx_pairs.h"
#include "source/idx_source.h"
#include "source/range.h"
#include "source/response.h"
#include "source/sets.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- text ---- */

TEST(ranges)
{
	Range range;

	CHECK(!range_parse("3:7", &range) && range.begin == 3 && range.end == 7);
	CHECK(!range_parse("3:", &range) && range.begin == 3 && range.end == UINT64_MAX);
	CHECK(!range_parse(":7", &range) && range.begin == 0 && range.end == 7);
	for (const char **wrong = (const char *[]){ "", "3", "7:3", "a:b", "3:7x", "3:7:9", "+3:7", " 3:7", "3: 7", "-1:",
						    "18446744073709551616:", NULL };
	     *wrong; wrong++)
		CHECK(range_parse(*wrong, &range), "'%s'", *wrong);
}

TEST(holdouts)
{
	Holdout holdout;
	bool is_all;

	CHECK(!holdout_parse("5000", &holdout) && !holdout.is_share && holdout.count == 5000);
	CHECK(!holdout_parse("50%", &holdout) && holdout.is_share);
	CHECK(holdout_bound(&holdout, &is_all) == 1ULL << 63 && !is_all);
	CHECK(!holdout_parse("12.5%", &holdout) && holdout_bound(&holdout, &is_all) == 1ULL << 61);
	CHECK(!holdout_parse("0.000000001%", &holdout) && holdout_bound(&holdout, &is_all) == 184467440);
	CHECK(!holdout_parse("100.0%", &holdout) && holdout_bound(&holdout, &is_all) == UINT64_MAX && is_all);
	/* floor(P 2^64 / 100), to the last bit */
	CHECK(!holdout_parse("10%", &holdout) && holdout_bound(&holdout, &is_all) == 1844674407370955161);
	for (const char **wrong = (const char *[]){ "", "0", "0%", "%", "-1", "+1", "1.5", "100.000000001%", "1.2.3%", "1%%",
						    ".5%", "0.0000000001%", "1e1%", "184467440737095516160", NULL };
	     *wrong; wrong++)
		CHECK(holdout_parse(*wrong, &holdout), "'%s'", *wrong);
}

static bool
is_public(const char *address, const char *expected)
{
	char *found = address_public(address);
	bool is_same = !strcmp(found, expected);

	printf("# %s -> %s\n", address, found);
	free(found);
	return is_same;
}

TEST(addresses)
{
	CHECK(is_address("http://a") && is_address("HTTPS://a") && !is_address("ftp://a") && !is_address("a/http://b"));
	CHECK(is_public("http://host/a/b.gz", "http://host/a/b.gz"));
	CHECK(is_public("https://ann:secret@host:8080/a", "https://host:8080/a"));
	CHECK(is_public("https://ann@evil@host/a", "https://host/a"));
	CHECK(is_public("http://host/a?key=secret#part", "http://host/a"));
	CHECK(is_public("http://host?key=secret", "http://host"));
	CHECK(is_public("http://host/a@b", "http://host/a@b"));
	CHECK(is_public("http://ann:se/cret@host", "http://ann:se/cret@host"));
	CHECK(is_public("http://", "http://"));
}

TEST(responses)
{
	Response response = { 0 };
	const char *lines[] = { "HTTP/1.1 302 Found\r\n", "ETag: \"old\"\r\n", "Content-Length: 3\r\n", "HTTP/1.1 206 Partial\r\n",
				"content-range:  bytes 77-99/100\r\n", "ETag: W/\"weak\"\r\n", "Last-Modified: Monday\r\n", "\r\n" };

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		response_read_line(&response, lines[i], strlen(lines[i]));
	CHECK(response.code == 206 && response.begin == 77 && !response.has_length);
	CHECK(!strcmp(response.validator, "Monday"), "%s", response.validator);
	response_read_line(&response, "ETag: \"strong\"", 14);
	response_read_line(&response, "Last-Modified: Tuesday", 22);
	CHECK(!strcmp(response.validator, "\"strong\""), "%s", response.validator);
	response_read_line(&response, "HTTP/2 200\n", 11);
	CHECK(response.code == 200 && response.begin == UINT64_MAX && !*response.validator);
	response_read_line(&response, "Content-Range: bytes */5", 24);
	CHECK(response.begin == UINT64_MAX);
}

/* ---- names ---- */

TEST(pairs)
{
	char *usual[] = { "raw/t10k-images-idx3-ubyte.gz", "raw/t10k-labels-idx1-ubyte.gz", "raw/train-images-idx3-ubyte",
			  "raw/train-images-idx3-ubyte.gz", "raw/train-labels-idx1-ubyte.gz" };
	char *own[] = { "mine-images.idx4-ubyte", "training-images-idx3-ubyte" };
	char *words[] = { "test/images-idx3-ubyte", "train/images-idx3-ubyte", "train/labels-idx1-ubyte" };
	IdxPair pairs[4];

	CHECK(idx_pairs_find("x", 5, usual, pairs) == STATUS_OK);
	CHECK(pairs[SPLIT_TRAIN].images == 2 && pairs[SPLIT_TRAIN].labels == 4);
	CHECK(pairs[SPLIT_TEST].images == 0 && pairs[SPLIT_TEST].labels == 1);
	CHECK(pairs[SPLIT_ANY].images == NO_FILE);
	CHECK(idx_pairs_find("x", 3, words, pairs) == STATUS_OK);
	CHECK(pairs[SPLIT_TRAIN].images == 1 && pairs[SPLIT_TRAIN].labels == 2 && pairs[SPLIT_TEST].labels == NO_FILE);
	CHECK(idx_pairs_find("x", 1, own, pairs) == STATUS_OK && pairs[SPLIT_ANY].images == 0);
	CHECK(idx_pairs_find("x", 2, own, pairs) == STATUS_INPUT);
}

TEST(named_sets_hold_together)
{
	for (const NamedSet *set = named_sets; set->name; set++) {
		CHECK(set_find(set->name) == set);
		bool is_idx = set->layout == SET_IDX;

		/* what comes over http is vouched for by its digest alone: only where the publisher has nothing better */
		CHECK(set->mirrors[0] && (!strncmp(set->mirrors[0], "https://", 8) || !strcmp(set->name, "svhn")), "%s", set->name);
		CHECK(!is_idx || (set->traits.class_count && set->traits.classes[set->traits.class_count - 1]), "%s", set->name);
		for (const SetFile *file = set->files; file->name; file++)
			CHECK(file->size && is_digest(file->sha256) && (!file->package || is_digest(file->package)) &&
			      (!file->contents || is_digest(file->contents)), "%s %s", set->name, file->name);
		const char *last = is_idx ? set->test.labels : set->test.images;

		CHECK(set->is_archive || !strcmp(set_file(set, last)->name, last), "%s", set->name);
	}
	CHECK(!set_find("fashion") && !set_find(""));
}

/* ---- IDX ---- */

static Bytes
bytes_of(const void *data, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	Bytes bytes = { 0 };

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || bytes_open(&bytes, fd, "test", NULL) < 0)
		abort();
	return bytes;
}

TEST(labels_of_all_widths)
{
	const uint8_t value[] = { 0xff, 0xfe, 0xfd, 0xfc };

	CHECK(idx_label(IDX_U8, value) == 255 && idx_label(IDX_I8, value) == -1);
	CHECK(idx_label(IDX_I16, value) == -2 && idx_label(IDX_I32, value) == -66052);
}

/* Two pictures of 2x2 that are stored column by column, labels from 1. */
static const uint8_t images[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint8_t labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 2, 1 };
static const char *const letters[] = { "A", "B" };

static Status
open_letters(Source *source, const IdxTraits *traits)
{
	Bytes one = bytes_of(labels, sizeof labels), other = bytes_of(images, sizeof images);

	return idx_source_open(source, &one, &other, traits);
}

TEST(pictures_are_turned_over_and_labels_moved)
{
	const IdxTraits traits = { .class_count = 2, .classes = letters, .first_label = 1, .is_transposed = true, .first_id = 9 };
	const uint8_t upright[] = { 1, 3, 2, 4, 5, 7, 6, 8 };
	Source source;
	Record record;

	CHECK(open_letters(&source, &traits) == STATUS_OK, "%s", status_message());
	CHECK(source_next(&source, &record) == 1 && record.n == 2);
	CHECK(!memcmp(record_find(&record, "image")->data, upright, sizeof upright));
	CHECK(!memcmp(record_find(&record, "label")->data, (const int32_t[]){ 1, 0 }, 8));
	CHECK(!memcmp(record_find(&record, "id")->data, (const int64_t[]){ 9, 10 }, 16));
	CHECK(source_next(&source, &record) == 0);
	source_close(&source);
	source_close(&source);
}

TEST(labels_out_of_range)
{
	const IdxTraits few = { .class_count = 1, .classes = letters, .first_label = 1 };
	const IdxTraits late = { .class_count = 2, .classes = letters, .first_label = 2 };
	Source source;

	CHECK(open_letters(&source, &few) == STATUS_INPUT && strstr(status_message(), "label 2 is out of range"));
	CHECK(open_letters(&source, &late) == STATUS_INPUT && strstr(status_message(), "sample 1 has the label -1"));
}

TEST(chains_agree_about_pictures_and_classes)
{
	const IdxTraits numbered = { 0 }, named = { .class_count = 2, .classes = letters, .first_label = 1 };
	static const uint8_t wide[] = { 0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 1, 2 };
	Bytes bytes = bytes_of(wide, sizeof wide);
	Source one, other, chain;

	CHECK(open_letters(&one, &named) == STATUS_OK && open_letters(&other, &numbered) == STATUS_OK);
	CHECK(chain_open(&chain, &one, &other) == STATUS_INPUT && strstr(status_message(), "calls class 0"));
	CHECK(open_letters(&one, &named) == STATUS_OK && idx_source_open(&other, &bytes, NULL, &named) == STATUS_OK);
	CHECK(chain_open(&chain, &one, &other) == STATUS_INPUT && strstr(status_message(), "pictures of 2x2x1"));
}

/* ---- hold-out ---- */

/* 7 of 12, from classes of 6, 3, 2 and 1: 3.5, 1.75, 1.17, 0.58; the remainder goes to 1.75 and 0.58. */
TEST(largest_remainders)
{
	static const int32_t label[12] = { 0, 0, 0, 0, 0, 0, 1, 1, 1, 5, 5, -1 };
	Ballot ballots[12];
	int held[4] = { 0 };

	for (int i = 0; i < 12; i++)
		ballots[i] = (Ballot){ .id = i, .label = label[i], .is_held = true };
	CHECK(holdout_choose(7, 1, 12, ballots) == STATUS_OK);
	for (int i = 0; i < 12; i++)
		held[label[i] == 5 ? 2 : label[i] < 0 ? 3 : label[i]] += ballots[i].is_held;
	CHECK(held[0] == 3 && held[1] == 2 && held[2] == 1 && held[3] == 1, "%d %d %d %d", held[0], held[1], held[2], held[3]);
}

/* Equal ids have equal keys, so position decides; equal remainders go to the lower class. */
TEST(ties)
{
	Ballot ballots[4] = { { .id = 7, .label = 1 }, { .id = 7, .label = 1 }, { .id = 7, .label = -1 }, { .id = 7, .label = -1 } };

	CHECK(holdout_choose(1, 1, 4, ballots) == STATUS_OK);
	CHECK(!ballots[0].is_held && !ballots[1].is_held && ballots[2].is_held && !ballots[3].is_held);
	CHECK(holdout_choose(0, 1, 0, ballots) == STATUS_OK);
}

/* ---- choices around sources that have parts and stored bytes of their own ---- */

typedef struct Fake {
	int sent;
	int32_t label[3];
	int64_t id[3];
	uint8_t image[3];
	Tensor tensors[3];
} Fake;

/* Two records of three samples; what decides about a sample is its id, not its picture. */
static Status
fake_next(Source *source, Record *record)
{
	Fake *fake = source->state;

	if (fake->sent == 2)
		return 0;
	for (int i = 0; i < 3; i++)
		fake->id[i] = 3 * fake->sent + i;
	fake->sent++;
	fake->tensors[0] = (Tensor){ "id", DTYPE_I64, 1, { 3 }, (uint8_t *)fake->id, 24 };
	fake->tensors[1] = (Tensor){ "label", DTYPE_I32, 1, { 3 }, (uint8_t *)fake->label, 12 };
	fake->tensors[2] = (Tensor){ "image", DTYPE_U8, 4, { 3, 1, 1, 1 }, fake->image, 3 };
	*record = (Record){ .n = 3, .tensor_count = 3, .tensors = fake->tensors, .epoch = -1 };
	return 1;
}

static bool
fake_hash(const Source *source, uint64_t row, uint64_t seed, uint64_t *hash)
{
	const Fake *fake = source->state;

	(void)seed;
	*hash = 3 * (uint64_t)(fake->sent - 1) + row == 4 ? 0 : UINT64_MAX;
	return true;
}

static void
fake_close(Source *source)
{
	free(source->state);
}

static const SourceKind fake_kind = { .next = fake_next, .stored_hash = fake_hash, .close = fake_close };

static Source
fake_open(void)
{
	Source source = { .kind = &fake_kind, .name = memory_text("fake"), .state = memory_zeroed(1, sizeof(Fake)) };

	about_init(&source.about, 1, 1, 1);
	if (about_add_column(&source.about, "id", DTYPE_I64, 0, NULL) < 0 ||
	    about_add_column(&source.about, "label", DTYPE_I32, 0, NULL) < 0)
		abort();
	return source;
}

TEST(stored_bytes_decide_behind_a_range)
{
	Source source = fake_open(), ranged, held;
	Holdout holdout;
	Record record;

	CHECK(range_open(&ranged, &source, (Range){ 1, 6 }) == STATUS_OK && !holdout_parse("1%", &holdout));
	CHECK(holdout_open(&held, &ranged, &holdout, 1, 1 << 20) == STATUS_OK);
	CHECK(source_next(&held, &record) == 1 && record.n == 1 && record.part == PART_HOLDOUT);
	CHECK(*(const int64_t *)record_find(&record, "id")->data == 4);
	CHECK(source_next(&held, &record) == 1 && record.n == 4 && record.part == PART_FIT);
	CHECK(source_next(&held, &record) == 0);
	source_close(&held);
}

TEST(repeated_streams_are_neither_cut_nor_held_out)
{
	Source source = fake_open(), chosen;
	Holdout holdout = { .count = 1 };

	source.about.epochs = EPOCHS_ENDLESS;
	CHECK(range_open(&chosen, &source, (Range){ 0, 1 }) == STATUS_USAGE);
	source = fake_open();
	source.about.epochs = 3;
	CHECK(holdout_open(&chosen, &source, &holdout, 1, 1) == STATUS_USAGE);
	source = fake_open();
	source.about.epochs = 3;
	source.about.is_marked = true;
	CHECK(part_open(&chosen, &source, PART_HOLDOUT) == STATUS_OK && !chosen.about.epochs && !chosen.about.is_marked);
	source_close(&chosen);
}

int
main(void)
{
	RUN(ranges);
	RUN(holdouts);
	RUN(addresses);
	RUN(responses);
	RUN(pairs);
	RUN(named_sets_hold_together);
	RUN(labels_of_all_widths);
	RUN(pictures_are_turned_over_and_labels_moved);
	RUN(labels_out_of_range);
	RUN(chains_agree_about_pictures_and_classes);
	RUN(largest_remainders);
	RUN(ties);
	RUN(stored_bytes_decide_behind_a_range);
	RUN(repeated_streams_are_neither_cut_nor_held_out);
	return check_done();
}
