/*
 * contest.h - several ways of doing one piece of work, turn by turn
 *
 * A bench is a contest: each contender does the same piece of work, and then
 * the next one, round after round until the time is up. Whatever else the
 * machine does meets all of them alike; so what counts is a ratio within a
 * round, and of all rounds the median, with the quarter below and above it.
 *
 * The first contender is ours; those behind it are what it is held against.
 */
#ifndef TESTS_BENCH_CONTEST_H
#define TESTS_BENCH_CONTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTEST_ROUNDS 4096
#define CONTENDERS_MAX 4

struct contender {
	const char *name, *what;
	/* One piece of work; how many records it was. */
	size_t (*work)(void *arg);
	/* Filled in by contest_run(). */
	uint64_t records, wall_ns, cpu_ns; /* of this process: all threads */
	double rates[CONTEST_ROUNDS];	   /* records/s of each round */
};

struct contest {
	const char *name;
	struct contender contenders[CONTENDERS_MAX];
	size_t count, rounds;
};

/* At least three rounds; `prepare`, or NULL, comes before each piece of work
 * and is not timed. */
void contest_run(struct contest *contest, void (*prepare)(void *arg), void *arg,
		 double seconds);
/* A table for people, or one line of JSON: {"bench":NAME,"rounds":N,
 * "contenders":{NAME:{"records_per_s","cpu_us_per_record"},...},
 * "ratios":{NAME:{"median","low","high"},...}}, a ratio being ours against
 * NAME's, in records/s. */
void contest_report(const struct contest *contest, bool json);

/* What all of these programs take: --json, --seconds S. False: *argv is none
 * of these. */
struct bench_options {
	bool json;
	double seconds;
};
bool bench_option(struct bench_options *options, char ***argv);

/* Ends the program with a complaint when r < 0. */
void bench_must(int r, const char *what);

#endif
