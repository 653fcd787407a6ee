/*
 * store_postgres.c - the rows in PostgreSQL (see store.h)
 *
 * A batch is one round trip: BEGIN, timeouts, a statement a table, COMMIT, all
 * in one pipeline. What postgres_session.c cannot vouch for is closed and
 * opened anew; nothing is repeated here, that is the drainer's to decide.
 *
 * A session is renewed after recycle_ms, between transactions. One that was
 * idle for longer than IDLE_TRUST_MS is asked before it is trusted: servers
 * and firewalls hang up on the idle, and that is no outage.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "persistence/migrations.h"
#include "persistence/postgres_session.h"
#include "persistence/store_ops.h"
#include "persistence/store_tables.h"
#include "server/clock.h"

#define IDLE_TRUST_MS 30000u
/* Any number that no other program locks: "holdline" in ASCII. */
#define MIGRATION_LOCK "7525055303364374117"

struct store_postgres {
	struct store base;
	char *application;
	struct pg_connector *connector;
	int interrupt_fd;
	struct pg_session_options session_options;
	uint32_t recycle_ms;
	struct pg_session *session; /* NULL: not connected */
	uint64_t opened_ms, used_ms;
	char *write_sql[TABLE_COUNT], *held_sql[TABLE_COUNT];
	char *query_sql[QUERY_COUNT];
};

static struct store_postgres *self(struct store *store)
{
	return (struct store_postgres *)store;
}

static void postgres_destroy(struct store *store)
{
	struct store_postgres *pg = self(store);

	pg->session = pg_session_close(pg->session);
	if (pg->interrupt_fd >= 0)
		(void)close(pg->interrupt_fd);
	for (enum store_table_id t = 0; t < TABLE_COUNT; t++) {
		free(pg->write_sql[t]);
		free(pg->held_sql[t]);
	}
	for (enum store_query q = 0; q < QUERY_COUNT; q++)
		free(pg->query_sql[q]);
	free(pg->application);
	pg_connector_destroy(pg->connector);
	free(pg);
}

static int make_sql(struct store_postgres *pg)
{
	for (enum store_table_id t = 0; t < TABLE_COUNT; t++) {
		pg->write_sql[t] = store_tables_write_sql(t, DIALECT_POSTGRES);
		pg->held_sql[t] = store_tables_held_sql(t, DIALECT_POSTGRES);
		if (!pg->write_sql[t] || !pg->held_sql[t])
			return -ENOMEM;
	}
	for (enum store_query q = 0; q < QUERY_COUNT; q++) {
		pg->query_sql[q] = store_query_sql(q, DIALECT_POSTGRES);
		if (!pg->query_sql[q])
			return -ENOMEM;
	}
	return 0;
}

static int postgres_create(struct store **ret,
			   const struct store_options *options)
{
	struct store_postgres *pg = calloc(1, sizeof(*pg));
	int r = -ENOMEM;

	if (!pg)
		return -ENOMEM;
	pg->recycle_ms = options->recycle_ms;
	pg->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pg->interrupt_fd < 0) {
		r = -errno;
		goto fail;
	}
	pg->application = strdup(options->application ? options->application
						      : "holdline");
	if (!pg->application)
		goto fail;
	r = pg_connector_create(&pg->connector, options->url);
	if (r < 0)
		goto fail;
	r = make_sql(pg);
	if (r < 0)
		goto fail;
	pg->session_options = (struct pg_session_options){
		.connector = pg->connector,
		.connect = {
			.application = pg->application,
			.timeout_ms = options->connect_timeout_ms,
			.interrupt_fd = pg->interrupt_fd,
			.read_only = options->read_only,
		},
		.statement_timeout_ms = options->statement_timeout_ms,
	};
	*ret = &pg->base;
	return 0;
fail:
	postgres_destroy(&pg->base);
	return r;
}

static void postgres_disconnect(struct store *store)
{
	struct store_postgres *pg = self(store);

	pg->session = pg_session_close(pg->session);
}

