/*
 * board.c - the shared page that every process writes its numbers on (board.h)
 *
 * One flat struct in a MAP_SHARED mapping made before the first fork. Rows of
 * its tables are claimed once, by compare-and-swap, and never given back,
 * except for heartbeats and journals, which are given back by their owner or,
 * when it died, by the supervisor (board_forget_process).
 *
 * Rows of series are claimed from the first on, so those below a claimed row
 * are never free again. Two threads that look for the same new series at once
 * may both claim a row for it. Before a row comes into use, its claimer waits
 * until no row below is being named, and if one of them has the same name by
 * then, it abandons its own and takes that one. So the lowest wins, everybody
 * waits for rows below only, and a name is in use once. A row whose claimer
 * does not come to an end, because it died or sleeps, is abandoned by whoever
 * waits for it; if its claimer wakes up after all, it notices and begins again.
 */
#include "server/board.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/words.h"

#define SERIES_MAX     1024
#define HISTOGRAMS_MAX 64
#define JOURNALS_MAX   64
#define NAMING_YIELDS  1000 /* naming takes nanoseconds */
#define TEXT_LOOKS     100  /* at a text that is being written */
#define SECRET_LOOKS   1000 /* at a secret that is */

enum row_state { ROW_FREE, ROW_NAMING, ROW_USED, ROW_ABANDONED };

struct board {
	struct board_flags flags;
	struct board_alert alert;
	struct board_series series[SERIES_MAX];
	_Atomic uint64_t buckets[HISTOGRAMS_MAX][BOARD_BUCKETS];
	_Atomic uint32_t histograms;
	struct board_thread threads[BOARD_THREADS];
	struct board_journal journals[JOURNALS_MAX];
	struct board_auth auth;
};

/* Until board_create(): tests and tools have a board of their own. */
static struct board private_board;
static struct board *board = &private_board;

/* What does not fit is counted here and exported nowhere. */
static struct board_series spare_series;
static struct board_thread spare_thread;

/* clang-format off */
#define COUNTER(name, help)  { "holdline_" name, help, BOARD_COUNTER, 1, false }
#define GAUGE(name, help)    { "holdline_" name, help, BOARD_GAUGE, 1, false }
#define SECONDS(name, help)  { "holdline_" name, help, BOARD_HISTOGRAM, 1e-6, false }
/* Those whose series have labels. */
#define COUNTER_BY(name, help) { "holdline_" name, help, BOARD_COUNTER, 1, true }
#define GAUGE_BY(name, help)   { "holdline_" name, help, BOARD_GAUGE, 1, true }
/* clang-format on */

