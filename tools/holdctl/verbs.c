/*
 * verbs.c - what holdctl can do (see verbs.h)
 *
 * The table is the whole program: a new verb is a row here and a function in
 * the file of its kind.
 */
#include "tools/holdctl/verbs.h"

#include <string.h>

#include "tools/holdctl/arguments.h"

#define AGES   (OPTION_OLDER | OPTION_YOUNGER)
#define FILTER (OPTION_KIND | OPTION_CALL | AGES)
#define MASS   (FILTER | OPTION_ALL | OPTION_DRY_RUN)

#define WHICH                                                                \
	"Which ones: IDs (\"-\" reads them from standard input, one a line " \
	"or as JSON\nlines with an \"id\"), a filter, both (those that "     \
	"fit), or --all.\nRepeating it is safe.\n"

#define ERASE                                                               \
	"The running server does it, a few rows at a time; a call that is " \
	"live is waited\nfor, and each node removes its own recordings. "   \
	"There is no way back. What is left\nis a trace that it was "       \
	"(holdctl erase list).\n"
#define PASSWORD                                                             \
	"--role is viewer (looks), operator (replays, hangs up) or admin.\n" \
	"The password is asked for, or read from standard input where that " \
	"is no terminal:\none line of at least 12 characters.\n"

#define RETRY_SOME                                                 \
	"  holdctl --json dead list | jq -r 'select(.sqlstate == " \
	"\"23514\").id' |\n    holdctl dead retry -\n"

