/* board_test.c - all processes see the same numbers, each under one name
 *
 * Every test begins with an empty board of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/board.h"
#include "server/thread.h"

#define RACERS 4
#define ROUNDS 100
#define ENOUGH 5000 /* more series than any board has rows */

static int empty_board(void **state)
{
	(void)state;
	return board_create();
}

/* Series of that metric and labels that an exporter would show. */
static size_t count_series(enum board_metric metric, const char *labels)
{
	const struct board_series *s;
	size_t count = 0;

	for (size_t i = 0; (s = board_series_at(i)) != NULL; i++)
		count += s->metric == (uint32_t)metric &&
			 strcmp(s->labels, labels) == 0;
	return count;
}

static pid_t fork_and(void (*act)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		act();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void await_exit(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void every_metric_has_a_proper_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const struct board_family *f = &board_families[i];
		size_t length = f->name ? strlen(f->name) : 0;
		bool total = length > 6 &&
			     strcmp(f->name + length - 6, "_total") == 0;

		if (length == 0 || strncmp(f->name, "holdline_", 9) != 0)
			fail_msg("metric %zu has no name", i);
		if (total != (f->type == BOARD_COUNTER))
			fail_msg("%s: _total is for counters", f->name);
		if (!f->help || !f->help[0] || !(f->scale > 0))
			fail_msg("%s has no help or no scale", f->name);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(f->name,
						board_families[j].name);
	}
}

static void the_same_labels_are_the_same_series(void **state)
{
	struct board_series *in =
		board_series(METRIC_FRAMES_TOTAL, "direction=\"in\"");
	struct board_series *out =
		board_series(METRIC_FRAMES_TOTAL, "direction=\"out\"");

	(void)state;
	assert_ptr_equal(board_series(METRIC_FRAMES_TOTAL, "direction=\"in\""),
			 in);
	assert_ptr_not_equal(in, out);
	assert_ptr_not_equal(board_series(METRIC_FRAMES_LOST_TOTAL, ""),
			     board_series(METRIC_FRAMES_LATE_TOTAL, ""));
	board_add(in, 3);
	board_add(in, -1);
	board_set(out, 7);
	assert_int_equal(board_get(in), 2);
	assert_int_equal(board_get(out), 7);
}

static void count_in_child(void)
{
	board_add(board_series(METRIC_FRAMES_TOTAL, "direction=\"in\""), 40);
	board_add(board_series(METRIC_FRAMES_TOTAL, "direction=\"out\""), 5);
	board_observe(board_series(METRIC_LOOP_LAG_SECONDS, ""), 150);
	atomic_store(&board_flags()->draining, 1);
}

static void a_child_writes_what_its_parent_reads(void **state)
{
	struct board_series *in =
		board_series(METRIC_FRAMES_TOTAL, "direction=\"in\"");
	const _Atomic uint64_t *buckets;

	(void)state;
	board_add(in, 2);
	await_exit(fork_and(count_in_child));
	assert_int_equal(board_get(in), 42);
	assert_int_equal(board_get(board_series(METRIC_FRAMES_TOTAL,
						"direction=\"out\"")),
			 5);
	buckets = board_buckets(board_series(METRIC_LOOP_LAG_SECONDS, ""));
	assert_non_null(buckets);
	assert_int_equal(buckets[1], 1);
	assert_int_equal(board_flags()->draining, 1);
}

