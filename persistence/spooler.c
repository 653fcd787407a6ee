/*
 * spooler.c - the thread that makes records durable (see spooler.h)
 *
 *   queue --take_group()--> group --journal_commit()--> durable
 *                                          `--> estate notes it, freed
 *
 * A group that the disk refused stays where it is and is offered again, with
 * whatever has come since behind it. So the journal's sequence and the order
 * of each call's records hold through any failure.
 *
 * The estate is noted after the commit: the snapshot that begins a segment
 * tells what was open before the group that is written behind it.
 */
#include "persistence/spooler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "persistence/disk.h"
#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/lifeboat.h"
#include "persistence/queue.h"
#include "persistence/record.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/thread.h"

#define GROUP_RECORDS_MAX  4096u
#define GROUP_BYTES_MAX	   ((size_t)1 << 20)
#define BACKOFF_FIRST_MS   100u
#define BACKOFF_MAX_MS	   5000u
#define BOUNDS_INTERVAL_MS 1000u
#define IDLE_WAIT_MS	   5000u /* at most; a record comes through at once */
#define ROOM_PERCENT	   95u	 /* of max_bytes: full ends somewhat below it */

struct spooler {
	struct spooler_options options;
	char dir[384];
	struct thread *thread;
	struct journal *journal; /* NULL until the disk takes one */
	struct estate *open;
	struct record *group[GROUP_RECORDS_MAX];
	size_t count, bytes;	     /* of the group */
	size_t noted;		     /* durable and in the estate, of those */
	bool durable;		     /* the group is; only noting is left */
	uint32_t backoff_ms;	     /* 0: all is well */
	uint64_t bounds_checked_ms;  /* 0: not since something changed */
	bool full;		     /* by the bounds */
	_Atomic uint64_t give_up_ms; /* monotonic; set by spooler_stop() */
	uint64_t lost;		     /* read when the thread has ended */
	struct board_series *commit_seconds, *queue_records;
};

static void take_group(struct spooler *s)
{
	struct record *record;

	while (s->count < GROUP_RECORDS_MAX && s->bytes < GROUP_BYTES_MAX &&
	       (record = queue_pop(s->options.queue))) {
		s->group[s->count++] = record;
		s->bytes += sizeof(*record) + record->length;
	}
}

static void free_group(struct spooler *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->group[i]);
	s->count = s->bytes = s->noted = 0;
	s->durable = false;
}

static void show_queue(struct spooler *s)
{
	board_set(s->queue_records,
		  (int64_t)(queue_length(s->options.queue) + s->count));
}

/* ---- bounds ----------------------------------------------------------------
 */

static void set_full(struct spooler *s, bool full)
{
	atomic_store(&board_flags()->outbox_full, full || s->backoff_ms > 0);
	if (s->full == full)
		return;
	s->full = full;
	if (full)
		log_warn("OUTBOX_FULL",
			 "max_bytes=%llu min_free_disk=%llu "
			 "effect=\"new calls get 503\"",
			 (unsigned long long)s->options.max_bytes,
			 (unsigned long long)s->options.min_free_disk);
	else
		log_info("OUTBOX_ROOM", "effect=\"new calls are taken\"");
}

static bool is_full(const struct spooler *s)
{
	uint64_t most = s->options.max_bytes;
	struct statvfs disk;

	if (s->full)
		most = most / 100 * ROOM_PERCENT;
	if (disk_usage(AT_FDCWD, s->dir) > most)
		return true;
	return statvfs(s->dir, &disk) == 0 &&
	       (uint64_t)disk.f_bavail * disk.f_frsize <
		       s->options.min_free_disk;
}

static void check_bounds(struct spooler *s)
{
	uint64_t now = clock_mono_ms();

	if (s->bounds_checked_ms &&
	    now - s->bounds_checked_ms < BOUNDS_INTERVAL_MS)
		return;
	s->bounds_checked_ms = now;
	set_full(s, is_full(s));
}

/* ---- committing ------------------------------------------------------------
 */

/* What the process before us had not made durable when it was killed. */
static int rescue(const struct spooler *s)
{
	size_t rescued = 0;
	int r = lifeboats_rescue(s->options.first_boat, s->options.boats,
				 s->dir, &rescued);

	if (r == 0 && rescued > 0)
		log_warn("RECORDS_RESCUED", "records=%zu", rescued);
	return r;
}

static int ensure_journal(struct spooler *s)
{
	const struct journal_options options = {
		.outbox_dir = s->dir,
		.role = s->options.role,
		.segment_bytes = s->options.segment_bytes,
		.open = s->open,
	};

	int r = s->journal ? 0 : rescue(s);

	return r < 0 || s->journal ? r : journal_create(&s->journal, &options);
}

static int make_durable(struct spooler *s)
{
	uint64_t before = clock_mono_us();
	int r = ensure_journal(s);

	if (r == 0)
		r = journal_commit(s->journal, s->group, s->count);
	if (r == 0)
		board_observe(s->commit_seconds,
			      (int64_t)(clock_mono_us() - before));
	return r;
}

/* Commits the group and notes it. Without memory to note, the next segment's
 * snapshot would forget a call: so that is tried again before anything else. */
static int commit(struct spooler *s)
{
	int r = s->durable ? 0 : make_durable(s);

	if (r < 0)
		return r;
	s->durable = true;
	while (s->noted < s->count) {
		r = estate_note(s->open, s->group[s->noted]);
		if (r < 0)
			return r;
		s->noted++;
	}
	for (size_t i = 0; i < s->count; i++)
		lifeboat_leave(s->group[i]->boat, s->group[i]);
	free_group(s);
	return 0;
}