const struct board_family board_families[METRIC_COUNT] = {
	[METRIC_CALLS_ACTIVE] = GAUGE("calls_active", "Calls in progress."),
	[METRIC_CALLS_TOTAL] =
		COUNTER_BY("calls_total", "Calls that have ended."),
	[METRIC_CALLS_REFUSED_TOTAL] =
		COUNTER_BY("calls_refused_total", "Handshakes refused."),
	[METRIC_WEBHOOKS_TOTAL] =
		COUNTER_BY("webhooks_total", "Providers' webhooks, by result."),
	[METRIC_MESSAGES_TOTAL] = COUNTER_BY(
		"messages_received_total",
		"Messages, statuses and notices that webhooks told, repeated "
		"ones too."),
	[METRIC_MESSAGES_UNKNOWN_TOTAL] =
		COUNTER_BY("messages_unknown_type_total",
			   "Messages of a type that is not known here; kept."),
	[METRIC_WEBHOOK_BODY_BYTES] =
		GAUGE("webhook_body_bytes", "Bodies of webhooks in memory."),
	[METRIC_WEBHOOK_BODIES_REFUSED_TOTAL] =
		COUNTER("webhook_bodies_refused_total",
			"Webhooks refused because webhooks.body_memory was "
			"in use."),
	[METRIC_CONNECTIONS_UNSTARTED_TOTAL] = COUNTER_BY(
		"connections_unstarted_total",
		"Connections that ended without ever sending a start."),
	[METRIC_FRAMES_TOTAL] = COUNTER_BY("frames_total", "Media messages."),
	[METRIC_FRAMES_LOST_TOTAL] =
		COUNTER("frames_lost_total",
			"Media messages that the provider never delivered."),
	[METRIC_FRAMES_LATE_TOTAL] = COUNTER_BY(
		"frames_late_total",
		"Media messages that came late, twice or out of order "
		"(in), or left after their time (out)."),
	[METRIC_FRAMES_DROPPED_TOTAL] = COUNTER(
		"frames_dropped_total",
		"Outgoing media messages given up under back-pressure."),
	[METRIC_LOOP_LAG_SECONDS] = SECONDS(
		"loop_lag_seconds", "How late a media loop came to its timer."),
	[METRIC_LOOP_CALLS] =
		GAUGE_BY("loop_calls", "Calls of each media loop, live."),
	[METRIC_QUEUE_RECORDS] =
		GAUGE("queue_records", "Records in memory, not yet durable."),
	[METRIC_QUEUE_CAPACITY] =
		GAUGE("queue_capacity_records",
		      "Records that fit in memory; half of it: no new calls."),
	[METRIC_QUEUE_BYTES] =
		GAUGE("queue_bytes", "Bytes of the records in memory."),
	[METRIC_OUTBOX_RECORDS] = GAUGE(
		"outbox_records", "Durable records not yet in the database."),
	[METRIC_OUTBOX_BYTES] =
		GAUGE("outbox_bytes", "Bytes of the outbox on disk."),
	[METRIC_OUTBOX_OLDEST_SECONDS] =
		GAUGE("outbox_oldest_seconds",
		      "Age of the oldest record not yet in the database."),
	[METRIC_OUTBOX_COMMIT_SECONDS] =
		SECONDS("outbox_commit_seconds",
			"Time to make a group of records durable."),
	[METRIC_OUTBOX_SYNC_ERRORS_TOTAL] =
		COUNTER("outbox_sync_errors_total",
			"Writes or syncs of a journal that failed."),
	[METRIC_OUTBOX_CORRUPT_RECORDS_TOTAL] =
		COUNTER("outbox_corrupt_records_total",
			"Damaged records found while reading journals."),
	[METRIC_OUTBOX_CORRUPT_BYTES_TOTAL] =
		COUNTER("outbox_corrupt_bytes_total",
			"Damaged bytes found while reading journals."),
	[METRIC_OUTBOX_ROOM] = GAUGE(
		"outbox_room_level",
		"0 plenty, 1 low, 2 outbox.max_bytes reached, 3 disk low, "
		"4 disk full, on the reserve. From 2 on no new calls."),
	[METRIC_OUTBOX_BROKEN] = GAUGE(
		"outbox_broken", "1 while the outbox's disk takes no records."),
	[METRIC_OUTBOX_MAX_BYTES] =
		GAUGE("outbox_max_bytes", "The setting outbox.max_bytes."),
	[METRIC_OUTBOX_FREE_BYTES] =
		GAUGE("outbox_free_bytes", "Free on the outbox's disk."),
	[METRIC_OUTBOX_RESERVE_BYTES] =
		GAUGE("outbox_reserve_bytes",
		      "Kept on the disk for the final records of live calls."),
	[METRIC_RECORDS_SHED_TOTAL] =
		COUNTER_BY("records_shed_total",
			   "Records left out on purpose under pressure."),
	[METRIC_RECORDS_LOST_TOTAL] = COUNTER(
		"records_lost_total",
		"Records that could not be kept; the log holds what they said."),
	[METRIC_DEAD_LETTERS] = GAUGE(
		"dead_letters", "Records that the database refused for good."),
	[METRIC_OUTBOX_HELD] =
		GAUGE("outbox_held", "Records that an operator has set aside."),
	[METRIC_DB_UP] = GAUGE("db_up", "1 while the database answers."),
	[METRIC_DB_DOWN_TOTAL] = COUNTER_BY(
		"db_down_total", "Failed tries to use the database."),
	[METRIC_DB_BREAKER_STATE] =
		GAUGE("db_breaker_state", "0 closed, 1 open, 2 half-open."),
	[METRIC_DB_PAUSED] = GAUGE(
		"db_paused",
		"1 while the database's set-up is at fault: all is kept."),
	[METRIC_DB_ALERT] = GAUGE(
		"db_alert", "1 while an alert about the database is firing."),
	[METRIC_ALERTS_TOTAL] =
		COUNTER("alerts_total", "Alerts about the database."),
	[METRIC_ALERT_POSTS_TOTAL] =
		COUNTER_BY("alert_posts_total", "Messages to alerts.webhook."),
	[METRIC_EVENTS_TOTAL] =
		COUNTER_BY("events_total", "Events for events.webhook."),
	[METRIC_EVENTS_DROPPED_TOTAL] = COUNTER_BY(
		"events_dropped_total",
		"Events that events.webhook never took, by why they went."),
	[METRIC_EVENT_POSTS_TOTAL] =
		COUNTER_BY("event_posts_total", "Tries to deliver an event."),
	[METRIC_EVENTS_PENDING] =
		GAUGE("events_pending", "Events not yet delivered."),
	[METRIC_EVENTS_OLDEST_SECONDS] =
		GAUGE("events_oldest_seconds",
		      "Age of the oldest event not yet delivered."),
	[METRIC_EVENTS_BYTES] = GAUGE(
		"events_bytes",
		"Bytes of events on disk, delivered ones that are kept too."),
	[METRIC_DRAINED_TOTAL] =
		COUNTER("drained_total", "Records committed by the database."),
	[METRIC_DRAIN_RATE] =
		GAUGE("drain_records_per_second",
		      "How fast records go from the outbox into the store."),
	[METRIC_OUTBOX_PAUSED] =
		GAUGE("outbox_paused", "1 while an operator holds the drain."),
	[METRIC_ESTATES_SETTLED_TOTAL] =
		COUNTER("estates_settled_total",
			"Calls closed on behalf of a process that died."),
	[METRIC_THREAD_CRASHES_TOTAL] = COUNTER_BY(
		"thread_crashes_total", "Threads that ended with an error."),
	[METRIC_PROCESS_RESTARTS_TOTAL] = COUNTER_BY(
		"process_restarts_total", "Processes started again."),
	[METRIC_RECORDING_DROPPED_TOTAL] =
		COUNTER("recording_dropped_total",
			"Samples of audio that found no buffer or no disk."),
	[METRIC_RECORDING_BYTES_TOTAL] =
		COUNTER("recording_bytes_total", "Bytes of audio written."),
	[METRIC_RECORDINGS_REPAIRED_TOTAL] = COUNTER(
		"recordings_repaired_total",
		"Recordings finished on behalf of a process that died."),
	[METRIC_RECORDING_BUFFERS_USED] =
		GAUGE_BY("recording_buffers_used", "Audio buffers in use."),
	[METRIC_TLS_NOT_AFTER] =
		GAUGE_BY("tls_certificate_not_after_timestamp_seconds",
			 "When the certificate in force ends, since 1970."),
	[METRIC_TLS_HANDSHAKES_TOTAL] =
		COUNTER_BY("tls_handshakes_total", "TLS handshakes done."),
	[METRIC_TLS_HANDSHAKE_FAILURES_TOTAL] = COUNTER_BY(
		"tls_handshake_failures_total", "TLS handshakes that failed."),
	[METRIC_SESSIONS_OPEN] = GAUGE(
		"sessions_open",
		"Messaging sessions that are open, in the whole database."),
	[METRIC_SESSIONS_CLOSED_TOTAL] =
		COUNTER_BY("sessions_closed_total",
			   "Messaging sessions that this node has closed."),
	[METRIC_LOST_CALLS_ENDED_TOTAL] =
		COUNTER("lost_calls_ended_total",
			"Live calls of other nodes that this node has ended, "
			"because their lease (node.lease) had run out."),
	[METRIC_REMOVED_TOTAL] = COUNTER_BY(
		"removed_total",
		"Calls and recordings removed after their time (retention.*)."),
	[METRIC_API_QUERIES_TOTAL] = COUNTER_BY(
		"api_queries_total",
		"Requests that needed the database, by what became of them."),
	[METRIC_API_QUERIES_WAITING] =
		GAUGE("api_queries_waiting",
		      "Requests that wait for a worker to ask the database."),
	[METRIC_SOCKETS] =
		GAUGE_BY("control_sockets",
			 "WebSockets that are open on the control listener."),
	[METRIC_SOCKET_MESSAGES_LOST_TOTAL] = COUNTER_BY(
		"control_socket_messages_lost_total",
		"Messages for WebSockets whose peers read too slowly."),
	[METRIC_LISTEN_DROPPED_TOTAL] = COUNTER(
		"listen_dropped_total",
		"Samples of live calls that found no room for a listener."),
	[METRIC_LOG_DROPPED_TOTAL] =
		COUNTER("log_dropped_total", "Log lines that found no room."),
	[METRIC_BOARD_MISSES_TOTAL] = COUNTER(
		"board_misses_total",
		"Look-ups of series that the full board had no row for."),
};

