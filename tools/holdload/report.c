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

#include "tools/holdload/caller.h"
#include "tools/holdload/ledger.h"
#include "tools/holdload/options.h"

static uint64_t failed(const struct measured *m)
{
	uint64_t sum = 0;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		if (i != OUTCOME_COMPLETED)
			sum += m->outcomes[i];
	return sum;
}

enum figure_kind { COUNT, TIME };

struct figure {
	const char *name;
	enum figure_kind kind;
	size_t offset;	 /* a count: of the uint64_t in struct measured; a
			    time: of the histogram */
	double quantile; /* of a time; 2: the largest */
};

#define AT(field) offsetof(struct measured, field)
#define TIMES(name, field)                                  \
	{ name "_p50", TIME, AT(field), 0.5 },              \
		{ name "_p90", TIME, AT(field), 0.9 },      \
		{ name "_p99", TIME, AT(field), 0.99 },     \
		{ name "_p999", TIME, AT(field), 0.999 },   \
		{ name "_p9999", TIME, AT(field), 0.9999 }, \
	{                                                   \
		name "_max", TIME, AT(field), 2             \
	}
#define FAILED ((size_t)-1)

static const struct figure figures[] = {
	{ "failed", COUNT, FAILED, 0 },
	{ "completed", COUNT, AT(outcomes[OUTCOME_COMPLETED]), 0 },
	{ "connect_failed", COUNT, AT(outcomes[OUTCOME_CONNECT_FAILED]), 0 },
	{ "tls_failed", COUNT, AT(outcomes[OUTCOME_TLS_FAILED]), 0 },
	{ "refused", COUNT, AT(outcomes[OUTCOME_REFUSED]), 0 },
	{ "dropped", COUNT, AT(outcomes[OUTCOME_DROPPED]), 0 },
	{ "timeout", COUNT, AT(outcomes[OUTCOME_TIMEOUT]), 0 },
	{ "broken_protocol", COUNT, AT(outcomes[OUTCOME_BROKEN]), 0 },
	{ "cancelled", COUNT, AT(outcomes[OUTCOME_CANCELLED]), 0 },
	{ "frames_sent", COUNT, AT(frames_sent), 0 },
	{ "frames_unsent", COUNT, AT(frames_unsent), 0 },
	{ "bytes_sent", COUNT, AT(bytes_sent), 0 },
	{ "frames_echoed", COUNT, AT(frames_echoed), 0 },
	{ "lost", COUNT, AT(echo_lost), 0 },
	{ "changed", COUNT, AT(echo_changed), 0 },
	{ "marks", COUNT, AT(marks), 0 },
	{ "clears", COUNT, AT(clears), 0 },
	{ "garbage", COUNT, AT(garbage), 0 },
	TIMES("connect", connect_us),
	TIMES("echo", echo_us),
	TIMES("echo_sent", echo_sent_us),
	TIMES("late", late_us),
};
#define FIGURES (sizeof(figures) / sizeof(figures[0]))

/* Counts as they are, times in microseconds. */
static double value_of(const struct figure *f, const struct measured *m)
{
	const char *at = (const char *)m + f->offset;
	const struct histogram *h = (const void *)at;

	if (f->offset == FAILED)
		return (double)failed(m);
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

void report_table(FILE *out, const struct options *options,
		  const struct measured *m, double seconds)
{
	(void)fprintf(out, "calls      %u in %.1f s:", options->calls, seconds);
	for (int i = OUTCOME_NONE + 1; i < OUTCOME_COUNT; i++)
		if (m->outcomes[i] > 0)
			(void)fprintf(out, " %llu %s",
				      (unsigned long long)m->outcomes[i],
				      outcome_name((enum outcome)i));
	for (int i = 0; i < WIRE_STATUSES; i++)
		if (m->statuses[i] > 0)
			(void)fprintf(out, ", HTTP %d: %llu", i,
				      (unsigned long long)m->statuses[i]);
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
	if (m->marks | m->clears | m->garbage)
		(void)fprintf(out,
			      "\nheard      %llu marks, %llu clears, %llu "
			      "messages that make no sense",
			      (unsigned long long)m->marks,
			      (unsigned long long)m->clears,
			      (unsigned long long)m->garbage);
	(void)fprintf(out, "\n\n%-22s %9s %9s %9s %9s %9s %9s\n",
		      "milliseconds", "p50", "p90", "p99", "p99.9", "p99.99",
		      "max");
	print_times(out, "connect and upgrade", &m->connect_us);
	print_times(out, "echo, from due", &m->echo_us);
	print_times(out, "echo, from sent", &m->echo_sent_us);
	print_times(out, "our own lateness", &m->late_us);
}

/* ---- JSON ------------------------------------------------------------------
 */

static json_t *calls_json(const struct options *options,
			  const struct caller *callers)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < options->calls; i++)
		(void)json_array_append_new(rows, ledger_row(&callers[i]));
	return rows;
}

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

int report_json(const char *path, const struct options *options,
		const struct measured *m, const struct caller *callers,
		double seconds)
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
				  json_integer(options->calls));
	(void)json_object_set_new(report, "seconds", json_real(seconds));
	audio_format_name(&options->format, format);
	(void)json_object_set_new(report, "dialect",
				  json_string(options->dialect->name));
	(void)json_object_set_new(report, "format", json_string(format));
	(void)json_object_set_new(report, "statuses", statuses_json(m));
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
					  calls_json(options, callers));
	r = json_dumpf(report, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	r |= fputc('\n', out) == EOF;
	r |= fflush(out);
	if (out != stdout)
		r |= fclose(out);
	return r == 0 ? 0 : -1;
}