static void an_observation_falls_into_its_bucket(void **state)
{
	static const struct {
		int64_t us;
		size_t bucket;
	} rows[] = {
		{ -5, 0 },	  { 0, 0 },	    { 100, 0 },
		{ 101, 1 },	  { 200, 1 },	    { 201, 2 },
		{ 400, 2 },	  { 102400, 10 },   { 102401, 11 },
		{ 26214400, 18 }, { 26214401, 19 }, { 3600000000, 19 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char labels[32];
		struct board_series *s;
		const _Atomic uint64_t *buckets;

		(void)snprintf(labels, sizeof(labels), "row=\"%zu\"", i);
		s = board_series(METRIC_OUTBOX_COMMIT_SECONDS, labels);
		buckets = board_buckets(s);
		assert_non_null(buckets);
		board_observe(s, rows[i].us);
		for (size_t b = 0; b < BOARD_BUCKETS; b++)
			if (buckets[b] != (b == rows[i].bucket))
				fail_msg("row %zu, bucket %zu", i, b);
		assert_int_equal(board_get(s), rows[i].us);
	}
}

static void bounds_double_up_to_infinity(void **state)
{
	(void)state;
	assert_true(fabs(board_bucket_bound(0) - 100e-6) < 1e-12);
	for (size_t i = 1; i + 1 < BOARD_BUCKETS; i++)
		assert_true(
			fabs(board_bucket_bound(i) / board_bucket_bound(i - 1) -
			     2) < 1e-12);
	assert_true(isinf(board_bucket_bound(BOARD_BUCKETS - 1)));
}

/* All racers look for the same new series in the same order, and count on it.
 */
static struct start_line {
	_Atomic unsigned ready;
} * start_line;

static void race(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		char labels[32];

		(void)snprintf(labels, sizeof(labels), "reason=\"%u\"", i);
		atomic_fetch_add(&start_line->ready, 1);
		while (atomic_load(&start_line->ready) < (i + 1) * RACERS)
			(void)sched_yield();
		board_add(board_series(METRIC_CALLS_REFUSED_TOTAL, labels), 1);
	}
}

static int race_in_thread(struct thread *self, void *arg)
{
	(void)self, (void)arg;
	race();
	return 0;
}

static void assert_each_counted_once(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		char labels[32];

		(void)snprintf(labels, sizeof(labels), "reason=\"%u\"", i);
		assert_int_equal(
			count_series(METRIC_CALLS_REFUSED_TOTAL, labels), 1);
		assert_int_equal(board_get(board_series(
					 METRIC_CALLS_REFUSED_TOTAL, labels)),
				 RACERS);
	}
}

