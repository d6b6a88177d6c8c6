/* stream/reader_parts.h: what the reader's files share: a record's columns, its marks, where a stream begins and ends. */
#ifndef FM_STREAM_READER_PARTS_H
#define FM_STREAM_READER_PARTS_H

#include "stream/content.h"
#include "stream/expand.h"
#include "stream/input.h"
#include "stream/reader.h"

/* One of two places for a record: while its user has the one, the other may be filled. */
typedef struct Slot {
	Raw raw;
	Record record;
	void **aside; /* [columns]: copies of what the stream did not align, and implied ids; NULL elsewhere */
} Slot;

/* What has been seen of the member that is being read. */
typedef struct Member {
	uint64_t records, samples, offset;
	bool has_fit; /* all hold-out samples have come, these: */
	uint64_t held_content, held_samples;
	int64_t epoch;		/* the last one; -1: none yet */
	uint64_t epoch_samples; /* of that epoch */
	uint64_t without_epoch; /* samples before all epochs: hold-out ones, a lazy stream's data set; or all */
	uint64_t holdout;	/* of a lazy stream's data set, hold-out ones */
	Content *content;
} Member;

/* What the user sees of a stream: the plain one that it is or stands for; as it was sent; and reserved tensors, too. */
typedef enum View { VIEW_PLAIN, VIEW_AS_SENT, VIEW_ALL } View;

typedef enum Place { AT_START, IN_STREAM, AFTER_END, AT_EOF } Place;

struct ReaderState {
	Input input;
	char *name;
	View view;
	bool is_opening; /* only the first record is wanted yet */
	About lazy;	 /* what the records of a lazy stream have, while their user sees plain ones */
	Expander *expander; /* then, else NULL */
	uint64_t expanded;  /* samples of the record that is held which the user has had */
	Place place;
	Slot slots[2];
	int filling;
	bool is_ready; /* the slot being filled holds a record to be returned */
	bool is_held;  /* it holds the record that the user has */
	Status failure;
	char *message; /* of failure */
	char where[512];

	Member member;
	size_t member_count;
	json_t *members; /* array of {content, samples, history}: whole members */
	Content *joined; /* over all members, from the second on */
	int64_t id_raise, id_most;
	bool has_ids;
	int id, label, names; /* columns of records, of a lazy stream's data set; or -1 */
};

/* What holds for the stream as it comes in. */
static inline const About *
about_input(const Reader *reader)
{
	return reader->state->expander ? &reader->state->lazy : &reader->about;
}

/** Forget the record; the memory for the next one is kept. @param columns  of the stream as it comes in */
void slot_restart(Slot *slot, size_t columns);

/** Give everything back. */
void slot_release(Slot *slot, size_t columns);

/** Fill slot->record from slot->raw: the columns in about's order; in a lazy stream the data set's or an epoch's. */
MUST_CHECK Status reader_place_columns(const Reader *reader, Slot *slot, bool is_lazy);

/** fm.record must follow. */
MUST_CHECK Status reader_check_number(const ReaderState *state, const json_t *metadata);

/** Part, epoch, labels and names of a placed record; its part and epoch are set. */
MUST_CHECK Status reader_check_samples(const Reader *reader, Slot *slot, const json_t *metadata);

/** Number the samples of a record that has been checked, where the stream has no ids of its own. */
void reader_imply_ids(const Reader *reader, const Slot *slot);

/** An epoch that ends, or isn't there, must have had all of its samples. */
MUST_CHECK Status reader_check_epoch_whole(const About *about, const Member *member);

/** After the member's own hash, before that of the whole: ids rise above all of the members before. */
MUST_CHECK Status reader_raise_ids(ReaderState *state, Tensor *tensor);

/** Begin the first stream or, after an end record, one joined to it; its records count from 0 again. */
MUST_CHECK Status reader_take_first(Reader *reader, const Safetensors *file);

/** End a stream: totals and fm.content must be what was read, which the history will need. */
MUST_CHECK Status reader_take_end(Reader *reader, const Safetensors *file);

#endif