/* After each use: keeps the session, or not. */
static int settle(struct store_postgres *pg, int r, const struct db_error *err)
{
	if (r < 0 && err->connection_lost)
		postgres_disconnect(&pg->base);
	pg->used_ms = clock_mono_ms();
	return r;
}

static int ask(struct store_postgres *pg, struct db_error *err)
{
	return settle(pg, pg_session_ping(pg->session, err), err);
}

/* Closes a session that is too old, or has ended, or was idle and does not
 * answer. */
static void doubt(struct store_postgres *pg)
{
	uint64_t now_ms = clock_mono_ms();
	struct db_error ignored;

	if (now_ms - pg->opened_ms >= pg->recycle_ms ||
	    !pg_session_is_intact(pg->session) ||
	    (now_ms - pg->used_ms >= IDLE_TRUST_MS && ask(pg, &ignored) < 0))
		postgres_disconnect(&pg->base);
}

static int postgres_connect(struct store *store, struct db_error *err)
{
	struct store_postgres *pg = self(store);

	if (pg->session)
		doubt(pg);
	if (pg->session)
		return 0;
	if (pg_session_open(&pg->session, &pg->session_options, err) < 0)
		return -1;
	pg->opened_ms = pg->used_ms = clock_mono_ms();
	store->migrated = false;
	return 0;
}

static int postgres_version(struct store *store, int *version,
			    struct db_error *err)
{
	static const struct pg_statement newest = {
		.sql = "SELECT coalesce(max(version), 0) FROM schema_migrations"
	};
	struct store_postgres *pg = self(store);
	PGresult *result;
	int r = pg_session_run(pg->session, &newest, 1, &result, err);

	if (r == 0) {
		*version = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
		PQclear(result);
	} else if (strcmp(err->sqlstate, "42P01") == 0) {
		*version = 0; /* an empty database */
		r = 0;
	}
	return settle(pg, r, err);
}

/* Begins the transaction, and learns where others have got to meanwhile. */
static int lock_schema(struct pg_session *session, int *version,
		       struct db_error *err)
{
	static const struct pg_statement statements[] = {
		{ .sql = "BEGIN" },
		{ .sql = "SELECT pg_advisory_xact_lock(" MIGRATION_LOCK ")" },
		{ .sql = "CREATE TABLE IF NOT EXISTS schema_migrations ("
			 "version integer PRIMARY KEY, "
			 "applied_at timestamptz NOT NULL)" },
		{ .sql = "SELECT coalesce(max(version), 0) "
			 "FROM schema_migrations" },
	};
	PGresult *results[4];

	if (pg_session_run(session, statements, 4, results, err) < 0)
		return -1;
	*version = (int)strtol(PQgetvalue(results[3], 0, 0), NULL, 10);
	for (size_t i = 0; i < 4; i++)
		PQclear(results[i]);
	return 0;
}

static int run_migration(struct pg_session *session,
			 const struct migration *migration,
			 struct db_error *err)
{
	struct pg_statement note = {
		.sql = "INSERT INTO schema_migrations VALUES ($1, $2)",
		.count = 2,
	};
	char version[16], now[CLOCK_ISO_SIZE];

	(void)snprintf(version, sizeof(version), "%d", migration->version);
	clock_format_iso(clock_wall_us(), now);
	note.values[0] = version;
	note.values[1] = now;
	if (pg_session_script(session, migration->postgres, err) < 0)
		return -1;
	return pg_session_run(session, &note, 1, NULL, err);
}

static int run_migrations(struct pg_session *session, struct db_error *err)
{
	static const struct pg_statement commit = { .sql = "COMMIT" };
	int has;

	if (lock_schema(session, &has, err) < 0)
		return -1;
	for (size_t i = 0; i < migration_count; i++)
		if (migrations[i].version > has &&
		    run_migration(session, &migrations[i], err) < 0)
			return -1;
	return pg_session_run(session, &commit, 1, NULL, err);
}

