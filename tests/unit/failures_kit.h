/*
 * failures_kit.h - the whole way of some records, while something fails
 *
 * One trial: records go through a queue; a spooler (a thread) makes them
 * durable; a drain delivers them into an SQLite database, while the spooler
 * lives and when it has stopped. All of it is the real code, and somewhere on
 * the way the n-th call fails: once, for a while, or for good until somebody
 * repairs it (failing.h). Then nothing fails any more and the same drain goes
 * on, and in the end
 *
 *   - nothing has crashed, hung, or kept a descriptor (or memory: the leak
 *     sanitizer looks when the program ends);
 *   - every record is in the database, or a dead letter if it is one that the
 *     database refuses, or was given up, counted, and logged by its id;
 *   - none was given up unless the failing lasted until the spooler's end.
 *
 * How many trials: HOLDLINE_CAMPAIGN_SEEDS, at most as many as there are calls
 * to fail; with less they are spread evenly, from HOLDLINE_SEED on.
 */
#ifndef TESTS_UNIT_FAILURES_KIT_H
#define TESTS_UNIT_FAILURES_KIT_H

#include "outbox_kit.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/eventfd.h>

#include "persistence/drain.h"
#include "persistence/outbox.h"
#include "persistence/queue.h"
#include "persistence/spooler.h"
#include "persistence/store.h"
#include "server/board.h"
#include "server/settings.h"
#include "support/campaign.h"
#include "support/failing.h"
#include "support/rows.h"

#define CALLS	      6u /* begun, live, ended */
#define OPEN_CALL     7u /* begun, and left for the heir to settle */
#define POISON_CALL   50u
#define EVENTS	      12u /* fat ones, so that there are several groups */
#define FIRST_EVENT   100u
#define FAT	      ((size_t)200 * 1024)
#define RECORDS	      (3 * CALLS + 2 + EVENTS)
#define TURNS_MAX     3000u
#define A_WHILE	      40u
#define STOP_MS	      600000u /* of the test's own time: failing.h */
#define GIVE_UP_MS    2000u
#define TRIAL_SECONDS 120u

struct trial {
	uint64_t first, width;
	int error;
	const char *what; /* for whoever reads that it failed */
};

struct stage {
	char dir[64], outbox[80], dead[96];
	struct settings settings;
	struct record *records[RECORDS]; /* what is submitted, to compare */
	struct record *copies[RECORDS];	 /* and to give away */
	struct queue *queue;
	struct spooler *spooler;
	struct store *store;
	struct drain *drain;
	int wake_fd;
	uint64_t lost;
};

static const struct trial *current_trial;

#define trial_fail(...)                                                        \
	do {                                                                   \
		(void)fprintf(stderr, "%s: call %llu, %llu times, errno %d\n", \
			      current_trial->what,                             \
			      (unsigned long long)current_trial->first,        \
			      (unsigned long long)current_trial->width,        \
			      current_trial->error);                           \
		failing_show_log();                                            \
		fail_msg(__VA_ARGS__);                                         \
	} while (0)

static inline void kit_on_alarm(int number)
{
	static const char text[] = "it hangs\n";

	(void)number;
	(void)!write(STDERR_FILENO, current_trial->what,
		     strlen(current_trial->what));
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	abort();
}

/* ---- the records -----------------------------------------------------------
 */

static inline struct record *kit_fat_event(unsigned event, unsigned call)
{
	struct uuid event_id = rows_id(event), call_id = rows_id(call);
	char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];
	char *payload = malloc(FAT + 256);
	struct record *record;
	int length;

	assert_non_null(payload);
	uuid_format(&event_id, a);
	uuid_format(&call_id, b);
	length = snprintf(payload, 256,
			  "{\"event_id\":\"%s\",\"call_id\":\"%s\",\"at\":"
			  "\"2026-11-23T06:37:00.000000Z\",\"kind\":\"dtmf\","
			  "\"data\":{\"pad\":\"",
			  a, b);
	memset(payload + length, 'x', FAT);
	(void)snprintf(payload + length + FAT, 8, "\"}}");
	record = rows_make(RECORD_CALL_EVENT, call, 0, payload);
	free(payload);
	return record;
}

static inline struct record *kit_copy(const struct record *record)
{
	struct record *copy = record_create(
		record->kind, &record->id, &record->entity, record->rev,
		record->created_us, record->payload, record->length);

	assert_non_null(copy);
	return copy;
}

static inline void kit_make_records(struct stage *stage)
{
	size_t n = 0;

	for (unsigned call = 1; call <= CALLS; call++) {
		stage->records[n++] = rows_started(call);
		stage->records[n++] =
			rows_call(RECORD_CALL_CHECKPOINT, call, 2, "live", 50);
		stage->records[n++] =
			kit_fat_event(FIRST_EVENT + 2 * call - 2, call);
		stage->records[n++] =
			kit_fat_event(FIRST_EVENT + 2 * call - 1, call);
		stage->records[n++] = rows_ended(call, 3);
		if (call == 2)
			stage->records[n++] = rows_started(OPEN_CALL);
		if (call == 4)
			stage->records[n++] =
				rows_call(RECORD_CALL_STARTED, POISON_CALL, 1,
					  "neither", 0);
	}
	assert_int_equal(n, RECORDS);
}

