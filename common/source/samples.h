/* source/samples.h: a source that is read one sample after the other; puts them together to records.
 *
 * What it leaves to a kind of samples is to fill in one picture, its label and its name. */
#ifndef FM_SOURCE_SAMPLES_H
#define FM_SOURCE_SAMPLES_H

#include "source/source.h"

enum { SAMPLE_NAME_MOST = 4096 }; /* bytes */

/** One sample, to be filled in. */
typedef struct Sample {
	uint8_t *image;	       /* [h, w, c] */
	int32_t label;	       /* -1 when read is called */
	const char *name;      /* UTF-8, the kind's until its next call; only where about has the column */
	bool has_stored_hash;
	uint64_t stored_hash;  /* XXH3-64, seeded as the kind was told, of the undecoded file */
} Sample;

typedef struct SamplesKind {
	/** @return 1 a sample, 0 the end; or a failure */
	Status (*read)(void *state, Sample *sample);
	/** Would read wait for what may be long in coming? Then a record goes out as it is. NULL: never. */
	bool (*would_wait)(void *state);
	void (*close)(void *state);
	bool is_single; /* each sample is a record of its own, sent at once */
} SamplesKind;

/**
 * @param about     moved from; has the columns image, id, label, and name ([SAMPLE_NAME_MOST] or shorter) where samples
 *                  have names
 * @param state     the kind's; given to close in the end, whatever happens
 * @param first_id  ids count from here
 * @param seed      with which stored hashes were made
 * @return STATUS_OK, or STATUS_IO: no memory
 */
MUST_CHECK Status samples_open(Source *source, const SamplesKind *kind, void *state, About *about, const char *name,
			       int64_t first_id, uint64_t seed);

/** An About of these pictures with the columns id and label; name_width 0: no names. @return STATUS_INPUT out of bounds */
MUST_CHECK Status samples_about(About *about, uint32_t height, uint32_t width, uint32_t channels, uint64_t name_width,
				const char *name);

/** Name the classes "0", "1", … */
MUST_CHECK Status samples_number_classes(About *about, uint32_t count);

#endif
