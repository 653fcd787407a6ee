/* options_outcome.c - what the help calls "what came of it" */
#include "tools/holdload/help.h"
#include "tools/holdload/options.h"
#include "tools/holdload/options_table.h"
#include "tools/holdload/report.h"

static int take_condition(void *options, const struct option_row *row,
			  char *text)
{
	struct options *o = options;

	if (report_check_condition(text) < 0)
		return options_wrong(row->name,
				     "write NAME OP VALUE without blanks, "
				     "such as echo_p99>40ms or lost>0");
	if (o->fail_if_count == CONDITIONS_MAX)
		return options_wrong(row->name, "there are too many");
	o->fail_if[o->fail_if_count++] = text;
	return 0;
}

static int print_help(void *options, const struct option_row *row, char *text)
{
	(void)options, (void)row, (void)text;
	help_print(stdout);
	return -1;
}

static const struct option_row rows[] = {
	{ "json", "FILE", "the report as JSON, - for standard output",
	  .take = option_take_text, OPTION_AT(struct options, json_path) },
	{ "json-calls", NULL, "with a row for each call",
	  .take = option_take_switch, OPTION_AT(struct options, json_calls) },
	{ "html", "FILE", "the report as a page with curves",
	  .take = option_take_text, OPTION_AT(struct options, html_path) },
	{ "ledger", "FILE", "what became of each call, a line of JSON each",
	  .take = option_take_text, OPTION_AT(struct options, ledger_path) },
	{ "fail-if", "EXPR",
	  "exit 1 when it holds, such as 'echo_p99>40ms' or\n"
	  "'lost>0'; the words are those of the JSON report",
	  .take = take_condition, .repeats = true },
	{ "quiet", NULL, "say nothing of how far it is",
	  .take = option_take_switch, OPTION_AT(struct options, quiet) },
	{ "help", NULL, "this", .take = print_help, .on_line_only = true },
};
const struct option_section options_outcome =
	OPTION_SECTION("what came of it", rows);