static const struct verb verbs[] = {
	{ "status", NULL, NULL, OPERAND_NONE, 0, status_run,
	  "is anything wrong, since when, and what to do",
	  "Exit status 1 when anything is wrong, 3 when no server answers.\n",
	  "  holdctl -c /etc/holdline.yaml status\n"
	  "  holdctl --json status | jq .problems\n" },
	{ "outbox", "status", NULL, OPERAND_NONE, 0, outbox_status_run,
	  "what waits for the database, journal by journal", NULL,
	  "  holdctl outbox status\n" },
	{ "outbox", "list", NULL, OPERAND_NONE,
	  FILTER | OPTION_STATE | OPTION_LIMIT, outbox_list_run,
	  "the waiting records, oldest first",
	  "--state shows those of another state: pending (the default), held, "
	  "dropped,\ndead, or delivered (those that are still kept).\n",
	  "  holdctl outbox list --kind call.ended --older-than 1h\n"
	  "  holdctl --json outbox list --state held | jq -r .id\n" },
	{ "outbox", "show", "ID", OPERAND_ONE, OPTION_STATE, outbox_show_run,
	  "one record, whole",
	  "Without --state the waiting, held, dropped and dead ones are looked "
	  "through.\n",
	  "  holdctl outbox show 0198c7f2\n" },
	{ "outbox", "tail", NULL, OPERAND_NONE,
	  OPTION_KIND | OPTION_CALL | OPTION_LIMIT, outbox_tail_run,
	  "the newest records, and each new one as it comes",
	  "Shows the last ten (--limit), delivered or not, then follows until "
	  "Ctrl-C.\n",
	  "  holdctl outbox tail --kind call.ended\n"
	  "  holdctl --json outbox tail | jq -r .call\n" },
	{ "outbox", "hold", "ID", OPERAND_ANY, MASS, outbox_hold_run,
	  "set waiting records aside", WHICH,
	  "  holdctl outbox hold 0198c7f2-8f3a-7c51-9b0e-5d1c7a3e9f10\n"
	  "  holdctl outbox hold --call 0198c7f2 --dry-run\n" },
	{ "outbox", "release", "ID", OPERAND_ANY, MASS, outbox_release_run,
	  "deliver held records after all", WHICH,
	  "  holdctl outbox release --all\n" },
	{ "outbox", "replay", "ID", OPERAND_ANY, MASS, outbox_replay_run,
	  "deliver again what is kept of the delivered ones",
	  "For a database that lost rows, after a failover or a restore: what "
	  "it has\nalready is not changed. outbox.keep_delivered says how long "
	  "they are kept.\n" WHICH,
	  "  holdctl outbox replay --younger-than 30min\n" },
	{ "outbox", "drop", "ID", OPERAND_ANY, MASS | OPTION_STATE,
	  outbox_drop_run, "give waiting or held records up",
	  "They are kept like delivered ones (outbox list --state dropped), "
	  "then forgotten.\n--state held: only from those.\n" WHICH,
	  "  holdctl outbox drop 0198c7f2-8f3a-7c51-9b0e-5d1c7a3e9f10\n" },
	{ "outbox", "pause", NULL, OPERAND_NONE, 0, outbox_pause_run,
	  "deliver nothing until resume", "Calls go on; a restart keeps it.\n",
	  "  holdctl outbox pause\n" },
	{ "outbox", "resume", NULL, OPERAND_NONE, 0, outbox_resume_run,
	  "deliver again", NULL, "  holdctl outbox resume\n" },
	{ "outbox", "kick", NULL, OPERAND_NONE, 0, outbox_kick_run,
	  "try the database at once, whatever the backoff says", NULL,
	  "  holdctl outbox kick\n" },
	{ "outbox", "export", NULL, OPERAND_NONE,
	  FILTER | OPTION_STATE | OPTION_LIMIT, outbox_export_run,
	  "the waiting records as JSON Lines, each complete",
	  "--state as for list; dead letters come as the records they were.\n",
	  "  holdctl outbox export > records.jsonl\n"
	  "  holdctl outbox export --state dead --kind call.ended\n" },
	{ "outbox", "import", "PATH", OPERAND_ONE, OPTION_DRY_RUN,
	  outbox_import_run, "take over records, or a dead node's journals",
	  "PATH is a file of JSON Lines as export writes them, or \"-\" for "
	  "standard input;\none bad line, and nothing is taken. Or it is a "
	  "journal of another node, or its\nwhole outbox: then calls that it "
	  "left open end as interrupted. Repeating it\nchanges nothing.\n",
	  "  holdctl outbox import records.jsonl\n"
	  "  holdctl outbox import /mnt/node7/outbox\n" },
	{ "outbox", "verify", NULL, OPERAND_NONE, 0, outbox_verify_run,
	  "read all of it, and check every checksum",
	  "Exit status 1 when anything is damaged.\n",
	  "  holdctl outbox verify\n" },
	{ "outbox", "repair", NULL, OPERAND_NONE, OPTION_DRY_RUN,
	  outbox_repair_run, "move damaged journals out of the way",
	  "What can be read and was not delivered goes into a new journal; the "
	  "damaged one\ngoes to outbox/quarantine. Works while no server "
	  "runs: a running one passes\ndamage over by itself.\n",
	  "  holdctl outbox repair --dry-run\n" },
	{ "dead", "list", NULL, OPERAND_NONE, FILTER | OPTION_LIMIT,
	  dead_list_run, "the records that the database refused, and why", NULL,
	  "  holdctl dead list\n" RETRY_SOME },
	{ "dead", "show", "ID", OPERAND_ONE, 0, dead_show_run,
	  "one of them, with the database's own words", NULL,
	  "  holdctl dead show 0198c7f2\n" },
	{ "dead", "retry", "ID", OPERAND_ANY, MASS, dead_retry_run,
	  "deliver them once more",
	  "With the database away they wait like any other record.\n" WHICH,
	  "  holdctl dead retry --all\n" },
	{ "dead", "drop", "ID", OPERAND_ANY, MASS, dead_drop_run,
	  "give them up", WHICH,
	  "  holdctl dead drop 0198c7f2-8f3a-7c51-9b0e-5d1c7a3e9f10\n" },
	{ "events", "status", NULL, OPERAND_NONE, 0, events_status_run,
	  "how many events wait for events.webhook", NULL,
	  "  holdctl events status\n" },
	{ "events", "list", NULL, OPERAND_NONE,
	  OPTION_KIND | OPTION_YOUNGER | OPTION_LIMIT, events_list_run,
	  "what it was told and is to be told, newest first",
	  "Those that are still kept (events.keep).\n",
	  "  holdctl events list --kind call.ended --younger-than 1h\n" },
	{ "events", "replay", "ID", OPERAND_ANY,
	  OPTION_KIND | OPTION_YOUNGER | OPTION_ALL, events_replay_run,
	  "tell it once more, under the same ids",
	  "Which ones: IDs (\"-\" reads them from standard input), "
	  "--younger-than, or --all;\n--kind narrows it down.\n",
	  "  holdctl events replay --younger-than 2h\n" },
	{ "call", "list", NULL, OPERAND_NONE,
	  OPTION_STATE | OPTION_PROVIDER | OPTION_BEFORE | OPTION_LIMIT,
	  call_list_run, "calls in the database, newest first",
	  "--state is live or ended. While the database does not answer, live "
	  "calls come\nfrom the running server's memory.\n",
	  "  holdctl --json call list --state live | jq -r .call_id\n" },
	{ "call", "show", "ID", OPERAND_ONE, 0, call_show_run,
	  "one call and its events", NULL, "  holdctl call show 0198c7f2\n" },
	{ "call", "hangup", "ID", OPERAND_ONE, 0, call_hangup_run,
	  "end a live call, in its provider's words",
	  "By the running server, whatever the database does; the whole id is "
	  "needed.\n",
	  "  holdctl call hangup 0198c7f2-1c2d-7000-8000-00000000002a\n" },
	{ "user", "add", "EMAIL", OPERAND_ONE, OPTION_ROLE, user_add_run,
	  "let somebody sign in", PASSWORD,
	  "  holdctl user add ada@example.com --role operator\n"
	  "  pwgen -s 24 1 | holdctl user add bot@example.com --role viewer\n" },
	{ "user", "passwd", "EMAIL", OPERAND_ONE, OPTION_ROLE, user_passwd_run,
	  "give somebody another password, or role",
	  "--role alone changes the role and asks for no password.\n" PASSWORD,
	  "  holdctl user passwd ada@example.com\n"
	  "  holdctl user passwd ada@example.com --role admin\n" },
	{ "user", "list", NULL, OPERAND_NONE, 0, user_list_run,
	  "who may sign in", NULL, "  holdctl user list\n" },
	{ "user", "remove", "EMAIL", OPERAND_ONE, 0, user_remove_run,
	  "let somebody sign in no more",
	  "What was handed out to them is worth nothing from then on, on other "
	  "nodes within\nseconds. Another key in control.signing_key_file and "
	  "SIGHUP end all tokens.\n",
	  "  holdctl user remove ada@example.com\n" },
	{ "erase", "call", "ID", OPERAND_ONE, 0, erase_call_run,
	  "erase a call: its row, events and recording", ERASE,
	  "  holdctl erase call 0198c7f2-8f3a-7c51-9b0e-5d1c7a3e9f10\n" },
	{ "erase", "number", "NUMBER", OPERAND_ONE, 0, erase_number_run,
	  "erase all calls and messages of a number", ERASE,
	  "  holdctl erase number +4915112345678\n" },
	{ "erase", "list", NULL, OPERAND_NONE, OPTION_LIMIT, erase_list_run,
	  "what was erased, and what is not yet, newest first", NULL,
	  "  holdctl --json erase list | jq 'select(.state != \"done\")'\n" },
	{ "db", "ping", NULL, OPERAND_NONE, 0, db_ping_run,
	  "does the database answer?", NULL, "  holdctl db ping\n" },
	{ "db", "status", NULL, OPERAND_NONE, 0, db_status_run,
	  "where it is, and the version of its schema", NULL,
	  "  holdctl db status\n" },
	{ "db", "migrate", NULL, OPERAND_NONE, 0, db_migrate_run,
	  "bring the schema up to date", NULL, "  holdctl db migrate\n" },
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* What the options that belong to single verbs mean. */
static const struct {
	enum option_set bit;
	const char *usage, *help;
} option_help[] = {
	{ OPTION_KIND, "--kind KIND", "only call.started, call.ended, ..." },
	{ OPTION_CALL, "--call ID", "only records of that call" },
	{ OPTION_OLDER, "--older-than AGE", "only older ones: 5min, 2h, ..." },
	{ OPTION_YOUNGER, "--younger-than AGE", "only younger ones" },
	{ OPTION_STATE, "--state STATE", "only those of that state" },
	{ OPTION_PROVIDER, "--provider NAME", "only of twilio, ..." },
	{ OPTION_BEFORE, "--before ID", "only calls older than that one" },
	{ OPTION_LIMIT, "--limit N", "at most N rows; 0: all" },
	{ OPTION_ROLE, "--role ROLE", "viewer, operator or admin" },
	{ OPTION_ALL, "--all", "all that there are" },
	{ OPTION_DRY_RUN, "--dry-run", "say what would be done, do nothing" },
};

const struct verb *verb_find(const char *noun, const char *word)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].noun, noun) == 0 &&
		    (!verbs[i].verb ||
		     (word && strcmp(verbs[i].verb, word) == 0)))
			return &verbs[i];
	return NULL;
}

