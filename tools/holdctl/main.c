/*
 * main.c - holdctl: looks after a Holdline server, running or not
 *
 * Finds the verb (verbs.c), sees to it that it gets what it needs and nothing
 * that it does not know, loads the settings, and lets it run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdline_version.h"
#include "server/log.h"
#include "server/settings.h"
#include "tools/holdctl/arguments.h"
#include "tools/holdctl/holdctl.h"
#include "tools/holdctl/verbs.h"

/* Verbs of a later version: a script that has one must not take our "no such
 * verb" for its own mistake. */
static const char *const later[] = {
	"call hangup", "user add", "user passwd", "user list", "user remove",
};

static const struct verb *find_verb(const struct arguments *args)
{
	const char *noun = args->words[0];
	const char *word = args->word_count > 1 ? args->words[1] : NULL;
	const struct verb *verb = verb_find(noun, word);
	char both[64];

	if (verb)
		return verb;
	(void)snprintf(both, sizeof(both), "%s%s%s", noun, word ? " " : "",
		       word ? word : "");
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		if (strcmp(both, later[i]) == 0) {
			complain(0, "%s: not in this version (%s)", both,
				 HOLDLINE_VERSION);
			return NULL;
		}
	}
	complain(0, "%s: no such verb; holdctl --help lists them", both);
	return NULL;
}

/* Has the verb what it needs, and nothing that it does not know? */
static int check_usage(const struct verb *verb, struct arguments *args)
{
	static const size_t at_most[] = {
		[OPERAND_NONE] = 0,
		[OPERAND_ONE] = 1,
		[OPERAND_ANY] = SIZE_MAX,
	};
	const char *name = verb->verb ? verb->verb : "";
	size_t words = 1 + (verb->verb != NULL);
	size_t operands = args->word_count - words;
	unsigned strange = args->given & ~verb->options;

	if (operands > at_most[verb->rule])
		return complain(STATUS_USAGE, "one argument too many: %s",
				args->words[args->word_count - 1]);
	if (verb->rule == OPERAND_ONE && operands == 0)
		return complain(STATUS_USAGE,
				"%s %s needs %s: holdctl %s %s "
				"--help",
				verb->noun, name, verb->operand, verb->noun,
				name);
	if (strange)
		return complain(STATUS_USAGE, "%s is not an option of %s %s",
				option_name(strange & ~(strange - 1)),
				verb->noun, name);
	args->request.operands = args->words + words;
	args->request.operand_count = operands;
	/* "--limit 0" asks for all; without --limit the verb decides. */
	args->request.limited = (args->given & OPTION_LIMIT) != 0;
	return 0;
}

static int run(struct arguments *args)
{
	struct settings *settings = NULL;
	const struct verb *verb;
	int r;

	if (args->word_count == 0) {
		verbs_print_help(stderr);
		return STATUS_USAGE;
	}
	verb = find_verb(args);
	if (!verb)
		return STATUS_USAGE;
	r = check_usage(verb, args);
	if (r != 0)
		return r;
	r = settings_load(&settings, args->file, args->settings, stderr);
	if (r != 0)
		return r;
	args->request.settings = settings;
	r = verb->run(&args->request);
	free(settings);
	return r;
}

static void help(const struct arguments *args)
{
	const struct verb *verb =
		args->word_count > 0
			? verb_find(args->words[0], args->word_count > 1
							    ? args->words[1]
							    : NULL)
			: NULL;

	if (verb)
		verb_print_help(verb, stdout);
	else
		verbs_print_help(stdout);
}

int main(int argc, char **argv)
{
	struct arguments args;
	int r = arguments_parse(&args, argc, argv);

	if (r != 0)
		return r;
	if (args.help) {
		help(&args);
	} else if (args.version) {
		puts("holdctl " HOLDLINE_VERSION);
	} else {
		/* What we read is other threads' and processes' business; of
		 * their log lines a tool shows only what went wrong. */
		log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, LOG_MASK_NONE);
		r = run(&args);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		return complain(STATUS_FAILED, "cannot write the answer");
	return r;
}
