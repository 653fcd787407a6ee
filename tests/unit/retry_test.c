/* retry_test.c - waits double up to the cap, spread by the jitter, and end */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "persistence/recovery.h"
#include "persistence/retry.h"

static const struct retry_policy policy = { .initial_ms = 1000,
					    .max_ms = 60000,
					    .jitter = 0.2 };

#define MIDDLE 0.5 /* the random number that leaves a wait as it is */

static void waits_double_up_to_the_cap(void **state)
{
	static const uint32_t waits_ms[] = { 1000,  2000,  4000,  8000,
					     16000, 32000, 60000, 60000 };
	struct retry retry;

	(void)state;
	retry_init(&retry, &policy);
	for (size_t i = 0; i < sizeof(waits_ms) / sizeof(waits_ms[0]); i++) {
		assert_int_equal(retry_failed(&retry, 10 + i, MIDDLE),
				 waits_ms[i]);
		assert_int_equal(retry.tries, i + 1);
		assert_int_equal(retry.failing_since_ms, 10);
	}
}

static void jitter_spreads_a_wait_by_its_part(void **state)
{
	static const struct {
		double random;
		uint32_t wait_ms;
	} rows[] = { { 0, 800 }, { 0.25, 900 }, { 0.5, 1000 }, { 0.75, 1100 } };
	struct retry retry;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		retry_init(&retry, &policy);
		assert_int_equal(retry_failed(&retry, 1, rows[i].random),
				 rows[i].wait_ms);
	}
}

static void a_success_begins_anew(void **state)
{
	struct retry retry;

	(void)state;
	retry_init(&retry, &policy);
	(void)retry_failed(&retry, 1, MIDDLE);
	(void)retry_failed(&retry, 2, MIDDLE);
	retry_succeeded(&retry);
	assert_int_equal(retry.tries, 0);
	assert_int_equal(retry_failed(&retry, 50, MIDDLE), 1000);
	assert_int_equal(retry.failing_since_ms, 50);
}

static void years_of_failures_keep_the_cap(void **state)
{
	struct retry retry;

	(void)state;
	retry_init(&retry, &policy);
	retry.tries = UINT32_MAX - 1;
	for (int i = 0; i < 3; i++)
		assert_int_equal(retry_failed(&retry, 1, MIDDLE), 60000);
	assert_int_equal(retry.tries, UINT32_MAX);
}

/* ---- with a deadline ------------------------------------------------------
 */

static void past_its_deadline_a_retry_gives_up(void **state)
{
	static const struct retry_policy brief = { .initial_ms = 100,
						   .max_ms = 1000,
						   .deadline_ms = 500 };
	struct retry retry;

	(void)state;
	retry_init(&retry, &brief);
	assert_int_equal(retry_failed(&retry, 1000, MIDDLE), 100);
	assert_int_equal(retry_failed(&retry, 1100, MIDDLE), 200);
	assert_int_equal(retry_failed(&retry, 1300, MIDDLE), RETRY_GIVE_UP);
	retry_succeeded(&retry);
	assert_int_equal(retry_failed(&retry, 9000, MIDDLE), 100);
}

struct job {
	unsigned attempts, done_at; /* 0: never */
	uint32_t least_left_ms;
	int event_fd;
	atomic_bool waiting, stop;
};

static bool attempt(void *arg, uint32_t left_ms)
{
	struct job *job = arg;

	job->attempts++;
	job->least_left_ms = left_ms;
	atomic_store(&job->waiting, job->attempts > 0);
	return job->attempts == job->done_at;
}

static bool stopping(void *arg)
{
	struct job *job = arg;

	return atomic_load(&job->stop);
}

static void a_request_returns_its_default_when_time_is_up(void **state)
{
	static const struct retry_policy brief = { .initial_ms = 5,
						   .max_ms = 10,
						   .deadline_ms = 60,
						   .give_up = -ETIMEDOUT };
	struct job job = { .event_fd = -1 };

	(void)state;
	assert_int_equal(retry_run(&brief, attempt, &job, -1, NULL),
			 -ETIMEDOUT);
	assert_true(job.attempts > 1);
	assert_true(job.least_left_ms <= 60);
}

static void an_attempt_that_is_done_ends_it(void **state)
{
	static const struct retry_policy brief = { .initial_ms = 1,
						   .max_ms = 2,
						   .give_up = -ETIMEDOUT };
	struct job job = { .done_at = 3 };

	(void)state;
	assert_int_equal(retry_run(&brief, attempt, &job, -1, NULL), 0);
	assert_int_equal(job.attempts, 3);
	assert_int_equal(job.least_left_ms, UINT32_MAX);
}

/* A wait of an hour: only the wake ends these two. */
static const struct retry_policy hourly = { .initial_ms = 3600000,
					    .max_ms = 3600000 };

static void *announce(void *arg)
{
	struct job *job = arg;

	while (!atomic_load(&job->waiting))
		usleep(1000);
	recovery_announce();
	return NULL;
}

static void anothers_success_ends_the_wait(void **state)
{
	struct job job = { .done_at = 2, .event_fd = eventfd(0, EFD_CLOEXEC) };
	pthread_t thread;

	(void)state;
	assert_int_equal(recovery_listen(job.event_fd), 0);
	assert_int_equal(pthread_create(&thread, NULL, announce, &job), 0);
	assert_int_equal(retry_run(&hourly, attempt, &job, job.event_fd, NULL),
			 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	recovery_leave(job.event_fd);
	close(job.event_fd);
}

static void *stop(void *arg)
{
	struct job *job = arg;
	uint64_t one = 1;

	while (!atomic_load(&job->waiting))
		usleep(1000);
	atomic_store(&job->stop, true);
	assert_int_equal(write(job->event_fd, &one, sizeof(one)), sizeof(one));
	return NULL;
}

static void a_shutdown_ends_the_wait(void **state)
{
	struct job job = { .event_fd = eventfd(0, EFD_CLOEXEC) };
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, stop, &job), 0);
	assert_int_equal(
		retry_run(&hourly, attempt, &job, job.event_fd, stopping),
		-ECANCELED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(job.attempts, 1);
	close(job.event_fd);
}

static void listeners_are_bounded_and_may_leave(void **state)
{
	int fds[RECOVERY_LISTENERS_MAX + 1];
	uint64_t heard;

	(void)state;
	for (size_t i = 0; i <= RECOVERY_LISTENERS_MAX; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		assert_int_equal(recovery_listen(fds[i]),
				 i < RECOVERY_LISTENERS_MAX ? 0 : -ENOSPC);
	}
	recovery_leave(fds[3]);
	recovery_announce();
	for (size_t i = 0; i <= RECOVERY_LISTENERS_MAX; i++) {
		bool listens = i != 3 && i < RECOVERY_LISTENERS_MAX;

		assert_int_equal(read(fds[i], &heard, sizeof(heard)),
				 listens ? (ssize_t)sizeof(heard) : -1);
		recovery_leave(fds[i]);
		close(fds[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_double_up_to_the_cap),
		cmocka_unit_test(jitter_spreads_a_wait_by_its_part),
		cmocka_unit_test(a_success_begins_anew),
		cmocka_unit_test(years_of_failures_keep_the_cap),
		cmocka_unit_test(past_its_deadline_a_retry_gives_up),
		cmocka_unit_test(a_request_returns_its_default_when_time_is_up),
		cmocka_unit_test(an_attempt_that_is_done_ends_it),
		cmocka_unit_test(anothers_success_ends_the_wait),
		cmocka_unit_test(a_shutdown_ends_the_wait),
		cmocka_unit_test(listeners_are_bounded_and_may_leave),
	};

	return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
