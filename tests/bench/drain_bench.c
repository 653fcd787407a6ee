/*
 * drain_bench.c - what the drainer costs beside the same rows sent by hand
 *
 *   drain_bench [--seconds S] [--json] [--records N] [--batch N] [--port PORT]
 *               [--dir DIR]
 *
 * A contest (contest.h) named `drain`, into a PostgreSQL of its own: rows of
 * calls that ended, 10,000 a piece, in batches of 500 into the same table.
 *
 *   drainer  a journal that is full of them, turn by turn of the real drainer:
 *            read, checked, written, acked
 *   unnest   by hand: INSERT ... SELECT FROM unnest() ON CONFLICT (call_id) DO
 *            UPDATE where rev is higher, whose arrays were made before
 *   copy     by hand: COPY, which no repetition survives
 *
 * PostgreSQL runs without fsync, so that the disk has no part in it.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/contest.h"
#include "persistence/drain.h"
#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/outbox.h"
#include "persistence/record.h"
#include "persistence/store.h"
#include "server/board.h"
#include "server/settings.h"
#include "support/postgres.h"
#include "support/rows.h"

#define COLUMNS                                                          \
	"call_id, node_id, provider, state, started_at, ended_at, "      \
	"duration_ms, end_reason, codec, sample_rate, frames_in, dtmf, " \
	"custom, rev"
#define COLUMN_COUNT 14
#define STARTED	     "2026-11-23 06:37:00.123456+00"
#define ENDED	     "2026-11-23 06:38:00+00"
#define CUSTOM	     "{\"name\":\"Jurgen\"}"
#define PORT	     22990u

static struct bench {
	size_t records, batch;
	unsigned port, next_call;
	char dir[480], outbox[512];
	struct settings settings;
	struct postgres pg;
	PGconn *conn;
	struct store *store;
	struct drain *drain;
	struct estate *estate;
	struct journal *journal;
	char **arrays[COLUMN_COUNT]; /* of each batch */
	char **lines;		     /* of each batch, for COPY */
} bench = { .records = 10000, .batch = 500, .port = PORT, .next_call = 1 };

static size_t batches(void)
{
	return bench.records / bench.batch;
}

/* ---- what is sent by hand --------------------------------------------------
 */

static const struct {
	const char *type, *value;
} by_hand[COLUMN_COUNT] = {
	{ "uuid", NULL },	    { "text", "n1" },
	{ "text", "twilio" },	    { "text", "ended" },
	{ "timestamptz", STARTED }, { "timestamptz", ENDED },
	{ "bigint", "59877" },	    { "text", "stop" },
	{ "text", "PCMU" },	    { "integer", "8000" },
	{ "bigint", "100" },	    { "text", "12#" },
	{ "jsonb", CUSTOM },	    { "bigint", "3" },
};

static const char *value_of(size_t column, unsigned call,
			    char id[UUID_TEXT_SIZE])
{
	struct uuid entity = rows_id(call);

	if (by_hand[column].value)
		return by_hand[column].value;
	uuid_format(&entity, id);
	return id;
}

/* {"...","..."}, with what a quote means to an array before each quote. */
static char *make_array(size_t column, unsigned first)
{
	char *text = NULL, id[UUID_TEXT_SIZE];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; i < bench.batch; i++) {
		(void)fputs(i > 0 ? ",\"" : "{\"", out);
		for (const char *c = value_of(column, first + i, id); *c; c++)
			(void)fprintf(out, *c == '"' ? "\\%c" : "%c", *c);
		(void)fputs("\"", out);
	}
	(void)fputs("}", out);
	(void)fclose(out);
	return text;
}

static char *make_lines(unsigned first)
{
	char *text = NULL, id[UUID_TEXT_SIZE];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; i < bench.batch; i++)
		for (size_t c = 0; c < COLUMN_COUNT; c++)
			(void)fprintf(out, "%s%c", value_of(c, first + i, id),
				      c + 1 < COLUMN_COUNT ? '\t' : '\n');
	(void)fclose(out);
	return text;
}

static void query(const char *sql)
{
	PGresult *result = PQexec(bench.conn, sql);

	if (PQresultStatus(result) != PGRES_COMMAND_OK &&
	    PQresultStatus(result) != PGRES_COPY_IN) {
		(void)fprintf(stderr, "%s", PQerrorMessage(bench.conn));
		exit(1);
	}
	PQclear(result);
}

