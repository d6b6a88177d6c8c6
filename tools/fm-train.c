/* fm-train: train a small image classifier from a tensor stream. */
#include "cli/atomic.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/threads.h"
#include "device/device.h"
#include "predict/temperature.h"
#include "predict/views.h"
#include "train/recipe.h"
#include "train/training.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EPOCHS_USUAL = 20 };

/* as given; a text that is NULL was not */
static const char *recipe, *arch = "seed", *epochs, *steps, *optimizer = "adam", *schedule = "constant";
static const char *val, *monitor, *patience, *class_weights, *checkpoint, *log_path, *output;
static const char *device = "auto", *precision = "auto";
static uint64_t batch = 128, seed = 1, threads, memory;
static const char *freeze = "none", *views = "none", *temperature = "1";
static double rate = 1e-3, weight_decay, label_smoothing, ema, mixup, cutmix;
static bool skip_unlabelled, resume;

static const char *
expect_count(const char *text)
{
	return text[0] >= '1' && text[0] <= '9' && strlen(text) <= 9 && !text[strspn(text, "0123456789")]
		       ? NULL
		       : "a whole number from 1 to 999999999";
}

static const char *
expect_temperature(const char *text)
{
	return strcmp(text, "fit") == 0 || !temperature_expect(text) ? NULL : "fit, or a number from 0.05 to 20";
}

static const Option options[] = {
	OPT_CHOICE(0, "recipe", RECIPE_CHOICES, &recipe, "start from these options; what is given beside it wins",
		   .is_manner = true),
	OPT_TEXT('a', "arch", "TEXT|@FILE|PRESET", &arch, "the network, layer by layer"),
	OPT_PARSED('e', "epochs", "N", &epochs, expect_count, "go over the input N times",
		   .fallback = "20; a repeated stream's own number"),
	OPT_PARSED(0, "steps", "N", &steps, expect_count, "stop after N steps"),
	OPT_COUNT('b', "batch", "N", &batch, "samples a step", .least = 1, .most = 65536),
	OPT_REAL('l', "lr", "R", &rate, "learning rate", .least = 1e-12, .most = 1e6),
	OPT_REAL(0, "weight-decay", "R", &weight_decay, "of conv and dense weights; not with adam", .most = 1e6),
	OPT_CHOICE(0, "optimizer", "sgd|adam|adamw", &optimizer, "how weights follow their gradients"),
	OPT_CHOICE(0, "schedule", SCHEDULE_CHOICES, &schedule, "how the learning rate changes from step to step"),
	OPT_PARSED(0, "freeze", "none|R,...", &freeze, freeze_expect,
		   "leave the first layer as it is after a share R of the steps, the second after the next"),
	OPT_COUNT('s', "seed", "N", &seed, "of all random numbers"),
	OPT_REAL(0, "label-smoothing", "R", &label_smoothing, "spread a share R of each label over all classes",
		 .most = 0.999, .is_share = true),
	OPT_REAL(0, "ema", "R", &ema, "average the weights, keeping a share R at each step", .most = 0.9999999,
		 .is_share = true),
	OPT_REAL(0, "mixup", "A", &mixup, "blend each picture with another, by shares from Beta(A, A)", .most = 1),
	OPT_REAL(0, "cutmix", "P", &cutmix, "put a box of another picture into a share P of them", .most = 1,
		 .is_share = true),
	OPT_TEXT(0, "class-weights", "balanced|FILE", &class_weights, "let samples of each class count differently"),
	OPT_FLAG(0, "skip-unlabelled", &skip_unlabelled, "leave unlabelled samples out instead of refusing them"),
	OPT_TEXT(0, "val", "FILE", &val, "validate on this stream after each epoch", .is_manner = true, .joint = ""),
	OPT_CHOICE(0, "monitor", MONITOR_CHOICES, &monitor, "what makes an epoch the best", .fallback = "val_loss"),
	OPT_PARSED(0, "patience", "N", &patience, expect_count, "stop after N epochs in a row without a better one"),
	OPT_CHOICE(0, "views", VIEWS_CHOICES, &views, "have fm-predict average over these test views"),
	OPT_PARSED(0, "temperature", "fit|T", &temperature, expect_temperature,
		   "have fm-predict divide the logits by T, or by what suits the validation data"),
	OPT_CHOICE(0, "device", DEVICE_CHOICES, &device, "what computes"),
	OPT_CHOICE(0, "precision", TRAINING_PRECISION_CHOICES, &precision, "in which arithmetic"),
	OPT_TEXT('o', "output", "MODEL", &output, "write the model there", .is_manner = true),
	OPT_TEXT(0, "checkpoint", "FILE", &checkpoint, "save the run there after each epoch and when interrupted",
		 .is_manner = true),
	OPT_FLAG(0, "resume", &resume, "go on from --checkpoint if it is there", .is_manner = true),
	OPT_TEXT(0, "log", "FILE", &log_path, "append a line of JSON an epoch", .is_manner = true),
	OPT_COUNT(0, "threads", "N", &threads, "use N threads", .least = 1, .most = 1024, .is_manner = true,
		  .fallback = "as many as may run"),
	OPT_SIZE(0, "memory", "SIZE", &memory, "of samples to shuffle keep SIZE in memory, the rest in a file",
		 .is_manner = true, .fallback = "a quarter of what is free"),
	OPT_END,
};

