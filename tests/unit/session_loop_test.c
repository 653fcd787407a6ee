/* session_loop_test.c - whoever wants to know of an end is told until he took
 * it
 *
 * The loop with a real drainer, by its errands (SQLite) and with a session of
 * its own (PostgreSQL). What it does while a database is away stands in
 * integration/test_sessions.py. */
#define DRAINER_KIT_PORT 20002

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "persistence/session_loop.h"
#include "unit/drainer_kit.h"

#define SESSIONS 250 /* several steps */

struct listener {
	atomic_uint refusals; /* still to come */
	atomic_uint asked, told;
};

static int on_closed(const json_t *summaries, void *arg)
{
	struct listener *listener = arg;

	atomic_fetch_add(&listener->asked, 1);
	if (atomic_load(&listener->refusals) > 0) {
		atomic_fetch_sub(&listener->refusals, 1);
		return -EIO;
	}
	for (size_t i = 0; i < json_array_size(summaries); i++)
		if (json_is_string(json_object_get(json_array_get(summaries, i),
						   "close_id")))
			atomic_fetch_add(&listener->told, 1);
	return 0;
}

/* Of yesterday, each from a person of his own. */
static void commit_messages(struct fixture *f, unsigned count)
{
	struct journal *journal = open_journal(f);

	for (unsigned i = 1; i <= count; i++) {
		char id[UUID_TEXT_SIZE], payload[512];
		struct uuid uuid = rows_id(i);
		struct record *record;

		uuid_format(&uuid, id);
		(void)snprintf(
			payload, sizeof(payload),
			"{\"message_id\":\"%s\",\"provider\":\"twilio\","
			"\"channel\":\"sms\",\"account_id\":\"+1\","
			"\"provider_message_id\":\"SM%u\",\"peer\":\"+2%u\","
			"\"peer_phone\":\"+2%u\",\"direction\":\"inbound\","
			"\"at\":\"2026-11-23T06:37:00.000000Z\","
			"\"kind\":\"text\",\"idle_ms\":900000}",
			id, i, i, i);
		record = rows_make(RECORD_MESSAGE_RECEIVED, i, 0, payload);
		commit(journal, &record, 1);
	}
	journal_close(journal);
}

static struct session_loop *start_loop(struct fixture *f,
				       struct listener *listener)
{
	const struct session_loop_options options = {
		.settings = &f->settings,
		.drainer = f->drainer,
		.closed = on_closed,
		.arg = listener,
	};
	struct session_loop *loop;

	f->settings.sessions.interval_ms = 50;
	f->settings.node.lease_ms = 60000;
	assert_int_equal(session_loop_start(&loop, &options), 0);
	return loop;
}

static void end(struct fixture *f, struct session_loop *loop)
{
	session_loop_close(loop);
	stop(f);
	assert_null(session_loop_stop(loop));
}

static void await(const atomic_uint *number, unsigned value)
{
	uint64_t by_ms = clock_mono_ms() + AWAIT_MS;

	while (atomic_load(number) < value) {
		if (clock_mono_ms() > by_ms)
			fail_msg("%u of %u", atomic_load(number), value);
		pause_briefly();
	}
}

static void what_was_not_taken_is_told_again_and_then_no_more(void **state)
{
	struct fixture *f = *state;
	struct listener listener = { .refusals = 2 };
	struct session_loop *loop;
	unsigned asked;

	commit_messages(f, SESSIONS);
	start(f);
	loop = start_loop(f, &listener);
	await(&listener.told, SESSIONS);
	assert_int_equal(atomic_load(&listener.refusals), 0);
	asked = atomic_load(&listener.asked);
	end(f, loop);

	/* Another life of the process knows that they were told. */
	start(f);
	loop = start_loop(f, &listener);
	for (unsigned i = 0; i < 40; i++)
		pause_briefly();
	end(f, loop);
	assert_int_equal(atomic_load(&listener.told), SESSIONS);
	assert_int_equal(atomic_load(&listener.asked), asked);
}

static void it_ends_while_the_database_is_away(void **state)
{
	struct fixture *f = *state;
	struct listener listener = { .refusals = 0 };
	struct session_loop *loop;

	start(f);
	loop = start_loop(f, &listener);
	postgres_stop(&pg, SIGQUIT);
	while (atomic_load(&board_flags()->db_state) != BOARD_DB_DOWN)
		pause_briefly();
	end(f, loop);
}

/* The drainer's end gives up an errand that it never came to. */
static void it_ends_while_the_drainer_never_comes_to_it(void **state)
{
	struct fixture *f = *state;
	struct listener listener = { .refusals = 0 };
	const struct outbox_options options = { .dir = f->outbox_dir };
	struct outbox *other; /* has the lock that the drainer wants */
	struct session_loop *loop;

	assert_int_equal(outbox_open(&other, &options), 0);
	start(f);
	loop = start_loop(f, &listener);
	pause_briefly();
	end(f, loop);
	outbox_close(other);
	assert_int_equal(atomic_load(&listener.asked), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_not_taken_is_told_again_and_then_no_more,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_was_not_taken_is_told_again_and_then_no_more,
			set_up_postgres, tear_down),
		cmocka_unit_test_setup_teardown(
			it_ends_while_the_database_is_away, set_up_postgres,
			tear_down),
		cmocka_unit_test_setup_teardown(
			it_ends_while_the_drainer_never_comes_to_it, set_up,
			tear_down),
	};

	return cmocka_run_group_tests_name("session_loop", tests, start_server,
					   stop_server);
}
