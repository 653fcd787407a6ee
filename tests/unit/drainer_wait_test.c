/*
 * drainer_wait_test.c - what ends a wait, and what keeps a record back
 *
 * A drainer that waits for its database is woken by an operator's kick, by
 * another user's success, and by its end. A storm of refusals and an operator's
 * pause keep everything where it is.
 */
#define DRAINER_KIT_PORT 20512
#include "drainer_kit.h"

#include <semaphore.h>

#include "persistence/operations.h"
#include "persistence/recovery.h"

#define FOREVER_MS (3600u * 1000u)

/* ---- operations ------------------------------------------------------------
 */

struct asked {
	struct drainer_job job;
	sem_t done;
};

static void is_done(struct drainer_job *job)
{
	sem_post(job->context);
}

/* Has the drainer do it, and waits. */
static int ask(struct fixture *f, const struct operation *operation)
{
	struct asked asked = { .job = { .operation = *operation,
					.done = is_done } };

	assert_int_equal(sem_init(&asked.done, 0, 0), 0);
	asked.job.context = &asked.done;
	assert_int_equal(drainer_submit(f->drainer, &asked.job), 0);
	while (sem_wait(&asked.done) < 0)
		;
	sem_destroy(&asked.done);
	return asked.job.error;
}

/* Ten calls wait, and the next try is an hour away. */
static void go_to_sleep(struct fixture *f)
{
	struct journal *journal = open_journal(f);

	f->settings.database.retry_initial_ms = FOREVER_MS;
	f->settings.database.retry_max_ms = FOREVER_MS;
	f->settings.database.breaker_open_after_ms = FOREVER_MS;
	commit_calls(journal, 1, 10);
	journal_close(journal);
	postgres_stop(&pg, SIGQUIT);
	start(f);
	AWAIT(db_state() == BOARD_DB_DOWN);
	assert_true(atomic_load(&board_flags()->db_next_try_us) >
		    clock_wall_us() + 1800 * 1000000LL);
	postgres_start(&pg);
	postgres_wait(&pg);
}

static void a_kick_ends_the_longest_wait(void **state)
{
	static const struct operation kick = { .verb = OPERATION_KICK,
					       .who = "test" };
	struct fixture *f = *state;

	go_to_sleep(f);
	assert_int_equal(ask(f, &kick), 0);
	AWAIT(db_state() == BOARD_DB_UP);
	AWAIT(pending(f) == 0);
	assert_int_equal(pg_number("SELECT count(*) FROM calls"), 10);
}

static void anothers_success_ends_the_longest_wait(void **state)
{
	struct fixture *f = *state;

	go_to_sleep(f);
	recovery_announce();
	AWAIT(db_state() == BOARD_DB_UP);
	AWAIT(pending(f) == 0);
}

static void told_to_end_it_tries_once_more(void **state)
{
	struct fixture *f = *state;

	go_to_sleep(f);
	stop(f);
	assert_int_equal(pending(f), 0);
	assert_int_equal(pg_number("SELECT count(*) FROM calls"), 10);
}

static void jobs_are_bounded_and_none_is_forgotten(void **state)
{
	static const struct operation kick = { .verb = OPERATION_KICK,
					       .who = "test" };
	const struct outbox_options options = {
		.dir = ((struct fixture *)*state)->outbox_dir
	};
	struct fixture *f = *state;
	struct asked asked[DRAINER_JOBS_MAX + 1];
	struct journal *journal = open_journal(f);
	struct outbox *former;

	journal_close(journal);
	assert_int_equal(outbox_open(&former, &options), 0);
	start(f); /* and it waits for the former one */
	for (size_t i = 0; i <= DRAINER_JOBS_MAX; i++) {
		asked[i].job =
			(struct drainer_job){ .operation = kick,
					      .done = is_done,
					      .context = &asked[i].done };
		assert_int_equal(sem_init(&asked[i].done, 0, 0), 0);
		assert_int_equal(drainer_submit(f->drainer, &asked[i].job),
				 i < DRAINER_JOBS_MAX ? 0 : -EBUSY);
	}
	stop(f);
	outbox_close(former);
	for (size_t i = 0; i < DRAINER_JOBS_MAX; i++) {
		assert_int_equal(sem_trywait(&asked[i].done), 0);
		assert_int_equal(asked[i].job.error, -ECANCELED);
		sem_destroy(&asked[i].done);
	}
	sem_destroy(&asked[DRAINER_JOBS_MAX].done);
}

/* ---- a storm of refusals ---------------------------------------------------
 */

