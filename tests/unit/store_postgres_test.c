/* store_postgres_test.c - the rules of replay, and what is PostgreSQL's own
 *
 * Against a real server of our own, which is stopped, started, locked and
 * misconfigured as need be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "persistence/migrations.h"
#include "server/clock.h"
#include "support/postgres.h"
#include "support/store_rules.h"

#define PORT 22001

static struct postgres pg;

static struct store *make_store(const char *url)
{
	const struct store_options options = {
		.url = url,
		.application = "holdline/test/1",
		.connect_timeout_ms = 5000,
		.statement_timeout_ms = 10000,
		.recycle_ms = 300000,
	};
	struct store *store;

	assert_int_equal(store_create(&store, &options), 0);
	return store;
}

static int start_server(void **state)
{
	(void)state;
	postgres_create(&pg, PORT);
	postgres_start(&pg);
	postgres_wait(&pg);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	postgres_destroy(&pg);
	return 0;
}

static int set_up(void **state)
{
	if (pg.pid == 0) /* a failed test left it so */
		postgres_start(&pg);
	postgres_wait(&pg);
	postgres_sql(&pg, "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
		     NULL, 0);
	*state = make_store(pg.url);
	return 0;
}

static int tear_down(void **state)
{
	store_destroy(*state);
	return 0;
}

#define RULE(name)                     \
	static void name(void **state) \
	{                              \
		rule_##name(*state);   \
	}

RULE(any_order_ends_in_the_same_row)
RULE(an_older_rev_changes_nothing)
RULE(an_event_is_kept_once)
RULE(a_row_reads_as_the_contract_says)
RULE(calls_are_listed_newest_first)
RULE(a_refused_batch_leaves_no_trace)
RULE(what_the_provider_says_completes_its_call)
RULE(an_interrupted_store_stays_so)

static void *migrate(void *arg)
{
	struct store *store = make_store(arg);
	struct db_error err = { .text = "" };
	int r = store_ready(store, &err);

	if (r < 0)
		print_error("%s: %s\n", err.reason, err.text);
	store_destroy(store);
	return r == 0 ? arg : NULL;
}

static void ten_may_migrate_at_once(void **state)
{
	pthread_t threads[10];
	struct db_error err;
	int has, wants;

	for (size_t i = 0; i < 10; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, migrate, pg.url), 0);
	for (size_t i = 0; i < 10; i++) {
		void *fine;

		pthread_join(threads[i], &fine);
		assert_non_null(fine);
	}
	assert_int_equal(store_schema_version(*state, &has, &wants, &err), 0);
	assert_int_equal(has, wants);
	assert_int_equal(
		postgres_number(&pg, "SELECT count(*) FROM schema_migrations"),
		(long)migration_count);
}

static void a_newer_schema_is_left_alone(void **state)
{
	struct record *record = rows_started(1);
	struct db_error err;

	postgres_sql(&pg,
		     "CREATE TABLE schema_migrations (version int PRIMARY KEY, "
		     "applied_at timestamptz);"
		     "INSERT INTO schema_migrations VALUES (999, now())",
		     NULL, 0);
	assert_int_equal(rules_write(*state, &record, 1, &err), -1);
	assert_int_equal(err.family, DB_SETUP);
	assert_string_equal(err.reason, "NewerSchema");
	assert_int_equal(postgres_number(&pg, "SELECT (to_regclass('calls') "
					      "IS NULL)::int"),
			 1);
}

static void a_batch_is_all_there_or_not_at_all(void **state)
{
	struct record *batch[500];

	for (unsigned i = 0; i < 500; i++)
		batch[i] = i % 5 == 4 ? rows_event(i, i - 4)
				      : rows_call(RECORD_CALL_STARTED, i % 40,
						  i + 1, "live", i);
	rules_must_write(*state, batch, 500);
	assert_int_equal(postgres_number(&pg, "SELECT count(*) FROM calls"),
			 32);
	assert_int_equal(
		postgres_number(&pg, "SELECT count(*) FROM call_events"), 100);
	assert_int_equal(postgres_number(&pg, "SELECT max(rev) FROM calls"),
			 499);
}

