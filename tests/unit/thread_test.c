/* thread_test.c - a thread is started again when it fails, and named when it
 * takes the process down with it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/thread.h"
#include "unit/stderr_kit.h"

static char heard[1 << 16];

static struct thread *start(const char *name, thread_body *body, void *arg)
{
	struct thread *thread = NULL;
	int r = thread_start(&thread,
			     &(struct thread_options){ .name = name,
						       .body = body,
						       .arg = arg,
						       .watched = true });

	assert(r == 0);
	return thread;
}

/* The heartbeat of our thread of that name, or NULL. */
static struct board_thread *find_heart(const char *name)
{
	for (size_t i = 0; i < BOARD_THREADS; i++) {
		struct board_thread *slot = board_thread_at(i);

		if (atomic_load(&slot->pid) == getpid() &&
		    strcmp(slot->name, name) == 0)
			return slot;
	}
	return NULL;
}

static int64_t crashes_of(const char *name)
{
	char labels[64];

	(void)snprintf(labels, sizeof(labels), "name=\"%s\"", name);
	return board_get(board_series(METRIC_THREAD_CRASHES_TOTAL, labels));
}

/* A body that fails `failures` times. */
struct clumsy {
	unsigned failures;
	_Atomic unsigned runs;
	uint64_t started_ms[8];
};

static int fall(struct thread *self, void *arg)
{
	struct clumsy *clumsy = arg;
	unsigned run = atomic_load(&clumsy->runs);

	(void)self;
	if (run < 8)
		clumsy->started_ms[run] = clock_mono_ms();
	atomic_store(&clumsy->runs, run + 1);
	return run < clumsy->failures ? -EIO : 0;
}

static void a_body_that_fails_is_run_again_ever_later(void **state)
{
	struct clumsy clumsy = { .failures = 3 };
	struct kit_ear ear = kit_listen();
	unsigned lines = 0;

	(void)state;
	thread_join(start("clumsy", fall, &clumsy));
	kit_hear(&ear, heard, sizeof(heard));
	assert_int_equal(clumsy.runs, 4);
	for (unsigned i = 0; i < 3; i++)
		assert_true(clumsy.started_ms[i + 1] - clumsy.started_ms[i] >=
			    100u << i);
	assert_int_equal(crashes_of("clumsy"), 3);
	for (const char *at = heard; (at = strstr(at, "ERROR [THREAD_CRASH] "));
	     at++)
		lines++;
	assert_int_equal(lines, 3);
	assert_non_null(strstr(heard, "name=clumsy err=\"Input/output error\" "
				      "restart_in=0.4s\n"));
}

static void a_body_that_ends_well_is_not_run_again(void **state)
{
	struct clumsy clumsy = { .failures = 0 };

	(void)state;
	thread_join(start("deft", fall, &clumsy));
	assert_int_equal(clumsy.runs, 1);
	assert_int_equal(crashes_of("deft"), 0);
}

/* Stopped in the pause after its fifth failure, which is 1.6 s. */
static void a_pause_ends_at_once_when_it_is_time_to_stop(void **state)
{
	struct clumsy clumsy = { .failures = UINT32_MAX };
	struct kit_ear ear = kit_listen();
	struct thread *thread = start("hopeless", fall, &clumsy);
	const struct board_thread *heart = find_heart("hopeless");
	uint64_t beats, ended_ms;

	(void)state;
	while (atomic_load(&clumsy.runs) < 5)
		(void)sched_yield();
	beats = heart ? atomic_load(&heart->beats) : 0;
	thread_stop(thread);
	thread_join(thread);
	ended_ms = clock_mono_ms();
	kit_hear(&ear, heard, sizeof(heard));
	assert_int_equal(clumsy.runs, 5);
	assert_true(ended_ms - clumsy.started_ms[4] < 1600);
	/* The watchdog must not take a pause for a stuck thread. */
	assert_true(beats > 0);
}

