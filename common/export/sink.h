/* export/sink.h: what every format of a stream does with it. */
#ifndef FM_EXPORT_SINK_H
#define FM_EXPORT_SINK_H

#include "export/sample.h"
#include "status.h"

#include <stdbool.h>

/** Where a stream goes, and how. */
typedef struct Sink {
	const About *about;
	const char *target; /* NULL: stdout, where the format can be written to a pipe */
	bool is_zipped;	    /* --gzip */
	void *state;	    /* of the format */
} Sink;

/**
 * A format. open, then add for each record, then finish when the input was whole; close always, after a failed open too,
 * which leaves nothing at the target unless finish has returned STATUS_OK. Memory does not grow with the stream.
 */
typedef struct SinkTable {
	Status (*open)(Sink *sink);
	Status (*add)(Sink *sink, const Record *record);
	Status (*finish)(Sink *sink);
	void (*close)(Sink *sink);
} SinkTable;

extern const SinkTable sink_csv, sink_idx, sink_npy, sink_npz, sink_png, sink_webdataset;

#endif