static const Manual manual = {
	.name = "fm-train",
	.summary = "train a small image classifier from a tensor stream",
	.usage = "fm-train [OPTIONS] -o MODEL.safetensors [FILE.fms]",
	.options = options,
	.operands = 1,
	.input = STDIO_STREAM,
};

static uint64_t
count(const char *text)
{
	return text ? strtoull(text, NULL, 10) : 0;
}

static Optimizer
optimizer_from_name(const char *name)
{
	return strcmp(name, "sgd") == 0 ? OPTIMIZER_SGD : strcmp(name, "adam") == 0 ? OPTIMIZER_ADAM : OPTIMIZER_ADAMW;
}

static Status
check_options(const char *path)
{
	if (!output)
		return fail(STATUS_USAGE, "say where the model goes: -o MODEL.safetensors");
	if (resume && !checkpoint)
		return fail(STATUS_USAGE, "--resume needs --checkpoint FILE: what to resume from");
	if ((checkpoint && strcmp(checkpoint, "-") == 0) || (log_path && strcmp(log_path, "-") == 0))
		return fail(STATUS_USAGE, "--checkpoint and --log want the name of a file; standard output is for -o -");
	if (checkpoint && atomic_is_same(checkpoint, output))
		return fail(STATUS_USAGE, "--checkpoint %s and -o %s lead to the same file: give each its own", checkpoint, output);
	if (log_path && atomic_is_same(log_path, output))
		return fail(STATUS_USAGE, "--log %s and -o %s lead to the same file: give each its own", log_path, output);
	if (log_path && checkpoint && atomic_is_same(log_path, checkpoint))
		return fail(STATUS_USAGE, "--log %s and --checkpoint %s lead to the same file: give each its own", log_path,
			    checkpoint);
	if (val && strcmp(val, "-") == 0 && strcmp(path, "-") == 0)
		return fail(STATUS_USAGE, "--val and the training data can't both be standard input");
	if (weight_decay != 0 && strcmp(optimizer, "adam") == 0)
		return fail(STATUS_USAGE, "--weight-decay with adam is not what it seems: use --optimizer adamw");
	return STATUS_OK;
}

/* What is written must not be what is read. @param role  what input is, in words; input  NULL: there is none */
static Status
check_input(const char *role, const char *input)
{
	const struct {
		const char *option, *path;
	} outputs[] = { { "-o", output }, { "--checkpoint", checkpoint }, { "--log", log_path } };

	struct stat about;
	const char *name = !input || strcmp(input, "-") != 0 ? input : "/dev/stdin";

	/* a terminal or a socket may well be all that a program has */
	if (!name || stat(name, &about) < 0 || !S_ISREG(about.st_mode))
		return STATUS_OK;
	for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
		if (outputs[i].path && atomic_is_same(outputs[i].path, name))
			return fail(STATUS_USAGE, "%s %s would overwrite %s: give it a file of its own", outputs[i].option,
				    outputs[i].path, role);
	return STATUS_OK;
}

