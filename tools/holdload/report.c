/* report.c - what came of it (see report.h) */
#include "tools/holdload/report.h"

#include <stdlib.h>
#include <string.h>

#include "tools/holdload/figures.h"
#include "tools/holdload/measured.h"
#include "tools/holdload/options.h"
#include "tools/holdload/series.h"

static uint64_t failed(const void *measured)
{
	const struct measured *m = measured;
	uint64_t sum = 0;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		if (i != OUTCOME_COMPLETED)
			sum += m->outcomes[i];
	return sum;
}

static struct deeds all_misdeeds(const struct measured *m)
{
	struct deeds sum = { 0 };

	for (int i = 0; i < MISDEED_COUNT; i++) {
		sum.calls += m->misdeeds[i].calls;
		sum.done += m->misdeeds[i].done;
		sum.cut_off += m->misdeeds[i].cut_off;
	}
	return sum;
}

static uint64_t misbehaved(const void *measured)
{
	return all_misdeeds(measured).done;
}

/* Calls that were to misbehave, and did not come to it. */
static uint64_t behaved_after_all(const void *measured)
{
	struct deeds all = all_misdeeds(measured);

	return all.calls - all.done;
}

static uint64_t cut_off(const void *measured)
{
	return all_misdeeds(measured).cut_off;
}

/* From the first call to the last. */
static uint64_t calls_per_s(const void *measured)
{
	const struct measured *m = measured;
	uint64_t calls = m->calls + all_misdeeds(m).calls;
	uint64_t ns = m->last_ns - m->first_ns;

	return calls > 1 && ns > 0
		       ? (uint64_t)((double)(calls - 1) * 1e9 / (double)ns)
		       : 0;
}

#define COUNT_OF(called, field) FIGURE_OF_COUNT(measured, called, field)
#define SUM_OF(called)		FIGURE_OF_SUM(#called, called)
#define TIMES(called, field)	FIGURES_OF_TIME(measured, called, field)

static const struct figure figures[] = {
	SUM_OF(failed),
	COUNT_OF("completed", outcomes[OUTCOME_COMPLETED]),
	COUNT_OF("connect_failed", outcomes[OUTCOME_CONNECT_FAILED]),
	COUNT_OF("tls_failed", outcomes[OUTCOME_TLS_FAILED]),
	COUNT_OF("refused", outcomes[OUTCOME_REFUSED]),
	COUNT_OF("dropped", outcomes[OUTCOME_DROPPED]),
	COUNT_OF("timeout", outcomes[OUTCOME_TIMEOUT]),
	COUNT_OF("broken_protocol", outcomes[OUTCOME_BROKEN]),
	COUNT_OF("cancelled", outcomes[OUTCOME_CANCELLED]),
	COUNT_OF("skipped", skipped),
	SUM_OF(calls_per_s),
	SUM_OF(misbehaved),
	SUM_OF(behaved_after_all),
	SUM_OF(cut_off),
	COUNT_OF("frames_sent", frames_sent),
	COUNT_OF("frames_unsent", frames_unsent),
	COUNT_OF("bytes_sent", bytes_sent),
	COUNT_OF("frames_echoed", frames_echoed),
	COUNT_OF("lost", echo_lost),
	COUNT_OF("changed", echo_changed),
	COUNT_OF("frames_heard", frames_heard),
	COUNT_OF("recv_late", recv_late),
	COUNT_OF("barge_ins", barge_ins),
	COUNT_OF("barge_ignored", barge_ignored),
	COUNT_OF("marks", marks),
	COUNT_OF("clears", clears),
	COUNT_OF("garbage", garbage),
	TIMES("start_late", start_late_us),
	TIMES("connect", connect_us),
	TIMES("echo", echo_us),
	TIMES("echo_sent", echo_sent_us),
	TIMES("recv_gap", recv_gap_us),
	TIMES("mark_lag", mark_lag_us),
	TIMES("barge_in_clear", barge_clear_us),
	TIMES("barge_in_silence", barge_silence_us),
	TIMES("late", late_us),
};
static const struct figure_table table = FIGURE_TABLE(figures);

int report_check_condition(const char *text)
{
	return figures_check_condition(&table, text);
}

