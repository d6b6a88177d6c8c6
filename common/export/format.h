/* export/format.h: the formats, by name and by ending. */
#ifndef FM_EXPORT_FORMAT_H
#define FM_EXPORT_FORMAT_H

#include "export/sink.h"
#include "status.h"

#define FORMAT_CHOICES "png|npy|npz|csv|idx|webdataset|onnx|c"

typedef struct Format {
	const char *name, *ending; /* ending: NULL for a folder */
	const SinkTable *sink;	   /* of a stream; NULL for a model */
	bool can_pipe;		   /* to standard output */
} Format;

/**
 * @param name    one of FORMAT_CHOICES, or NULL: by the target's ending
 * @param target  NULL: standard output
 * @return STATUS_USAGE where neither says, or where the format can't go to standard output
 */
MUST_CHECK Status format_choose(const Format **format, const char *name, const char *target);

#endif