static void a_new_constraint_buries_nothing(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = open_journal(f);
	json_t *letter;

	start(f);
	AWAIT(db_state() == BOARD_DB_UP);
	postgres_sql(&pg,
		     "ALTER TABLE calls ADD CONSTRAINT nobody CHECK (rev < 0)",
		     NULL, 0);
	commit_calls(journal, 1, 200);
	AWAIT(db_state() == BOARD_DB_PAUSED);
	AWAIT(metric(METRIC_DB_DOWN_TOTAL,
		     "op=\"outbox_drain\",reason=\"PoisonStorm\"") >= 3);
	assert_int_equal(dead_letters(f, &letter), 0);
	postgres_sql(&pg, "ALTER TABLE calls DROP CONSTRAINT nobody", NULL, 0);
	AWAIT(db_state() == BOARD_DB_UP);
	AWAIT(pending(f) == 0);
	assert_int_equal(pg_number("SELECT count(*) FROM calls WHERE rev = 3"),
			 200);
	journal_close(journal);
}

/* One in ten is bad: that is no storm, and all of them are buried. */
static void one_in_ten_is_buried_and_nothing_waits(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = open_journal(f);
	json_t *letter;

	for (unsigned n = 1; n <= 400; n++) {
		struct record *record =
			n % 10 == 0
				? rows_call(RECORD_CALL_ENDED, n, 1, "odd", 0)
				: rows_ended(n, 1);

		commit(journal, &record, 1);
	}
	journal_close(journal);
	start(f);
	AWAIT(pending(f) == 0);
	stop(f);
	assert_int_equal(lite_number(f, "SELECT count(*) FROM calls"), 360);
	assert_int_equal(dead_letters(f, &letter), 40);
	json_decref(letter);
}

/* Half of them: that is one, and it is not over by itself. */
static void every_second_one_bad_waits_for_somebody(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = open_journal(f);
	json_t *letter;

	for (unsigned n = 1; n <= 200; n++) {
		struct record *record =
			n % 2 ? rows_call(RECORD_CALL_ENDED, n, 1, "odd", 0)
			      : rows_ended(n, 1);

		commit(journal, &record, 1);
	}
	journal_close(journal);
	start(f);
	AWAIT(db_state() == BOARD_DB_PAUSED);
	AWAIT(metric(METRIC_DB_DOWN_TOTAL,
		     "op=\"outbox_drain\",reason=\"PoisonStorm\"") >= 3);
	assert_int_equal(db_state(), BOARD_DB_PAUSED);
	assert_in_range(dead_letters(f, &letter), 1, 41);
	json_decref(letter);
	assert_true(pending(f) > 100);
}

/* ---- a backlog --------------------------------------------------------------
 */

/* One journal holds both, as that of a process that lived through an outage. */
static void the_newest_call_does_not_wait_for_the_backlog(void **state)
{
	struct fixture *f = *state;
	struct journal *journal = open_journal(f);
	uint64_t left;

	f->settings.database.batch_records = 20;
	start(f);
	AWAIT(db_state() == BOARD_DB_UP);
	postgres_sql(&pg,
		     "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql "
		     "AS $$BEGIN PERFORM pg_sleep(0.02); RETURN NULL; END$$;"
		     "CREATE TRIGGER slow AFTER INSERT ON call_events "
		     "FOR EACH STATEMENT EXECUTE FUNCTION slow()",
		     NULL, 0);
	for (unsigned i = 0; i < 400; i++) {
		struct record *events[20];

		for (unsigned n = 0; n < 20; n++)
			events[n] = rows_event(1 + i * 20 + n, 1);
		commit(journal, events, 20);
	}
	AWAIT(metric(METRIC_DRAIN_RATE, "") > 0);
	/* Until there is a lane, what comes is behind the rest: so a call a
	 * moment. */
	for (unsigned call = 1; pg_number("SELECT count(*) FROM calls") == 0;
	     call++) {
		commit_calls(journal, call, call);
		for (int i = 0; i < 20; i++)
			pause_briefly();
	}
	left = pending(f);
	assert_true(left > 500);
	AWAIT(pending(f) == 0);
	assert_int_equal(pg_number("SELECT count(*) FROM call_events"), 8000);
	assert_int_equal(pg_number("SELECT count(*) FROM calls WHERE rev < 3"),
			 0);
	journal_close(journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POSTGRES(a_kick_ends_the_longest_wait),
		POSTGRES(anothers_success_ends_the_longest_wait),
		POSTGRES(told_to_end_it_tries_once_more),
		LITE(jobs_are_bounded_and_none_is_forgotten),
		POSTGRES(a_new_constraint_buries_nothing),
		LITE(one_in_ten_is_buried_and_nothing_waits),
		LITE(every_second_one_bad_waits_for_somebody),
		POSTGRES(the_newest_call_does_not_wait_for_the_backlog),
	};

	return cmocka_run_group_tests_name("drainer_wait", tests, start_server,
					   stop_server);
}
