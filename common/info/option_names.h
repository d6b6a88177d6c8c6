/* info/option_names.h: which options each of our tools has; generated from the tools' option tables by mk/info.mk. */
#ifndef FM_INFO_OPTION_NAMES_H
#define FM_INFO_OPTION_NAMES_H

#include <stdbool.h>

typedef struct OptionName {
	const char *tool; /* "fm-train" */
	const char *name; /* "batch"; an operand's is upper case: "SOURCE" */
	bool is_flag;
	bool is_recorded; /* a history may hold it: not the manners (output, log, threads), and no option of a tool that makes none */
} OptionName;

/** Ends in an entry whose tool is NULL. */
extern const OptionName option_names[];

/** @return the entry, or NULL */
const OptionName *option_name_find(const char *tool, const char *name);

#endif