static void make_unnest(char *sql, size_t size)
{
	size_t n = (size_t)snprintf(sql, size,
				    "INSERT INTO calls (" COLUMNS
				    ") SELECT * FROM unnest(");

	for (size_t c = 0; c < COLUMN_COUNT; c++)
		n += (size_t)snprintf(sql + n, size - n, "%s$%zu::%s[]",
				      c > 0 ? ", " : "", c + 1,
				      by_hand[c].type);
	(void)snprintf(sql + n, size - n,
		       ") ON CONFLICT (call_id) DO UPDATE SET "
		       "state = excluded.state, ended_at = excluded.ended_at, "
		       "duration_ms = excluded.duration_ms, "
		       "end_reason = excluded.end_reason, "
		       "frames_in = excluded.frames_in, rev = excluded.rev "
		       "WHERE calls.rev < excluded.rev");
}

static size_t unnest(void *arg)
{
	const char *values[COLUMN_COUNT];
	char sql[2048];

	(void)arg;
	make_unnest(sql, sizeof(sql));
	for (size_t i = 0; i < batches(); i++) {
		PGresult *result;

		for (size_t c = 0; c < COLUMN_COUNT; c++)
			values[c] = bench.arrays[c][i];
		result = PQexecParams(bench.conn, sql, COLUMN_COUNT, NULL,
				      values, NULL, NULL, 0);
		if (PQresultStatus(result) != PGRES_COMMAND_OK ||
		    strtoul(PQcmdTuples(result), NULL, 10) != bench.batch) {
			(void)fprintf(stderr, "unnest: %s",
				      PQerrorMessage(bench.conn));
			exit(1);
		}
		PQclear(result);
	}
	return bench.records;
}

static size_t copy(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < batches(); i++) {
		const char *lines = bench.lines[i];

		query("COPY calls (" COLUMNS ") FROM STDIN");
		if (PQputCopyData(bench.conn, lines, (int)strlen(lines)) != 1 ||
		    PQputCopyEnd(bench.conn, NULL) != 1)
			bench_must(-EIO, PQerrorMessage(bench.conn));
		for (PGresult *r; (r = PQgetResult(bench.conn));) {
			if (PQresultStatus(r) != PGRES_COMMAND_OK)
				bench_must(-EIO, PQerrorMessage(bench.conn));
			PQclear(r);
		}
	}
	return bench.records;
}

/* ---- ours ------------------------------------------------------------------
 */

static void fill_journal(void)
{
	struct record *group[100];

	for (size_t done = 0; done < bench.records;) {
		size_t n = 0;

		for (; n < 100 && done < bench.records; n++, done++)
			group[n] = rows_ended(bench.next_call++, 3);
		bench_must(journal_commit(bench.journal, group, n), "journal");
		while (n > 0)
			free(group[--n]);
	}
}

static size_t drainer(void *arg)
{
	const struct board_series *drained =
		board_series(METRIC_DRAINED_TOTAL, "");
	int64_t until = board_get(drained) + (int64_t)bench.records;

	(void)arg;
	/* Not until it is idle: then it has rested. */
	while (board_get(drained) < until)
		drain_turn(bench.drain);
	return bench.records;
}

/* ---- set-up ----------------------------------------------------------------
 */

/* Fresh rows for whoever is next: nobody finds his in the table. */
static void prepare(void *arg)
{
	static size_t turn;

	(void)arg;
	switch (turn++ % 3) {
	case 0: fill_journal(); return;
	case 1:
		for (size_t i = 0; i < batches(); i++) {
			for (size_t c = 0; c < COLUMN_COUNT; c++) {
				free(bench.arrays[c][i]);
				bench.arrays[c][i] =
					make_array(c, bench.next_call);
			}
			bench.next_call += (unsigned)bench.batch;
		}
		return;
	default:
		for (size_t i = 0; i < batches(); i++) {
			free(bench.lines[i]);
			bench.lines[i] = make_lines(bench.next_call);
			bench.next_call += (unsigned)bench.batch;
		}
	}
}