int board_create(void)
{
	void *map = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	board = map;
	return 0;
}

struct board_flags *board_flags(void)
{
	return &board->flags;
}

struct board_alert *board_alert(void)
{
	return &board->alert;
}

static bool is_series(const struct board_series *s, enum board_metric metric,
		      const char *labels)
{
	return atomic_load(&s->state) == ROW_USED &&
	       s->metric == (uint32_t)metric && strcmp(s->labels, labels) == 0;
}

/* Among the first `rows`; past a free one there is nothing. */
static struct board_series *find_series(enum board_metric metric,
					const char *labels, size_t rows)
{
	for (size_t i = 0; i < rows; i++) {
		struct board_series *s = &board->series[i];

		if (atomic_load(&s->state) == ROW_FREE)
			return NULL;
		if (is_series(s, metric, labels))
			return s;
	}
	return NULL;
}

/* The last row is kept for the number of those that found none. */
static struct board_series *claim_series(enum board_metric metric)
{
	size_t rows = SERIES_MAX - (metric != METRIC_BOARD_MISSES_TOTAL);

	for (size_t i = 0; i < rows; i++) {
		uint32_t is_free = ROW_FREE;

		if (atomic_compare_exchange_strong(&board->series[i].state,
						   &is_free, ROW_NAMING))
			return &board->series[i];
	}
	return NULL;
}

