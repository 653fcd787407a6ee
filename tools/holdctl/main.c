/*
 * main.c - holdctl: looks at a Holdline server, running or not
 *
 * The table of verbs is the whole program: a new verb is a row here and a
 * function in the file of its noun.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdline_version.h"
#include "server/settings.h"
#include "tools/holdctl/arguments.h"
#include "tools/holdctl/holdctl.h"

struct verb {
	const char *noun, *verb; /* verb NULL: the noun is all */
	const char *operand;	 /* its name; NULL: takes none */
	unsigned options;	 /* enum option_set */
	int (*run)(const struct request *request);
	const char *help;
};

static const struct verb verbs[] = {
	{ "status", NULL, NULL, 0, status_run,
	  "is anything wrong, since when, and what to do" },
	{ "outbox", "status", NULL, 0, outbox_status_run,
	  "what waits for the database, journal by journal" },
	{ "outbox", "list", NULL, OPTION_KIND | OPTION_CALL | OPTION_LIMIT,
	  outbox_list_run, "the waiting records, oldest first" },
	{ "outbox", "show", "ID", 0, outbox_show_run, "one waiting record" },
	{ "outbox", "export", NULL, OPTION_KIND | OPTION_CALL | OPTION_LIMIT,
	  outbox_export_run, "the waiting records as JSON Lines" },
	{ "call", "list", NULL,
	  OPTION_STATE | OPTION_PROVIDER | OPTION_BEFORE | OPTION_LIMIT,
	  call_list_run, "calls in the database, newest first" },
	{ "call", "show", "ID", 0, call_show_run, "one call and its events" },
	{ "db", "ping", NULL, 0, db_ping_run, "does the database answer?" },
	{ "db", "status", NULL, 0, db_status_run,
	  "where it is, and the version of its schema" },
	{ "db", "migrate", NULL, 0, db_migrate_run,
	  "bring the schema up to date" },
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* Verbs of a later version: a script that has one must not take our "no such
 * verb" for its own mistake. */
static const char *const later[] = {
	"outbox tail",	 "outbox hold",	  "outbox release", "outbox replay",
	"outbox drop",	 "outbox kick",	  "outbox pause",   "outbox resume",
	"outbox import", "outbox verify", "outbox repair",  "dead list",
	"dead show",	 "dead retry",	  "dead drop",	    "call hangup",
	"user add",	 "user passwd",	  "user list",	    "user remove",
};

static void print_help(FILE *out)
{
	fputs("Usage: holdctl [-c FILE] [--json] [--SETTING VALUE]... "
	      "NOUN [VERB] [ID]\n\n"
	      "Looks at a Holdline server, while it runs or on the files that "
	      "it left.\n\nVerbs:\n",
	      out);
	for (size_t i = 0; i < VERB_COUNT; i++) {
		char name[40];

		(void)snprintf(name, sizeof(name), "%s%s%s%s%s", verbs[i].noun,
			       verbs[i].verb ? " " : "",
			       verbs[i].verb ? verbs[i].verb : "",
			       verbs[i].operand ? " " : "",
			       verbs[i].operand ? verbs[i].operand : "");
		fprintf(out, "  %-16s %s\n", name, verbs[i].help);
	}
	fputs("\nOptions:\n"
	      "  -c, --config FILE   the server's configuration file\n"
	      "  --json              JSON instead of tables (lists: one object "
	      "a line)\n"
	      "  --limit N           at most N rows; 0: all\n"
	      "  --kind KIND         outbox: only call.started, call.ended, "
	      "...\n"
	      "  --call ID           outbox: only records of that call\n"
	      "  --state STATE       call list: live or ended\n"
	      "  --provider NAME     call list: twilio, ...\n"
	      "  --before ID         call list: only calls older than that "
	      "one\n"
	      "  --SETTING VALUE     any setting, as for holdline serve\n"
	      "  --help, --version\n\n"
	      "An ID may be shortened as long as it is unique.\n\n"
	      "Examples:\n"
	      "  holdctl -c /etc/holdline.yaml status\n"
	      "  holdctl --data_dir /var/lib/holdline outbox list --kind "
	      "call.ended\n"
	      "  holdctl --json call list --state live | jq -r .call_id\n\n"
	      "Exit status: 0 fine; 1 something is wrong or was not found; "
	      "2 usage or\nconfiguration; 3 the server or the database could "
	      "not be reached.\n",
	      out);
}

static bool names(const struct verb *verb, const struct arguments *args)
{
	if (strcmp(verb->noun, args->words[0]) != 0)
		return false;
	return !verb->verb || (args->word_count > 1 &&
			       strcmp(verb->verb, args->words[1]) == 0);
}

static const struct verb *find_verb(const struct arguments *args)
{
	char both[64];

	for (size_t i = 0; i < VERB_COUNT; i++)
		if (names(&verbs[i], args))
			return &verbs[i];
	(void)snprintf(both, sizeof(both), "%s%s%s", args->words[0],
		       args->word_count > 1 ? " " : "",
		       args->word_count > 1 ? args->words[1] : "");
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
	size_t words = 1 + (verb->verb != NULL);
	unsigned strange = args->given & ~verb->options;

	if (args->word_count > words + (verb->operand != NULL))
		return complain(STATUS_USAGE, "one argument too many: %s",
				args->words[args->word_count - 1]);
	if (verb->operand && args->word_count == words)
		return complain(STATUS_USAGE, "%s %s needs an %s", verb->noun,
				verb->verb, verb->operand);
	if (strange)
		return complain(STATUS_USAGE, "%s is not an option of %s %s",
				option_name(strange & ~(strange - 1)),
				verb->noun, verb->verb ? verb->verb : "");
	if (verb->operand)
		args->request.operand = args->words[words];
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
		print_help(stderr);
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

int main(int argc, char **argv)
{
	struct arguments args;
	int r = arguments_parse(&args, argc, argv);

	if (r != 0)
		return r;
	if (args.help) {
		print_help(stdout);
	} else if (args.version) {
		puts("holdctl " HOLDLINE_VERSION);
	} else {
		/* What we read is other threads' and processes' business; of
		 * their log lines a tool shows only what went wrong. */
		log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
		r = run(&args);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		return complain(STATUS_FAILED, "cannot write the answer");
	return r;
}
