/* options.c: the command line against the table. */
#include "cli/options.h"

#include "cli/help.h"
#include "cli/message.h"
#include "cli/standard.h"
#include "cli/value.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTIONS_MOST = 128 };

static bool quiet, verbosely, wants_help, wants_version, wants_dump;

/* What every tool has; a tool's own table may take a letter for itself. */
static const Option added[] = {
	OPT_FLAG('q', "quiet", &quiet, "say nothing but errors, show no progress", .is_manner = true),
	OPT_FLAG('v', "verbose", &verbosely, "say what was chosen, and why", .is_manner = true),
	OPT_FLAG('h', "help", &wants_help, "print this help", .is_manner = true),
	OPT_FLAG(0, "version", &wants_version, "print the version", .is_manner = true),
	OPT_END,
};

static const Option dump = OPT_FLAG(0, "dump-options", &wants_dump, "");

static const Manual *current;
static int given[OPTIONS_MOST]; /* how often, by position in the tool's table */

/* A command line being parsed; operands gather at its front. */
typedef struct Arguments {
	char **words;
	int count, next, operands;
	bool is_rehearsal; /* only looks for --help and its like; no word is moved, no variable changed */
} Arguments;

static Status
with_advice(Status status)
{
	return status < 0 ? fail(status, "%s; see '%s --help'", status_message(), current->name) : status;
}

static const Option *
find_letter(const Option *options, char letter)
{
	for (; options->kind != OPTION_END; options++)
		if (options->letter == letter)
			return options;
	return NULL;
}

/* Count the options whose name begins so. @param found  out: the last of them */
static int
find_beginning(const Option *options, const char *name, size_t length, const Option **found)
{
	int matches = 0;

	for (; options->kind != OPTION_END; options++) {
		if (options->kind == OPTION_OPERAND || strncmp(options->name, name, length) != 0)
			continue;
		*found = options;
		matches++;
	}
	return matches;
}

static const Option *
find_exact(const Option *options, const char *name, size_t length)
{
	for (; options->kind != OPTION_END; options++)
		if (options->kind != OPTION_OPERAND && strlen(options->name) == length &&
		    !strncmp(options->name, name, length))
			return options;
	return NULL;
}

static Status
find_name(const char *name, size_t length, const Option **found)
{
	*found = find_exact(current->options, name, length);
	if (!*found)
		*found = find_exact(added, name, length);
	if (!*found && strlen(dump.name) == length && !strncmp(name, dump.name, length))
		*found = &dump;
	if (*found)
		return STATUS_OK;
	int matches = find_beginning(current->options, name, length, found) + find_beginning(added, name, length, found);
	if (matches == 1)
		return STATUS_OK;
	return fail(STATUS_USAGE, "%s option --%.*s", matches ? "ambiguous" : "unknown", (int)length, name);
}

/* Note that an option of the tool's table was given. @return how often it was before */
static int
note_given(const Option *option)
{
	for (int i = 0; i < OPTIONS_MOST && current->options[i].kind != OPTION_END; i++)
		if (&current->options[i] == option)
			return given[i]++;
	return 0;
}

/* A text that was given before: both hold, or it is said that they can't. @param before  the former one, or several: made here */
static Status
add_text(const Option *option, const char *before, bool are_several, const char *text)
{
	if (!*option->joint && strcmp(before, text) != 0)
		return fail(STATUS_USAGE, "--%s was given twice: \"%s\" and \"%s\"; it takes one", option->name, before, text);
	if (!*option->joint)
		return STATUS_OK;
	/* as lasting as argv, where the others are */
	char *both = malloc(strlen(before) + strlen(option->joint) + strlen(text) + 1);

	if (!both)
		return fail(STATUS_IO, "no memory for --%s", option->name);
	strcat(strcat(strcpy(both, before), option->joint), text);
	*(const char **)option->value = both;
	if (are_several)
		free((char *)before);
	return STATUS_OK;
}

static Status
set(const Arguments *arguments, const Option *option, const char *argument)
{
	bool is_question = option->value == &wants_help || option->value == &wants_version || option == &dump;

	if (arguments->is_rehearsal && !is_question)
		return STATUS_OK;
	int times = note_given(option);
	if (option->kind == OPTION_FLAG) {
		*(bool *)option->value = true;
		return STATUS_OK;
	}
	const char *before = option->joint ? *(const char **)option->value : NULL;
	Status status = value_read(option, argument);

	return status < 0 || !option->joint || !times ? status : add_text(option, before, times > 1, argument);
}

/* The argument that stands in the next word. */
static Status
set_from_next(Arguments *arguments, const Option *option)
{
	char words[512];

	if (arguments->next < arguments->count)
		return set(arguments, option, arguments->words[arguments->next++]);
	value_expectation(option, words, sizeof words);
	return fail(STATUS_USAGE, "--%s wants %s", option->name, words);
}

/* --name, --name=argument, --name argument */
static Status
parse_long(Arguments *arguments, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t length = equals ? (size_t)(equals - word) : strlen(word);
	const Option *option;
	Status status = find_name(word, length, &option);

	if (status < 0)
		return status;
	if (equals && option->kind == OPTION_FLAG)
		return fail(STATUS_USAGE, "--%s takes no argument", option->name);
	if (equals)
		return set(arguments, option, equals + 1);
	return option->kind == OPTION_FLAG ? set(arguments, option, NULL) : set_from_next(arguments, option);
}