static int fail_when_stopped(struct thread *self, void *arg)
{
	unsigned *runs = arg;

	(*runs)++;
	while (!thread_stopping(self))
		(void)sched_yield();
	return -ENOSPC;
}

static void a_failure_while_stopping_is_told_but_not_mended(void **state)
{
	struct kit_ear ear = kit_listen();
	unsigned runs = 0;
	struct thread *thread = start("late", fail_when_stopped, &runs);

	(void)state;
	thread_stop(thread);
	thread_join(thread);
	kit_hear(&ear, heard, sizeof(heard));
	assert_int_equal(runs, 1);
	assert_int_equal(crashes_of("late"), 1);
	assert_non_null(strstr(heard, "name=late err=\"No space left on "
				      "device\" next=end\n"));
}

/* A body that sleeps until it is woken. */
struct sleeper {
	pthread_mutex_t mutex;
	pthread_cond_t wakeup;
	bool woken;
	bool term_blocked, segv_blocked;
	const char *name;
};

static int sleep_on(struct thread *self, void *arg)
{
	struct sleeper *sleeper = arg;
	sigset_t mask;

	(void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
	sleeper->term_blocked = sigismember(&mask, SIGTERM) == 1;
	sleeper->segv_blocked = sigismember(&mask, SIGSEGV) == 1;
	sleeper->name = thread_name(self);
	thread_beat(self);
	thread_beat(self);
	pthread_mutex_lock(&sleeper->mutex);
	while (!sleeper->woken)
		pthread_cond_wait(&sleeper->wakeup, &sleeper->mutex);
	pthread_mutex_unlock(&sleeper->mutex);
	return thread_stopping(self) ? 0 : -EINTR;
}

static void wake_sleeper(void *arg)
{
	struct sleeper *sleeper = arg;

	pthread_mutex_lock(&sleeper->mutex);
	sleeper->woken = true;
	pthread_cond_signal(&sleeper->wakeup);
	pthread_mutex_unlock(&sleeper->mutex);
}

static void a_thread_has_a_heart_a_name_and_a_wake_up(void **state)
{
	struct sleeper sleeper = { PTHREAD_MUTEX_INITIALIZER,
				   PTHREAD_COND_INITIALIZER,
				   false,
				   false,
				   false,
				   NULL };
	struct thread *thread;
	struct board_thread *heart;

	(void)state;
	assert_int_equal(
		thread_start(&thread,
			     &(struct thread_options){ .name = "sleeper",
						       .body = sleep_on,
						       .arg = &sleeper,
						       .wake = wake_sleeper,
						       .watched = true }),
		0);
	heart = find_heart("sleeper");
	assert_non_null(heart);
	assert_int_equal(heart->watched, 1);
	while (atomic_load(&heart->beats) < 2)
		(void)sched_yield();
	thread_stop(thread);
	assert_null(thread_join(thread));
	assert_null(find_heart("sleeper"));
	assert_string_equal(sleeper.name, "sleeper");
	assert_int_equal(crashes_of("sleeper"), 0);
	/* SIGTERM is for the main thread; its own faults it must see. */
	assert_true(sleeper.term_blocked);
	assert_false(sleeper.segv_blocked);
}

static void the_main_thread_can_be_adopted(void **state)
{
	struct thread *self = thread_adopt_main("main-test", true);
	const struct board_thread *heart = find_heart("main-test");

	(void)state;
	assert_non_null(self);
	assert_non_null(heart);
	thread_beat(self);
	assert_int_equal(heart->beats, 1);
	assert_string_equal(thread_name(self), "main-test");
	assert_false(thread_stopping(self));
}

static void a_body_can_be_tested_without_a_thread(void **state)
{
	(void)state;
	thread_beat(NULL);
	thread_stop(NULL);
	assert_false(thread_stopping(NULL));
	assert_non_null(thread_name(NULL));
	assert_null(thread_join(NULL));
}

/* Fatal signals, each in a child of its own. */

static void touch_nothing(void)
{
	char *page =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*(volatile char *)page = 1;
}

static void raise_bus(void)
{
	(void)raise(SIGBUS);
}

static void raise_ill(void)
{
	(void)raise(SIGILL);
}

static void raise_fpe(void)
{
	(void)raise(SIGFPE);
}

static unsigned sink_into_the_stack(unsigned depth)
{
	volatile char frame[16384];

	frame[0] = (char)depth;
	frame[sizeof(frame) - 1] = (char)depth;
	if (depth == UINT32_MAX)
		return 0;
	return sink_into_the_stack(depth + 1) + (unsigned char)frame[0];
}

static void overflow_the_stack(void)
{
	(void)sink_into_the_stack(0);
}

static const struct death {
	void (*die)(void);
	int signal;
	const char *name;
} deaths[] = {
	{ touch_nothing, SIGSEGV, "SIGSEGV" },
	{ overflow_the_stack, SIGSEGV, "SIGSEGV" },
	{ abort, SIGABRT, "SIGABRT" },
	{ raise_bus, SIGBUS, "SIGBUS" },
	{ raise_ill, SIGILL, "SIGILL" },
	{ raise_fpe, SIGFPE, "SIGFPE" },
};

static int die(struct thread *self, void *arg)
{
	const struct death *death = arg;

	(void)self;
	death->die();
	return 0;
}

static int die_in_thread(const struct death *death, bool with_writer)
{
	struct kit_ear ear = kit_listen();
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		union {
			const struct death *in;
			void *out;
		} arg = { death };

		thread_catch_fatal_signals();
		if (with_writer && log_start_writer() < 0)
			_exit(1);
		log_info("T", "last=words");
		thread_join(start("doomed", die, arg.out));
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	kit_hear(&ear, heard, sizeof(heard));
	return status;
}

static void a_crash_names_the_thread_and_keeps_its_signal(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++)
		for (int with_writer = 0; with_writer < 2; with_writer++) {
			int status = die_in_thread(&deaths[i], with_writer);
			const char *words = strstr(heard, "last=words\n");
			char crash[64];

			(void)snprintf(crash, sizeof(crash),
				       "ERROR [THREAD_CRASH] name=doomed "
				       "err=%s\n",
				       deaths[i].name);
			if (!WIFSIGNALED(status) ||
			    WTERMSIG(status) != deaths[i].signal)
				fail_msg("row %zu: status %#x", i,
					 (unsigned)status);
			if (!words || !strstr(words, crash))
				fail_msg("row %zu says: %s", i, heard);
		}
}

