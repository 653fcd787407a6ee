/*
 * contest.c - who does the same piece of work in how much time (contest.h)
 */
#include "bench/contest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS_MIN 3u

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void bench_must(int r, const char *what)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "%s: %s\n", what, strerror(-r));
	exit(1);
}

bool bench_option(struct bench_options *options, char ***argv)
{
	if (strcmp(**argv, "--json") == 0) {
		options->json = true;
		return true;
	}
	if (strcmp(**argv, "--seconds") != 0 || !(*argv)[1])
		return false;
	options->seconds = strtod(*++*argv, NULL);
	return true;
}

static void take_turn(struct contender *c, size_t round, void *arg)
{
	uint64_t wall = now_ns(CLOCK_MONOTONIC);
	uint64_t cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	size_t records = c->work(arg);

	wall = now_ns(CLOCK_MONOTONIC) - wall;
	c->cpu_ns += now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	c->wall_ns += wall;
	c->records += records;
	c->rates[round] = (double)records * 1e9 / (double)wall;
}

void contest_run(struct contest *contest, void (*prepare)(void *arg), void *arg,
		 double seconds)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
	size_t *round = &contest->rounds;

	while (*round < ROUNDS_MIN ||
	       (now_ns(CLOCK_MONOTONIC) < end && *round < CONTEST_ROUNDS)) {
		for (size_t i = 0; i < contest->count; i++) {
			if (prepare)
				prepare(arg);
			take_turn(&contest->contenders[i], *round, arg);
		}
		++*round;
	}
}

/* ---- the report ------------------------------------------------------------
 */

struct ratio {
	double median, low, high;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct ratio ratio_to(const struct contest *contest,
			     const struct contender *other)
{
	static double ratios[CONTEST_ROUNDS];
	size_t n = contest->rounds;

	for (size_t i = 0; i < n; i++)
		ratios[i] = contest->contenders[0].rates[i] / other->rates[i];
	qsort(ratios, n, sizeof(ratios[0]), compare);
	return (struct ratio){ .median = ratios[n / 2],
			       .low = ratios[n / 4],
			       .high = ratios[3 * n / 4] };
}

static double records_per_s(const struct contender *c)
{
	return (double)c->records * 1e9 / (double)c->wall_ns;
}

static double cpu_us_per_record(const struct contender *c)
{
	return (double)c->cpu_ns / 1e3 / (double)c->records;
}

static void report_json(const struct contest *contest)
{
	(void)printf("{\"bench\":\"%s\",\"rounds\":%zu,\"contenders\":{",
		     contest->name, contest->rounds);
	for (size_t i = 0; i < contest->count; i++) {
		const struct contender *c = &contest->contenders[i];

		(void)printf("%s\"%s\":{\"records_per_s\":%.0f,"
			     "\"cpu_us_per_record\":%.3f}",
			     i > 0 ? "," : "", c->name, records_per_s(c),
			     cpu_us_per_record(c));
	}
	(void)printf("},\"ratios\":{");
	for (size_t i = 1; i < contest->count; i++) {
		const struct contender *c = &contest->contenders[i];
		struct ratio r = ratio_to(contest, c);

		(void)printf("%s\"%s\":{\"median\":%.3f,\"low\":%.3f,"
			     "\"high\":%.3f}",
			     i > 1 ? "," : "", c->name, r.median, r.low,
			     r.high);
	}
	(void)printf("}}\n");
}

static void report_table(const struct contest *contest)
{
	(void)printf("%s, %zu rounds\n  %-24s %12s %14s  %s\n", contest->name,
		     contest->rounds, "", "records/s", "CPU us/record",
		     "ours to it (quarters)");
	for (size_t i = 0; i < contest->count; i++) {
		const struct contender *c = &contest->contenders[i];
		struct ratio r = ratio_to(contest, c);

		(void)printf("  %-24s %12.0f %14.3f", c->what, records_per_s(c),
			     cpu_us_per_record(c));
		if (i > 0)
			(void)printf("  %.2f (%.2f to %.2f)", r.median, r.low,
				     r.high);
		(void)printf("\n");
	}
}

void contest_report(const struct contest *contest, bool json)
{
	if (json)
		report_json(contest);
	else
		report_table(contest);
}
