/* report.c - what the calls told (see report.h) */
#include "tools/holdload/serve/report.h"

#include "tools/holdload/figures.h"
#include "tools/holdload/serve/options.h"
#include "tools/holdload/serve/tally.h"

#define COUNT_OF(called, field) FIGURE_OF_COUNT(tally, called, field)
#define TIMES(called, field)	FIGURES_OF_TIME(tally, called, field)

static const struct figure figures[] = {
	COUNT_OF("calls", calls),
	COUNT_OF("completed", outcomes[OUTCOME_COMPLETED]),
	COUNT_OF("dropped", outcomes[OUTCOME_DROPPED]),
	COUNT_OF("timeout", outcomes[OUTCOME_TIMEOUT]),
	COUNT_OF("broken_protocol", outcomes[OUTCOME_BROKEN]),
	COUNT_OF("cancelled", outcomes[OUTCOME_CANCELLED]),
	COUNT_OF("foreign_format", foreign),
	COUNT_OF("frames_heard", frames_heard),
	COUNT_OF("bytes_heard", bytes_heard),
	COUNT_OF("late_frames", late),
	COUNT_OF("early_frames", early),
	COUNT_OF("burst_frames", burst),
	COUNT_OF("missing_audio", missing_ms),
	COUNT_OF("lost", lost),
	COUNT_OF("reordered", reordered),
	COUNT_OF("digits", digits),
	COUNT_OF("unknown", unknown),
	COUNT_OF("garbage", garbage),
	COUNT_OF("frames_said", frames_said),
	COUNT_OF("unsaid", unsaid),
	COUNT_OF("marks_said", marks_said),
	COUNT_OF("marks_back", marks_back),
	COUNT_OF("marks_unasked", marks_unasked),
	TIMES("handshake", handshake_us),
	TIMES("gap", gap_us),
	TIMES("jitter", jitter_us),
	TIMES("mark", mark_us),
	TIMES("late", late_us),
};
static const struct figure_table table = FIGURE_TABLE(figures);

int serve_report_check_condition(const char *text)
{
	return figures_check_condition(&table, text);
}

int serve_report_failures(const struct serve_options *options,
			  const struct tally *t)
{
	return figures_failures(&table, t, options->fail_if,
				options->fail_if_count);
}

typedef unsigned long long number;

static void print_heard(FILE *out, const struct tally *t)
{
	(void)fprintf(out,
		      "\nheard      %llu messages of audio, %llu bytes; %llu "
		      "late, %llu early, %llu in bursts",
		      (number)t->frames_heard, (number)t->bytes_heard,
		      (number)t->late, (number)t->early, (number)t->burst);
	(void)fprintf(out,
		      "\n           %llu messages lost, %llu out of order, "
		      "%llu ms of audio missing, %llu digits",
		      (number)t->lost, (number)t->reordered,
		      (number)t->missing_ms, (number)t->digits);
	if (t->unknown | t->garbage | t->foreign)
		(void)fprintf(out,
			      "\n           %llu messages of unknown names, "
			      "%llu that make no sense, %llu calls in a "
			      "format that their dialect has not",
			      (number)t->unknown, (number)t->garbage,
			      (number)t->foreign);
}

void serve_report_table(FILE *out, const struct serve_options *options,
			const struct tally *t, double seconds)
{
	(void)fprintf(out, "calls      %llu in %.1f s:", (number)t->calls,
		      seconds);
	for (int i = OUTCOME_NONE + 1; i < OUTCOME_COUNT; i++)
		if (t->outcomes[i] > 0)
			(void)fprintf(out, " %llu %s", (number)t->outcomes[i],
				      outcome_name((enum outcome)i));
	for (int i = 0; i < WIRE_STATUSES; i++)
		if (t->statuses[i] > 0)
			(void)fprintf(out, ", HTTP %d: %llu", i,
				      (number)t->statuses[i]);
	print_heard(out, t);
	if (options->mode != SERVE_SINK)
		(void)fprintf(out, "\nsaid       %llu messages of audio",
			      (number)t->frames_said);
	if (options->mark_ms)
		(void)fprintf(out, "\nmarks      %llu, of which %llu came back",
			      (number)t->marks_said, (number)t->marks_back);
	if (t->unsaid)
		(void)fprintf(
			out,
			"\nunsaid     %llu messages the socket did not take",
			(number)t->unsaid);
	(void)fputs("\n\n", out);
	figures_print_head(out);
	figures_print_times(out, "handshake", &t->handshake_us);
	figures_print_times(out, "between audio", &t->gap_us);
	figures_print_times(out, "jitter", &t->jitter_us);
	if (options->mark_ms)
		figures_print_times(out, "mark", &t->mark_us);
	figures_print_times(out, "our own lateness", &t->late_us);
}

int serve_report_json(const struct serve_options *options,
		      const struct tally *t, json_t *calls, double seconds)
{
	json_auto_t *report = json_object();

	(void)json_object_set_new(report, "seconds", json_real(seconds));
	figures_to_json(&table, t, report);
	(void)json_object_set_new(
		report, "statuses",
		figures_of_statuses(t->statuses, WIRE_STATUSES));
	if (calls)
		(void)json_object_set_new(report, "call_list", calls);
	return figures_write(options->json_path, report);
}