static void open_drain(void)
{
	const struct store_options store = { .url = bench.pg.url,
					     .application = "drain_bench",
					     .connect_timeout_ms = 5000,
					     .statement_timeout_ms = 30000,
					     .recycle_ms = 300000 };
	const struct journal_options journal = { .outbox_dir = bench.outbox,
						 .role = "media",
						 .segment_bytes = 16 << 20,
						 .open = bench.estate };
	const struct drain_options drain = { .settings = &bench.settings,
					     .outbox_dir = bench.outbox,
					     .wake_fd = -1 };
	struct drain_options options = drain;

	bench_must(journal_create(&bench.journal, &journal), "journal");
	bench_must(store_create(&bench.store, &store), "store");
	options.store = bench.store;
	bench_must(drain_open(&bench.drain, &options), "drain");
	while (!drain_is_up(bench.drain)) /* connects, and makes the tables */
		drain_turn(bench.drain);
}

static void open_all(const char *where)
{
	struct settings *s = &bench.settings;

	(void)snprintf(bench.dir, sizeof(bench.dir), "%s/holdline-bench-XXXXXX",
		       where);
	bench_must(mkdtemp(bench.dir) ? 0 : -errno, bench.dir);
	(void)snprintf(bench.outbox, sizeof(bench.outbox), "%s/outbox",
		       bench.dir);
	s->database.batch_records = (uint32_t)bench.batch;
	s->database.poison_percent = 20;
	s->database.retry_initial_ms = 100;
	s->database.retry_max_ms = 1000;
	s->database.breaker_open_after_ms = 300000;
	s->database.breaker_pause_ms = 60000;
	postgres_create(&bench.pg, bench.port);
	postgres_start(&bench.pg);
	postgres_wait(&bench.pg);
	bench_must(estate_create(&bench.estate), "estate");
	open_drain();
	bench.conn = PQconnectdb(bench.pg.url);
	for (size_t c = 0; c < COLUMN_COUNT; c++)
		bench.arrays[c] = calloc(batches(), sizeof(char *));
	bench.lines = calloc(batches(), sizeof(char *));
}

static void close_all(void)
{
	char command[600];

	drain_close(bench.drain);
	store_destroy(bench.store);
	journal_close(bench.journal);
	estate_destroy(bench.estate);
	PQfinish(bench.conn);
	for (size_t c = 0; c < COLUMN_COUNT; c++) {
		for (size_t i = 0; i < batches(); i++)
			free(bench.arrays[c][i]);
		free(bench.arrays[c]);
	}
	for (size_t i = 0; i < batches(); i++)
		free(bench.lines[i]);
	free(bench.lines);
	postgres_destroy(&bench.pg);
	(void)snprintf(command, sizeof(command), "rm -rf -- '%s'", bench.dir);
	/* NOLINTNEXTLINE(cert-env33-c): a path that mkdtemp made */
	bench_must(system(command) == 0 ? 0 : -EIO, "rm");
}

/* Each row that was sent is there. */
static void count_rows(size_t pieces)
{
	long rows = postgres_number(&bench.pg, "SELECT count(*) FROM calls");

	if (rows == (long)(pieces * bench.records))
		return;
	(void)fprintf(stderr, "%ld rows of %zu\n", rows,
		      pieces * bench.records);
	exit(1);
}

int main(int argc, char **argv)
{
	static struct contest contest = {
		.name = "drain",
		.contenders = { { .name = "drainer",
				  .what = "journal and drainer",
				  .work = drainer },
				{ .name = "unnest",
				  .what = "by hand, UNNEST",
				  .work = unnest },
				{ .name = "copy",
				  .what = "by hand, COPY",
				  .work = copy } },
		.count = 3,
	};
	struct bench_options options = { .seconds = 8 };
	const char *where = "/var/tmp";

	(void)argc;
	for (argv++; *argv; argv++) {
		if (bench_option(&options, &argv))
			continue;
		if (strcmp(*argv, "--records") == 0 && argv[1])
			bench.records = strtoul(*++argv, NULL, 10);
		else if (strcmp(*argv, "--batch") == 0 && argv[1])
			bench.batch = strtoul(*++argv, NULL, 10);
		else if (strcmp(*argv, "--port") == 0 && argv[1])
			bench.port = (unsigned)strtoul(*++argv, NULL, 10);
		else if (strcmp(*argv, "--dir") == 0 && argv[1])
			where = *++argv;
		else
			bench_must(-EINVAL, *argv);
	}
	if (bench.batch == 0 || bench.records < bench.batch)
		bench_must(-EINVAL, "records, batch");
	bench.records = batches() * bench.batch;
	open_all(where);
	contest_run(&contest, prepare, NULL, options.seconds);
	count_rows(contest.rounds * contest.count);
	contest_report(&contest, options.json);
	close_all();
	return 0;
}
