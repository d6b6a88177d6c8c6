/* stream/record.h: a record, and what the first one says of its whole stream; see fm-stream(5). */
#ifndef FM_STREAM_RECORD_H
#define FM_STREAM_RECORD_H

#include "pixel/transform.h"
#include "status.h"
#include "stream/tensor.h"

#include <jansson.h>
#include <stdbool.h>

enum {
	STREAM_HEADER_MOST = 16 << 20,	/* bytes */
	STREAM_RECORD_MOST = 256 << 20, /* bytes */
	STREAM_RECORD_USUAL = 1 << 20,	/* bytes; what writers make unless asked */
	STREAM_SIDE_MOST = 1024,	/* h, w */
	STREAM_CHANNELS_MOST = 16,
	STREAM_CLASSES_MOST = 65536,
	STREAM_COLUMNS_MOST = 1024,
};

typedef enum Part { PART_NONE, PART_FIT, PART_HOLDOUT } Part;

/** n samples: tensors that share their first dimension. Tools change n, data and parts in place. A reader's record has
 *  its about's columns, in their order. */
typedef struct Record {
	uint64_t n;
	size_t tensor_count;
	Tensor *tensors;
	Part part;
	int64_t epoch;	 /* -1: none */
	uint64_t number; /* fm.record */
	uint64_t offset; /* of the record's first byte in its input */
} Record;

/** @return the tensor of that name, or NULL */
Tensor *record_find(const Record *record, const char *name);

/** Keep the samples begin <= i < end only; moves data, allocates nothing. */
void record_keep(Record *record, uint64_t begin, uint64_t end);

/** Keep the samples for which keep, [n], is not 0; moves data, allocates nothing. */
void record_filter(Record *record, const uint8_t *keep);

/** A tensor of every record of a stream, or, of a lazy one, of every record of its data set or of its epochs; without n. */
typedef struct Column {
	char *name;
	Dtype dtype;
	int rank; /* of a row: one less than the tensor's */
	uint64_t shape[TENSOR_RANK_MOST - 1];
	size_t row_size; /* bytes; for "name" that of the first record, which may differ in others */
	bool is_lazy;	 /* only records with an epoch have it, and they only such ones */
	bool is_implied; /* the stream that was read has no such tensor: the reader has added it, and it is no content */
} Column;

enum { EPOCHS_NONE = 0 }; /* not a repeated stream */
#define EPOCHS_ENDLESS UINT64_MAX

/** What holds for a whole stream. about_init, about_copy, about_release. */
typedef struct About {
	size_t column_count;
	Column *columns; /* in the writers' order: falling element size, then name */
	uint32_t height, width, channels;
	json_t *input;	    /* fm.input: object with h, w, c and how pictures were made to fit */
	uint32_t class_count;
	char **classes;	    /* UTF-8, unique, not empty */
	json_t *history;    /* array; as far as it is known: complete only after the end record */
	json_t *others;	    /* object: keys of the first record that are not fm.*, passed on */
	bool is_marked;	    /* records carry fm.part */
	uint64_t epochs;    /* EPOCHS_NONE, a number, EPOCHS_ENDLESS */
	uint64_t epoch_samples; /* one epoch's, hold-out apart; 0 if not repeated */
	json_t *epoch_labels;	/* object, class name to count; or NULL */
	bool is_lazy;		/* a data set, then epochs of rows and transforms: stream/lazy.h */
	Fill fill;		/* of a lazy stream, with the level of FILL_CONSTANT */
	uint8_t fill_value;
} About;

/** A stream of h x w x c pictures: the column image; no classes, history [] and input {"h":h,"w":w,"c":c}. */
void about_init(About *about, uint32_t height, uint32_t width, uint32_t channels);

/** Add a column in its place. @return STATUS_INPUT if it is there already */
MUST_CHECK Status about_add_column(About *about, const char *name, Dtype dtype, int rank, const uint64_t *shape);

/** @return the column's index, or -1 */
int about_find(const About *about, const char *name);

/** Replace the classes by a copy of these. @return STATUS_INPUT if they are too many, not unique, empty or not UTF-8 */
MUST_CHECK Status about_set_classes(About *about, uint32_t count, const char *const *names);

/** Deep copy into an uninitialised About. */
void about_copy(About *to, const About *from);

void about_release(About *about);

#endif