/* A payload as long as they get, in a batch longer than the socket's buffers:
 * both ends have something to say at the same time. */
static void a_batch_of_many_megabytes_passes(void **state)
{
	const size_t size = (size_t)RECORD_PAYLOAD_MAX;
	char *payload = malloc(size + 1);
	struct record *batch[40];

	assert_non_null(payload);
	for (unsigned i = 0; i < 40; i++) {
		int n = snprintf(payload, 400,
				 "{\"event_id\":\"019e0000-0000-7000-8000-"
				 "%012x\",\"call_id\":\"019e0000-0000-7000-"
				 "8000-000000000001\",\"at\":\"2026-11-23T06:"
				 "37:00Z\",\"kind\":\"x\",\"data\":{\"x\":\"",
				 i);

		memset(payload + n, 'a', size - (size_t)n - 3);
		memcpy(payload + size - 3, "\"}}", 4);
		batch[i] = rows_make(RECORD_CALL_EVENT, 1, 0, payload);
	}
	free(payload);
	rules_must_write(*state, batch, 40);
	assert_int_equal(
		postgres_number(&pg, "SELECT count(*) FROM call_events"), 40);
}

static void a_session_that_was_ended_is_replaced(void **state)
{
	struct record *record = rows_started(1);
	struct pollfd fd;

	rules_must_write(*state, &record, 1);
	fd = (struct pollfd){ .fd = store_socket(*state), .events = POLLIN };
	assert_true(fd.fd >= 0);
	assert_int_equal(poll(&fd, 1, 0), 0);
	postgres_sql(&pg,
		     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
		     "WHERE application_name = 'holdline/test/1'",
		     NULL, 0);
	assert_int_equal(poll(&fd, 1, 10000), 1);
	record = rows_ended(1, 2); /* it is looked at before it is used */
	rules_must_write(*state, &record, 1);
}

static void a_missing_table_is_a_fault_of_the_set_up(void **state)
{
	struct record *record = rows_started(1);
	struct db_error err;

	assert_int_equal(store_ready(*state, &err), 0);
	postgres_sql(&pg, "ALTER TABLE calls RENAME TO gone", NULL, 0);
	assert_int_equal(rules_write(*state, &record, 1, &err), -1);
	assert_int_equal(err.family, DB_SETUP);
	assert_string_equal(err.reason, "UndefinedTable");
	assert_string_equal(err.sqlstate, "42P01");
	postgres_sql(&pg, "ALTER TABLE gone RENAME TO calls", NULL, 0);
	record = rows_started(1);
	rules_must_write(*state, &record, 1);
}

/* The table changes under a session that has used it. */
static void a_ddl_between_two_batches_changes_nothing(void **state)
{
	struct record *record = rows_started(1);

	rules_must_write(*state, &record, 1);
	postgres_sql(&pg,
		     "ALTER TABLE calls ADD COLUMN extra text; "
		     "ALTER TABLE calls ALTER COLUMN codec TYPE varchar(40)",
		     NULL, 0);
	record = rows_ended(1, 2);
	rules_must_write(*state, &record, 1);
}

static void a_lock_that_others_hold_ends_in_time(void **state)
{
	const struct store_options options = {
		.url = pg.url,
		.connect_timeout_ms = 5000,
		.statement_timeout_ms = 200,
		.recycle_ms = 300000,
	};
	struct record *record = rows_started(1);
	PGconn *other = PQconnectdb(pg.url);
	struct db_error err;
	struct store *store;

	assert_int_equal(store_ready(*state, &err), 0);
	PQclear(PQexec(other, "BEGIN; LOCK TABLE calls"));
	assert_int_equal(store_create(&store, &options), 0);
	assert_int_equal(rules_write(store, &record, 1, &err), -1);
	assert_int_equal(err.family, DB_SMALLER);
	PQfinish(other);
	record = rows_started(1);
	rules_must_write(store, &record, 1);
	store_destroy(store);
}

