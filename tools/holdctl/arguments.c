/* arguments.c - the command line, taken apart */
#include "tools/holdctl/arguments.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "server/settings.h"

enum option_kind { TEXT, NUMBER, AGE, FLAG };

struct option {
	const char *name;
	enum option_set bit;
	enum option_kind kind;
	size_t target; /* where in struct request */
};

static const struct option options[] = {
	{ "--kind", OPTION_KIND, TEXT, offsetof(struct request, kind) },
	{ "--call", OPTION_CALL, TEXT, offsetof(struct request, call) },
	{ "--state", OPTION_STATE, TEXT, offsetof(struct request, state) },
	{ "--provider", OPTION_PROVIDER, TEXT,
	  offsetof(struct request, provider) },
	{ "--before", OPTION_BEFORE, TEXT, offsetof(struct request, before) },
	{ "--role", OPTION_ROLE, TEXT, offsetof(struct request, role) },
	{ "--limit", OPTION_LIMIT, NUMBER, offsetof(struct request, limit) },
	{ "--older-than", OPTION_OLDER, AGE,
	  offsetof(struct request, older_ms) },
	{ "--younger-than", OPTION_YOUNGER, AGE,
	  offsetof(struct request, younger_ms) },
	{ "--all", OPTION_ALL, FLAG, offsetof(struct request, all) },
	{ "--dry-run", OPTION_DRY_RUN, FLAG,
	  offsetof(struct request, dry_run) },
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

static int take_number(unsigned *number, const char *name, const char *value)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno || n > INT_MAX)
		return complain(STATUS_USAGE, "%s %s: needs a number", name,
				value);
	*number = (unsigned)n;
	return 0;
}

static int take_age(uint64_t *age_ms, const char *name, const char *value)
{
	if (settings_parse_duration_ms(value, age_ms) < 0 || *age_ms == 0)
		return complain(STATUS_USAGE,
				"%s %s: needs an age such as 5min or 2h", name,
				value);
	return 0;
}

static int take_value(struct request *request, const struct option *option,
		      const char *value)
{
	char *target = (char *)request + option->target;

	switch (option->kind) {
	case NUMBER:
		return take_number((unsigned *)(void *)target, option->name,
				   value);
	case AGE:
		return take_age((uint64_t *)(void *)target, option->name,
				value);
	case FLAG: *(bool *)target = true; return 0;
	default: *(const char **)(void *)target = value; return 0;
	}
}

/* 1: taken; 0: not one of these; STATUS_USAGE: complained. */
static int take_verb_option(struct arguments *args, int argc, char **argv,
			    int *i)
{
	const char *arg = argv[*i];

	assert(arg); /* as in option_value() */
	for (size_t n = 0; n < OPTION_COUNT; n++) {
		const struct option *option = &options[n];
		bool missing = false;
		const char *value;

		if (option->kind == FLAG)
			value = strcmp(arg, option->name) == 0 ? "" : NULL;
		else
			value = option_value(option->name, argc, argv, i,
					     &missing);
		if (missing)
			return complain(STATUS_USAGE, "%s needs a value",
					option->name);
		if (!value)
			continue;
		args->given |= option->bit;
		return take_value(&args->request, option, value) ? STATUS_USAGE
								 : 1;
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
	*args = (struct arguments){ .words = (const char *const *)argv };
	for (int i = 1; i < argc; i++) {
		int r = 0;

		/* "-" alone is an operand: standard input. */
		if (argv[i][0] == '-' && argv[i][1])
			r = take_option(args, argc, argv, &i);
		else
			argv[args->word_count++] = argv[i];
		if (r != 0)
			return r;
	}
	return 0;
}
