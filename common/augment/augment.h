/* augment/augment.h: a stream of augmented pictures from a stream of pictures. */
#ifndef FM_AUGMENT_AUGMENT_H
#define FM_AUGMENT_AUGMENT_H

#include "augment/sampler.h"
#include "pixel/warp.h"
#include "status.h"
#include "stream/reader.h"
#include "stream/writer.h"
#include "threads/team.h"

/** What makes one picture of another, on several threads. augmenter_close gives it back. */
typedef struct Augmenter {
	Sampler sampler;
	size_t picture_size; /* bytes */
	Team *team;
	int threads;
	Warp *warps; /* [threads] */
} Augmenter;

/** @return STATUS_OK; STATUS_IO, STATUS_USAGE and nothing is held */
MUST_CHECK Status augmenter_open(Augmenter *augmenter, const Sampler *sampler, Fill fill, uint8_t fill_value,
				 const About *about, int threads);

/** Make one picture. @param thread  of the caller, below augmenter->threads */
void augmenter_make(Augmenter *augmenter, int thread, uint32_t epoch, uint64_t id, const uint8_t *from, uint8_t *to);

/** The instruction set chosen: "avx512". */
const char *augmenter_name(const Augmenter *augmenter);

/** How many pictures are worth being given to a thread at once. */
uint64_t augmenter_share(const Augmenter *augmenter);

void augmenter_close(Augmenter *augmenter);

/**
 * One pass: every record goes out as soon as it has come in and been augmented; hold-out records unchanged.
 *
 * @param writer  open, with the reader's columns
 * @return STATUS_OK at the end of a whole input; WRITER_ENOUGH; or a failure of the reader or the writer
 */
MUST_CHECK Status augment_pass(Augmenter *augmenter, Reader *reader, Writer *writer);

/** What repeating needs to know beside the augmenter. */
typedef struct Repeat {
	uint64_t epochs, start_epoch; /* of epochs (EPOCHS_ENDLESS: never ends), begin at this one */
	uint64_t seed;		      /* of the order */
	uint64_t memory;	      /* bytes of samples to keep in memory; more goes to a file */
	json_t *history;	      /* what the first record says */
	bool is_lazy;		      /* send the samples once and then rows and transforms alone, with this fill */
	Fill fill;
	uint8_t fill_value;
} Repeat;

/**
 * Read all of the input; send its hold-out records once, then epoch after epoch, shuffled and augmented anew.
 *
 * @param writer  out: opened here, because its first record says how many samples an epoch has; writer_close it on
 *                success
 * @return as augment_pass; after a failure the writer is closed
 */
MUST_CHECK Status augment_repeat(Augmenter *augmenter, const Repeat *repeat, Reader *reader, Writer *writer, int fd,
				 const char *name);

#endif
