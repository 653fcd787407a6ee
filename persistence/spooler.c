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
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/disk.h"
#include "persistence/disk_watch.h"
#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/lifeboat.h"
#include "persistence/queue.h"
#include "persistence/record.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/thread.h"

#define GROUP_RECORDS_MAX 4096u
#define GROUP_BYTES_MAX	  ((size_t)1 << 20)
#define BACKOFF_FIRST_MS  100u
#define BACKOFF_MAX_MS	  5000u
#define IDLE_WAIT_MS	  1000u /* at most; a record comes through at once */
/* The segments being written cannot go, whatever is delivered: together they
 * are a small part of outbox.max_bytes, or they alone would be too much; those
 * zeroed ahead (ground.h) count as well, and go when room becomes scarce. */
#define LIVE_SHARE	  8u
#define SEGMENT_BYTES_MIN ((uint64_t)128 << 10)
/* A shorter one is hardly more than a step of what it grows by. */
#define AHEAD_MIN ((uint64_t)4 << 20)

struct spooler {
	struct spooler_options options;
	char dir[384];
	struct thread *thread;
	struct journal *journal; /* NULL until the disk takes one */
	struct estate *open;
	struct record *group[GROUP_RECORDS_MAX];
	size_t count, bytes; /* of the group */
	size_t noted;	     /* durable and in the estate, of those */
	bool durable;	     /* the group is; only noting is left */
	struct disk_watch watch;
	uint32_t backoff_ms;	     /* 0: all is well */
	int error;		     /* what the disk said last; or 0 */
	_Atomic uint64_t give_up_ms; /* monotonic; set by spooler_stop() */
	uint64_t lost;		     /* read when the thread has ended */
	struct board_series *commit_seconds;
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

static void show_queue(const struct spooler *s)
{
	const struct queue *queue = s->options.queue;

	disk_watch_show_memory(&s->watch, queue_length(queue) + s->count,
			       queue_bytes(queue) + s->bytes,
			       queue_capacity(queue));
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

static int make_journal(struct spooler *s, struct journal **journal)
{
	struct reserve *reserve = &s->watch.reserve;
	const struct journal_options options = {
		.outbox_dir = s->dir,
		.role = s->options.role,
		.segment_bytes = s->options.segment_bytes,
		.open = s->open,
		.reserve = reserve,
		.ahead = s->options.segment_bytes >= AHEAD_MIN,
	};
	int r = journal_create(journal, &options);

	/* Not even a directory fits any more. */
	if (disk_is_full(r) && reserve_give_up(reserve))
		r = journal_create(journal, &options);
	return r;
}

static int ensure_journal(struct spooler *s)
{
	int r = s->journal ? 0 : rescue(s);

	if (disk_is_full(r) && reserve_give_up(&s->watch.reserve))
		r = rescue(s);
	return r < 0 || s->journal ? r : make_journal(s, &s->journal);
}

/* Somebody has taken the journal away. The next one begins with what the disk
 * should have had: the calls that are open, and the last groups. It is there
 * before the other is left, so that nobody thinks that we have died. */
static int replace_journal(struct spooler *s)
{
	struct journal *next = NULL;
	int r = make_journal(s, &next);

	if (r == 0)
		r = journal_take_over(next, s->journal);
	if (r < 0) {
		journal_close(next);
		return r;
	}
	log_error("OUTBOX_JOURNAL_GONE", "journal=%s next=%s",
		  journal_name(s->journal), journal_name(next));
	journal_close(s->journal);
	s->journal = next;
	return 0;
}

static int make_durable(struct spooler *s)
{
	uint64_t before = clock_mono_us();
	int r = journal_commit(s->journal, s->group, s->count);

	if (r < 0 && !journal_is_there(s->journal)) {
		r = replace_journal(s);
		if (r == 0)
			r = journal_commit(s->journal, s->group, s->count);
	}
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
	for (size_t i = 0; i < s->count; i++) {
		lifeboat_leave(s->group[i]->boat, s->group[i]);
		if (s->options.durable)
			s->options.durable(s->group[i], s->options.arg);
	}
	free_group(s);
	return 0;
}

static void on_broken(struct spooler *s, int error)
{
	const char *name = strerrorname_np(-error);

	if (s->error != error)
		log_error("OUTBOX_BROKEN",
			  "errno=%s err=\"%s\" effect=\"records stay in "
			  "memory, new calls get 503\"",
			  name ? name : "unknown", strerror(-error));
	s->error = error;
	s->backoff_ms = s->backoff_ms ? s->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (s->backoff_ms > BACKOFF_MAX_MS)
		s->backoff_ms = BACKOFF_MAX_MS;
	disk_watch_show_broken(&s->watch, -error);
}

static void look_now(struct spooler *s)
{
	disk_watch_hurry(&s->watch);
	(void)disk_watch_look(&s->watch);
}

static void on_well(struct spooler *s)
{
	/* A reserve that was just taken is told at once. */
	if (s->watch.reserve.given && s->watch.room != BOARD_ROOM_RESERVE)
		look_now(s);
	if (s->error == 0)
		return;
	s->backoff_ms = 0;
	s->error = 0;
	disk_watch_show_broken(&s->watch, 0);
	log_info("OUTBOX_HEALED",
		 "journal=%s effect=\"records are durable "
		 "again\"",
		 journal_name(s->journal));
}

/* One step: 0, or -errno of what the disk does not do for us. */
static int serve(struct spooler *s)
{
	bool looks = disk_watch_is_due(&s->watch);
	int r = disk_watch_look(&s->watch);

	if (r == 0)
		r = ensure_journal(s);
	if (r == 0 && looks)
		journal_see_room(s->journal,
				 s->watch.room == BOARD_ROOM_PLENTY);
	if (r == 0 && looks && !journal_is_there(s->journal))
		r = replace_journal(s);
	return r < 0 || s->count == 0 ? r : commit(s);
}

/* ---- the thread ------------------------------------------------------------
 */

/* Time is up and the disk still refuses: say what is lost, by name. */
static void give_up(struct spooler *s)
{
	char id[UUID_TEXT_SIZE], entity[UUID_TEXT_SIZE];

	/* Also what came between the last look at the queue and the stop. */
	if (!s->durable)
		take_group(s);
	for (; s->count > 0; take_group(s)) {
		for (size_t i = 0; !s->durable && i < s->count; i++) {
			const struct record *record = s->group[i];

			uuid_format(&record->id, id);
			uuid_format(&record->entity, entity);
			log_error("RECORD_LOST", "id=%s kind=%s call=%s rev=%u",
				  id, record_kind_name(record->kind), entity,
				  record->rev);
			board_add(board_series(METRIC_RECORDS_LOST_TOTAL, ""),
				  1);
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

static int spool(struct thread *self, void *arg)
{
	struct spooler *s = arg;

	for (;;) {
		/* Read before the queue: what is pushed before the stop is
		 * taken before the end. */
		bool stopping = thread_stopping(self), idle;
		int r;

		if (!s->durable)
			take_group(s);
		show_queue(s);
		if (s->count == 0 && stopping)
			return 0;
		idle = s->count == 0;
		r = serve(s);
		if (r == 0) {
			on_well(s);
			if (idle)
				queue_wait(s->options.queue, IDLE_WAIT_MS);
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
	if (s->watch.place)
		disk_watch_end(&s->watch);
	estate_destroy(s->open);
	free(s);
	return NULL;
}

static int watch_disk(struct spooler *s)
{
	struct spooler_options *o = &s->options;
	uint64_t share =
		o->max_bytes / LIVE_SHARE / (o->writers ? o->writers : 1);

	if (share < SEGMENT_BYTES_MIN)
		share = SEGMENT_BYTES_MIN;
	if (o->segment_bytes > share)
		o->segment_bytes = share;
	s->watch.dir = s->dir;
	s->watch.limits = (struct room_limits){
		.max_bytes = o->max_bytes,
		.min_free_disk = o->min_free_disk,
		.low_percent = o->low_percent ? o->low_percent : 100,
	};
	disk_watch_begin(&s->watch, &board_flags()->spoolers[o->process]);
	return reserve_init(&s->watch.reserve, s->dir, o->role, o->process,
			    o->reserve);
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
	r = watch_disk(s);
	if (r < 0)
		goto fail;
	r = estate_create(&s->open);
	if (r < 0)
		goto fail;
	/* A disk that refuses now may heal: until then calls are refused, and
	 * they are so before the first of them can come. */
	r = serve(s);
	if (r < 0)
		on_broken(s, r);
	else
		look_now(s);
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
