/* metrics.c - writes the board's series out, family by family */
#include "server/control/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdline_version.h"
#include "server/board.h"

static const char *type_name(enum board_type type)
{
	switch (type) {
	case BOARD_GAUGE: return "gauge";
	case BOARD_HISTOGRAM: return "histogram";
	case BOARD_COUNTER:
	default: return "counter";
	}
}

/* Whole units stay whole: a double would round a byte counter one day. */
static void write_value(FILE *out, const struct board_family *family,
			int64_t value)
{
	if (family->scale == 1.0)
		fprintf(out, " %" PRId64 "\n", value);
	else
		fprintf(out, " %.15g\n", (double)value * family->scale);
}

static void write_name(FILE *out, const char *name, const char *suffix,
		       const char *labels)
{
	fprintf(out, labels[0] ? "%s%s{%s}" : "%s%s", name, suffix, labels);
}

static void write_bucket(FILE *out, const char *name, const char *labels,
			 double bound, uint64_t count)
{
	fprintf(out, "%s_bucket{%s%sle=\"", name, labels, labels[0] ? "," : "");
	if (isinf(bound))
		fputs("+Inf", out);
	else
		fprintf(out, "%.15g", bound);
	fprintf(out, "\"} %" PRIu64 "\n", count);
}

/* _count is the sum of the buckets just read, so that both always agree, even
 * while others are counting. */
static void write_histogram(FILE *out, const struct board_family *family,
			    const char *labels, const _Atomic uint64_t *buckets,
			    int64_t sum)
{
	uint64_t count = 0;

	for (size_t i = 0; i < BOARD_BUCKETS; i++) {
		if (buckets)
			count += atomic_load_explicit(&buckets[i],
						      memory_order_relaxed);
		write_bucket(out, family->name, labels, board_bucket_bound(i),
			     count);
	}
	write_name(out, family->name, "_sum", labels);
	fprintf(out, " %.15g\n", (double)sum * family->scale);
	write_name(out, family->name, "_count", labels);
	fprintf(out, " %" PRIu64 "\n", count);
}

static void write_series(FILE *out, const struct board_family *family,
			 const struct board_series *series)
{
	const char *labels = series ? series->labels : "";
	int64_t value = series ? board_get(series) : 0;

	if (family->type == BOARD_HISTOGRAM) {
		write_histogram(out, family, labels,
				series ? board_buckets(series) : NULL, value);
		return;
	}
	write_name(out, family->name, "", labels);
	write_value(out, family, value);
}

/* All series, sorted so that each family stands together. */
struct listing {
	const struct board_series **series; /* owned */
	size_t count, capacity;
};

static int by_family(const void *left, const void *right)
{
	const struct board_series *a =
		*(const struct board_series *const *)left;
	const struct board_series *b =
		*(const struct board_series *const *)right;
	int r;

	if (a->metric != b->metric)
		return a->metric < b->metric ? -1 : 1;
	r = strcmp(a->labels, b->labels);
	return r != 0 ? r : (a > b) - (a < b);
}

static bool list_all(struct listing *list)
{
	const struct board_series *series;

	while ((series = board_series_at(list->count)) != NULL) {
		if (list->count == list->capacity) {
			size_t capacity = list->capacity * 2 + 128;
			const struct board_series **grown = reallocarray(
				list->series, capacity, sizeof(void *));

			if (!grown)
				return false;
			list->series = grown;
			list->capacity = capacity;
		}
		list->series[list->count++] = series;
	}
	if (list->count > 0)
		qsort(list->series, list->count, sizeof(void *), by_family);
	return true;
}

/* Two processes that name the same series at once own two rows for an instant,
 * until the later one gives its up; a scrape must not show both. */
static bool is_repeated(const struct listing *list, size_t i)
{
	return i > 0 &&
	       list->series[i - 1]->metric == list->series[i]->metric &&
	       strcmp(list->series[i - 1]->labels, list->series[i]->labels) ==
		       0;
}

/* Writes the series of `metric`, which begin at *next, and moves *next on. */
static void write_family(FILE *out, enum board_metric metric,
			 const struct listing *list, size_t *next)
{
	const struct board_family *family = &board_families[metric];
	size_t first = *next, i = first;

	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help,
		family->name, type_name(family->type));
	for (; i < list->count && list->series[i]->metric == (uint32_t)metric;
	     i++)
		if (!is_repeated(list, i))
			write_series(out, family, list->series[i]);
	if (i == first && !family->labelled)
		write_series(out, family, NULL);
	*next = i;
}

static void write_all(FILE *out, const struct listing *list)
{
	size_t next = 0;

	fputs("# HELP holdline_build_info The version that runs; always 1.\n"
	      "# TYPE holdline_build_info gauge\n"
	      "holdline_build_info{version=\"" HOLDLINE_VERSION "\"} 1\n",
	      out);
	for (enum board_metric m = 0; m < METRIC_COUNT; m++)
		write_family(out, m, list, &next);
}

char *metrics_render(size_t *length)
{
	struct listing list = { 0 };
	char *text = NULL;
	FILE *out = open_memstream(&text, length);
	bool failed;

	if (!out)
		return NULL;
	failed = !list_all(&list);
	if (!failed)
		write_all(out, &list);
	free(list.series);
	failed |= ferror(out) != 0;
	if (fclose(out) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}

void metrics_handle(const struct http_request *request,
		    struct http_response *response, void *context)
{
	size_t length = 0;
	char *text = metrics_render(&length);

	(void)request;
	(void)context;
	http_reply(response, 200, METRICS_TYPE, text, length);
}