static void on_broken(struct spooler *s, int error)
{
	if (s->backoff_ms == 0)
		log_error("OUTBOX_BROKEN",
			  "err=\"%s\" effect=\"records stay in memory, new "
			  "calls get 503\"",
			  strerror(-error));
	s->backoff_ms = s->backoff_ms ? s->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (s->backoff_ms > BACKOFF_MAX_MS)
		s->backoff_ms = BACKOFF_MAX_MS;
	atomic_store(&board_flags()->outbox_broken, (uint32_t)-error);
	set_full(s, s->full);
}

static void on_well(struct spooler *s)
{
	if (s->backoff_ms == 0)
		return;
	s->backoff_ms = 0;
	s->bounds_checked_ms = 0;
	atomic_store(&board_flags()->outbox_broken, 0);
	set_full(s, s->full);
	log_info("OUTBOX_HEALED",
		 "journal=%s effect=\"records are durable "
		 "again\"",
		 journal_name(s->journal));
}

/* ---- the thread ------------------------------------------------------------
 */

/* Time is up and the disk still refuses: say what is lost, by name. */
static void give_up(struct spooler *s)
{
	char id[UUID_TEXT_SIZE], entity[UUID_TEXT_SIZE];

	for (; s->count > 0; take_group(s)) {
		for (size_t i = 0; !s->durable && i < s->count; i++) {
			const struct record *record = s->group[i];

			uuid_format(&record->id, id);
			uuid_format(&record->entity, entity);
			log_error("RECORD_LOST", "id=%s kind=%s call=%s rev=%u",
				  id, record_kind_name(record->kind), entity,
				  record->rev);
			s->lost++;
		}
		free_group(s);
	}
}

static void wake(void *arg)
{
	const struct spooler *s = arg;

	queue_wake(s->options.queue);
}

/* Until the next try, or until spooler_stop() wakes us or will wait no more. */
static void pause_while_broken(struct spooler *s, const struct thread *self)
{
	uint64_t now = clock_mono_ms(), until = now + s->backoff_ms;

	if (thread_stopping(self) && atomic_load(&s->give_up_ms) < until)
		until = atomic_load(&s->give_up_ms);
	if (until > now)
		queue_pause(s->options.queue, (int)(until - now));
}

static bool time_is_up(const struct spooler *s, const struct thread *self)
{
	return thread_stopping(self) &&
	       clock_mono_ms() >= atomic_load(&s->give_up_ms);
}

static void wait_for_records(const struct spooler *s)
{
	queue_wait(s->options.queue,
		   (int)(s->full ? BOUNDS_INTERVAL_MS : IDLE_WAIT_MS));
}

static int spool(struct thread *self, void *arg)
{
	struct spooler *s = arg;

	for (;;) {
		/* Read before the queue: what is pushed before the stop is
		 * taken before the end. */
		bool stopping = thread_stopping(self);
		int r;

		if (!s->durable)
			take_group(s);
		show_queue(s);
		check_bounds(s);
		if (s->count == 0 && stopping)
			return 0;
		if (s->count == 0 && s->journal) {
			wait_for_records(s);
			continue;
		}
		r = s->count > 0 ? commit(s) : ensure_journal(s);
		if (r == 0) {
			on_well(s);
			continue;
		}
		on_broken(s, r);
		if (time_is_up(s, self)) {
			give_up(s);
			show_queue(s);
			return 0;
		}
		pause_while_broken(s, self);
	}
}

/* ---- start and stop --------------------------------------------------------
 */

static struct spooler *spooler_free(struct spooler *s)
{
	free_group(s);
	journal_close(s->journal);
	estate_destroy(s->open);
	free(s);
	return NULL;
}

int spooler_start(struct spooler **ret, const struct spooler_options *options)
{
	struct spooler *s = calloc(1, sizeof(*s));
	const struct thread_options thread = {
		.name = "spooler",
		.body = spool,
		.arg = s,
		.wake = wake,
	};
	size_t length = strlen(options->outbox_dir);
	int r = -ENAMETOOLONG;

	if (!s)
		return -ENOMEM;
	s->options = *options;
	if (length >= sizeof(s->dir))
		goto fail;
	memcpy(s->dir, options->outbox_dir, length + 1);
	s->commit_seconds = board_series(METRIC_OUTBOX_COMMIT_SECONDS, "");
	s->queue_records = board_series(METRIC_QUEUE_RECORDS, "");
	r = estate_create(&s->open);
	if (r < 0)
		goto fail;
	/* A disk that refuses now may heal: until then calls are refused, and
	 * they are so before the first of them can come. */
	r = ensure_journal(s);
	if (r < 0)
		on_broken(s, r);
	check_bounds(s);
	r = thread_start(&s->thread, &thread);
	if (r < 0)
		goto fail;
	*ret = s;
	return 0;
fail:
	spooler_free(s);
	return r;
}

uint64_t spooler_stop(struct spooler *s, uint32_t timeout_ms)
{
	uint64_t lost;

	if (!s)
		return 0;
	atomic_store(&s->give_up_ms, clock_mono_ms() + timeout_ms);
	thread_stop(s->thread);
	thread_join(s->thread);
	lost = s->lost;
	spooler_free(s);
	return lost;
}