static void print_name(const struct verb *verb, char *out, size_t size)
{
	(void)snprintf(out, size, "%s%s%s%s%s%s", verb->noun,
		       verb->verb ? " " : "", verb->verb ? verb->verb : "",
		       verb->operand ? " " : "",
		       verb->operand ? verb->operand : "",
		       verb->rule == OPERAND_ANY ? "..." : "");
}

void verbs_print_help(FILE *out)
{
	fputs("Usage: holdctl [-c FILE] [--json] [--SETTING VALUE]... "
	      "NOUN [VERB] [OPERAND]...\n\n"
	      "Looks after a Holdline server, while it runs or on the files "
	      "that it left.\n\nVerbs:\n",
	      out);
	for (size_t i = 0; i < VERB_COUNT; i++) {
		char name[64];

		print_name(&verbs[i], name, sizeof(name));
		fprintf(out, "  %-21s %s\n", name, verbs[i].help);
	}
	fputs("\nOptions:\n"
	      "  -c, --config FILE   the server's configuration file\n"
	      "  --json              JSON instead of tables (lists: one object "
	      "a line)\n"
	      "  --SETTING VALUE     any setting, as for holdline serve\n"
	      "  --help, --version   `holdctl NOUN VERB --help` tells a verb's "
	      "own options\n\n"
	      "An ID may be shortened as long as it is unique.\n\n"
	      "Examples:\n"
	      "  holdctl -c /etc/holdline.yaml status\n"
	      "  holdctl --data_dir /var/lib/holdline outbox list --kind "
	      "call.ended\n" RETRY_SOME "\n"
	      "Exit status: 0 fine; 1 something is wrong or was not found; "
	      "2 usage or\nconfiguration; 3 the server or the database could "
	      "not be reached.\n",
	      out);
}

void verb_print_help(const struct verb *verb, FILE *out)
{
	char name[64];

	print_name(verb, name, sizeof(name));
	fprintf(out, "Usage: holdctl %s%s\n\n%s: %s.\n", name,
		verb->options ? " [OPTION]..." : "", name, verb->help);
	if (verb->more)
		fputs(verb->more, out);
	if (verb->options)
		fputs("\nOptions:\n", out);
	for (size_t i = 0; i < sizeof(option_help) / sizeof(option_help[0]);
	     i++)
		if (verb->options & option_help[i].bit)
			fprintf(out, "  %-20s %s\n", option_help[i].usage,
				option_help[i].help);
	fprintf(out, "\nExamples:\n%s", verb->examples);
}