static void failed_connects_say_why(void **state)
{
	static const struct {
		const char *url;
		enum db_family family;
		const char *sqlstate, *reason;
	} rows[] = {
		{ "postgresql://postgres:wrong@127.0.0.1:22001/postgres",
		  DB_SETUP, "28P01", "InvalidPassword" },
		{ "postgresql://postgres@127.0.0.1:22001/postgres", DB_SETUP,
		  "", "InvalidPassword" },
		{ "postgresql://postgres:secret@127.0.0.1:22001/nowhere",
		  DB_SETUP, "3D000", "InvalidCatalogName" },
		{ "postgresql://postgres:secret@127.0.0.1:22002/postgres",
		  DB_TRANSIENT, "", "ConnectionRefused" },
		{ "postgresql://postgres@/x?host=/tmp/holdline-nowhere",
		  DB_TRANSIENT, "", "ConnectionFailure" },
	};
	struct db_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store *store = make_store(rows[i].url);

		assert_int_equal(store_ready(store, &err), -1);
		if (err.family != rows[i].family ||
		    strcmp(err.sqlstate, rows[i].sqlstate) != 0 ||
		    strcmp(err.reason, rows[i].reason) != 0)
			fail_msg("%s: %s %s %s: %s", rows[i].url,
				 db_family_name(err.family), err.sqlstate,
				 err.reason, err.text);
		assert_null(strstr(err.text, "wrong"));
		store_destroy(store);
	}
}

static void the_right_password_is_taken(void **state)
{
	struct store *store = make_store(pg.tcp_url);
	struct record *record = rows_started(1);

	(void)state;
	rules_must_write(store, &record, 1);
	store_destroy(store);
}

/* A standby that still starts says 57P03; a stopped server, nothing. */
static void a_server_on_its_way_up_is_transient(void **state)
{
	struct db_error err = { .text = "" };
	bool seen = false;

	assert_int_equal(store_ready(*state, &err), 0);
	postgres_stop(&pg, SIGQUIT);
	assert_int_equal(store_ping(*state, &err), -1);
	assert_int_equal(err.family, DB_TRANSIENT);
	postgres_start(&pg);
	while (store_ping(*state, &err) < 0) {
		if (err.family != DB_TRANSIENT)
			fail_msg("%s %s: %s", db_family_name(err.family),
				 err.sqlstate, err.text);
		seen = seen || strcmp(err.sqlstate, "57P03") == 0;
	}
	assert_true(seen);
}

/* A server that takes the connection and then says nothing. */
static int silent_server(unsigned port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void a_silent_server_is_given_up_in_time(void **state)
{
	const struct store_options options = {
		.url = "postgresql://x@127.0.0.1:22003/x",
		.connect_timeout_ms = 100,
		.statement_timeout_ms = 100,
	};
	int fd = silent_server(22003);
	struct db_error err;
	struct store *store;

	(void)state;
	assert_int_equal(store_create(&store, &options), 0);
	assert_int_equal(store_ready(store, &err), -1);
	assert_int_equal(err.family, DB_TRANSIENT);
	assert_string_equal(err.reason, "Timeout");
	store_destroy(store);
	(void)close(fd);
}

static void *connect_to_silence(void *arg)
{
	struct db_error err;

	return store_ready(arg, &err) < 0 &&
			       strcmp(err.reason, "Interrupted") == 0
		       ? arg
		       : NULL;
}

static void an_interrupt_ends_a_wait_at_once(void **state)
{
	struct store *store = make_store("postgresql://x@127.0.0.1:22003/x");
	int fd = silent_server(22003), peer;
	pthread_t thread;
	void *fine;

	(void)state;
	assert_int_equal(
		pthread_create(&thread, NULL, connect_to_silence, store), 0);
	peer = accept(fd, NULL, NULL); /* it waits for an answer now */
	store_interrupt(store);
	pthread_join(thread, &fine);
	assert_non_null(fine);
	store_destroy(store);
	(void)close(peer);
	(void)close(fd);
}

/* Neon's proxy: an ErrorResponse with XX000 to whatever it is asked. */
static void *disabled_endpoint(void *arg)
{
	static const char error[] =
		"SERROR\0CXX000\0MThe endpoint has been disabled. Enable it "
		"using Neon API and retry.\0";
	unsigned char answer[5 + sizeof(error)] = { 'E' };
	const int *fd = arg;
	char request[512];
	int peer = accept(*fd, NULL, NULL);

	answer[4] = 4 + sizeof(error);
	memcpy(answer + 5, error, sizeof(error));
	(void)!read(peer, request, sizeof(request));
	(void)!write(peer, answer, sizeof(answer));
	(void)close(peer);
	return NULL;
}

static void a_disabled_neon_endpoint_is_transient(void **state)
{
	struct store *store =
		make_store("postgresql://x@127.0.0.1:22003/x?sslmode=disable");
	int fd = silent_server(22003);
	struct db_error err;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, disabled_endpoint, &fd),
			 0);
	assert_int_equal(store_ready(store, &err), -1);
	pthread_join(thread, NULL);
	assert_int_equal(err.family, DB_TRANSIENT);
	assert_string_equal(err.sqlstate, "XX000");
	assert_string_equal(err.reason, "NeonEndpointDisabled");
	store_destroy(store);
	(void)close(fd);
}

