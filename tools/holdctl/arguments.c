/* arguments.c - the command line, taken apart */
#include "tools/holdctl/arguments.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct option {
	const char *name;
	enum option_set bit;
	size_t target; /* a const char * in struct request */
};

static const struct option options[] = {
	{ "--kind", OPTION_KIND, offsetof(struct request, kind) },
	{ "--call", OPTION_CALL, offsetof(struct request, call) },
	{ "--state", OPTION_STATE, offsetof(struct request, state) },
	{ "--provider", OPTION_PROVIDER, offsetof(struct request, provider) },
	{ "--before", OPTION_BEFORE, offsetof(struct request, before) },
	{ "--limit", OPTION_LIMIT, 0 },
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

const char *option_name(enum option_set option)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].bit == option)
			return options[i].name;
	return "?";
}

/* The value of argv[*i] if that is the option `name`: what follows "=", or the
 * next argument. NULL: it is another option, or (*missing) has no value. */
static const char *option_value(const char *name, int argc, char **argv, int *i,
				bool *missing)
{
	size_t length = strlen(name);

	*missing = false;
	assert(argv[*i]); /* the caller looks before it asks */
	if (strncmp(argv[*i], name, length) != 0)
		return NULL;
	if (argv[*i][length] == '=')
		return argv[*i] + length + 1;
	if (argv[*i][length] != '\0')
		return NULL;
	*missing = *i + 1 >= argc;
	return *missing ? NULL : argv[++*i];
}

static int take_limit(struct request *request, const char *value)
{
	char *end;
	unsigned long limit;

	errno = 0;
	limit = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno ||
	    limit > INT_MAX)
		return complain(STATUS_USAGE, "--limit %s: needs a number",
				value);
	request->limit = (unsigned)limit;
	return 0;
}

/* 1: taken; 0: not one of these; STATUS_USAGE: complained. */
static int take_verb_option(struct arguments *args, int argc, char **argv,
			    int *i)
{
	for (size_t n = 0; n < OPTION_COUNT; n++) {
		const struct option *option = &options[n];
		bool missing;
		const char *value =
			option_value(option->name, argc, argv, i, &missing);

		if (missing)
			return complain(STATUS_USAGE, "%s needs a value",
					option->name);
		if (!value)
			continue;
		args->given |= option->bit;
		if (option->bit == OPTION_LIMIT)
			return take_limit(&args->request, value) ? STATUS_USAGE
								 : 1;
		*(const char **)((char *)&args->request + option->target) =
			value;
		return 1;
	}
	return 0;
}

/* "--key=value" is one argument, "--key value" two. */
static int take_setting(struct arguments *args, int argc, char **argv, int *i)
{
	bool two = !strchr(argv[*i], '=') && *i + 1 < argc;

	if (args->setting_count + 2 > SETTINGS_MAX)
		return complain(STATUS_USAGE, "too many options");
	args->settings[args->setting_count++] = argv[*i];
	if (two)
		args->settings[args->setting_count++] = argv[++*i];
	return 0;
}

static int take_word(struct arguments *args, const char *word)
{
	if (args->word_count == WORDS_MAX)
		return complain(STATUS_USAGE, "one argument too many: %s",
				word);
	args->words[args->word_count++] = word;
	return 0;
}

static int take_option(struct arguments *args, int argc, char **argv, int *i)
{
	const char *arg = argv[*i];
	bool missing;
	const char *file;
	int taken;

	if (strcmp(arg, "--json") == 0) {
		args->request.json = true;
		return 0;
	}
	if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
		args->help = true;
		return 0;
	}
	if (strcmp(arg, "--version") == 0) {
		args->version = true;
		return 0;
	}
	file = option_value("-c", argc, argv, i, &missing);
	if (!file && !missing)
		file = option_value("--config", argc, argv, i, &missing);
	if (missing)
		return complain(STATUS_USAGE, "%s needs a file", arg);
	if (file) {
		args->file = file;
		return 0;
	}
	if (strncmp(arg, "--", 2) != 0)
		return complain(STATUS_USAGE, "%s: no such option", arg);
	taken = take_verb_option(args, argc, argv, i);
	if (taken != 0)
		return taken == 1 ? 0 : taken;
	return take_setting(args, argc, argv, i);
}

int arguments_parse(struct arguments *args, int argc, char **argv)
{
	*args = (struct arguments){ 0 };
	for (int i = 1; i < argc; i++) {
		int r = argv[i][0] == '-' && argv[i][1]
				? take_option(args, argc, argv, &i)
				: take_word(args, argv[i]);

		if (r != 0)
			return r;
	}
	return 0;
}
