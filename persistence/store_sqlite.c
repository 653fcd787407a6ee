/*
 * store_sqlite.c - the rows in a file beside us (see store.h)
 *
 * The default, and enough for one node. Write-ahead log and synchronous=FULL: a
 * commit survives a power cut. Exactly one connection writes and checkpoints,
 * the drainer's; tools open the file read-only. (SQLite before 3.51.3 has a
 * race that damages the file when two connections do.)
 *
 * SQLite goes on acknowledging after a failed sync, on a file that may no
 * longer hold what it says. So after such an error the connection is closed,
 * and what was not acked yet is written again by the next.
 *
 * Deadline and interruption are looked at by SQLite itself: while it computes
 * (on_progress) and while it waits for another process's lock (on_busy).
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "persistence/migrations.h"
#include "persistence/store_ops.h"
#include "persistence/store_tables.h"
#include "server/clock.h"

#define SCHEME	       "sqlite:"
#define PROGRESS_STEPS 10000 /* well below a millisecond */
#define BUSY_STEP_MS   10u

struct store_sqlite {
	struct store base;
	char *path;
	uint32_t timeout_ms;
	sqlite3 *db; /* NULL: not open */
	sqlite3_stmt *writes[TABLE_COUNT], *queries[QUERY_COUNT];
	uint64_t deadline_ms; /* of the call that runs */
	atomic_bool interrupted;
};

static struct store_sqlite *self(struct store *store)
{
	return (struct store_sqlite *)store;
}

static void sqlite_disconnect(struct store *store)
{
	struct store_sqlite *lite = self(store);

	for (enum store_table_id t = 0; t < TABLE_COUNT; t++) {
		(void)sqlite3_finalize(lite->writes[t]);
		lite->writes[t] = NULL;
	}
	for (enum store_query q = 0; q < QUERY_COUNT; q++) {
		(void)sqlite3_finalize(lite->queries[q]);
		lite->queries[q] = NULL;
	}
	(void)sqlite3_close_v2(lite->db);
	lite->db = NULL;
}

static void sqlite_destroy(struct store *store)
{
	sqlite_disconnect(store);
	free(self(store)->path);
	free(store);
}

static int sqlite_create(struct store **ret,
			 const struct store_options *options)
{
	const char *path = options->url + strlen(SCHEME);
	struct store_sqlite *lite;

	if (!*path)
		return -EINVAL;
	lite = calloc(1, sizeof(*lite));
	if (!lite)
		return -ENOMEM;
	lite->path = strdup(path);
	lite->timeout_ms = options->statement_timeout_ms;
	if (!lite->path) {
		free(lite);
		return -ENOMEM;
	}
	*ret = &lite->base;
	return 0;
}

static bool must_end(const struct store_sqlite *lite)
{
	return atomic_load_explicit(&lite->interrupted, memory_order_relaxed) ||
	       clock_mono_ms() >= lite->deadline_ms;
}

static int on_progress(void *arg)
{
	return must_end(arg);
}

static int on_busy(void *arg, int tries)
{
	static const struct timespec step = { .tv_nsec =
						      BUSY_STEP_MS * 1000000L };

	(void)tries;
	if (must_end(arg))
		return 0;
	(void)nanosleep(&step, NULL);
	return 1;
}