static struct board_series *miss_series(enum board_metric metric)
{
	if (metric != METRIC_BOARD_MISSES_TOTAL)
		board_add(board_series(METRIC_BOARD_MISSES_TOTAL, ""), 1);
	return &spare_series;
}

/* Until it is in use, or nobody's. */
static void await_name(struct board_series *s)
{
	uint32_t naming = ROW_NAMING;

	for (int i = 0; i < NAMING_YIELDS; i++) {
		if (atomic_load(&s->state) != ROW_NAMING)
			return;
		(void)sched_yield();
	}
	(void)atomic_compare_exchange_strong(&s->state, &naming, ROW_ABANDONED);
}

static uint32_t claim_histogram(void)
{
	uint32_t index = atomic_fetch_add(&board->histograms, 1);

	return index < HISTOGRAMS_MAX ? index + 1 : 0;
}

/* Brings a claimed row into use: itself, the row below that has its name, or
 * NULL if it was taken from us. */
static struct board_series *settle_series(struct board_series *s)
{
	enum board_metric metric = (enum board_metric)s->metric;
	size_t index = (size_t)(s - board->series);
	struct board_series *first;
	uint32_t naming = ROW_NAMING;

	for (size_t i = 0; i < index; i++)
		await_name(&board->series[i]);
	first = find_series(metric, s->labels, index);
	if (first) {
		atomic_store(&s->state, ROW_ABANDONED);
		return first;
	}
	if (board_families[metric].type == BOARD_HISTOGRAM)
		atomic_store(&s->histogram, claim_histogram());
	return atomic_compare_exchange_strong(&s->state, &naming, ROW_USED)
		       ? s
		       : NULL;
}

struct board_series *board_series(enum board_metric metric, const char *labels)
{
	struct board_series *s = find_series(metric, labels, SERIES_MAX);
	size_t size = strlen(labels) + 1;

	while (!s) {
		s = size <= sizeof(s->labels) ? claim_series(metric) : NULL;
		if (!s)
			return miss_series(metric);
		s->metric = (uint32_t)metric;
		memcpy(s->labels, labels, size);
		s = settle_series(s);
	}
	return s;
}

void board_add(struct board_series *series, int64_t n)
{
	atomic_fetch_add_explicit(&series->value, n, memory_order_relaxed);
}

void board_set(struct board_series *series, int64_t value)
{
	atomic_store_explicit(&series->value, value, memory_order_relaxed);
}

int64_t board_get(const struct board_series *series)
{
	return atomic_load_explicit(&series->value, memory_order_relaxed);
}

double board_bucket_bound(size_t i)
{
	return i + 1 < BOARD_BUCKETS ? 100e-6 * (double)(1u << i)
				     : (double)INFINITY;
}

void board_observe(struct board_series *series, int64_t value)
{
	double seconds = (double)value * board_families[series->metric].scale;
	uint32_t histogram = atomic_load(&series->histogram);
	size_t i = 0;

	board_add(series, value);
	if (histogram == 0)
		return;
	while (i + 1 < BOARD_BUCKETS && seconds > board_bucket_bound(i))
		i++;
	atomic_fetch_add_explicit(&board->buckets[histogram - 1][i], 1,
				  memory_order_relaxed);
}

