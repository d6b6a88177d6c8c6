/* cli/options.h: one table a tool, which parses its command line and prints its help. */
#ifndef FM_CLI_OPTIONS_H
#define FM_CLI_OPTIONS_H

#include "status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum OptionKind {
	OPTION_END,
	OPTION_FLAG,	/* no argument; sets a bool */
	OPTION_COUNT,	/* whole number; uint64_t */
	OPTION_REAL,	/* finite decimal number, or N% where .is_share; double */
	OPTION_SIZE,	/* bytes, with K, M, G, T (powers of 1,024); uint64_t */
	OPTION_TEXT,	/* any text; const char * into argv */
	OPTION_CHOICE,	/* one of the words of .choices, separated by '|'; const char * */
	OPTION_PARSED,	/* text that .parse checks when it is met; const char * into argv */
	OPTION_OPERAND, /* an operand, filled in order, for help and history; const char *, "" hides it; NULL: help alone */
} OptionKind;

/**
 * One option. Write it with the OPT_ macros below, further fields after the help text by name:
 *
 *	OPT_COUNT('b', "batch", "N", &batch, "samples a step", .least = 1, .most = 65536),
 *
 * The value that the variable has before parsing is the default, and is printed as such by --help.
 */
typedef struct Option {
	OptionKind kind;
	char letter;		/* 0: long form only */
	const char *name;	/* long form, without dashes */
	const char *argument;	/* its name in help: "N", "FILE"; NULL for a flag */
	void *value;		/* of the type that the kind says */
	const char *help;	/* half a sentence, lower case, no full stop */
	double least, most;	/* numbers: inclusive; both 0: unbounded; most below least: no upper end */
	const char *choices;	/* OPTION_CHOICE: "constant|step|cosine" */
	bool is_manner;		/* does not change the result (threads, output, log, verbosity): not for the history */
	bool is_share;		/* OPTION_REAL: also reads "10%" as 0.1 */
	/** OPTION_PARSED: NULL if text is fine, else what was expected, for the message. */
	const char *(*parse)(const char *text);
	const char *joint;	/* a text given again is added behind this; "": another one is refused; NULL: the last counts */
	const char *fallback;	/* printed by --help as the default of a text that is NULL until something decides */
} Option;

#define OPT_FLAG(l, n, v, h, ...)                                                                                      \
	{ .kind = OPTION_FLAG, .letter = (l), .name = (n), .value = (v), .help = (h), __VA_ARGS__ }
#define OPT_VALUE_(k, l, n, a, v, h, ...)                                                                              \
	{ .kind = (k), .letter = (l), .name = (n), .argument = (a), .value = (v), .help = (h), __VA_ARGS__ }
#define OPT_COUNT(l, n, a, v, h, ...) OPT_VALUE_(OPTION_COUNT, l, n, a, v, h, __VA_ARGS__)
#define OPT_REAL(l, n, a, v, h, ...) OPT_VALUE_(OPTION_REAL, l, n, a, v, h, __VA_ARGS__)
#define OPT_SIZE(l, n, a, v, h, ...) OPT_VALUE_(OPTION_SIZE, l, n, a, v, h, __VA_ARGS__)
#define OPT_TEXT(l, n, a, v, h, ...) OPT_VALUE_(OPTION_TEXT, l, n, a, v, h, __VA_ARGS__)
#define OPT_CHOICE(l, n, c, v, h, ...) OPT_VALUE_(OPTION_CHOICE, l, n, c, v, h, .choices = (c), __VA_ARGS__)
#define OPT_PARSED(l, n, a, v, p, h, ...) OPT_VALUE_(OPTION_PARSED, l, n, a, v, h, .parse = (p), __VA_ARGS__)
#define OPT_OPERAND(n, v, h) { .kind = OPTION_OPERAND, .name = (n), .argument = (n), .value = (v), .help = (h) }
#define OPT_END { .kind = OPTION_END }

/** What a tool's standard input or output is, so that binary never meets a terminal. */
typedef enum Stdio {
	STDIO_TEXT,   /* words, or nothing */
	STDIO_STREAM, /* binary: refused on a terminal */
	STDIO_ASKED,  /* input that is read only where the operand is "-"; binary */
} Stdio;

typedef struct Manual {
	const char *name;	/* "fm-train" */
	const char *summary;	/* "train a small image classifier from a tensor stream" */
	const char *usage;	/* one or more lines, separated by new lines */
	const char *note;	/* a line or two that --help shows before the options, or NULL */
	const Option *options;	/* ends in OPT_END; --help, --version, -q and -v are added to every tool */
	int operands;		/* the most operands it takes */
	Stdio input;		/* stdin, when there is no operand or it is "-" */
	const bool *is_without_input; /* a flag's variable, with which nothing is read; or NULL */
	Stdio output;
} Manual;

/**
 * Parse the command line. --help and --version print and exit 0; a usage error prints one line that says what was
 * expected and exits 2; a stream tool whose stdin is a terminal prints its short help to stderr and exits 2; one whose
 * stdout is a terminal says so and exits 2. Long options may be shortened where that is unambiguous, take "--name
 * value" and "--name=value"; "--" ends them; options and operands may be mixed. SIGPIPE is put back to its default.
 * The hidden option --dump-options prints the table as tab-separated lines (letter, name, argument, choices, help), from
 * which completions are made and the man pages checked.
 *
 * @param argc, argv  in: main's; out: the operands alone (argv[0] is the first)
 * @return the first operand, or "-"
 */
const char *cli_start(const Manual *manual, int *argc, char ***argv);

/** For a tool that finds only in its options that it reads standard input: as cli_start, if that is a terminal. */
void cli_reads_stdin(void);

/** Likewise, if what an option or a later operand names is "-". @param path  or NULL: nothing */
void cli_reads(const char *path);

/** The manual that cli_start was given. */
const Manual *cli_manual(void);

/** Was this option on the command line? @param name  long form; of a table that lacks it none was */
bool cli_given(const char *name);

/**
 * Give an option that is not on the command line another default, as a preset does; cli_given stays false.
 *
 * @param name   long form, must be in the table
 * @param value  as on a command line, good; static
 * @return was it left out, and so is set?
 */
bool cli_preset(const char *name, const char *value);

/**
 * The options that change the result, for the history: {"batch":"128","shuffle":true,…} in the table's order, long
 * names, values as text that the parser would read back to the same value; flags only when set; texts that are NULL
 * left out; operands under their upper-case name. Read when called, so that a tool can expand presets first.
 *
 * @return new reference
 */
json_t *cli_options(void);

/**
 * End a run: flush and close stdout, check that every byte went out, end the progress line.
 *
 * @param status  the run's own; what a failure has to say has been said already (must, say_failure)
 * @return the exit status: the run's own failure first, else 4 if stdout could not be written, else 0
 */
int cli_finish(Status status);

#endif
