/*
 * drainer_kit.h - a drainer, its outbox and its database, for tests
 *
 * Real journals, a real drainer thread, real databases: SQLite where any will
 * do, a PostgreSQL of our own where it has to be stopped or misconfigured.
 * DRAINER_KIT_PORT is that one's, and differs from test to test.
 */
#ifndef TESTS_UNIT_DRAINER_KIT_H
#define TESTS_UNIT_DRAINER_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>
#include <jansson.h>
#include <sqlite3.h>

#include "persistence/drainer.h"
#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/outbox.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/settings.h"
#include "support/postgres.h"
#include "support/rows.h"

#define AWAIT_MS 60000u

static struct postgres pg;

struct fixture {
	char dir[32], outbox_dir[48], db_path[48], dead_dir[64];
	struct settings settings;
	struct estate *estate; /* what the next journal's writer has open */
	struct drainer *drainer;
};

/* ---- set-up ---------------------------------------------------------------
 */

static inline int start_server(void **state)
{
	(void)state;
	postgres_create(&pg, DRAINER_KIT_PORT);
	postgres_start(&pg);
	postgres_wait(&pg);
	return 0;
}

static inline int stop_server(void **state)
{
	(void)state;
	postgres_destroy(&pg);
	return 0;
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/holdline-drain-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->outbox_dir, sizeof(f->outbox_dir), "%s/outbox",
		       f->dir);
	(void)snprintf(f->dead_dir, sizeof(f->dead_dir), "%s/outbox/dead",
		       f->dir);
	(void)snprintf(f->db_path, sizeof(f->db_path), "%s/h.db", f->dir);
	(void)snprintf(f->settings.data_dir, sizeof(f->settings.data_dir), "%s",
		       f->dir);
	(void)snprintf(f->settings.node_id, sizeof(f->settings.node_id), "n1");
	(void)snprintf(f->settings.database.url,
		       sizeof(f->settings.database.url), "sqlite:%s",
		       f->db_path);
	f->settings.outbox.keep_delivered_ms = 3600000;
	f->settings.database.connect_timeout_ms = 5000;
	f->settings.database.statement_timeout_ms = 30000;
	f->settings.database.pool_recycle_ms = 300000;
	f->settings.database.batch_records = 100;
	f->settings.database.poison_percent = 20;
	f->settings.database.retry_initial_ms = 20;
	f->settings.database.retry_max_ms = 200;
	f->settings.database.retry_jitter = 0.2;
	f->settings.database.breaker_open_after_ms = 300000;
	f->settings.database.breaker_pause_ms = 60000;
	assert_int_equal(estate_create(&f->estate), 0);
	atomic_store(&board_flags()->db_state, BOARD_DB_UNKNOWN);
	*state = f;
	return 0;
}

static inline int set_up_postgres(void **state)
{
	if (pg.pid == 0)
		postgres_start(&pg);
	postgres_wait(&pg);
	postgres_sql(&pg, "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
		     NULL, 0);
	(void)set_up(state);
	(void)snprintf(
		((struct fixture *)*state)->settings.database.url,
		sizeof(((struct fixture *)*state)->settings.database.url), "%s",
		pg.url);
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[96];

	if (f->drainer)
		drainer_stop(f->drainer, 1000);
	estate_destroy(f->estate);
	(void)snprintf(command, sizeof(command), "rm -rf -- %s", f->dir);
	/* NOLINTNEXTLINE(cert-env33-c): a path of our own making */
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* ---- what the tests are told in -------------------------------------------
 */

static inline struct journal *open_journal(struct fixture *f)
{
	const struct journal_options options = {
		.outbox_dir = f->outbox_dir,
		.role = "media",
		.segment_bytes = 1048576,
		.open = f->estate,
	};
	struct journal *journal;

	assert_int_equal(journal_create(&journal, &options), 0);
	return journal;
}

/* Commits and frees. */
static inline void commit(struct journal *journal, struct record **records,
			  size_t count)
{
	assert_int_equal(journal_commit(journal, records, count), 0);
	for (size_t i = 0; i < count; i++)
		free(records[i]);
}

/* A call's start, checkpoint and end, for calls first to last. */
static inline void commit_calls(struct journal *journal, unsigned first,
				unsigned last)
{
	for (unsigned call = first; call <= last; call++) {
		struct record *records[] = {
			rows_started(call),
			rows_call(RECORD_CALL_CHECKPOINT, call, 2, "live", 50),
			rows_ended(call, 3),
		};

		commit(journal, records, 3);
	}
}

static inline void start(struct fixture *f)
{
	assert_int_equal(drainer_start(&f->drainer, &f->settings), 0);
}

static inline void stop(struct fixture *f)
{
	drainer_stop(f->drainer, 10000);
	f->drainer = NULL;
}

/* The one value of a query; -1 while there is no such table. */
static inline long lite_number(const struct fixture *f, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	long number = -1;
	sqlite3 *db;

	if (sqlite3_open_v2(f->db_path, &db, SQLITE_OPEN_READONLY, NULL) ==
		    SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = (long)sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return number;
}

static inline void pause_briefly(void)
{
	static const struct timespec step = { .tv_nsec = 5000000 };

	(void)nanosleep(&step, NULL);
}

#define AWAIT(condition)                                             \
	do {                                                         \
		uint64_t await_until = clock_mono_ms() + AWAIT_MS;   \
                                                                     \
		while (!(condition)) {                               \
			if (clock_mono_ms() >= await_until)          \
				fail_msg("in vain: %s", #condition); \
			pause_briefly();                             \
		}                                                    \
	} while (0)

static inline int64_t metric(enum board_metric which, const char *labels)
{
	return board_get(board_series(which, labels));
}

static inline uint32_t db_state(void)
{
	return atomic_load(&board_flags()->db_state);
}

/* What is not acked, as a tool sees it. */
static inline uint64_t pending(const struct fixture *f)
{
	const struct outbox_options options = { .dir = f->outbox_dir,
						.read_only = true };
	struct outbox *outbox;
	uint64_t count;

	assert_int_equal(outbox_open(&outbox, &options), 0);
	count = outbox_stats(outbox).pending;
	outbox_close(outbox);
	return count;
}

/* Reads the dead letters back; the last one's payload is the caller's. */
static inline unsigned dead_letters(const struct fixture *f, json_t **last)
{
	const struct outbox_options options = { .dir = f->dead_dir,
						.read_only = true };
	struct outbox_journal *journal;
	struct journal_entry entry;
	struct outbox *outbox;
	unsigned count = 0;
	size_t cursor = 0;

	*last = NULL;
	if (outbox_open(&outbox, &options) == -ENOENT)
		return 0;
	while ((journal = outbox_next_journal(outbox, &cursor)))
		while (outbox_journal_next(journal, &entry) == 1) {
			json_decref(*last);
			*last = json_loads(entry.record->payload, 0, NULL);
			free(entry.record);
			count++;
		}
	outbox_close(outbox);
	return count;
}

static inline long pg_number(const char *sql)
{
	return postgres_number(&pg, sql);
}

#define LITE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define POSTGRES(test) \
	cmocka_unit_test_setup_teardown(test, set_up_postgres, tear_down)

#endif
