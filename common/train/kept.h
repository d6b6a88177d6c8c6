/* train/kept.h: samples kept at hand: a plain stream's, a lazy one's data set, or the hold-out part; pictures, labels and
 * ids alone. */
#ifndef FM_TRAIN_KEPT_H
#define FM_TRAIN_KEPT_H

#include "status.h"
#include "stream/spool.h"
#include "train/rows.h"

/** kept_open, kept_close. */
typedef struct Kept {
	uint64_t n;
	size_t picture_size;
	bool has_unlabelled; /* these are kept, too, because somebody counts them; set before anything is added */
	Spool spool;
	About about; /* of the spool */
	size_t image, label, id; /* columns */
	uint8_t *pixels; /* a record's labelled samples side by side, where some have no label; and so on */
	int32_t *labels;
	int64_t *ids;
	uint64_t room;
} Kept;

/** @param stream  whose samples; @param memory  bytes; what exceeds it goes to a file */
MUST_CHECK Status kept_open(Kept *kept, const About *stream, uint64_t memory);

/** Keep those that have a label, or all. @return STATUS_IO when the disk or memory is full */
MUST_CHECK Status kept_add(Kept *kept, const Rows *rows);

/** Bytes of what is kept. */
uint64_t kept_size(const Kept *kept);

/** After this nothing may be added; threads may call it at once. Any of pixels, labels and ids may be NULL. */
void kept_gather(const Kept *kept, const uint64_t *rows, uint64_t count, uint8_t *pixels, int32_t *labels,
		 int64_t *ids);

/** [picture_size], valid until kept_close; as for kept_gather. */
const uint8_t *kept_picture(const Kept *kept, uint64_t row);

/** All ids, [n], malloced; NULL when there is no memory for them. */
int64_t *kept_ids(const Kept *kept);

void kept_close(Kept *kept);

#endif
