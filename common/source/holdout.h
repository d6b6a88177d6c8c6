/* source/holdout.h: --holdout and --part: set some samples aside to validate on.
 *
 * Who is held out is only known when all labels (or all bytes) have been seen, and hold-out samples come first; so every
 * sample is kept once, in memory or in an unlinked file (stream/spool.h). That serves sources that can't be read twice, and
 * decompresses or decodes nothing twice. */
#ifndef FM_SOURCE_HOLDOUT_H
#define FM_SOURCE_HOLDOUT_H

#include "source/source.h"

/** N samples in proportion to their classes, or the samples whose bytes' hash lies below a bound. */
typedef struct Holdout {
	bool is_share;
	uint64_t count;	 /* without is_share */
	uint64_t billionths_of_percent; /* of is_share: 100 % is 10^11 */
} Holdout;

/** "5000" or "10%", "12.5%"; above 0, at most 100 %. @return NULL, or what was expected */
const char *holdout_parse(const char *text, Holdout *holdout);

/**
 * Reads all of inner at the first next.
 *
 * @param inner   taken over, whatever happens
 * @param seed    --seed
 * @param memory  bytes to keep before a file is used
 * @return STATUS_OK; STATUS_USAGE for a source whose parts are marked already, or that repeats its samples. next gives
 *         STATUS_USAGE where there are fewer samples than are to be held out.
 */
MUST_CHECK Status holdout_open(Source *source, Source *inner, const Holdout *holdout, uint64_t seed, uint64_t memory);

/** A sample, as far as the choice goes. */
typedef struct Ballot {
	int64_t id;
	int32_t label; /* -1 is a class of its own */
	bool is_held;
} Ballot;

/**
 * Hold out so many in proportion to their classes: fm-stream(5), Parts.
 *
 * @param count    at most n
 * @param ballots  [n], in the source's order; is_held is set
 * @return STATUS_OK, or STATUS_IO: no memory
 */
MUST_CHECK Status holdout_choose(uint64_t count, uint64_t seed, uint64_t n, Ballot *ballots);

/** Below which hash a sample is held out; UINT64_MAX with *is_all set for 100 %. */
uint64_t holdout_bound(const Holdout *holdout, bool *is_all);

/**
 * One part of a marked source, without the mark.
 *
 * @param inner  taken over, whatever happens
 * @return STATUS_OK, or STATUS_USAGE for a source that has no parts
 */
MUST_CHECK Status part_open(Source *source, Source *inner, Part part);

#endif