static void set_start_line(void)
{
	start_line = mmap(NULL, sizeof(*start_line), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(start_line != MAP_FAILED);
}

static void racing_threads_end_with_one_series(void **state)
{
	struct thread *threads[RACERS];

	(void)state;
	set_start_line();
	for (size_t i = 0; i < RACERS; i++)
		assert_int_equal(thread_start(&threads[i],
					      &(struct thread_options){
						      .name = "racer",
						      .body = race_in_thread }),
				 0);
	for (size_t i = 0; i < RACERS; i++)
		thread_join(threads[i]);
	assert_each_counted_once();
	(void)munmap(start_line, sizeof(*start_line));
}

static void racing_processes_end_with_one_series(void **state)
{
	pid_t pids[RACERS];

	(void)state;
	set_start_line();
	for (size_t i = 0; i < RACERS; i++)
		pids[i] = fork_and(race);
	for (size_t i = 0; i < RACERS; i++)
		await_exit(pids[i]);
	assert_each_counted_once();
	(void)munmap(start_line, sizeof(*start_line));
}

/* The row after the first is left as by a process that died while naming it. */
static void a_claimer_that_died_holds_nobody_up(void **state)
{
	struct board_series *first = board_series(METRIC_DB_UP, "");
	struct board_series *next;

	(void)state;
	atomic_store(&first[1].state, 1);
	next = board_series(METRIC_DEAD_LETTERS, "");
	assert_ptr_equal(next, first + 2);
	board_set(next, 9);
	assert_ptr_equal(board_series_at(1), next);
	assert_ptr_equal(board_series(METRIC_DEAD_LETTERS, ""), next);
	/* It was given up: the next one need not wait for it. */
	assert_int_equal(first[1].state, 3);
}

static void a_full_board_gives_a_spare_and_counts_it(void **state)
{
	struct board_series *spare;
	size_t rows = 0;

	(void)state;
	for (size_t i = 0; i < ENOUGH; i++) {
		char labels[32];

		(void)snprintf(labels, sizeof(labels), "reason=\"%zu\"", i);
		board_add(board_series(METRIC_CALLS_REFUSED_TOTAL, labels), 1);
	}
	while (board_series_at(rows))
		rows++;
	/* One row is that of the counter of misses. */
	assert_int_equal(count_series(METRIC_BOARD_MISSES_TOTAL, ""), 1);
	assert_int_equal(board_get(board_series(METRIC_BOARD_MISSES_TOTAL, "")),
			 ENOUGH - (rows - 1));
	assert_true(rows >= 1024);
	spare = board_series(METRIC_LOOP_LAG_SECONDS, "");
	board_observe(spare, 1);
	assert_null(board_buckets(spare));
	assert_int_equal(count_series(METRIC_LOOP_LAG_SECONDS, ""), 0);
	assert_null(board_series_at(rows));
}

static void labels_too_long_give_a_spare(void **state)
{
	char labels[sizeof(((struct board_series *)0)->labels) + 1];

	(void)state;
	memset(labels, 'x', sizeof(labels));
	labels[sizeof(labels) - 1] = '\0';
	board_add(board_series(METRIC_CALLS_TOTAL, labels), 1);
	assert_int_equal(count_series(METRIC_CALLS_TOTAL, labels), 0);
	assert_int_equal(board_get(board_series(METRIC_BOARD_MISSES_TOTAL, "")),
			 1);
	labels[sizeof(labels) - 2] = '\0';
	board_add(board_series(METRIC_CALLS_TOTAL, labels), 1);
	assert_int_equal(count_series(METRIC_CALLS_TOTAL, labels), 1);
}

static void without_buckets_a_histogram_still_adds_up(void **state)
{
	struct board_series *s = NULL;

	(void)state;
	for (int i = 0; i < 65; i++) {
		char labels[32];

		(void)snprintf(labels, sizeof(labels), "loop=\"%d\"", i);
		s = board_series(METRIC_LOOP_LAG_SECONDS, labels);
		assert_true((board_buckets(s) != NULL) == (i < 64));
	}
	board_observe(s, 12);
	assert_int_equal(board_get(s), 12);
}

static size_t count_threads(int32_t pid)
{
	size_t count = 0;

	for (size_t i = 0; i < BOARD_THREADS; i++)
		count += atomic_load(&board_thread_at(i)->pid) == pid;
	return count;
}

static void leave_traces(void)
{
	(void)board_thread_claim("loop-0", true);
	(void)board_thread_claim("spooler", false);
	(void)board_journal_claim("journal-of-the-dead");
}

static void a_dead_process_can_be_forgotten(void **state)
{
	struct board_thread *ours = board_thread_claim("ours", true);
	struct board_journal *journal = board_journal_claim("ours");
	pid_t pid = fork_and(leave_traces);

	(void)state;
	await_exit(pid);
	assert_int_equal(count_threads(pid), 2);
	assert_non_null(board_journal_find("journal-of-the-dead"));
	board_forget_process(pid);
	assert_int_equal(count_threads(pid), 0);
	assert_null(board_journal_find("journal-of-the-dead"));
	assert_int_equal(ours->pid, getpid());
	assert_ptr_equal(board_journal_find("ours"), journal);
}

static void a_heartbeat_has_a_name_and_an_owner(void **state)
{
	struct board_thread *slot =
		board_thread_claim("a name too long for it", true);

	(void)state;
	assert_string_equal(slot->name, "a name too long");
	assert_int_equal(slot->pid, getpid());
	assert_int_equal(slot->watched, 1);
	atomic_store(&slot->beats, 99);
	board_thread_release(slot);
	assert_ptr_equal(board_thread_claim("b", false), slot);
	assert_string_equal(slot->name, "b");
	assert_int_equal(slot->watched, 0);
	assert_int_equal(slot->beats, 0);
}

static void more_threads_than_slots_share_a_spare(void **state)
{
	(void)state;
	for (size_t i = 0; i < BOARD_THREADS + 5; i++)
		assert_non_null(board_thread_claim("many", false));
	assert_int_equal(count_threads(getpid()), BOARD_THREADS);
}

static void a_journal_is_found_by_its_name(void **state)
{
	struct board_journal *a = board_journal_claim("a");
	struct board_journal *b = board_journal_claim("b");
	char name[sizeof(a->name) + 1];

	(void)state;
	atomic_store(&a->durable_seq, 17);
	assert_ptr_equal(board_journal_find("a"), a);
	assert_ptr_equal(board_journal_find("b"), b);
	assert_null(board_journal_find("c"));
	board_journal_release(a);
	assert_null(board_journal_find("a"));
	assert_ptr_equal(board_journal_claim("c"), a);
	assert_int_equal(a->durable_seq, 0);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_null(board_journal_claim(name));
	board_journal_release(NULL);
}

static int claim_in_thread(struct thread *self, void *arg)
{
	(void)arg;
	while (!thread_stopping(self))
		board_journal_release(board_journal_claim("coming-and-going"));
	return 0;
}

/* An event log begins its journal while the drainer looks for others. */
static void a_journal_is_found_while_another_comes_and_goes(void **state)
{
	struct board_journal *mine = board_journal_claim("mine");
	struct thread *thread;

	(void)state;
	assert_int_equal(thread_start(&thread,
				      &(struct thread_options){
					      .name = "claims",
					      .body = claim_in_thread }),
			 0);
	for (int i = 0; i < 10000; i++)
		assert_ptr_equal(board_journal_find("mine"), mine);
	thread_stop(thread);
	thread_join(thread);
}

static void a_text_is_read_whole_and_cut_when_too_long(void **state)
{
	static struct board_text text;
	char long_value[200], out[BOARD_TEXT_SIZE];

	(void)state;
	board_text_get(&text, out);
	assert_string_equal(out, "");
	board_text_set(&text, "NeonEndpointDisabled");
	board_text_get(&text, out);
	assert_string_equal(out, "NeonEndpointDisabled");
	memset(long_value, 'x', sizeof(long_value));
	long_value[sizeof(long_value) - 1] = '\0';
	board_text_set(&text, long_value);
	board_text_get(&text, out);
	assert_int_equal(strlen(out), BOARD_TEXT_SIZE - 1);
	atomic_fetch_add(&text.version, 1); /* its writer died in the middle */
	board_text_get(&text, out);
	assert_int_equal(strlen(out), BOARD_TEXT_SIZE - 1);
}

#define board_test(f) cmocka_unit_test_setup(f, empty_board)

int main(void)
{
	const struct CMUnitTest tests[] = {
		board_test(every_metric_has_a_proper_name),
		board_test(the_same_labels_are_the_same_series),
		board_test(a_child_writes_what_its_parent_reads),
		board_test(an_observation_falls_into_its_bucket),
		board_test(bounds_double_up_to_infinity),
		board_test(racing_threads_end_with_one_series),
		board_test(racing_processes_end_with_one_series),
		board_test(a_claimer_that_died_holds_nobody_up),
		board_test(a_full_board_gives_a_spare_and_counts_it),
		board_test(labels_too_long_give_a_spare),
		board_test(without_buckets_a_histogram_still_adds_up),
		board_test(a_dead_process_can_be_forgotten),
		board_test(a_heartbeat_has_a_name_and_an_owner),
		board_test(more_threads_than_slots_share_a_spare),
		board_test(a_journal_is_found_by_its_name),
		board_test(a_journal_is_found_while_another_comes_and_goes),
		board_test(a_text_is_read_whole_and_cut_when_too_long),
	};

	return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
