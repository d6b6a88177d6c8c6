/* begin.c: the start of a run: what the options, the input's first record and the architecture say together. */
#include "train/training.h"

#include "train/epoch.h"

#include "cli/message.h"
#include "stream/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARCH_MOST = 1 << 20 };

static Status
resolve_epochs(Training *training)
{
	const Settings *settings = training->settings;
	uint64_t offered = training->intake.reader.about.epochs;

	training->epochs = settings->epochs ? settings->epochs : settings->steps ? UINT64_MAX : settings->epochs_usual;
	if (offered == EPOCHS_NONE)
		return STATUS_OK;
	if (offered == EPOCHS_ENDLESS && !settings->epochs && !settings->steps)
		return fail(STATUS_USAGE, "%s is endless: say how much of it with --epochs or --steps",
			    training->intake.name);
	if (settings->epochs > offered)
		return fail(STATUS_USAGE, "--epochs %" PRIu64 " is more than the %" PRIu64 " of %s", settings->epochs,
			    offered, training->intake.name);
	training->epochs = settings->epochs ? settings->epochs : offered;
	return STATUS_OK;
}

/* what needs to be known of a repeated stream before its first epoch is over */
static Status
check_announcements(const Training *training)
{
	const Settings *settings = training->settings;
	const char *wanted = settings->skips_unlabelled ? "--skip-unlabelled" : "--class-weights balanced";

	if (training->intake.counts)
		return STATUS_OK;
	if (!settings->skips_unlabelled &&
	    !(settings->class_weights && strcmp(settings->class_weights, "balanced") == 0))
		return STATUS_OK;
	return fail(STATUS_USAGE, "%s needs to know how many samples of each class an epoch has, and %s does not say "
		    "(fm.epoch.labels)", wanted, training->intake.name);
}

static Status
read_arch(const char *path, char **text)
{
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		return fail_errno("--arch @%s", path);
	*text = calloc(ARCH_MOST + 1, 1);
	length = *text ? fread(*text, 1, ARCH_MOST, file) : 0;
	if (ferror(file) || !*text) {
		Status status = fail_errno("--arch @%s", path);

		fclose(file);
		free(*text);
		return status;
	}
	fclose(file);
	(*text)[length] = '\0';
	return STATUS_OK;
}

static Status
make_net(Training *training)
{
	const About *about = &training->intake.reader.about;
	const Shape input = { .h = about->height, .w = about->width, .c = about->channels };
	const char *arch = training->settings->arch;
	char *text = NULL;
	Status status = arch[0] == '@' ? read_arch(arch + 1, &text) : STATUS_OK;

	if (status < 0)
		return status;
	if (!about->class_count)
		status = fail(STATUS_INPUT, "%s names no classes", training->intake.name);
	else
		status = net_init(&training->net, text ? text : arch, input, about->class_count);
	free(text);
	return status;
}

bool
training_has_bn(const Training *training)
{
	for (size_t i = 0; i < training->net.layer_count; i++)
		if (training->net.layers[i].kind == LAYER_BN)
			return true;
	return false;
}

bool
training_is_mixed(const Training *training)
{
	return training->settings->mixup > 0 || training->settings->cutmix > 0;
}

bool
training_has_validation(const Training *training)
{
	return training->settings->val || training->intake.reader.about.is_marked;
}

static Status
check_together(const Training *training)
{
	const Settings *settings = training->settings;

	if (settings->val && training->intake.reader.about.is_marked)
		return fail(STATUS_USAGE,
			    "%s brings validation data of its own, so leave --val out (or send --part fit)",
			    training->intake.name);
	if (settings->batch == 1 && training_has_bn(training))
		return fail(STATUS_USAGE,
			    "batch norm needs more than one sample a step: use another --batch, or a net without bn");
	return check_announcements(training);
}

/* the transforms of a plain stream were drawn once, and every epoch would see the same */
static void
warn_of_stale_transforms(const Training *training)
{
	const Intake *intake = &training->intake;
	char epochs[24] = "inf"; /* it is --steps that ends the run */

	if (intake->is_repeated || training->epochs <= 1 || !history_has_chance(intake->first_history))
		return;
	if (training->epochs != UINT64_MAX)
		snprintf(epochs, sizeof epochs, "%" PRIu64, training->epochs);
	warn("%s was augmented once, and each epoch will see the same pictures; "
	     "fm-augment --epochs %s makes new ones for each", intake->name, epochs);
}

Status
training_begin(Training *training, const Settings *settings, const char *path)
{
	Status status = STATUS_OK;

	*training = (Training){ .settings = settings, .log.fd = -1, .state.log_length = -1 };
	if (settings->val)
		status = validation_file_read(&training->val, settings->val, settings->memory);
	if (status >= 0)
		status = intake_open(&training->intake, path, settings->skips_unlabelled);
	if (status >= 0)
		status = resolve_epochs(training);
	if (status >= 0)
		status = make_net(training);
	if (status >= 0)
		status = check_together(training);
	if (status >= 0)
		warn_of_stale_transforms(training);
	return status;
}