/* -abc, -nARGUMENT, -n ARGUMENT */
static Status
parse_letters(Arguments *arguments, const char *letters)
{
	for (; *letters; letters++) {
		const Option *option = find_letter(current->options, *letters);

		if (!option)
			option = find_letter(added, *letters);
		if (!option)
			return fail(STATUS_USAGE, "unknown option -%c", *letters);
		if (option->kind != OPTION_FLAG)
			return letters[1] ? set(arguments, option, letters + 1) : set_from_next(arguments, option);
		if (set(arguments, option, NULL) < 0)
			return STATUS_USAGE;
	}
	return STATUS_OK;
}

static Status
parse_word(Arguments *arguments)
{
	char *word = arguments->words[arguments->next++];

	if (word[0] == '-' && word[1] == '-')
		return parse_long(arguments, word + 2);
	if (word[0] == '-' && word[1])
		return parse_letters(arguments, word + 1);
	if (!arguments->is_rehearsal)
		arguments->words[arguments->operands++] = word;
	return STATUS_OK;
}

static Status
parse(Arguments *arguments)
{
	while (arguments->next < arguments->count) {
		if (!strcmp(arguments->words[arguments->next], "--")) {
			arguments->next++;
			break;
		}
		Status status = parse_word(arguments);
		if (status < 0)
			return status;
	}
	while (arguments->next < arguments->count)
		arguments->words[arguments->operands++] = arguments->words[arguments->next++];
	return STATUS_OK;
}

/* The operands into their variables, in the table's order. */
static Status
take_operands(const Arguments *arguments)
{
	int taken = 0;

	if (arguments->operands > current->operands && !current->operands)
		return fail(STATUS_USAGE, "takes no operand, found \"%s\"", arguments->words[0]);
	if (arguments->operands > current->operands)
		return fail(STATUS_USAGE, "takes at most %d operand%s, found another: \"%s\"", current->operands,
			    current->operands > 1 ? "s" : "", arguments->words[current->operands]);
	for (const Option *option = current->options; option->kind != OPTION_END; option++) {
		if (option->kind != OPTION_OPERAND || taken == arguments->operands)
			continue;
		if (option->value)
			*(const char **)option->value = arguments->words[taken];
		taken++;
	}
	return STATUS_OK;
}

static _Noreturn void
answer(void)
{
	if (wants_help)
		help_print(stdout, current, added);
	else if (wants_version)
		printf("%s (fm-tools) %s\n", current->name, FM_VERSION);
	else
		help_dump(stdout, current, added);
	exit(cli_finish(STATUS_OK));
}

void
cli_reads_stdin(void)
{
	if (!isatty(STDIN_FILENO))
		return;
	help_short(stderr, current);
	exit(-STATUS_USAGE);
}

void
cli_reads(const char *path)
{
	if (path && !strcmp(path, "-"))
		cli_reads_stdin();
}

/* Binary never meets a terminal. */
static Status
check_terminals(const char *operand, int operands)
{
	bool reads_stdin = current->input != STDIO_TEXT && (operands ? !strcmp(operand, "-") : current->input == STDIO_STREAM);

	if (current->is_without_input && *current->is_without_input)
		reads_stdin = false;
	if (reads_stdin)
		cli_reads_stdin();
	if (current->output == STDIO_STREAM && isatty(STDOUT_FILENO))
		return fail(STATUS_USAGE, "standard output is a terminal, and what would go there is binary: "
					  "send it to a file or another program");
	return STATUS_OK;
}

/* Looked for first, so that --help prints defaults that no other option has touched. */
static void
answer_questions(Arguments arguments)
{
	arguments.is_rehearsal = true;
	while (arguments.next < arguments.count && strcmp(arguments.words[arguments.next], "--") != 0) {
		if (parse_word(&arguments) < 0)
			return; /* said by the parse proper */
		if (wants_help || wants_version || wants_dump)
			answer();
	}
}

const char *
cli_start(const Manual *manual, int *argc, char ***argv)
{
	Arguments arguments = { .words = *argv + 1, .count = *argc > 0 ? *argc - 1 : 0 };

	current = manual;
	message_start(manual->name, false, false);
	must(standard_begin());
	answer_questions(arguments);
	must(with_advice(parse(&arguments)));
	must(with_advice(take_operands(&arguments)));
	message_start(manual->name, quiet, verbosely);
	*argc = arguments.operands;
	*argv = arguments.words;
	const char *operand = arguments.operands ? arguments.words[0] : "-";
	must(check_terminals(operand, arguments.operands));
	return operand;
}

bool
cli_given(const char *name)
{
	const Option *option = !current ? NULL : find_exact(current->options, name, strlen(name));

	return option && given[option - current->options];
}

bool
cli_preset(const char *name, const char *value)
{
	const Option *option = find_exact(current->options, name, strlen(name));

	if (!option || given[option - current->options])
		return false;
	must(value_read(option, value));
	return true;
}

const Manual *
cli_manual(void)
{
	return current;
}