static int postgres_migrate(struct store *store, struct db_error *err)
{
	struct store_postgres *pg = self(store);
	int r = run_migrations(pg->session, err);

	if (r < 0) /* in the middle of a transaction */
		err->connection_lost = true;
	return settle(pg, r, err);
}

static int postgres_write(struct store *store, struct record *const *records,
			  size_t count, struct db_error *err)
{
	struct pg_statement statements[TABLE_COUNT];
	struct store_postgres *pg = self(store);
	struct store_batch batch;
	size_t used = 0;
	int r;

	if (store_batch_init(&batch, records, count, err) < 0)
		return -1;
	for (enum store_table_id t = 0; t < TABLE_COUNT; t++)
		if (batch.rows[t])
			statements[used++] = (struct pg_statement){
				.sql = pg->write_sql[t],
				.count = 1,
				.values = { batch.rows[t] },
			};
	r = pg_session_transact(pg->session, statements, used, NULL, err);
	store_batch_finish(&batch);
	return settle(pg, r, err);
}

static int postgres_held(struct store *store, struct record *const *record,
			 bool *held, struct db_error *err)
{
	struct store_postgres *pg = self(store);
	enum store_table_id table;
	struct pg_statement count = { .count = 1 };
	struct store_batch batch;
	PGresult *result;
	int r = -1;

	if (store_batch_init(&batch, record, 1, err) < 0)
		return -1;
	table = store_batch_table(&batch);
	count.sql = pg->held_sql[table];
	count.values[0] = batch.rows[table];
	r = pg_session_transact(pg->session, &count, 1, &result, err);
	if (r == 0) {
		*held = strcmp(PQgetvalue(result, 0, 0), "0") != 0;
		PQclear(result);
	}
	store_batch_finish(&batch);
	return settle(pg, r, err);
}

static int postgres_ping(struct store *store, struct db_error *err)
{
	return ask(self(store), err);
}

/* Takes the result. */
static int read_rows(PGresult *result, json_t **ret, struct db_error *err)
{
	json_t *rows = json_array();
	int r = 0;

	for (int i = 0; i < PQntuples(result) && r == 0; i++)
		r = store_add_row(rows, PQgetvalue(result, i, 0), err);
	PQclear(result);
	if (r == 0)
		*ret = rows;
	else
		json_decref(rows);
	return r;
}

static int postgres_query(struct store *store, enum store_query query,
			  const char *const *values, json_t **rows,
			  struct db_error *err)
{
	struct store_postgres *pg = self(store);
	unsigned count = store_query_parameters(query);
	struct pg_statement statement = { .sql = pg->query_sql[query],
					  .count = (int)count };
	PGresult *result;
	int r;

	for (unsigned i = 0; i < count; i++)
		statement.values[i] = values[i];
	r = pg_session_transact(pg->session, &statement, 1, &result, err);
	if (r == 0)
		r = read_rows(result, rows, err);
	return settle(pg, r, err);
}

static void postgres_interrupt(struct store *store)
{
	uint64_t one = 1;

	/* It stays readable, for every later wait. */
	(void)!write(self(store)->interrupt_fd, &one, sizeof(one));
}

static int postgres_socket(const struct store *store)
{
	const struct store_postgres *pg = (const struct store_postgres *)store;

	return pg->session ? pg_session_socket(pg->session) : -1;
}

static const char *const schemes[] = { "postgresql://", "postgres://", NULL };

const struct store_ops store_postgres_ops = {
	.schemes = schemes,
	.create = postgres_create,
	.destroy = postgres_destroy,
	.connect = postgres_connect,
	.disconnect = postgres_disconnect,
	.version = postgres_version,
	.migrate = postgres_migrate,
	.write = postgres_write,
	.held = postgres_held,
	.ping = postgres_ping,
	.query = postgres_query,
	.interrupt = postgres_interrupt,
	.socket = postgres_socket,
};
