/* gate.c */
#include "metrics/gate.h"

#include "json/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MOST = 64, CLASS_MOST = 1024, REASON_MOST = 1024 };

typedef struct Condition {
	char key[KEY_MOST];
	char class[CLASS_MOST]; /* "": none */
	char operator[3];
	double bound;
} Condition;

static const char key_characters[] = "abcdefghijklmnopqrstuvwxyz0123456789_.";

static const char *
skip_spaces(const char *text)
{
	return text + strspn(text, " \t\n");
}

/* @return behind the operator, or NULL */
static const char *
parse_operator(const char *text, char operator[3])
{
	static const char *const operators[] = {">=", "<=", "==", "!=", ">", "<"};

	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
		if (!strncmp(text, operators[i], strlen(operators[i]))) {
			strcpy(operator, operators[i]);
			return text + strlen(operators[i]);
		}
	return NULL;
}

/* A class's name may hold brackets itself: it ends at the first one that an operator follows. */
static const char *
parse_class(const char *text, char class[CLASS_MOST])
{
	char operator[3];

	for (const char *end = text; (end = strchr(end, ']')); end++) {
		if (!parse_operator(skip_spaces(end + 1), operator))
			continue;
		if (end == text || end - text >= CLASS_MOST)
			return NULL;
		memcpy(class, text, (size_t)(end - text));
		class[end - text] = '\0';
		return end + 1;
	}
	return NULL;
}

static const char *
parse_bound(const char *text, double *bound)
{
	char *end;

	*bound = strtod(text, &end);
	if (end == text || !isfinite(*bound))
		return NULL;
	if (*end == '%') {
		*bound /= 100;
		end++;
	}
	return end;
}

/* @return behind the condition, or NULL */
static const char *
parse_condition(const char *text, Condition *condition)
{
	text = skip_spaces(text);
	size_t length = strspn(text, key_characters);
	if (!length || length >= KEY_MOST)
		return NULL;
	memcpy(condition->key, text, length);
	condition->key[length] = condition->class[0] = '\0';
	text = skip_spaces(text + length);
	if (*text == '[' && !(text = parse_class(text + 1, condition->class)))
		return NULL;
	if (!(text = parse_operator(skip_spaces(text), condition->operator)))
		return NULL;
	return parse_bound(skip_spaces(text), &condition->bound);
}

/* @return the "&&" that follows a condition, "" behind the last, NULL for anything else */
static const char *
next_condition(const char *text)
{
	text = skip_spaces(text);
	return !*text || !strncmp(text, "&&", 2) ? text : NULL;
}

const char *
gate_parse(const char *text)
{
	static const char expected[] = "conditions such as 'accuracy>=0.92 && recall[Shirt]>=80%'";
	Condition condition;

	for (;;) {
		text = parse_condition(text, &condition);
		if (!text || !(text = next_condition(text)))
			return expected;
		if (!*text)
			return NULL;
		text += strlen("&&");
	}
}

static const json_t *
find_class(const json_t *scores, const char *name)
{
	const json_t *classes = json_object_get(scores, "classes");

	for (size_t i = 0; i < json_array_size(classes); i++) {
		const json_t *class = json_array_get(classes, i);
		if (!strcmp(json_string_value(json_object_get(class, "name")), name))
			return class;
	}
	return NULL;
}

/* Follow a key with dots down. @return NULL where it leads nowhere */
static const json_t *
find_value(const json_t *object, const char *key)
{
	char rest[KEY_MOST], *state;

	strcpy(rest, key);
	for (char *part = strtok_r(rest, ".", &state); part && object; part = strtok_r(NULL, ".", &state))
		object = json_object_get(object, part);
	return object;
}

static Status
look_up(const json_t *scores, const Condition *condition, const json_t **value)
{
	if (*condition->class && !(scores = find_class(scores, condition->class)))
		return fail(STATUS_USAGE, "--assert: no class is named %s", condition->class);
	*value = find_value(scores, condition->key);
	if (!*value)
		return fail(STATUS_USAGE, "--assert: no score is named %s%s; see fm-metrics --json", condition->key,
			    *condition->class ? "[…]" : "");
	if (!json_is_number(*value) && !json_is_null(*value))
		return fail(STATUS_USAGE, "--assert: %s is not one number%s", condition->key,
			    json_object_get(*value, "macro") ? "; say which: .macro, .weighted …" : "");
	return STATUS_OK;
}

static bool
holds(double value, const Condition *condition)
{
	const char *operator= condition->operator;

	if (!strcmp(operator, ">="))
		return value >= condition->bound;
	if (!strcmp(operator, "<="))
		return value <= condition->bound;
	if (!strcmp(operator, ">"))
		return value > condition->bound;
	if (!strcmp(operator, "<"))
		return value < condition->bound;
	return (value == condition->bound) == (operator[0] == '=');
}

static void
add_reason(char reasons[REASON_MOST], const Condition *condition, const json_t *value)
{
	size_t length = strlen(reasons);
	char found[32] = "undefined", bound[32];
	bool has_class = *condition->class;

	if (!json_is_null(value))
		json_number(json_number_value(value), found);
	snprintf(reasons + length, REASON_MOST - length, "%s%s%s%.100s%s is %s, not %s %s", length ? "; " : "",
		 condition->key, has_class ? "[" : "", condition->class, has_class ? "]" : "", found,
		 condition->operator, json_number(condition->bound, bound));
}

Status
gate_judge(const char *text, const json_t *scores)
{
	char reasons[REASON_MOST] = "";
	Condition condition;
	const json_t *value = NULL;

	for (const char *at = text; at; at = *at ? at + strlen("&&") : NULL) {
		at = next_condition(parse_condition(at, &condition));
		Status status = look_up(scores, &condition, &value);
		if (status < 0)
			return status;
		if (json_is_null(value) || !holds(json_number_value(value), &condition))
			add_reason(reasons, &condition, value);
	}
	return *reasons ? fail(STATUS_NO, "%s", reasons) : STATUS_OK;
}
