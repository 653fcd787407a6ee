/* figures.c - the figures of a report, by name (see figures.h) */
#include "tools/holdload/figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *at(const void *measured, const struct figure *f)
{
	return (const char *)measured + f->offset;
}

static double value_of(const struct figure *f, const void *measured)
{
	const struct histogram *h = (const void *)at(measured, f);

	if (f->kind == FIGURE_SUM)
		return (double)f->sum(measured);
	if (f->kind == FIGURE_COUNT)
		return (double)*(const uint64_t *)(const void *)at(measured, f);
	return (double)(f->quantile > 1 ? h->max
					: histogram_quantile(h, f->quantile));
}

/* ---- conditions ------------------------------------------------------------
 */

struct condition {
	const struct figure *figure;
	char op[3];
	double limit;
};

static const struct figure *find(const struct figure_table *table,
				 const char *name, size_t length)
{
	for (size_t i = 0; i < table->count; i++)
		if (strlen(table->rows[i].name) == length &&
		    memcmp(table->rows[i].name, name, length) == 0)
			return &table->rows[i];
	return NULL;
}

/* Microseconds of one; 0: no unit of time. */
static double unit(const char *text)
{
	if (strcmp(text, "us") == 0)
		return 1;
	if (strcmp(text, "ms") == 0)
		return 1e3;
	return strcmp(text, "s") == 0 ? 1e6 : 0;
}

static int parse_condition(const struct figure_table *table, const char *text,
			   struct condition *c)
{
	size_t length = strcspn(text, "<>=!");
	const char *at = text + length;
	double scale = 1;
	char *end;

	c->figure = find(table, text, length);
	length = strspn(at, "<>=!");
	if (!c->figure || length == 0 || length > 2)
		return -1;
	memcpy(c->op, at, length);
	c->op[length] = '\0';
	c->limit = strtod(at + length, &end);
	if (end == at + length)
		return -1;
	if (c->figure->kind == FIGURE_TIME)
		scale = unit(end);
	else if (*end)
		return -1;
	c->limit *= scale;
	return scale > 0 && strstr("< > <= >= == !=", c->op) ? 0 : -1;
}

int figures_check_condition(const struct figure_table *table, const char *text)
{
	struct condition c;

	return parse_condition(table, text, &c);
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

json_t *figures_verdicts(const struct figure_table *table, const void *measured,
			 const char *const *conditions, size_t count)
{
	json_t *verdicts = json_array();

	for (size_t i = 0; i < count; i++) {
		struct condition c;
		double value;

		if (parse_condition(table, conditions[i], &c) < 0)
			continue; /* refused at the start */
		value = value_of(c.figure, measured);
		(void)json_array_append_new(
			verdicts,
			json_pack("{s:s, s:b, s:f, s:s}", "condition",
				  conditions[i], "holds", holds(&c, value),
				  "value",
				  c.figure->kind == FIGURE_TIME ? value / 1000
								: value,
				  "unit",
				  c.figure->kind == FIGURE_TIME ? "ms" : ""));
	}
	return verdicts;
}

int figures_failures(const struct figure_table *table, const void *measured,
		     const char *const *conditions, size_t count)
{
	json_auto_t *verdicts =
		figures_verdicts(table, measured, conditions, count);
	const json_t *verdict;
	int failures = 0;
	size_t i;

	json_array_foreach (verdicts, i, verdict) {
		const char *unit_name =
			json_string_value(json_object_get(verdict, "unit"));

		if (!json_is_true(json_object_get(verdict, "holds")))
			continue;
		failures++;
		(void)fprintf(
			stderr, "holdload: --fail-if %s: %.*f%s\n",
			json_string_value(
				json_object_get(verdict, "condition")),
			*unit_name ? 3 : 0,
			json_real_value(json_object_get(verdict, "value")),
			unit_name);
	}
	return failures;
}

/* ---- JSON and tables -------------------------------------------------------
 */

void figures_to_json(const struct figure_table *table, const void *measured,
		     json_t *object)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct figure *f = &table->rows[i];
		double value = value_of(f, measured);
		char name[40];

		(void)snprintf(name, sizeof(name), "%s%s", f->name,
			       f->kind == FIGURE_TIME ? "_ms" : "");
		(void)json_object_set_new(
			object, name,
			f->kind == FIGURE_TIME
				? json_real(value / 1000)
				: json_integer((json_int_t)value));
	}
}

json_t *figures_of_statuses(const uint64_t *statuses, int count)
{
	json_t *object = json_object();
	char name[16];

	for (int i = 0; i < count; i++) {
		if (statuses[i] == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%d", i);
		(void)json_object_set_new(
			object, name, json_integer((json_int_t)statuses[i]));
	}
	return object;
}

int figures_write(const char *path, const json_t *report)
{
	FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	int r = -1;

	if (out) {
		r = json_dumpf(report, out,
			       JSON_INDENT(2) | JSON_REAL_PRECISION(9));
		r |= fputc('\n', out) == EOF;
		r |= fflush(out);
	}
	if (out && out != stdout)
		r |= fclose(out);
	if (r != 0)
		(void)fprintf(stderr, "holdload: --json: %s: %s\n", path,
			      strerror(errno));
	return r == 0 ? 0 : -1;
}

void figures_print_head(FILE *out)
{
	(void)fprintf(out, "%-22s %9s %9s %9s %9s %9s %9s\n", "milliseconds",
		      "p50", "p90", "p99", "p99.9", "p99.99", "max");
}

void figures_print_times(FILE *out, const char *what, const struct histogram *h)
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