const struct board_series *board_series_at(size_t i)
{
	for (size_t at = 0; at < SERIES_MAX; at++) {
		const struct board_series *s = &board->series[at];

		if (atomic_load(&s->state) == ROW_USED && i-- == 0)
			return s;
	}
	return NULL;
}

const _Atomic uint64_t *board_buckets(const struct board_series *series)
{
	uint32_t histogram = atomic_load(&series->histogram);

	return histogram ? board->buckets[histogram - 1] : NULL;
}

struct board_thread *board_thread_claim(const char *name, bool watched)
{
	for (size_t i = 0; i < BOARD_THREADS; i++) {
		struct board_thread *slot = &board->threads[i];
		int32_t is_free = 0;

		/* -1 while it is named: nobody reads half a name. */
		if (!atomic_compare_exchange_strong(&slot->pid, &is_free, -1))
			continue;
		(void)strncpy(slot->name, name, sizeof(slot->name) - 1);
		slot->name[sizeof(slot->name) - 1] = '\0';
		atomic_store(&slot->beats, 0);
		atomic_store(&slot->watched, watched);
		atomic_store(&slot->pid, (int32_t)getpid());
		return slot;
	}
	return &spare_thread;
}

void board_thread_release(struct board_thread *slot)
{
	if (slot)
		atomic_store(&slot->pid, 0);
}

struct board_thread *board_thread_at(size_t i)
{
	return &board->threads[i];
}

struct board_journal *board_journal_claim(const char *name)
{
	if (strlen(name) >= BOARD_TEXT_SIZE)
		return NULL;
	for (size_t i = 0; i < JOURNALS_MAX; i++) {
		struct board_journal *slot = &board->journals[i];
		int32_t is_free = 0;

		if (!atomic_compare_exchange_strong(&slot->pid, &is_free, -1))
			continue;
		board_text_set(&slot->name, name);
		atomic_store(&slot->durable_seq, 0);
		atomic_store(&slot->pid, (int32_t)getpid());
		return slot;
	}
	return NULL;
}

void board_journal_release(struct board_journal *slot)
{
	if (slot)
		atomic_store(&slot->pid, 0);
}

struct board_journal *board_journal_find(const char *name)
{
	char text[BOARD_TEXT_SIZE];

	for (size_t i = 0; i < JOURNALS_MAX; i++) {
		struct board_journal *slot = &board->journals[i];

		if (atomic_load(&slot->pid) <= 0)
			continue;
		board_text_get(&slot->name, text);
		if (strcmp(text, name) == 0)
			return slot;
	}
	return NULL;
}

void board_forget_process(int32_t pid)
{
	for (size_t i = 0; i < BOARD_THREADS; i++)
		if (atomic_load(&board->threads[i].pid) == pid)
			board_thread_release(&board->threads[i]);
	for (size_t i = 0; i < JOURNALS_MAX; i++)
		if (atomic_load(&board->journals[i].pid) == pid)
			board_journal_release(&board->journals[i]);
}

/* ---- texts -----------------------------------------------------------------
 */

void board_text_set(struct board_text *text, const char *value)
{
	char whole[BOARD_TEXT_SIZE] = "";

	(void)snprintf(whole, sizeof(whole), "%s", value);
	words_set(&text->version, text->words, whole, sizeof(whole));
}

/* Of one that is still being written, what is there. */
void board_text_get(struct board_text *text, char out[BOARD_TEXT_SIZE])
{
	(void)words_get(&text->version, text->words, out, BOARD_TEXT_SIZE,
			TEXT_LOOKS);
	out[BOARD_TEXT_SIZE - 1] = '\0';
}

/* ---- who may call ----------------------------------------------------------
 */

struct board_auth *board_auth(void)
{
	return &board->auth;
}

void board_secret_set(struct board_secret *secret, const void *bytes,
		      size_t size)
{
	unsigned char whole[BOARD_SECRET_SIZE] = { 0 };

	memcpy(whole, bytes, size < sizeof(whole) ? size : sizeof(whole));
	words_set(&secret->version, secret->words, whole, sizeof(whole));
}

void board_secret_get(struct board_secret *secret, void *bytes, size_t size)
{
	unsigned char whole[BOARD_SECRET_SIZE];

	if (!words_get(&secret->version, secret->words, whole, sizeof(whole),
		       SECRET_LOOKS))
		memset(whole, 0, sizeof(whole));
	memcpy(bytes, whole, size < sizeof(whole) ? size : sizeof(whole));
}
