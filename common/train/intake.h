/* train/intake.h: the input of a run: its hold-out part kept; the rest kept too if it is a plain stream, else left to
 * be taken as it comes; of a lazy stream the data set is kept, its epochs are left. */
#ifndef FM_TRAIN_INTAKE_H
#define FM_TRAIN_INTAKE_H

#include "status.h"
#include "stream/reader.h"
#include "train/consumed.h"
#include "train/data_set.h"
#include "train/kept.h"

#include <stdbool.h>

/** Of intake_open; it lives as long as the program, for the ring's thread may be waiting in it. */
typedef struct Intake {
	Reader reader;
	const char *name;	/* for messages */
	bool skips_unlabelled;
	bool is_repeated;
	bool is_lazy;		/* then it is repeated */
	json_t *first_history;	/* what the first record says; the reader's own grows */
	uint64_t first;		/* hash of everything that the first record says of its stream */
	Kept holdout;
	uint64_t holdout_content; /* fm.content of that part alone */
	Kept fit;		/* of a plain stream, or a lazy one's data set */
	DataSet data_set;	/* of a lazy stream */
	uint64_t *counts;	/* [classes] of an epoch's labelled samples; NULL: not known */
	uint64_t epoch_samples; /* labelled ones that an epoch trains on */
	Consumed consumed;	/* of a repeated stream: the hold-out part, a lazy one's data set; the feed goes on from there */
	uint64_t memory;	/* bytes to keep in memory */
	Record record;		/* of a repeated stream: the first one of its epochs */
	bool has_record;	/* there is one: the stream doesn't begin behind its last epoch */
} Intake;

/** Open, and read the first record. @param path  "-" for stdin */
MUST_CHECK Status intake_open(Intake *intake, const char *path, bool skips_unlabelled);

/**
 * Read the hold-out part, a lazy stream's data set, and a plain stream to its end.
 *
 * @param memory  bytes to keep in memory, of both
 * @return STATUS_OK; STATUS_INPUT also for an unlabelled sample, unless they are skipped
 */
MUST_CHECK Status intake_read(Intake *intake, uint64_t memory);

/** Read a repeated stream, all epochs of which were used, to its end. */
MUST_CHECK Status intake_finish(Intake *intake);

#endif
