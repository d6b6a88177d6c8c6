/* source/source.h: where samples come from: what holds for all of them, then record after record, then an end.
 *
 * A new kind of source (pictures, CSV, frames) is one SourceKind and one function that opens it. Choices (--range,
 * --holdout, --part) are sources too: each takes another one over and passes on what it lets through, so they know
 * nothing of formats, and formats know nothing of them. */
#ifndef FM_SOURCE_SOURCE_H
#define FM_SOURCE_SOURCE_H

#include "status.h"
#include "stream/record.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct Source Source;

/** What a kind of source can do; a member that says so may be NULL. */
typedef struct SourceKind {
	/**
	 * The next samples: all of about's columns, at most about a record's usual size where the source may choose.
	 *
	 * @param record  out: memory is the source's until the next call; may be changed in place
	 * @return 1 samples (n may be 0), 0 the end; or a failure
	 */
	Status (*next)(Source *source, Record *record);
	/**
	 * XXH3-64 of the stored bytes of a row of the record that next returned last: of a picture file, undecoded.
	 * NULL, or false: there are none but the image row.
	 */
	bool (*stored_hash)(const Source *source, uint64_t row, uint64_t seed, uint64_t *hash);
	/** No more samples are wanted: check what must be checked of the rest. NULL: nothing. */
	Status (*finish)(Source *source);
	/** What the history's inputs say, new reference; after finish it is complete. NULL: not a stream, nothing. */
	json_t *(*inputs)(const Source *source);
	void (*close)(Source *source);
} SourceKind;

/** An open source; its opener fills it. Zeroed, it is closed. */
struct Source {
	const SourceKind *kind;
	About about; /* columns id and label are always there */
	char *name;  /* for messages */
	void *state;
};

MUST_CHECK Status source_next(Source *source, Record *record);
MUST_CHECK Status source_finish(Source *source);
bool source_stored_hash(const Source *source, uint64_t row, uint64_t seed, uint64_t *hash);

/** New reference, or NULL. */
json_t *source_inputs(const Source *source);

/** Give back everything, at any time; a closed source may be closed again. */
void source_close(Source *source);

/** Make outer a choice from inner: it says the same of itself until its opener changes that. inner stays open. */
void source_wrap(Source *outer, const Source *inner, const SourceKind *kind, void *state);

#endif