/* Fills in *err from the connection, rolls back, closes what must be closed. */
static int failed(struct store_sqlite *lite, struct db_error *err)
{
	db_error_from_sqlite(err, sqlite3_extended_errcode(lite->db),
			     sqlite3_errmsg(lite->db));
	if (!sqlite3_get_autocommit(lite->db) &&
	    sqlite3_exec(lite->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
		err->connection_lost = true;
	if (err->connection_lost)
		sqlite_disconnect(&lite->base);
	return -1;
}

/* Every call begins here. */
static int begin_call(struct store_sqlite *lite, struct db_error *err)
{
	lite->deadline_ms = clock_mono_ms() + lite->timeout_ms;
	if (!atomic_load(&lite->interrupted))
		return 0;
	db_error_set(err, DB_TRANSIENT, "Interrupted",
		     "interrupted by our own shutdown");
	return -1;
}

static int run(struct store_sqlite *lite, const char *sql, struct db_error *err)
{
	if (sqlite3_exec(lite->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return failed(lite, err);
}

/* Turning the log on needs the file for itself for a moment, and SQLite does
 * not call on_busy for all of its locks here. */
static int use_wal(struct store_sqlite *lite, struct db_error *err)
{
	while (sqlite3_exec(lite->db, "PRAGMA journal_mode = WAL", NULL, NULL,
			    NULL) != SQLITE_OK)
		if (sqlite3_errcode(lite->db) != SQLITE_BUSY ||
		    !on_busy(lite, 0))
			return failed(lite, err);
	return 0;
}

static int configure(struct store_sqlite *lite, struct db_error *err)
{
	(void)sqlite3_extended_result_codes(lite->db, 1);
	(void)sqlite3_busy_handler(lite->db, on_busy, lite);
	sqlite3_progress_handler(lite->db, PROGRESS_STEPS, on_progress, lite);
	if (lite->base.read_only)
		return 0;
	if (use_wal(lite, err) < 0)
		return -1;
	return run(lite,
		   "PRAGMA synchronous = FULL;"
		   "PRAGMA journal_size_limit = 67108864",
		   err);
}

/* The file under our connection may have been moved away or deleted; what we
 * went on writing would be found by nobody. */
static bool has_moved(sqlite3 *db)
{
	int moved = 0;

	return sqlite3_file_control(db, NULL, SQLITE_FCNTL_HAS_MOVED, &moved) ==
		       SQLITE_OK &&
	       moved;
}

static int sqlite_connect(struct store *store, struct db_error *err)
{
	struct store_sqlite *lite = self(store);
	int flags = store->read_only
			    ? SQLITE_OPEN_READONLY
			    : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

	if (begin_call(lite, err) < 0)
		return -1;
	if (lite->db && has_moved(lite->db))
		sqlite_disconnect(store);
	if (lite->db)
		return 0;
	if (sqlite3_open_v2(lite->path, &lite->db,
			    flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
			    NULL) != SQLITE_OK) {
		db_error_from_sqlite(err, sqlite3_extended_errcode(lite->db),
				     sqlite3_errmsg(lite->db));
		sqlite_disconnect(store);
		return -1;
	}
	if (configure(lite, err) < 0) {
		sqlite_disconnect(store);
		return -1;
	}
	store->migrated = false;
	return 0;
}

static int sqlite_version(struct store *store, int *version,
			  struct db_error *err)
{
	struct store_sqlite *lite = self(store);
	sqlite3_stmt *statement = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(lite->db,
			       "SELECT coalesce(max(version), 0) "
			       "FROM schema_migrations",
			       -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW) {
		*version = sqlite3_column_int(statement, 0);
		(void)sqlite3_finalize(statement);
		return 0;
	}
	(void)failed(lite, err);
	if (strcmp(err->reason, "UndefinedTable") == 0)
		*version = 0; /* an empty database */
	else
		r = -1;
	(void)sqlite3_finalize(statement);
	return r;
}

static int run_migration(struct store_sqlite *lite,
			 const struct migration *migration,
			 struct db_error *err)
{
	char now[CLOCK_ISO_SIZE], note[128];

	clock_format_iso(clock_wall_us(), now);
	(void)snprintf(note, sizeof(note),
		       "INSERT INTO schema_migrations VALUES (%d, '%s')",
		       migration->version, now);
	if (run(lite, migration->sqlite, err) < 0)
		return -1;
	return run(lite, note, err);
}

static int sqlite_migrate(struct store *store, struct db_error *err)
{
	struct store_sqlite *lite = self(store);
	int has;

	if (run(lite,
		"BEGIN IMMEDIATE;"
		"CREATE TABLE IF NOT EXISTS schema_migrations ("
		"version INTEGER NOT NULL PRIMARY KEY,"
		"applied_at TEXT NOT NULL) STRICT",
		err) < 0 ||
	    sqlite_version(store, &has, err) < 0)
		return -1;
	for (size_t i = 0; i < migration_count; i++)
		if (migrations[i].version > has &&
		    run_migration(lite, &migrations[i], err) < 0)
			return -1;
	return run(lite, "COMMIT", err);
}

static int prepare(struct store_sqlite *lite, sqlite3_stmt **statement,
		   const char *sql, struct db_error *err)
{
	if (!sql) {
		db_error_set(err, DB_TRANSIENT, "OutOfMemory", "no memory");
		return -1;
	}
	if (sqlite3_prepare_v3(lite->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
			       statement, NULL) == SQLITE_OK)
		return 0;
	return failed(lite, err);
}

static int write_table(struct store_sqlite *lite, enum store_table_id table,
		       const char *rows, struct db_error *err)
{
	sqlite3_stmt **statement = &lite->writes[table];

	if (!*statement) {
		char *sql = store_tables_write_sql(table, DIALECT_SQLITE);
		int r = prepare(lite, statement, sql, err);

		free(sql);
		if (r < 0)
			return -1;
	}
	(void)sqlite3_bind_text(*statement, 1, rows, -1, SQLITE_STATIC);
	if (sqlite3_step(*statement) != SQLITE_DONE) {
		/* Reset after the error was read: it would be the next one's.
		 */
		int r = failed(lite, err);

		(void)sqlite3_reset(lite->writes[table]);
		return r;
	}
	(void)sqlite3_reset(*statement);
	(void)sqlite3_clear_bindings(*statement);
	return 0;
}

static int write_batch(struct store_sqlite *lite,
		       const struct store_batch *batch, struct db_error *err)
{
	if (run(lite, "BEGIN IMMEDIATE", err) < 0)
		return -1;
	for (enum store_table_id t = 0; t < TABLE_COUNT; t++)
		if (batch->rows[t] &&
		    write_table(lite, t, batch->rows[t], err) < 0)
			return -1;
	return run(lite, "COMMIT", err);
}

static int sqlite_write(struct store *store, struct record *const *records,
			size_t count, struct db_error *err)
{
	struct store_sqlite *lite = self(store);
	struct store_batch batch;
	int r;

	if (store_batch_init(&batch, records, count, err) < 0)
		return -1;
	r = write_batch(lite, &batch, err);
	store_batch_finish(&batch);
	return r;
}

static int count_held(struct store_sqlite *lite, const char *sql,
		      const char *rows, bool *held, struct db_error *err)
{
	sqlite3_stmt *count = NULL;
	int r = 0;

	if (prepare(lite, &count, sql, err) < 0)
		return -1;
	(void)sqlite3_bind_text(count, 1, rows, -1, SQLITE_STATIC);
	if (sqlite3_step(count) == SQLITE_ROW)
		*held = sqlite3_column_int(count, 0) > 0;
	else
		r = failed(lite, err);
	(void)sqlite3_finalize(count);
	return r;
}

static int sqlite_held(struct store *store, struct record *const *record,
		       bool *held, struct db_error *err)
{
	enum store_table_id table;
	struct store_batch batch;
	char *sql;
	int r;

	if (store_batch_init(&batch, record, 1, err) < 0)
		return -1;
	table = store_batch_table(&batch);
	sql = store_tables_held_sql(table, DIALECT_SQLITE);
	r = count_held(self(store), sql, batch.rows[table], held, err);
	free(sql);
	store_batch_finish(&batch);
	return r;
}

/* Reads the file, not just the memory of it. */
static int sqlite_ping(struct store *store, struct db_error *err)
{
	return run(self(store), "SELECT count(*) FROM sqlite_schema", err);
}

static int prepare_query(struct store_sqlite *lite, enum store_query query,
			 struct db_error *err)
{
	char *sql;
	int r;

	if (lite->queries[query])
		return 0;
	sql = store_query_sql(query, DIALECT_SQLITE);
	r = prepare(lite, &lite->queries[query], sql, err);
	free(sql);
	return r;
}

/* Runs a query whose parameters are bound, and takes its rows. */
static int fetch(struct store_sqlite *lite, enum store_query query,
		 json_t **ret, struct db_error *err)
{
	sqlite3_stmt *statement = lite->queries[query];
	json_t *rows = json_array();
	int step, r = 0;

	while (r == 0 && (step = sqlite3_step(statement)) != SQLITE_DONE) {
		if (step == SQLITE_ROW)
			r = store_add_row(
				rows,
				(const char *)sqlite3_column_text(statement, 0),
				err);
		else
			r = failed(lite, err);
	}
	(void)sqlite3_reset(lite->queries[query]);
	if (r == 0)
		*ret = rows;
	else
		json_decref(rows);
	return r;
}

static int sqlite_query(struct store *store, enum store_query query,
			const char *const *values, json_t **rows,
			struct db_error *err)
{
	struct store_sqlite *lite = self(store);
	unsigned count = store_query_parameters(query);

	if (prepare_query(lite, query, err) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++) /* NULL binds NULL */
		(void)sqlite3_bind_text(lite->queries[query], (int)i + 1,
					values[i], -1, SQLITE_TRANSIENT);
	return fetch(lite, query, rows, err);
}

static void sqlite_interrupt(struct store *store)
{
	atomic_store(&self(store)->interrupted, true);
}

static int sqlite_socket(const struct store *store)
{
	(void)store;
	return -1;
}

static const char *const schemes[] = { SCHEME, NULL };

const struct store_ops store_sqlite_ops = {
	.schemes = schemes,
	.one_writer = true,
	.create = sqlite_create,
	.destroy = sqlite_destroy,
	.connect = sqlite_connect,
	.disconnect = sqlite_disconnect,
	.version = sqlite_version,
	.migrate = sqlite_migrate,
	.write = sqlite_write,
	.held = sqlite_held,
	.ping = sqlite_ping,
	.query = sqlite_query,
	.interrupt = sqlite_interrupt,
	.socket = sqlite_socket,
};
