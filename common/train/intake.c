/* intake.c: the parts of the input, in the order in which they come. */
#include "train/intake.h"

#include "hash.h"
#include "json/canonical.h"
#include "memory.h"
#include "stream/history.h"
#include "stream/lazy.h"

#include <inttypes.h>
#include <string.h>

static json_t *
columns_json(const About *about)
{
	json_t *columns = json_array();

	for (size_t i = 0; i < about->column_count; i++) {
		const Column *column = &about->columns[i];
		json_t *entry;

		if (column->is_implied)
			continue;
		entry = json_pack("[s, s]", column->name, dtype_name(column->dtype));
		/* the width of names is free */
		for (int d = 0; d < column->rank && strcmp(column->name, "name") != 0; d++)
			json_array_append_new(entry, json_integer((json_int_t)column->shape[d]));
		json_array_append_new(columns, entry);
	}
	return columns;
}

/* one value for all that is said in advance: a resumed run must meet it again */
static uint64_t
hash_first_record(const About *about)
{
	json_t *all = json_array(), *history = json_deep_copy(about->history);
	size_t length;
	char *text;
	uint64_t hash;

	json_array_append_new(all, columns_json(about));
	json_array_append(all, about->input);
	for (uint32_t c = 0; c < about->class_count; c++)
		json_array_append_new(all, json_string(about->classes[c]));
	history_forget_start(history);
	json_array_append_new(all, history);
	json_array_append_new(all, json_integer((json_int_t)about->epochs));
	json_array_append_new(all, json_integer((json_int_t)about->epoch_samples));
	if (about->is_lazy) {
		char fill[16];

		lazy_fill_write(about, fill);
		json_array_append_new(all, json_string(fill));
	}
	text = json_canonical(all, &length);
	hash = hash_of(text, length);
	free(text);
	json_decref(all);
	return hash;
}

/* of a repeated stream, by what it announces */
static void
count_announced(Intake *intake)
{
	const About *about = &intake->reader.about;
	uint64_t labelled = 0;

	intake->epoch_samples = about->epoch_samples;
	if (!about->epoch_labels)
		return;
	intake->counts = memory_zeroed(about->class_count, sizeof *intake->counts);
	for (uint32_t c = 0; c < about->class_count; c++) {
		json_int_t count = json_integer_value(json_object_get(about->epoch_labels, about->classes[c]));

		intake->counts[c] = count > 0 ? (uint64_t)count : 0;
		labelled += intake->counts[c];
	}
	if (intake->skips_unlabelled && labelled < about->epoch_samples)
		intake->epoch_samples = labelled;
}

Status
intake_open(Intake *intake, const char *path, bool skips_unlabelled)
{
	Status status;

	*intake = (Intake){ .name = strcmp(path, "-") == 0 ? "standard input" : path,
			    .skips_unlabelled = skips_unlabelled };
	status = reader_open_lazy(&intake->reader, path);
	if (status < 0)
		return status;
	intake->is_repeated = intake->reader.about.epochs != EPOCHS_NONE;
	intake->is_lazy = intake->reader.about.is_lazy;
	intake->first_history = json_deep_copy(intake->reader.about.history);
	intake->first = hash_first_record(&intake->reader.about);
	consumed_init(&intake->consumed, &intake->reader.about);
	if (intake->is_repeated)
		count_announced(intake);
	else
		intake->counts = memory_zeroed(intake->reader.about.class_count, sizeof *intake->counts);
	return intake->is_lazy ? data_set_open(&intake->data_set, &intake->reader.about, &intake->fit) : STATUS_OK;
}

/* the parts come one after the other, and the second has what the first has left of the memory */
static Status
open_part(Intake *intake, Kept *kept)
{
	uint64_t used = kept_size(&intake->holdout);
	Status status;

	if (kept->picture_size)
		return STATUS_OK;
	status = kept_open(kept, &intake->reader.about, used < intake->memory ? intake->memory - used : 0);
	kept->has_unlabelled = intake->is_lazy && kept == &intake->fit;
	return status;
}

static Status
keep(Intake *intake, Kept *kept, const Record *record)
{
	Rows rows;
	Status status = open_part(intake, kept);

	if (status < 0)
		return status;
	status = rows_of(&rows, record, intake->reader.about.class_count, intake->name);

	/* a lazy stream's are looked at when an epoch wants them */
	if (status >= 0 && !intake->skips_unlabelled && !kept->has_unlabelled)
		status = rows_check_labelled(&rows, record, intake->name);
	for (uint64_t i = 0; status >= 0 && !intake->is_repeated && kept == &intake->fit && i < rows.n; i++)
		if (rows_label(&rows, i) >= 0)
			intake->counts[rows_label(&rows, i)]++;
	return status < 0 ? status : kept_add(kept, &rows);
}

/* @return 1 it was a hold-out record or belongs to a plain stream or a data set, and is kept, or it has no samples and
 *         belongs to no epoch; 0 it is the feed's */
static Status
take(Intake *intake, Consumed *holdout)
{
	const Record *record = &intake->record;
	bool is_holdout = record->part == PART_HOLDOUT;
	Status status;

	if (!is_holdout && intake->is_repeated && (!intake->is_lazy || record->epoch >= 0))
		return record->epoch < 0;
	if (is_holdout)
		consumed_add(holdout, record, 0, record->n);
	if (intake->is_repeated)
		consumed_add(&intake->consumed, record, 0, record->n);
	status = keep(intake, is_holdout ? &intake->holdout : &intake->fit, record);
	return status < 0 ? status : 1;
}

static Status
read_records(Intake *intake, Consumed *holdout)
{
	Status status;

	while ((status = reader_next(&intake->reader, &intake->record)) > 0) {
		status = take(intake, holdout);
		intake->has_record = status == 0;
		if (status <= 0)
			break;
	}
	return status;
}

Status
intake_read(Intake *intake, uint64_t memory)
{
	Consumed holdout;
	About plain;
	Status status;

	intake->memory = memory;
	lazy_plain(&plain, &intake->reader.about);
	consumed_init(&holdout, &plain);
	status = read_records(intake, &holdout);
	intake->holdout_content = consumed_content(&holdout);
	intake->data_set.holdout = holdout.samples;
	consumed_release(&holdout);
	about_release(&plain);
	if (!intake->is_repeated)
		intake->epoch_samples = intake->fit.n;
	if (status >= 0 && !intake->epoch_samples)
		return fail(STATUS_INPUT, "%s has no %ssamples to train on", intake->name,
			    intake->skips_unlabelled ? "labelled " : "");
	return status;
}

Status
intake_finish(Intake *intake)
{
	Status status;

	do
		status = reader_next(&intake->reader, &intake->record);
	while (status > 0 && intake->record.n == 0);
	if (status > 0)
		return fail(STATUS_INPUT,
			    "%s record %" PRIu64 " at byte %" PRIu64 ": samples after the last of %" PRIu64 " epochs",
			    intake->name, intake->record.number, intake->record.offset, intake->reader.about.epochs);
	return status;
}
