/*
 * report.c - what came of it (see report.h)
 *
 * One table of figures serves all three: the words of --fail-if are the keys of
 * the JSON report.
 */
#include "tools/holdload/report.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tools/holdload/ledger.h"
#include "tools/holdload/measured.h"
#include "tools/holdload/options.h"

static uint64_t failed(const struct measured *m)
{
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

static uint64_t misbehaved(const struct measured *m)
{
	return all_misdeeds(m).done;
}

/* Calls that were to misbehave, and did not come to it. */
static uint64_t behaved_after_all(const struct measured *m)
{
	struct deeds all = all_misdeeds(m);

	return all.calls - all.done;
}

static uint64_t cut_off(const struct measured *m)
{
	return all_misdeeds(m).cut_off;
}

/* From the first call to the last. */
static uint64_t calls_per_s(const struct measured *m)
{
	uint64_t calls = m->calls + all_misdeeds(m).calls;
	uint64_t ns = m->last_ns - m->first_ns;

	return calls > 1 && ns > 0
		       ? (uint64_t)((double)(calls - 1) * 1e9 / (double)ns)
		       : 0;
}

enum figure_kind { COUNT, SUM, TIME };

struct figure {
	const char *name;
	enum figure_kind kind;
	size_t offset;	 /* a count: of the uint64_t in struct measured; a
			    time: of the histogram */
	double quantile; /* of a time; 2: the largest */
	uint64_t (*sum)(const struct measured *m);
};

#define AT(field) .offset = offsetof(struct measured, field)
#define COUNT_OF(called, field)                            \
	{                                                  \
		.name = (called), .kind = COUNT, AT(field) \
	}
#define SUM_OF(called, function)                                 \
	{                                                        \
		.name = (called), .kind = SUM, .sum = (function) \
	}
#define TIME_OF(called, field, part)                                          \
	{                                                                     \
		.name = (called), .kind = TIME, AT(field), .quantile = (part) \
	}
#define TIMES(called, field)                             \
	TIME_OF(called "_p50", field, 0.5),              \
		TIME_OF(called "_p90", field, 0.9),      \
		TIME_OF(called "_p99", field, 0.99),     \
		TIME_OF(called "_p999", field, 0.999),   \
		TIME_OF(called "_p9999", field, 0.9999), \
		TIME_OF(called "_max", field, 2)

static const struct figure figures[] = {
	SUM_OF("failed", failed),
	COUNT_OF("completed", outcomes[OUTCOME_COMPLETED]),
	COUNT_OF("connect_failed", outcomes[OUTCOME_CONNECT_FAILED]),
	COUNT_OF("tls_failed", outcomes[OUTCOME_TLS_FAILED]),
	COUNT_OF("refused", outcomes[OUTCOME_REFUSED]),
	COUNT_OF("dropped", outcomes[OUTCOME_DROPPED]),
	COUNT_OF("timeout", outcomes[OUTCOME_TIMEOUT]),
	COUNT_OF("broken_protocol", outcomes[OUTCOME_BROKEN]),
	COUNT_OF("cancelled", outcomes[OUTCOME_CANCELLED]),
	COUNT_OF("skipped", skipped),
	SUM_OF("calls_per_s", calls_per_s),
	SUM_OF("misbehaved", misbehaved),
	SUM_OF("behaved_after_all", behaved_after_all),
	SUM_OF("cut_off", cut_off),
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
#define FIGURES (sizeof(figures) / sizeof(figures[0]))

/* Counts as they are, times in microseconds. */
static double value_of(const struct figure *f, const struct measured *m)
{
	const char *at = (const char *)m + f->offset;
	const struct histogram *h = (const void *)at;

	if (f->kind == SUM)
		return (double)f->sum(m);
	if (f->kind == COUNT)
		return (double)*(const uint64_t *)(const void *)at;
	return (double)(f->quantile > 1 ? h->max
					: histogram_quantile(h, f->quantile));
}

/* ---- --fail-if -------------------------------------------------------------
 */

struct condition {
	const struct figure *figure;
	char op[3];
	double limit;
};

static int parse_condition(const char *text, struct condition *c)
{
	size_t length = strcspn(text, "<>=!");
	const char *at = text + length;
	double scale = 1;
	char *end;

	c->figure = NULL;
	for (size_t i = 0; i < FIGURES; i++)
		if (strlen(figures[i].name) == length &&
		    memcmp(figures[i].name, text, length) == 0)
			c->figure = &figures[i];
	if (!c->figure)
		return -1;
	length = strspn(at, "<>=!");
	if (length == 0 || length > 2)
		return -1;
	memcpy(c->op, at, length);
	c->op[length] = '\0';
	at += length;
	c->limit = strtod(at, &end);
	if (end == at)
		return -1;
	if (c->figure->kind == TIME) {
		if (strcmp(end, "us") == 0)
			scale = 1;
		else if (strcmp(end, "ms") == 0)
			scale = 1e3;
		else if (strcmp(end, "s") == 0)
			scale = 1e6;
		else
			return -1;
	} else if (*end) {
		return -1;
	}
	c->limit *= scale;
	return strstr("< > <= >= == !=", c->op) ? 0 : -1;
}

int report_check_condition(const char *text)
{
	struct condition c;

	return parse_condition(text, &c);
}

static int holds(const struct condition *c, double value)
{
	int below = value<c->limit, above = value> c->limit;

	if (strcmp(c->op, "<") == 0)
		return below;
	if (strcmp(c->op, ">") == 0)
		return above;
	if (strcmp(c->op, "<=") == 0)
		return !above;
	if (strcmp(c->op, ">=") == 0)
		return !below;
	return (c->op[0] == '!') == (below || above);
}

int report_failures(const struct options *options, const struct measured *m)
{
	int count = 0;

	for (size_t i = 0; i < options->fail_if_count; i++) {
		struct condition c;
		double value;

		if (parse_condition(options->fail_if[i], &c) < 0)
			continue; /* refused at the start */
		value = value_of(c.figure, m);
		if (!holds(&c, value))
			continue;
		count++;
		if (c.figure->kind == TIME)
			(void)fprintf(stderr,
				      "holdload: --fail-if %s: %.3fms\n",
				      options->fail_if[i], value / 1000);
		else
			(void)fprintf(stderr, "holdload: --fail-if %s: %.0f\n",
				      options->fail_if[i], value);
	}
	return count;
}

/* ---- the table -------------------------------------------------------------
 */

static void print_times(FILE *out, const char *what, const struct histogram *h)
{
	if (h->count == 0)
		return;
	(void)fprintf(out, "%-22s %9.3f %9.3f %9.3f %9.3f %9.3f %9.3f\n", what,
		      (double)histogram_quantile(h, 0.5) / 1000,
		      (double)histogram_quantile(h, 0.9) / 1000,
		      (double)histogram_quantile(h, 0.99) / 1000,
		      (double)histogram_quantile(h, 0.999) / 1000,
		      (double)histogram_quantile(h, 0.9999) / 1000,
		      (double)h->max / 1000);
}

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

void report_table(FILE *out, const struct options *options,
		  const struct measured *m, double seconds)
{
	(void)fprintf(out, "calls      %llu in %.1f s:",
		      (unsigned long long)m->calls, seconds);
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
	(void)fprintf(out, "\n\n%-22s %9s %9s %9s %9s %9s %9s\n",
		      "milliseconds", "p50", "p90", "p99", "p99.9", "p99.99",
		      "max");
	print_times(out, "begun after its time", &m->start_late_us);
	print_times(out, "connect and upgrade", &m->connect_us);
	print_times(out, "echo, from due", &m->echo_us);
	print_times(out, "echo, from sent", &m->echo_sent_us);
	print_times(out, "between audio heard", &m->recv_gap_us);
	print_times(out, "mark, until played", &m->mark_lag_us);
	print_times(out, "barge-in, until clear", &m->barge_clear_us);
	print_times(out, "barge-in, until quiet", &m->barge_silence_us);
	print_times(out, "our own lateness", &m->late_us);
	if (overloaded(m))
		(void)fputs("\nholdload itself was late: these figures are its "
			    "own, not the server's.\nFewer --calls, more "
			    "--threads, or another machine than the server's "
			    "would tell more.\n",
			    out);
}

/* ---- JSON ------------------------------------------------------------------
 */

/* Refusals by status: {"401": 3} */
static json_t *statuses_json(const struct measured *m)
{
	json_t *statuses = json_object();
	char name[8];

	for (int i = 0; i < WIRE_STATUSES; i++) {
		if (m->statuses[i] == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%d", i);
		(void)json_object_set_new(
			statuses, name,
			json_integer((json_int_t)m->statuses[i]));
	}
	return statuses;
}

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

int report_json(const char *path, const struct options *options,
		const struct measured *m, struct ledger *ledger, double seconds)
{
	json_auto_t *report = json_object();
	FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	char format[AUDIO_FORMAT_SIZE];
	int r;

	if (!out) {
		(void)fprintf(stderr, "holdload: --json: %s: %s\n", path,
			      strerror(errno));
		return -1;
	}
	(void)json_object_set_new(report, "calls",
				  json_integer((json_int_t)m->calls));
	(void)json_object_set_new(report, "seed",
				  json_integer((json_int_t)options->seed));
	(void)json_object_set_new(report, "overloaded",
				  json_boolean(overloaded(m)));
	(void)json_object_set_new(report, "seconds", json_real(seconds));
	audio_format_name(&options->format, format);
	(void)json_object_set_new(report, "dialect",
				  json_string(options->dialect->name));
	(void)json_object_set_new(report, "format", json_string(format));
	(void)json_object_set_new(report, "statuses", statuses_json(m));
	(void)json_object_set_new(report, "misdeeds", misdeeds_json(m));
	for (size_t i = 0; i < FIGURES; i++) {
		const struct figure *f = &figures[i];
		double value = value_of(f, m);
		char name[40];

		(void)snprintf(name, sizeof(name), "%s%s", f->name,
			       f->kind == TIME ? "_ms" : "");
		(void)json_object_set_new(
			report, name,
			f->kind == TIME ? json_real(value / 1000)
					: json_integer((json_int_t)value));
	}
	if (options->json_calls)
		(void)json_object_set_new(report, "call_list",
					  ledger_rows(ledger, options));
	r = json_dumpf(report, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	r |= fputc('\n', out) == EOF;
	r |= fflush(out);
	if (out != stdout)
		r |= fclose(out);
	return r == 0 ? 0 : -1;
}