int report_failures(const struct options *options, const struct measured *m)
{
	return figures_failures(&table, m, options->fail_if,
				options->fail_if_count);
}

/* ---- the table -------------------------------------------------------------
 */

static void print_misdeeds(FILE *out, const struct measured *m)
{
	const char *before = "\nmisbehaved ";

	for (int i = 0; i < MISDEED_COUNT; i++) {
		const struct deeds *deeds = &m->misdeeds[i];

		if (deeds->calls == 0)
			continue;
		(void)fprintf(out, "%s%llu of %llu %s", before,
			      (unsigned long long)deeds->done,
			      (unsigned long long)deeds->calls,
			      misdeed_name((enum misdeed)i));
		if (deeds->cut_off)
			(void)fprintf(out, " (%llu cut off)",
				      (unsigned long long)deeds->cut_off);
		before = ", ";
	}
}

/* Half of what a jitter buffer of two frames forgives. */
#define TOO_LATE_US 5000u

static bool overloaded(const struct measured *m)
{
	return histogram_quantile(&m->late_us, 0.99) > TOO_LATE_US;
}

void report_table(FILE *out, const struct run_report *report)
{
	const struct options *options = report->options;
	const struct measured *m = report->measured;

	(void)fprintf(out, "calls      %llu in %.1f s:",
		      (unsigned long long)m->calls, report->seconds);
	for (int i = OUTCOME_NONE + 1; i < OUTCOME_COUNT; i++)
		if (m->outcomes[i] > 0)
			(void)fprintf(out, " %llu %s",
				      (unsigned long long)m->outcomes[i],
				      outcome_name((enum outcome)i));
	for (int i = 0; i < WIRE_STATUSES; i++)
		if (m->statuses[i] > 0)
			(void)fprintf(out, ", HTTP %d: %llu", i,
				      (unsigned long long)m->statuses[i]);
	if (m->skipped > 0)
		(void)fprintf(out, ", %llu not begun: all were busy",
			      (unsigned long long)m->skipped);
	print_misdeeds(out, m);
	(void)fprintf(out, "\nplan       seed %llu",
		      (unsigned long long)options->seed);
	if (calls_per_s(m) > 0)
		(void)fprintf(out, ", %llu begun a second",
			      (unsigned long long)calls_per_s(m));
	(void)fprintf(out, "\nframes     %llu sent, %.1f s of audio",
		      (unsigned long long)m->frames_sent,
		      (double)m->frames_sent * options->audio.frame_ms / 1000);
	if (m->frames_unsent)
		(void)fprintf(out, ", %llu the socket did not take",
			      (unsigned long long)m->frames_unsent);
	if (options->echo)
		(void)fprintf(out,
			      "\necho       %llu came back, %llu lost, %llu "
			      "changed",
			      (unsigned long long)m->frames_echoed,
			      (unsigned long long)m->echo_lost,
			      (unsigned long long)m->echo_changed);
	if (m->frames_heard | m->marks | m->clears | m->garbage)
		(void)fprintf(
			out,
			"\nheard      %llu messages of audio, %llu of them "
			"too late, %llu marks, %llu clears, %llu messages "
			"that make no sense",
			(unsigned long long)m->frames_heard,
			(unsigned long long)m->recv_late,
			(unsigned long long)m->marks,
			(unsigned long long)m->clears,
			(unsigned long long)m->garbage);
	if (m->barge_ins)
		(void)fprintf(out,
			      "\nbarge-in   %llu times, and %llu times it "
			      "played on",
			      (unsigned long long)m->barge_ins,
			      (unsigned long long)m->barge_ignored);
	(void)fputs("\n\n", out);
	figures_print_head(out);
	figures_print_times(out, "begun after its time", &m->start_late_us);
	figures_print_times(out, "connect and upgrade", &m->connect_us);
	figures_print_times(out, "echo, from due", &m->echo_us);
	figures_print_times(out, "echo, from sent", &m->echo_sent_us);
	figures_print_times(out, "between audio heard", &m->recv_gap_us);
	figures_print_times(out, "mark, until played", &m->mark_lag_us);
	figures_print_times(out, "barge-in, until clear", &m->barge_clear_us);
	figures_print_times(out, "barge-in, until quiet", &m->barge_silence_us);
	figures_print_times(out, "our own lateness", &m->late_us);
	if (overloaded(m))
		(void)fputs("\nholdload itself was late: these figures are its "
			    "own, not the server's.\nFewer --calls, more "
			    "--threads, or another machine than the server's "
			    "would tell more.\n",
			    out);
}

