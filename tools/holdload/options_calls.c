/* options_calls.c - what the help calls "calls": what they are, and where */
#include <string.h>

#include "tools/holdload/help.h"
#include "tools/holdload/options.h"
#include "tools/holdload/options_table.h"
#include "tools/holdload/scenario.h"

#define THREADS_MAX 64u

static int take_url(void *options, const struct option_row *row, char *text)
{
	struct options *o = options;

	(void)row;
	return options_set_url(o, text);
}

static int take_dialect(void *options, const struct option_row *row, char *name)
{
	struct options *o = options;

	o->dialect = dialect_find(name);
	if (o->dialect)
		return 0;
	return options_wrong(row->name,
			     "there is none of that name; --list-dialects "
			     "shows them");
}

static int list_dialects(void *options, const struct option_row *row,
			 char *text)
{
	(void)options, (void)row, (void)text;
	help_list_dialects(stdout);
	return -1;
}

static int take_digits(void *options, const struct option_row *row, char *text)
{
	struct options *o = options;

	o->dtmf = text;
	if (strspn(text, "0123456789*#ABCD") == strlen(text))
		return 0;
	return options_wrong(row->name, "digits are 0-9, *, # and A-D");
}

static int take_custom(void *options, const struct option_row *row, char *text)
{
	struct options *o = options;
	char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return options_wrong(row->name, "NAME=VALUE is needed");
	if (o->parameter_count == PARAMETERS_MAX)
		return options_wrong(row->name, "there are too many");
	*equals = '\0';
	o->parameters[o->parameter_count++] =
		(struct dialect_parameter){ text, equals + 1 };
	return 0;
}

static int take_source(void *options, const struct option_row *row, char *text)
{
	struct options *o = options;

	(void)row;
	return options_add_source(o, text);
}

static int take_scenario(void *options, const struct option_row *row,
			 char *text)
{
	(void)row;
	return scenario_read(text, &options_table, options);
}

static const struct option_row rows[] = {
	{ "scenario", "FILE",
	  "options from a YAML file, `calls: 100` a line; those\n"
	  "of the command line prevail",
	  .take = take_scenario, .first = true, .on_line_only = true },
	{ "url", "URL", "where they go, ws://HOST[:PORT]/PATH or wss://",
	  .take = take_url },
	{ "dialect", "NAME", "whose (--provider is the same)",
	  .take = take_dialect },
	{ "provider", "NAME", NULL, .take = take_dialect },
	{ "list-dialects", NULL, "which there are, with their formats",
	  .take = list_dialects, .on_line_only = true },
	{ "format", "CODEC", "PCMU, PCMA, L16/8000 ...: one of the dialect's",
	  .take = option_take_text, OPTION_AT(struct options, format_text) },
	{ "audio", "FILE", "WAV of any rate (a spoken prompt)",
	  .take = option_take_text, OPTION_AT(struct options, audio_path) },
	{ "echo", NULL, "expect every frame back, check it, time it",
	  .take = option_take_switch, OPTION_AT(struct options, echo) },
	{ "dtmf", "DIGITS", "sent during each call", .take = take_digits },
	{ "barge-in", "T",
	  "silent until the server has played for T, then speak\n"
	  "(with --dtmf: press the keys); how soon it stops",
	  .take = option_take_time, OPTION_AT(struct options, barge_in_ms) },
	{ "custom", "K=V", "a custom parameter of each; may be repeated",
	  .take = take_custom, .repeats = true },
	{ "threads", "N",
	  "one for every 1000 calls, as far as there are\nprocessors",
	  .take = option_take_count, OPTION_AT(struct options, threads),
	  .least = 1, .most = THREADS_MAX },
	{ "bind", "ADDRESS",
	  "call from it; may be repeated (the system's choice; on\n"
	  "the loopback one for every 20000 calls)",
	  .take = take_source, .repeats = true },
};
const struct option_section options_calls = OPTION_SECTION("calls", rows);
