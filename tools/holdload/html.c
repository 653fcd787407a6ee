/* html.c - a report as one page (see html.h) */
#include "tools/holdload/html.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/holdload/plot.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char head[] =
	"<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
	"<meta name=viewport content=\"width=device-width\">\n"
	"<title>holdload</title>\n<style>\n"
	":root{color-scheme:light dark;--fg:#1c2733;--bg:#fff;--soft:#5a6775;"
	"--line:#d5dbe1;--card:#f5f7f9;--c0:#0b62c4;--c1:#a04a00;--c2:#6b3fa0;"
	"--c3:#0b6e4f;--bad:#b00020;--good:#0b6e4f}\n"
	"@media(prefers-color-scheme:dark){:root{--fg:#e4e9ee;--bg:#12181f;"
	"--soft:#a3b0bd;--line:#34404c;--card:#1b232c;--c0:#7db8ff;"
	"--c1:#ffb36b;--c2:#c9a6ff;--c3:#6fd6ae;--bad:#ff8a9a;--good:#6fd6ae}}"
	"\n"
	"body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);"
	"background:var(--bg);max-width:1100px;margin:0 auto;padding:16px}\n"
	"h1{font-size:22px;margin:0}h2{font-size:17px;margin:28px 0 8px}"
	"p{margin:4px 0;color:var(--soft);overflow-wrap:anywhere}\n"
	".tiles,.plots{display:grid;gap:12px;"
	"grid-template-columns:repeat(auto-fit,minmax(130px,1fr))}\n"
	".plots{grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),"
	"1fr))}\n"
	".tile,figure{background:var(--card);border:1px solid var(--line);"
	"border-radius:8px;padding:10px 12px;margin:0}"
	".tile b{display:block;font-size:20px}\n"
	"figcaption{margin-bottom:6px}svg{width:100%;height:auto;display:block}"
	"\n"
	"svg text{font-size:11px;fill:var(--soft)}.grid{stroke:var(--line)}"
	".curve{fill:none;stroke-width:1.8;stroke-linejoin:round;"
	"stroke-linecap:round}\n"
	"span.c0{color:var(--c0)}span.c1{color:var(--c1)}"
	"span.c2{color:var(--c2)}span.c3{color:var(--c3)}\n"
	".curve.c0{stroke:var(--c0)}.curve.c1{stroke:var(--c1)}"
	".curve.c2{stroke:var(--c2)}.curve.c3{stroke:var(--c3)}\n"
	".scroll{overflow-x:auto}table{border-collapse:collapse}"
	"th,td{padding:3px 12px 3px 0;text-align:right;white-space:nowrap;"
	"border-bottom:1px solid var(--line)}"
	"th:first-child,td:first-child{text-align:left}\n"
	".bad{color:var(--bad)}.good{color:var(--good)}\n"
	"</style>\n<main>\n";

/* ---- text and numbers ------------------------------------------------------
 */

/* What others wrote, so that none of it is markup. */
static void put_text(FILE *out, const char *text)
{
	for (; text && *text; text++) {
		switch (*text) {
		case '&': (void)fputs("&amp;", out); break;
		case '<': (void)fputs("&lt;", out); break;
		case '>': (void)fputs("&gt;", out); break;
		case '"': (void)fputs("&quot;", out); break;
		default: (void)fputc(*text, out);
		}
	}
}

static double number(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* ---- the top ---------------------------------------------------------------
 */

static void put_title(FILE *out, const json_t *r)
{
	char when[32] = "";
	time_t now = time(NULL);
	struct tm utc;

	if (gmtime_r(&now, &utc))
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &utc);
	(void)fputs("<h1>holdload: ", out);
	put_text(out, text(r, "dialect"));
	(void)fputs(", ", out);
	put_text(out, text(r, "format"));
	(void)fputs("</h1>\n<p>", out);
	put_text(out, text(r, "url"));
	(void)fprintf(out, "<p>%s, %.1f s, seed %.0f\n", when,
		      number(r, "seconds"), number(r, "seed"));
	if (json_is_true(json_object_get(r, "overloaded")))
		(void)fputs("<p class=bad>holdload itself was late: these "
			    "figures are its own, not the server's.\n",
			    out);
}

