#include "train/held.h"

#include "cli/message.h"

#include <inttypes.h>
#include <stdlib.h>

/* Bytes handed over at once. */
enum { AT_ONCE = 4 << 20 };

static bool
is_wanted(const Training *training)
{
	const Intake *intake = &training->intake;

	return training->table->code && (!intake->is_repeated || intake->is_lazy) && !training_is_mixed(training);
}

/* @param rows, pixels  room for `most` samples */
static Status
hand_over(const Training *training, uint64_t most, uint64_t *rows, uint8_t *pixels)
{
	const Kept *kept = &training->intake.fit;
	Status status = STATUS_OK;

	for (uint64_t first = 0; status >= 0 && first < kept->n; first += most) {
		const uint64_t n = kept->n - first < most ? kept->n - first : most;

		for (uint64_t i = 0; i < n; i++)
			rows[i] = first + i;
		kept_gather(kept, rows, n, pixels, NULL, NULL);
		status = training->table->hold(training->backend, first, n, pixels);
	}
	return status;
}

Status
held_open(Training *training, bool *is_held)
{
	const Kept *kept = &training->intake.fit;
	uint64_t most;
	uint64_t *rows;
	uint8_t *pixels;
	Status status;

	*is_held = false;
	if (!is_wanted(training))
		return STATUS_OK;
	most = AT_ONCE / kept->picture_size + 1;
	rows = reallocarray(NULL, most, sizeof *rows);
	pixels = reallocarray(NULL, most, kept->picture_size);
	status = rows && pixels ? hand_over(training, most, rows, pixels) : fail_errno("memory for %" PRIu64 " pictures", most);
	free(rows);
	free(pixels);
	if (status == STATUS_DEVICE) {
		verbose("pixels are sent with every step: %s", status_message());
		return STATUS_OK;
	}
	*is_held = status >= 0;
	if (*is_held)
		verbose("%" PRIu64 " pictures stay on the device; steps send their rows%s", kept->n,
			training->intake.is_lazy ? " and transforms" : "");
	return status;
}
