/* options.c - what `holdload serve` was asked to do (see options.h) */
#include "tools/holdload/serve/options.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "tools/holdload/serve/report.h"

#define LISTEN	      "127.0.0.1:9000"
#define CALLS_AT_ONCE 20000u
#define IDLE_MS	      60000u

/* ---- takers ----------------------------------------------------------------
 */

static int take_listen(void *options, const struct option_row *row, char *text)
{
	struct serve_options *o = options;
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
					.ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(text, ':');
	struct span host = { text, colon ? (size_t)(colon - text) : 0 };
	struct addrinfo *found;
	char name[256];

	if (host.length > 1 && text[0] == '[' && colon[-1] == ']')
		host = (struct span){ text + 1, host.length - 2 };
	span_copy(host, name, sizeof(name));
	if (getaddrinfo(name[0] ? name : NULL, colon ? colon + 1 : text, &hints,
			&found) != 0)
		return options_wrong(
			row->name, "write HOST:PORT, or a PORT of any address");
	o->listen = text;
	memcpy(&o->address.name, found->ai_addr, found->ai_addrlen);
	o->address.size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int take_mode(void *options, const struct option_row *row, char *text)
{
	struct serve_options *o = options;
	static const char *const modes[] = {
		[SERVE_SINK] = "sink", [SERVE_ECHO] = "echo"
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(text, modes[i]) != 0)
			continue;
		o->mode = (enum serve_mode)i;
		return 0;
	}
	return options_wrong(row->name, "it is sink or echo");
}

static int take_dialect(void *options, const struct option_row *row, char *text)
{
	struct serve_options *o = options;

	o->dialect = dialect_find(text);
	if (o->dialect || strcmp(text, "auto") == 0)
		return 0;
	return options_wrong(row->name, "there is none of that name; `holdload "
					"--list-dialects` shows them");
}

static int take_condition(void *options, const struct option_row *row,
			  char *text)
{
	struct serve_options *o = options;

	if (serve_report_check_condition(text) < 0)
		return options_wrong(row->name,
				     "write NAME OP VALUE without blanks, such "
				     "as jitter_p99>40ms or lost>0");
	if (o->fail_if_count == SERVE_CONDITIONS_MAX)
		return options_wrong(row->name, "there are too many");
	o->fail_if[o->fail_if_count++] = text;
	return 0;
}

/* ---- help ------------------------------------------------------------------
 */

static const char usage[] =
	"usage: holdload serve [OPTION]...\n"
	"\n"
	"The other end: a media server that hears calls of every dialect, judges\n"
	"what comes, and answers as it is told to. To test who places them: a\n"
	"provider's sender, a client of a voice application, or holdload itself.\n"
	"\n";

static const char ending[] =
	"\n"
	"exit status: 0, 1 when a --fail-if holds, 2 usage, 3 it cannot listen\n"
	"\n"
	"examples:\n"
	"  holdload serve --mode echo --calls 1 --json -\n"
	"  holdload --url ws://127.0.0.1:9000/twilio --dialect twilio --echo\n"
	"  holdload serve --listen 0.0.0.0:9000 --dialect vonage --time 1min \\\n"
	"           --fail-if 'lost>0' --fail-if 'jitter_p99>30ms'\n";

static int print_help(void *options, const struct option_row *row, char *text)
{
	(void)options, (void)row, (void)text;
	(void)fputs(usage, stdout);
	options_explain(&serve_options_table, stdout);
	(void)fputs(ending, stdout);
	return -1;
}

/* ---- rows ------------------------------------------------------------------
 */

#define AT(field) OPTION_AT(struct serve_options, field)

static const struct option_row what_happens[] = {
	{ "listen", "ADDRESS", "where calls come in (" LISTEN ")",
	  .take = take_listen },
	{ "mode", "MODE",
	  "sink: hear, count and judge (the default)\n"
	  "echo: say every frame back as well",
	  .take = take_mode },
	{ "dialect", "NAME",
	  "whose calls they are; auto: the path (/media/NAME\n"
	  "or /NAME), the handshake or the first message say",
	  .take = take_dialect },
	{ "mark", "T",
	  "send a mark so often, one at a time, and measure how\n"
	  "soon it comes back, where the dialect has marks",
	  .take = option_take_time, AT(mark_ms) },
	{ "threads", "N", "(1)", .take = option_take_count, AT(threads),
	  .least = 1, .most = 64 },
	{ "tick", "US",
	  "look at the sockets once in so many microseconds,\n"
	  "which is far cheaper; 0: whenever something comes\n"
	  "(0 up to 200 calls a thread, then 1000)",
	  .take = option_take_count, AT(tick_us), .most = 100000 },
};
static const struct option_section happening =
	OPTION_SECTION("what happens", what_happens);

static const struct option_row limits[] = {
	{ "max-calls", "N", "at once (20000); others wait until there is room",
	  .take = option_take_count, AT(calls_max), .least = 1,
	  .most = 1000000 },
	{ "idle", "T", "a call without any message is over after it (1min)",
	  .take = option_take_time, AT(idle_ms) },
	{ "calls", "N", "be done when so many calls are over",
	  .take = option_take_count, AT(calls), .least = 1, .most = UINT_MAX },
	{ "time", "T", "be done after it; SIGINT or SIGTERM end it, too",
	  .take = option_take_time, AT(time_ms) },
};
static const struct option_section limiting =
	OPTION_SECTION("how much, and how long", limits);

static const struct option_row results[] = {
	{ "json", "FILE", "the report as JSON, - for standard output",
	  .take = option_take_text, AT(json_path) },
	{ "json-calls", NULL, "with a row for each call",
	  .take = option_take_switch, AT(json_calls) },
	{ "fail-if", "EXPR",
	  "exit 1 when it holds, such as 'jitter_p99>40ms' or\n"
	  "'lost>0'; the words are those of the JSON report",
	  .take = take_condition },
	{ "help", NULL, "this", .take = print_help },
};
static const struct option_section outcome =
	OPTION_SECTION("what came of it", results);

static const struct option_section *const sections[] = { &happening, &limiting,
							 &outcome };
const struct option_table serve_options_table = OPTION_TABLE(sections);

/* ---- all of them -----------------------------------------------------------
 */

int serve_options_parse(struct serve_options *o, int argc, char **argv)
{
	const struct option_row *listen =
		option_find(&serve_options_table, "listen");
	char address[] = LISTEN;

	*o = (struct serve_options){ .threads = 1,
				     .tick_us = SERVE_TICK_CHOSEN,
				     .calls_max = CALLS_AT_ONCE,
				     .idle_ms = IDLE_MS };
	(void)take_listen(o, listen, address);
	o->listen = LISTEN;
	return options_take_all(&serve_options_table, o, argc, argv);
}