static void the_main_thread_has_a_name_when_it_crashes(void **state)
{
	static const char *const names[] = { "control", NULL };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct kit_ear ear = kit_listen();
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			thread_catch_fatal_signals();
			thread_catch_fatal_signals(); /* does no harm */
			if (names[i])
				(void)thread_adopt_main(names[i], true);
			touch_nothing();
			_exit(0);
		}
		(void)waitpid(pid, &status, 0);
		kit_hear(&ear, heard, sizeof(heard));
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSEGV);
		assert_non_null(strstr(heard, names[i] ? "name=control err="
						       : "name=thread_test"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First, while nobody has given the main thread a name. */
		cmocka_unit_test(the_main_thread_has_a_name_when_it_crashes),
		cmocka_unit_test(a_crash_names_the_thread_and_keeps_its_signal),
		cmocka_unit_test(a_body_that_fails_is_run_again_ever_later),
		cmocka_unit_test(a_body_that_ends_well_is_not_run_again),
		cmocka_unit_test(a_pause_ends_at_once_when_it_is_time_to_stop),
		cmocka_unit_test(
			a_failure_while_stopping_is_told_but_not_mended),
		cmocka_unit_test(a_thread_has_a_heart_a_name_and_a_wake_up),
		cmocka_unit_test(the_main_thread_can_be_adopted),
		cmocka_unit_test(a_body_can_be_tested_without_a_thread),
	};

	return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
