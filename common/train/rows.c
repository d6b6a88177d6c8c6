/* rows.c: image, label and id of a record. */
#include "train/rows.h"

#include <inttypes.h>

static Status
count_unlabelled(Rows *rows, const Record *record, uint32_t classes, const char *name)
{
	rows->unlabelled = 0;
	for (uint64_t i = 0; i < rows->n; i++) {
		int32_t label = rows_label(rows, i);

		rows->unlabelled += label == -1;
		if (label < -1 || label >= (int64_t)classes)
			return fail(STATUS_INPUT, "%s record %" PRIu64 ": sample %" PRIu64 " has label %" PRId32
				    ", expected -1 to %" PRId64, name, record->number, i, label, (int64_t)classes - 1);
	}
	return STATUS_OK;
}

Status
rows_of(Rows *rows, const Record *record, uint32_t classes, const char *name)
{
	const Tensor *image = record_find(record, "image");
	const Tensor *label = record_find(record, "label"), *id = record_find(record, "id");

	*rows = (Rows){
		.n = record->n, .picture_size = tensor_row_size(image), .pixels = image->data,
		.labels = label ? (const int32_t *)(const void *)label->data : NULL,
		.ids = (const int64_t *)(const void *)id->data,
	};
	return count_unlabelled(rows, record, classes, name);
}

Status
rows_check_labelled(const Rows *rows, const Record *record, const char *name)
{
	uint64_t i = 0;

	if (!rows->unlabelled)
		return STATUS_OK;
	while (rows_label(rows, i) != -1)
		i++;
	return fail(STATUS_INPUT, "%s record %" PRIu64 ": sample %" PRIu64 " (id %" PRId64 ") has no label; "
		    "label it, or leave such samples out with --skip-unlabelled",
		    name, record->number, i, rows_id(rows, i));
}