static Status
check_inputs(const char *path)
{
	Status status = check_input("the training data", path);

	if (status >= 0)
		status = check_input("the validation data", val);
	if (status >= 0 && class_weights && strcmp(class_weights, "balanced") != 0)
		status = check_input("the class weights", class_weights);
	if (status >= 0 && arch[0] == '@')
		status = check_input("the network of --arch", arch + 1);
	return status;
}

/* hours of training must not end in "permission denied"; a FIFO's reader would take a trial for the end, though */
static Status
try_output(const char *path)
{
	struct stat about;
	AtomicFile file;
	Status status;

	if (!path || (stat(path, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)))
		return STATUS_OK;
	status = atomic_open(&file, path);
	if (status >= 0)
		atomic_abandon(&file);
	return status;
}

/* appends " --name 'value'" to a text of limited length */
static void
append_option(char *words, size_t size, const RecipeOption *option)
{
	size_t used = strlen(words);
	const char *quote = strchr(option->value, ' ') ? "'" : "";

	snprintf(words + used, size - used, " --%s %s%s%s", option->name, quote, option->value, quote);
}

/* @return how many epochs are usual */
static uint64_t
expand_recipe(void)
{
	const TrainRecipe *chosen;
	char words[1024] = "";

	if (!recipe)
		return EPOCHS_USUAL;
	chosen = train_recipe(recipe);
	for (const RecipeOption *option = chosen->options; option->name; option++)
		if (cli_preset(option->name, option->value))
			append_option(words, sizeof words, option);
	verbose("recipe %s, for pictures from fm-augment --preset %s --epochs %" PRIu64 ", stands for%s", chosen->name,
		chosen->augment, chosen->epochs, words);
	return chosen->epochs;
}

static Settings
settings_from_options(uint64_t epochs_usual)
{
	return (Settings){
		.arch = arch,
		.epochs = count(epochs),
		.epochs_usual = epochs_usual,
		.steps = count(steps),
		.batch = (uint32_t)batch,
		.rate = rate,
		.weight_decay = weight_decay,
		.label_smoothing = label_smoothing,
		.ema = ema,
		.mixup = mixup,
		.cutmix = cutmix,
		.optimizer = optimizer_from_name(optimizer),
		.schedule = schedule_from_name(schedule),
		.freeze = freeze,
		.seed = seed,
		.val = val,
		.monitor = monitor,
		.patience = count(patience),
		.class_weights = class_weights,
		.skips_unlabelled = skip_unlabelled,
		.views = views,
		.temperature = strcmp(temperature, "fit") == 0 ? 0 : temperature_of(temperature),
		.device = device,
		.precision = precision_from_name(precision),
		.threads = threads_default(threads),
		.memory = memory_default(memory),
		.checkpoint = checkpoint,
		.resumes = resume,
		.log = log_path,
	};
}

/* the history names no presets and leaves no default to be guessed */
static void
expand_options(const Training *training)
{
	static char text[24];

	arch = training->net.text;
	if (!monitor && training_has_validation(training))
		monitor = "val_loss";
	if (training->epochs == UINT64_MAX)
		return;
	snprintf(text, sizeof text, "%" PRIu64, training->epochs);
	epochs = text;
}

int
main(int argc, char **argv)
{
	/* arguments */
	static Training training;
	const char *path = cli_start(&manual, &argc, &argv);
	const uint64_t epochs_usual = expand_recipe();
	must(check_options(path));
	must(check_inputs(path));
	cli_reads(val);
	const Settings settings = settings_from_options(epochs_usual);

	/* prepare */
	must(try_output(output));
	must(try_output(checkpoint));
	must(training_begin(&training, &settings, path));
	expand_options(&training);
	training.options = cli_options();
	must(training_prepare(&training));

	/* run */
	must(training_run(&training));

	/* finish */
	must(training_write(&training, output));
	return cli_finish(STATUS_OK);
}