/* ---- JSON ------------------------------------------------------------------
 */

/* What became of the calls that misbehave: {"drop": {"calls": 5, ...}} */
static json_t *misdeeds_json(const struct measured *m)
{
	json_t *misdeeds = json_object();

	for (int i = 0; i < MISDEED_COUNT; i++) {
		const struct deeds *deeds = &m->misdeeds[i];

		if (deeds->calls == 0)
			continue;
		(void)json_object_set_new(
			misdeeds, misdeed_name((enum misdeed)i),
			json_pack("{s:I, s:I, s:I}", "calls",
				  (json_int_t)deeds->calls, "misbehaved",
				  (json_int_t)deeds->done, "cut_off",
				  (json_int_t)deeds->cut_off));
	}
	return misdeeds;
}

/* A value for each moment, of an object of columns; none: null. */
static void add_column(json_t *columns, const char *name, double value,
		       bool is_none)
{
	json_t *column = json_object_get(columns, name);

	if (!column) {
		column = json_array();
		(void)json_object_set_new(columns, name, column);
	}
	(void)json_array_append_new(column,
				    is_none ? json_null() : json_real(value));
}

static void add_moment(json_t *columns, const struct moment *m, bool echo)
{
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{ "live", m->live },
		{ "begun", m->begun },
		{ "ended", m->ended },
		{ "failed", m->failed },
		{ "frames_sent", m->frames_sent },
		{ "frames_heard", m->frames_heard },
		{ "lost", m->echo_lost },
	};
	const struct {
		const char *name;
		const struct spread *spread;
		double part;
	} times[] = {
		{ "late_p99_ms", &m->late, 0.99 },
		{ "echo_p50_ms", &m->echo, 0.5 },
		{ "echo_p99_ms", &m->echo, 0.99 },
		{ "echo_max_ms", &m->echo, 1 },
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		add_column(columns, counts[i].name, (double)counts[i].value,
			   false);
	for (size_t i = 0; i < (echo ? 4 : 1); i++)
		add_column(columns, times[i].name,
			   (double)spread_quantile(times[i].spread,
						   times[i].part) /
				   1000,
			   times[i].spread->count == 0);
}

/* {"seconds": 1, "live": [...], ...}: a value for each stretch so long. */
static json_t *series_json(const struct series *series, bool echo)
{
	json_t *columns = json_object();

	for (size_t i = 0; i < series_count(series); i++)
		add_moment(columns, series_at(series, i), echo);
	(void)json_object_set_new(
		columns, "seconds",
		json_real((double)series_length_ns(series) / 1e9));
	return columns;
}

/* Without the query, in which there may be a secret. */
static json_t *url_json(const struct options *o)
{
	return json_sprintf("%s://%s%.*s", o->scheme, o->host,
			    (int)strcspn(o->path, "?"), o->path);
}

json_t *report_document(const struct run_report *r)
{
	const struct options *o = r->options;
	const struct measured *m = r->measured;
	json_t *report = json_object();
	char format[AUDIO_FORMAT_SIZE];

	audio_format_name(&o->format, format);
	(void)json_object_update_new(
		report,
		json_pack("{s:I, s:I, s:b, s:f, s:s, s:s, s:o, s:o, s:o, s:o}",
			  "calls", (json_int_t)m->calls, "seed",
			  (json_int_t)o->seed, "overloaded", overloaded(m),
			  "seconds", r->seconds, "dialect", o->dialect->name,
			  "format", format, "url", url_json(o), "statuses",
			  figures_of_statuses(m->statuses, WIRE_STATUSES),
			  "misdeeds", misdeeds_json(m), "conditions",
			  figures_verdicts(&table, m, o->fail_if,
					   o->fail_if_count)));
	figures_to_json(&table, m, report);
	(void)json_object_set_new(report, "series",
				  series_json(r->series, o->echo));
	return report;
}