/* ---- the stage -------------------------------------------------------------
 */

static inline void kit_make_settings(struct stage *stage)
{
	struct settings *settings = &stage->settings;

	(void)snprintf(settings->data_dir, sizeof(settings->data_dir), "%s",
		       stage->dir);
	(void)snprintf(settings->node_id, sizeof(settings->node_id), "n1");
	(void)snprintf(settings->database.url, sizeof(settings->database.url),
		       "sqlite:%s/h.db", stage->dir);
	settings->outbox.keep_delivered_ms = 3600000;
	settings->database.connect_timeout_ms = 5000;
	settings->database.statement_timeout_ms = 3600000;
	settings->database.pool_recycle_ms = 300000;
	settings->database.batch_records = 20;
	settings->database.poison_percent = 20;
	settings->database.retry_initial_ms = 20;
	settings->database.retry_max_ms = 200;
	settings->database.retry_jitter = 0.2;
	settings->database.breaker_open_after_ms = 300000;
	settings->database.breaker_pause_ms = 60000;
}

static inline void kit_set_stage(struct stage *stage)
{
	memset(stage, 0, sizeof(*stage));
	(void)snprintf(stage->dir, sizeof(stage->dir),
		       "%s/holdline-fail-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(stage->dir));
	(void)snprintf(stage->outbox, sizeof(stage->outbox), "%s/outbox",
		       stage->dir);
	(void)snprintf(stage->dead, sizeof(stage->dead), "%s/dead",
		       stage->outbox);
	kit_make_settings(stage);
	kit_make_records(stage);
	stage->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(stage->wake_fd >= 0);
	assert_int_equal(queue_create(&stage->queue, 64), 0);
	for (size_t i = 0; i < RECORDS; i++)
		stage->copies[i] = kit_copy(stage->records[i]);
}

static inline void kit_clear_stage(struct stage *stage)
{
	drain_close(stage->drain);
	store_destroy(stage->store);
	queue_destroy(stage->queue);
	(void)close(stage->wake_fd);
	for (size_t i = 0; i < RECORDS; i++)
		free(stage->records[i]);
	(void)nftw(stage->dir, kit_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- the actors ------------------------------------------------------------
 */

static inline bool kit_begin_spooler(struct stage *stage)
{
	const struct spooler_options options = {
		.queue = stage->queue,
		.outbox_dir = stage->outbox,
		.role = "media",
		.segment_bytes = 4096,
		.max_bytes = UINT64_MAX,
		.reserve = (uint64_t)256 << 10,
	};

	return stage->spooler || spooler_start(&stage->spooler, &options) == 0;
}

/* True when all that was queued has left the queue: is durable, or is lost. */
static inline bool kit_end_spooler(struct stage *stage, uint32_t stop_ms)
{
	if (!stage->spooler)
		return false;
	stage->lost += spooler_stop(stage->spooler, stop_ms);
	stage->spooler = NULL;
	return true;
}

static inline void kit_push(struct stage *stage, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		assert_int_equal(queue_push(stage->queue, stage->copies[i]), 0);
}

static inline bool kit_begin_drain(struct stage *stage)
{
	const struct store_options store = {
		.url = stage->settings.database.url,
		.application = "test",
		.connect_timeout_ms = 5000,
		.statement_timeout_ms = 3600000,
		.recycle_ms = 300000,
	};
	struct drain_options drain = { .settings = &stage->settings,
				       .outbox_dir = stage->outbox,
				       .wake_fd = stage->wake_fd };

	if (!stage->store && store_create(&stage->store, &store) < 0)
		return false;
	drain.store = stage->store;
	return stage->drain || drain_open(&stage->drain, &drain) == 0;
}

/* Until there has been nothing to do for some turns. */
static inline bool kit_drain(struct stage *stage, unsigned turns)
{
	unsigned idle = 0;

	for (unsigned i = 0; i < turns && idle < 8; i++) {
		if (!kit_begin_drain(stage))
			continue;
		drain_turn(stage->drain);
		idle = drain_is_idle(stage->drain) && drain_is_up(stage->drain)
			       ? idle + 1
			       : 0;
	}
	return idle >= 8;
}

/* ---- what has become of them
 * -------------------------------------------------
 */

static inline bool kit_was_lost(const struct record *record)
{
	char id[UUID_TEXT_SIZE];

	uuid_format(&record->id, id);
	return failing_logged_with("RECORD_LOST", id);
}

/* A row's number, or -1. */
static inline long kit_row(sqlite3 *db, const char *column, const char *table,
			   const char *key, const char *id)
{
	sqlite3_stmt *statement = NULL;
	long number = -1;
	char sql[160];

	(void)snprintf(sql, sizeof(sql), "SELECT %s FROM %s WHERE %s = '%s'",
		       column, table, key, id);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = (long)sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

static inline bool kit_is_dead(const struct stage *stage,
			       const struct record *record)
{
	const struct outbox_options options = { .dir = stage->dead,
						.read_only = true };
	struct outbox_journal *journal;
	struct journal_entry entry;
	struct outbox *outbox;
	bool found = false;
	size_t cursor = 0;

	if (outbox_open(&outbox, &options) < 0)
		return false;
	while ((journal = outbox_next_journal(outbox, &cursor)))
		while (outbox_journal_next(journal, &entry) == 1) {
			found |= uuid_equal(&entry.record->id, &record->id);
			free(entry.record);
		}
	outbox_close(outbox);
	return found;
}

static inline bool kit_is_delivered(const struct stage *stage, sqlite3 *db,
				    const struct record *record)
{
	char entity[UUID_TEXT_SIZE], event[UUID_TEXT_SIZE];

	uuid_format(&record->entity, entity);
	if (record->kind == RECORD_CALL_EVENT) {
		(void)snprintf(event, sizeof(event), "%.36s",
			       record->payload + strlen("{\"event_id\":\""));
		return kit_row(db, "length(data) > 204800", "call_events",
			       "event_id", event) == 1;
	}
	if (strstr(record->payload, "\"neither\""))
		return kit_is_dead(stage, record);
	if (record->kind == RECORD_CALL_ENDED)
		return kit_row(db, "state = 'ended' AND rev = 3", "calls",
			       "call_id", entity) == 1;
	/* Nobody leaves a call open. */
	return kit_row(db, "state = 'ended'", "calls", "call_id", entity) == 1;
}

static inline void kit_expect_all(const struct stage *stage)
{
	char path[96];
	uint64_t lost = 0;
	sqlite3 *db;

	(void)snprintf(path, sizeof(path), "%s/h.db", stage->dir);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL),
			 SQLITE_OK);
	for (size_t i = 0; i < RECORDS; i++) {
		const struct record *record = stage->records[i];

		if (kit_was_lost(record))
			lost++;
		else if (!kit_is_delivered(stage, db, record))
			trial_fail("record %zu (%s) is neither delivered nor "
				   "given up",
				   i, record_kind_name(record->kind));
	}
	sqlite3_close(db);
	if (lost != stage->lost)
		trial_fail("%llu were counted as lost, %llu logged",
			   (unsigned long long)stage->lost,
			   (unsigned long long)lost);
	if (lost > 0 && current_trial->width != FAILING_FOR_GOOD)
		trial_fail("%llu were given up", (unsigned long long)lost);
}

static inline unsigned kit_count_fds(void)
{
	DIR *list = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(list);
	while (readdir(list))
		count++;
	(void)closedir(list);
	return count;
}

/* ---- a trial ---------------------------------------------------------------
 */

/* Returns how many calls were asked whether they fail. */
static inline uint64_t kit_try(const struct trial *trial)
{
	bool for_good = trial->width == FAILING_FOR_GOOD;
	unsigned fds = kit_count_fds();
	struct stage stage;
	bool spooled;
	uint64_t calls;

	current_trial = trial;
	(void)signal(SIGALRM, kit_on_alarm);
	(void)alarm(TRIAL_SECONDS);
	kit_set_stage(&stage);
	failing_arm(trial->first, trial->width, trial->error);
	kit_push(&stage, 0, RECORDS / 2);
	(void)kit_begin_spooler(&stage);
	(void)kit_drain(&stage, 20); /* while its writer lives */
	kit_push(&stage, RECORDS / 2, RECORDS);
	spooled = kit_end_spooler(&stage, for_good ? GIVE_UP_MS : STOP_MS);
	(void)kit_drain(&stage, 60);
	calls = failing_disarm();
	if (!spooled &&
	    !(kit_begin_spooler(&stage) && kit_end_spooler(&stage, STOP_MS)))
		trial_fail("the spooler does not start");
	if (!kit_drain(&stage, TURNS_MAX))
		trial_fail("the drain does not come to rest");
	kit_expect_all(&stage);
	kit_clear_stage(&stage);
	if (kit_count_fds() != fds)
		trial_fail("%u descriptors before, %u after", fds,
			   kit_count_fds());
	(void)alarm(0);
	return calls;
}

/* Trials for all the calls there are, or as many of them as are asked for. */
static inline void kit_try_each(const struct trial *like, uint64_t quick)
{
	struct trial trial = *like;
	uint64_t calls, trials = campaign_seeds(quick), step;

	trial.first = 0;
	calls = kit_try(&trial);
	assert_true(calls > 50); /* it does get to ask */
	step = trials < calls ? calls / trials : 1;
	for (uint64_t first = 1 + (campaign_first_seed() - 1) % step;
	     first <= calls; first += step) {
		trial.first = first;
		(void)kit_try(&trial);
	}
}

#endif
