/* progress.c - how far a run is (see progress.h) */
#include "tools/holdload/progress.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tools/holdload/options.h"
#include "tools/holdload/plan.h"
#include "tools/holdload/worker.h"

#define DRAWN_MS   200u
#define LOOK_MS	   10u
#define LOGGED_NS  10000000000ull
#define BAR_LENGTH 30u

struct sums {
	uint64_t live, done, failed, frames, echo_p99_us;
	unsigned over; /* workers */
};

static struct sums sum_up(struct worker *workers, unsigned count)
{
	struct sums sums = { 0 };

	for (unsigned i = 0; i < count; i++) {
		uint64_t p99_us = atomic_load(&workers[i].echo_p99_us);

		sums.live += atomic_load(&workers[i].live);
		sums.done += atomic_load(&workers[i].done);
		sums.failed += atomic_load(&workers[i].failed);
		sums.frames += atomic_load(&workers[i].frames);
		sums.over += atomic_load(&workers[i].over);
		if (p99_us > sums.echo_p99_us) /* the worst of them */
			sums.echo_p99_us = p99_us;
	}
	return sums;
}

static void put_sums(const struct run *run, const struct sums *now)
{
	(void)fprintf(
		stderr, "%.0f s, %llu of %llu done, %llu live, %llu failed",
		(double)(worker_now_ns() - run->began_ns) / 1e9,
		(unsigned long long)now->done,
		(unsigned long long)plan_total(run->options),
		(unsigned long long)now->live, (unsigned long long)now->failed);
	if (now->echo_p99_us > 0)
		(void)fprintf(stderr, ", echo p99 %.1f ms",
			      (double)now->echo_p99_us / 1000);
}

static void draw(const struct run *run, const struct sums *now,
		 uint64_t frames_before)
{
	/* About, when they come at random. */
	uint64_t total = plan_total(run->options);
	uint64_t done = now->done < total ? now->done : total;
	char bar[BAR_LENGTH + 1] = "";

	for (size_t i = 0; i < BAR_LENGTH; i++)
		bar[i] = i * total < done * BAR_LENGTH ? '#' : '.';
	(void)fprintf(stderr, "\r[%s] ", bar);
	put_sums(run, now);
	(void)fprintf(stderr, ", %llu frames/s \033[K",
		      (unsigned long long)((now->frames - frames_before) *
					   1000 / DRAWN_MS));
}

static void wait_ms(unsigned ms)
{
	const struct timespec wait = { .tv_nsec = (long)ms * 1000000 };

	(void)nanosleep(&wait, NULL);
}

static bool is_over(const struct run *run, const struct sums *now)
{
	return now->over >= run->options->threads ||
	       atomic_load(&run->cancel) > 1;
}

/* A line that is drawn again and again. */
static void show(const struct run *run, struct worker *workers)
{
	struct sums now = { 0 };

	while (!is_over(run, &now)) {
		uint64_t before = now.frames;

		wait_ms(DRAWN_MS);
		now = sum_up(workers, run->options->threads);
		draw(run, &now, before);
	}
	(void)fputs("\r\033[K", stderr);
}

/* A line now and then. */
static void tell(const struct run *run, struct worker *workers)
{
	uint64_t due_ns = run->began_ns + LOGGED_NS;
	struct sums now = { 0 };

	while (!is_over(run, &now)) {
		wait_ms(LOOK_MS);
		now = sum_up(workers, run->options->threads);
		if (run->options->quiet || worker_now_ns() < due_ns)
			continue;
		(void)fputs("holdload: ", stderr);
		put_sums(run, &now);
		(void)fputc('\n', stderr);
		due_ns += LOGGED_NS;
	}
}

void progress_wait(const struct run *run, struct worker *workers)
{
	if (isatty(STDERR_FILENO) && !run->options->quiet)
		show(run, workers);
	else
		tell(run, workers);
}