static void put_tiles(FILE *out, const json_t *r)
{
	static const struct {
		const char *name, *called;
		bool bad; /* if there are any */
	} tiles[] = {
		{ "calls", "calls", false },
		{ "completed", "completed", false },
		{ "failed", "failed", true },
		{ "frames_sent", "frames sent", false },
		{ "frames_echoed", "frames echoed", false },
		{ "lost", "frames lost", true },
		{ "changed", "frames changed", true },
		{ "misbehaved", "misbehaved", false },
	};

	(void)fputs("<div class=tiles>\n", out);
	for (size_t i = 0; i < COUNT(tiles); i++) {
		double value = number(r, tiles[i].name);

		(void)fprintf(out, "<div class=tile>%s<b%s>%.0f</b></div>\n",
			      tiles[i].called,
			      tiles[i].bad && value > 0 ? " class=bad" : "",
			      value);
	}
	(void)fputs("</div>\n", out);
}

static void put_conditions(FILE *out, const json_t *r)
{
	const json_t *conditions = json_object_get(r, "conditions"), *c;
	size_t i;

	if (json_array_size(conditions) == 0)
		return;
	(void)fputs(
		"<h2>Conditions</h2>\n<div class=scroll tabindex=0 role=region "
		"aria-label=Conditions><table>\n"
		"<tr><th>fails if<th>it was<th>so\n",
		out);
	json_array_foreach (conditions, i, c) {
		bool holds = json_is_true(json_object_get(c, "holds"));

		(void)fputs("<tr><td>", out);
		put_text(out, text(c, "condition"));
		(void)fprintf(out, "<td>%g %s<td class=%s>%s\n",
			      number(c, "value"), text(c, "unit"),
			      holds ? "bad" : "good",
			      holds ? "failed" : "passed");
	}
	(void)fputs("</table></div>\n", out);
}

/* ---- times -----------------------------------------------------------------
 */

static const struct {
	const char *name, *called;
} times[] = {
	{ "echo", "echo, from due" },
	{ "echo_sent", "echo, from sent" },
	{ "connect", "connect and upgrade" },
	{ "start_late", "begun after its time" },
	{ "recv_gap", "between audio heard" },
	{ "mark_lag", "mark, until played" },
	{ "barge_in_clear", "barge-in, until clear" },
	{ "barge_in_silence", "barge-in, until quiet" },
	{ "late", "our own lateness" },
};
static const char *const parts[] = {
	"p50", "p90", "p99", "p999", "p9999", "max"
};
static const char *const part_labels[] = { "50 %",   "90 %",	"99 %",
					   "99.9 %", "99.99 %", "all" };

static double time_of(const json_t *r, const char *name, size_t part)
{
	char key[64];

	(void)snprintf(key, sizeof(key), "%s_%s_ms", name, parts[part]);
	return number(r, key);
}

static void put_times(FILE *out, const json_t *r)
{
	(void)fputs(
		"<h2>Milliseconds</h2>\n<div class=scroll tabindex=0 role=region "
		"aria-label=Milliseconds><table>\n<tr>"
		"<th>within",
		out);
	for (size_t i = 0; i < COUNT(parts); i++)
		(void)fprintf(out, "<th>%s", part_labels[i]);
	for (size_t i = 0; i < COUNT(times); i++) {
		if (time_of(r, times[i].name, COUNT(parts) - 1) <= 0)
			continue; /* it was not measured */
		(void)fprintf(out, "\n<tr><td>%s", times[i].called);
		for (size_t part = 0; part < COUNT(parts); part++)
			(void)fprintf(out, "<td>%.3f",
				      time_of(r, times[i].name, part));
	}
	(void)fputs("\n</table></div>\n", out);
}

/* ---- curves ----------------------------------------------------------------
 */

/* Of how many calls, or frames, each time was not exceeded. */
static void put_quantiles(FILE *out, const json_t *r)
{
	static const double x[COUNT(parts)] = { 0, 1, 2, 3, 4, 5 };
	static const char *const names[] = { "echo", "connect", "late" };
	double values[COUNT(names)][COUNT(parts)];
	struct plot plot = { .title = "How long, for how many",
			     .unit = "ms",
			     .x = x,
			     .labels = part_labels,
			     .count = COUNT(parts),
			     .logarithmic = true };

	for (size_t i = 0, c = 0; i < COUNT(names); i++) {
		for (size_t part = 0; part < COUNT(parts); part++)
			values[i][part] = time_of(r, names[i], part);
		if (values[i][COUNT(parts) - 1] > 0)
			plot.curves[c++] =
				(struct curve){ names[i], values[i] };
	}
	plot_draw(out, &plot);
}

struct drawing {
	const char *title, *unit;
	struct {
		const char *column, *called;
	} curves[PLOT_CURVES];
	bool per_second, logarithmic;
};

/* The values of a column, NAN where there is none; NULL: no such column, or no
 * memory. */
