/*
 * main.c - holdload: many phone calls against a media server
 *
 *   options -> callers, dealt over workers -> progress -> merge -> report
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tools/holdload/help.h"
#include "tools/holdload/ledger.h"
#include "tools/holdload/options.h"
#include "tools/holdload/report.h"
#include "tools/holdload/worker.h"

#define PROGRESS_MS 200

static _Atomic int cancel;

static void on_interrupt(int number)
{
	(void)number;
	atomic_fetch_add(&cancel, 1);
}

static void raise_file_limit(unsigned calls)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < (rlim_t)calls + 64)
		(void)fprintf(stderr,
			      "holdload: only %llu open files are allowed; "
			      "ulimit -n %u\n",
			      (unsigned long long)limit.rlim_cur, calls + 64);
}

/* ---- progress --------------------------------------------------------------
 */

struct sums {
	uint64_t live, done, failed, frames;
};

static struct sums sum_up(struct worker *workers, unsigned count)
{
	struct sums sums = { 0 };

	for (unsigned i = 0; i < count; i++) {
		sums.live += atomic_load(&workers[i].live);
		sums.done += atomic_load(&workers[i].done);
		sums.failed += atomic_load(&workers[i].failed);
		sums.frames += atomic_load(&workers[i].frames);
	}
	return sums;
}