static void an_old_session_is_renewed(void **state)
{
	const struct store_options options = {
		.url = pg.url,
		.application = "holdline/recycled",
		.connect_timeout_ms = 5000,
		.statement_timeout_ms = 5000,
		.recycle_ms = 1,
	};
	static const char pid_sql[] =
		"SELECT max(pid) FROM pg_stat_activity "
		"WHERE application_name = 'holdline/recycled'";
	struct store *store;
	struct db_error err;
	uint64_t begin_ms;
	long pid;

	(void)state;
	assert_int_equal(store_create(&store, &options), 0);
	assert_int_equal(store_ping(store, &err), 0);
	pid = postgres_number(&pg, pid_sql);
	for (begin_ms = clock_mono_ms(); clock_mono_ms() < begin_ms + 2;)
		;
	assert_int_equal(store_ping(store, &err), 0);
	assert_int_not_equal(postgres_number(&pg, pid_sql), pid);
	store_destroy(store);
}

#define WITH_TABLES(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TABLES(any_order_ends_in_the_same_row),
		WITH_TABLES(an_older_rev_changes_nothing),
		WITH_TABLES(an_event_is_kept_once),
		WITH_TABLES(a_row_reads_as_the_contract_says),
		WITH_TABLES(calls_are_listed_newest_first),
		WITH_TABLES(a_refused_batch_leaves_no_trace),
		WITH_TABLES(what_the_provider_says_completes_its_call),
		WITH_TABLES(an_interrupted_store_stays_so),
		WITH_TABLES(ten_may_migrate_at_once),
		WITH_TABLES(a_newer_schema_is_left_alone),
		WITH_TABLES(a_batch_is_all_there_or_not_at_all),
		WITH_TABLES(a_batch_of_many_megabytes_passes),
		WITH_TABLES(a_session_that_was_ended_is_replaced),
		WITH_TABLES(a_missing_table_is_a_fault_of_the_set_up),
		WITH_TABLES(a_ddl_between_two_batches_changes_nothing),
		WITH_TABLES(a_lock_that_others_hold_ends_in_time),
		WITH_TABLES(failed_connects_say_why),
		WITH_TABLES(the_right_password_is_taken),
		WITH_TABLES(a_server_on_its_way_up_is_transient),
		cmocka_unit_test(a_silent_server_is_given_up_in_time),
		cmocka_unit_test(an_interrupt_ends_a_wait_at_once),
		cmocka_unit_test(a_disabled_neon_endpoint_is_transient),
		WITH_TABLES(an_old_session_is_renewed),
	};

	return cmocka_run_group_tests_name("store_postgres", tests,
					   start_server, stop_server);
}