static double *values_of(const json_t *series, const char *column, double by)
{
	const json_t *values = json_object_get(series, column), *value;
	double *out = json_array_size(values) > 0
			      ? calloc(json_array_size(values), sizeof(*out))
			      : NULL;
	size_t i;

	if (!out)
		return NULL;
	json_array_foreach (values, i, value)
		out[i] = json_is_null(value) ? (double)NAN
					     : json_number_value(value) / by;
	return out;
}

static void draw(FILE *out, const json_t *series, const double *x,
		 const struct drawing *d)
{
	double *values[PLOT_CURVES] = { 0 };
	struct plot plot = { .title = d->title,
			     .unit = d->unit,
			     .x = x,
			     .x_unit = "s",
			     .count = json_array_size(
				     json_object_get(series, "live")),
			     .logarithmic = d->logarithmic };
	size_t drawn = 0;

	for (size_t c = 0; c < PLOT_CURVES && d->curves[c].column; c++) {
		values[c] = values_of(series, d->curves[c].column,
				      d->per_second ? number(series, "seconds")
						    : 1);
		if (values[c])
			plot.curves[drawn++] =
				(struct curve){ d->curves[c].called,
						values[c] };
	}
	if (drawn > 0)
		plot_draw(out, &plot);
	for (size_t c = 0; c < PLOT_CURVES; c++)
		free(values[c]);
}

static void put_series(FILE *out, const json_t *series)
{
	static const struct drawing drawings[] = {
		{ "Echo, moment by moment",
		  "ms",
		  { { "echo_p50_ms", "p50" },
		    { "echo_p99_ms", "p99" },
		    { "echo_max_ms", "worst" } },
		  false,
		  true },
		{ "Calls that are up",
		  "calls",
		  { { "live", "live" } },
		  false,
		  false },
		{ "Calls that come and go",
		  "a second",
		  { { "begun", "begun" },
		    { "ended", "ended" },
		    { "failed", "failed" } },
		  true,
		  false },
		{ "Frames",
		  "a second",
		  { { "frames_sent", "sent" },
		    { "frames_heard", "heard" },
		    { "lost", "lost" } },
		  true,
		  false },
		{ "Our own lateness",
		  "ms",
		  { { "late_p99_ms", "p99" } },
		  false,
		  true },
	};
	size_t count = json_array_size(json_object_get(series, "live"));
	double *x = calloc(count ? count : 1, sizeof(*x));

	if (!x)
		return;
	for (size_t i = 0; i < count; i++)
		x[i] = (double)(i + 1) * number(series, "seconds");
	for (size_t i = 0; i < COUNT(drawings); i++)
		draw(out, series, x, &drawings[i]);
	free(x);
}

/* ---- the page --------------------------------------------------------------
 */

static void put_all_figures(FILE *out, json_t *r)
{
	const char *name;
	json_t *value;

	(void)fputs("<h2>All figures</h2>\n<details><summary>as --json has them"
		    "</summary>\n<div class=scroll tabindex=0 role=region "
		    "aria-label=\"All figures\"><table>\n",
		    out);
	json_object_foreach (r, name, value) {
		if (!json_is_number(value))
			continue;
		(void)fputs("<tr><td>", out);
		put_text(out, name);
		(void)fprintf(out, "<td>%.15g\n", json_number_value(value));
	}
	(void)fputs("</table></div></details>\n", out);
}

static void put_page(FILE *out, json_t *report)
{
	(void)fputs(head, out);
	put_title(out, report);
	put_tiles(out, report);
	put_conditions(out, report);
	put_times(out, report);
	(void)fputs("<h2>Curves</h2>\n<div class=plots>\n", out);
	put_quantiles(out, report);
	put_series(out, json_object_get(report, "series"));
	(void)fputs("</div>\n", out);
	put_all_figures(out, report);
	(void)fputs("</main>\n</html>\n", out);
}

static int complain(const char *path)
{
	(void)fprintf(stderr, "holdload: --html: %s: %s\n", path,
		      strerror(errno));
	return -1;
}

int html_write(const char *path, json_t *report)
{
	char *part = NULL;
	FILE *out;
	int r;

	if (asprintf(&part, "%s.part", path) < 0)
		return complain(path);
	out = fopen(part, "we");
	r = out ? 0 : -1;
	if (out) {
		put_page(out, report);
		r = ferror(out) ? -1 : 0;
		r |= fclose(out);
	}
	if (r == 0)
		r = rename(part, path);
	if (r != 0) {
		(void)complain(path);
		(void)unlink(part);
	}
	free(part);
	return r == 0 ? 0 : -1;
}