static void draw(const struct options *o, const struct sums *now,
		 uint64_t frames_before)
{
	char bar[31];
	size_t filled = (size_t)(now->done * 30 / o->calls);

	for (size_t i = 0; i < 30; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[30] = '\0';
	(void)fprintf(stderr,
		      "\r[%s] %llu of %u done, %llu live, %llu failed, %llu "
		      "frames/s \033[K",
		      bar, (unsigned long long)now->done, o->calls,
		      (unsigned long long)now->live,
		      (unsigned long long)now->failed,
		      (unsigned long long)((now->frames - frames_before) *
					   1000 / PROGRESS_MS));
}

static void wait_for_workers(const struct options *o, struct worker *workers)
{
	bool tty = isatty(STDERR_FILENO) != 0;
	struct sums now = { 0 };

	while (now.done < o->calls && atomic_load(&cancel) < 2) {
		uint64_t before = now.frames;
		struct timespec wait = { .tv_nsec = tty ? PROGRESS_MS * 1000000L
							: 10000000L };

		(void)nanosleep(&wait, NULL);
		now = sum_up(workers, o->threads);
		if (tty)
			draw(o, &now, before);
	}
	if (tty)
		(void)fprintf(stderr, "\r\033[K");
}

/* ---- the run ---------------------------------------------------------------
 */

static void merge(struct measured *into, const struct measured *from)
{
	histogram_merge(&into->connect_us, &from->connect_us);
	histogram_merge(&into->echo_us, &from->echo_us);
	histogram_merge(&into->echo_sent_us, &from->echo_sent_us);
	histogram_merge(&into->late_us, &from->late_us);
	into->frames_sent += from->frames_sent;
	into->bytes_sent += from->bytes_sent;
	into->frames_echoed += from->frames_echoed;
	into->echo_lost += from->echo_lost;
	into->echo_changed += from->echo_changed;
	into->frames_unsent += from->frames_unsent;
	into->marks += from->marks;
	into->clears += from->clears;
	into->garbage += from->garbage;
	for (int i = 0; i < OUTCOME_COUNT; i++)
		into->outcomes[i] += from->outcomes[i];
	for (int i = 0; i < WIRE_STATUSES; i++)
		into->statuses[i] += from->statuses[i];
	if (!into->tls_why)
		into->tls_why = from->tls_why;
}

/* Caller i begins i/ramp seconds from now; they are dealt like cards, so that
 * each worker has its part of every moment. */
static void deal(const struct options *o, struct worker *workers,
		 struct caller *callers)
{
	uint64_t now = worker_now_ns(), seed = now ^ (uint64_t)getpid() << 32;
	size_t at = 0;

	for (unsigned w = 0; w < o->threads; w++) {
		struct worker *worker = &workers[w];

		worker->options = o;
		worker->callers = &callers[at];
		worker->cancel = &cancel;
		for (unsigned i = w; i < o->calls; i += o->threads) {
			uint64_t due = now;

			if (o->ramp_per_s > 0)
				due += (uint64_t)((double)i / o->ramp_per_s *
						  1e9);
			caller_init(&callers[at++], o, &worker->measured,
				    seed + i * 0x9e3779b97f4a7c15u, due);
			worker->count++;
		}
	}
}

static int run(const struct options *o, struct worker *workers,
	       struct caller *callers, struct measured *all)
{
	uint64_t began = worker_now_ns();
	unsigned started = 0;
	double seconds;
	int r = 0;

	deal(o, workers, callers);
	for (; started < o->threads && r == 0; started += r == 0)
		r = worker_start(&workers[started]);
	if (r != 0) {
		(void)fprintf(stderr, "holdload: a thread: %s\n", strerror(r));
		atomic_store(&cancel, 2);
	} else {
		wait_for_workers(o, workers);
	}
	for (unsigned i = 0; i < started; i++) {
		worker_join(&workers[i]);
		merge(all, &workers[i].measured);
	}
	seconds = (double)(worker_now_ns() - began) / 1e9;
	if (r == 0 && (!o->json_path || strcmp(o->json_path, "-") != 0))
		report_table(stdout, o, all, seconds);
	if (r == 0 && o->json_path)
		r = report_json(o->json_path, o, all, callers, seconds);
	if (o->ledger_path && started > 0 &&
	    ledger_write(o->ledger_path, o, callers) < 0)
		r = -1;
	for (unsigned i = 0; i < o->calls; i++)
		caller_finish(&callers[i]);
	return r;
}

/* What to do about what went wrong. */
static void advise(const struct measured *all)
{
	for (int i = 0; i < WIRE_STATUSES; i++) {
		const char *advice =
			all->statuses[i] ? help_for_status(i) : NULL;

		if (advice)
			(void)fprintf(stderr, "holdload: HTTP %d: %s\n", i,
				      advice);
	}
	if (all->tls_why)
		(void)fprintf(stderr,
			      "holdload: TLS: %s; --cacert says whom to trust, "
			      "--insecure trusts anybody, --cert shows our own "
			      "certificate\n",
			      all->tls_why);
}

/* What the run says about itself. */
static int verdict(const struct options *o, const struct measured *all)
{
	advise(all);
	if (all->outcomes[OUTCOME_CONNECT_FAILED] == o->calls) {
		(void)fprintf(stderr, "holdload: nobody answers at %s\n",
			      o->host);
		return 3;
	}
	if (report_failures(o, all) > 0)
		return 1;
	return all->outcomes[OUTCOME_COMPLETED] == o->calls ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct options options;
	struct worker *workers;
	struct caller *callers;
	struct measured *all;
	int status = options_parse(&options, argc, argv);

	if (status != 0) {
		options_free(&options);
		return status < 0 ? 0 : status;
	}
	(void)signal(SIGINT, on_interrupt);
	(void)signal(SIGTERM, on_interrupt);
	(void)signal(SIGPIPE, SIG_IGN);
	raise_file_limit(options.calls);
	workers = calloc(options.threads, sizeof(*workers));
	callers = calloc(options.calls, sizeof(*callers));
	all = calloc(1, sizeof(*all));
	if (workers && callers && all) {
		status = run(&options, workers, callers, all) == 0
				 ? verdict(&options, all)
				 : 1;
	} else {
		(void)fprintf(stderr, "holdload: no memory\n");
		status = 1;
	}
	free(workers);
	free(callers);
	free(all);
	options_free(&options);
	return status;
}
