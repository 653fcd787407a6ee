/*
 * journal.c - an append-only log of records, written once (see journal.h)
 *
 * The bytes are told in journal_format.h. The rules of durability:
 *
 *  1. A file is made, headed and synced, and its directory synced, before the
 *     first record goes in. A journal is built under a name that readers pass
 *     by and renamed into the outbox with its lock held, so that nobody sees
 *     half of one, or one without an owner.
 *  2. A group of records is one write and one fdatasync, and counts as durable
 *     when both have succeeded.
 *  3. Nothing is written twice in the same place; there is no state file.
 *  4. After a failed write or sync that file is never synced again: the kernel
 *     may have dropped the pages and would then report success. We go on in a
 *     new segment, into which the last groups that counted as durable are
 *     written once more before the new one, under their old sequence numbers;
 *     then the file is read back past the page cache. A reader skips what it
 *     has seen. (Measured on a disk that really loses pages: appending to the
 *     same file lost a third of the acknowledged records; a new file without
 *     the old groups lost one; with eight of them, none.)
 *  5. If the new file fails as well, it goes, nothing counts as durable, and
 *     the next commit begins with another one. When it fails for want of room,
 *     the reserve (reserve.h) becomes that file.
 *  6. A file that somebody has removed under us counts as failed.
 *  7. A segment past its size is sealed: the next begins with a snapshot of
 *     what is open, so that those before it may go once they are delivered.
 *
 *   segment 3   [snapshot] 40 41 42 | 43 44 | 45 ~sync fails~
 *   segment 4   [snapshot of what was open after 44] 40 41 42 | 43 44 | 45 ...
 */
#include "persistence/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/estate.h"
#include "persistence/ground.h"
#include "persistence/journal_group.h"
#include "persistence/journal_segment.h"
#include "persistence/record.h"
#include "persistence/reserve.h"
#include "server/board.h"
#include "server/clock.h"

#define REMEMBERED_GROUPS 8 /* what rule 4 repeats; a group is about 1 MiB */
#define REPEATED_IN_NEED  2 /* of these, where room is scarce */

struct journal {
	uint64_t segment_bytes;
	const struct estate *open; /* borrowed */
	struct reserve *reserve;   /* borrowed; or NULL */
	char name[64];
	char *pend_path; /* owned: where others find pend_fd */
	struct uuid id;
	int outbox_fd, dir_fd, pend_fd, lock_fd;
	bool born;		/* it has its name in the outbox */
	struct segment segment; /* the open one */
	uint32_t number;	/* of the newest segment ever begun */
	uint64_t snapshot_end;	/* offset of the first record in it */
	uint64_t bytes_before;	/* in the segments before */
	uint64_t durable_seq;
	struct ground *ground;	   /* owned; or NULL */
	bool cramped;		   /* no room for it */
	uint32_t ground_wanted_in; /* number of the segment that was open */
	struct group current;
	struct group remembered[REMEMBERED_GROUPS]; /* newest first */
	struct board_journal *slot;
};

/* ---- segments --------------------------------------------------------------
 */

static int write_snapshot(struct journal *journal, struct segment *segment)
{
	struct group snapshot = { 0 };
	const struct record *record;
	uint32_t count = 0;
	size_t cursor = 0;
	int r = 0;

	while (r == 0 && journal->open &&
	       (record = estate_next(journal->open, &cursor))) {
		r = group_add(&snapshot, ENTRY_SNAPSHOT, journal->durable_seq,
			      record);
		count++;
	}
	if (r == 0)
		r = group_add_end(&snapshot, journal->durable_seq, count);
	if (r == 0)
		r = segment_write(segment, &snapshot);
	group_free(&snapshot);
	return r;
}

/* Makes the next segment ours, of a new file or of room that is kept; on
 * failure all is as before. */
static int begin_in(struct journal *journal, uint64_t first_seq,
		    struct reserve *room)
{
	struct segment_header header = { .magic = SEGMENT_MAGIC,
					 .version = SEGMENT_VERSION,
					 .journal = journal->id,
					 .first_seq = first_seq,
					 .created_us = clock_wall_us() };
	struct segment next = { .fd = -1 };
	int r;

	/* A number is never used twice, not even after a failure: somebody
	 * may be reading what we have already removed. */
	header.number = ++journal->number;
	r = segment_create(&next, journal->pend_fd, &header, room);
	if (r == 0)
		r = write_snapshot(journal, &next);
	if (r < 0) {
		segment_abandon(&next, journal->pend_fd);
		return r;
	}
	journal->bytes_before += journal->segment.offset;
	segment_finish(&journal->segment);
	journal->segment = next;
	journal->snapshot_end = next.offset;
	return 0;
}

/* On ground that was prepared, if there is any, or in the reserve if need be.
 */
static int begin_segment(struct journal *journal, uint64_t first_seq,
			 struct reserve *reserve)
{
	struct reserve *ground = reserve ? NULL : ground_take(journal->ground);

	if (ground && begin_in(journal, first_seq, ground) == 0)
		return 0;
	return begin_in(journal, first_seq, reserve);
}

/* The next one is wanted when half of this is written: who writes little has
 * none lying idle, and a writer that dies leaves no more zeros than records. */
static void look_ahead(struct journal *journal)
{
	const struct segment *segment = &journal->segment;

	if (journal->cramped || segment->number == journal->ground_wanted_in ||
	    segment->offset - journal->snapshot_end <
		    journal->segment_bytes / 2)
		return;
	/* Once: a disk that refuses it is not asked again and again. */
	journal->ground_wanted_in = segment->number;
	ground_want(journal->ground);
}

void journal_see_room(struct journal *journal, bool plenty)
{
	journal->cramped = !plenty;
	if (!plenty)
		ground_give_up(journal->ground);
}

/* There is no room but what was kept. */
static bool needs_reserve(const struct journal *journal, int error)
{
	return disk_is_full(error) && journal->reserve &&
	       journal->reserve->bytes > 0;
}

static void abandon_segment(struct journal *journal)
{
	board_add(board_series(METRIC_OUTBOX_SYNC_ERRORS_TOTAL, ""), 1);
	if (journal->segment.trusted)
		journal->bytes_before += journal->segment.offset;
	segment_abandon(&journal->segment, journal->pend_fd);
	journal->segment.offset = 0;
}

/* ---- a journal's life ------------------------------------------------------
 */

static void make_name(struct journal *journal, const char *role)
{
	const uint8_t *id = journal->id.bytes;
	time_t now = (time_t)(clock_wall_us() / 1000000);
	struct tm tm = { 0 };
	char when[20];

	uuid_make_v7(&journal->id);
	(void)gmtime_r(&now, &tm);
	(void)strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm);
	(void)snprintf(journal->name, sizeof(journal->name),
		       "%s-%.16s-%02x%02x%02x%02x", when, role, id[12], id[13],
		       id[14], id[15]);
}

static void unborn_name(const struct journal *journal, char out[72])
{
	(void)snprintf(out, 72, ".new-%s", journal->name);
}

static int take_lock(struct journal *journal)
{
	char pid[16];
	int length, r;

	journal->lock_fd = disk_create(journal->dir_fd, "LOCK");
	if (journal->lock_fd < 0)
		return journal->lock_fd;
	if (flock(journal->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	/* The pid is for people: a full disk must not stop us here. */
	length = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	r = disk_write(journal->lock_fd, pid, (size_t)length, 0);
	return disk_is_full(r) ? 0 : r;
}

static int open_dirs(struct journal *journal, const char *outbox_dir)
{
	char unborn[72];
	int r = disk_make_path(outbox_dir);

	if (r < 0)
		return r;
	unborn_name(journal, unborn);
	journal->outbox_fd = disk_open_dir(AT_FDCWD, outbox_dir, false);
	if (journal->outbox_fd < 0)
		return journal->outbox_fd;
	journal->dir_fd = disk_open_dir(journal->outbox_fd, unborn, true);
	if (journal->dir_fd < 0)
		return journal->dir_fd;
	r = take_lock(journal);
	if (r < 0)
		return r;
	journal->pend_fd = disk_open_dir(journal->dir_fd, "pend", true);
	return journal->pend_fd < 0 ? journal->pend_fd : 0;
}

/* Rule 1. */
static int build(struct journal *journal, const char *outbox_dir)
{
	char unborn[72];
	int r = open_dirs(journal, outbox_dir);

	if (r < 0)
		return r;
	r = begin_segment(journal, 1, NULL);
	if (needs_reserve(journal, r))
		r = begin_segment(journal, 1, journal->reserve);
	if (r == 0)
		r = disk_sync(journal->dir_fd);
	if (r < 0)
		return r;
	unborn_name(journal, unborn);
	if (renameat(journal->outbox_fd, unborn, journal->outbox_fd,
		     journal->name) < 0)
		return -errno;
	journal->born = true;
	return disk_sync(journal->outbox_fd);
}

int journal_create(struct journal **ret, const struct journal_options *options)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	int r;

	if (!journal)
		return -ENOMEM;
	journal->segment_bytes = options->segment_bytes;
	journal->open = options->open;
	journal->reserve = options->reserve;
	journal->outbox_fd = journal->dir_fd = journal->pend_fd = -1;
	journal->lock_fd = journal->segment.fd = -1;
	make_name(journal, options->role);
	if (asprintf(&journal->pend_path, "%s/%s/pend", options->outbox_dir,
		     journal->name) < 0) {
		free(journal);
		return -ENOMEM;
	}
	/* Claimed before anybody can see the journal; a full table is tried
	 * again with each commit. */
	journal->slot = board_journal_claim(journal->name);
	r = build(journal, options->outbox_dir);
	if (r < 0) {
		journal_close(journal);
		return r;
	}
	/* A journal without it is as good, only slower. */
	if (options->ahead)
		(void)ground_create(&journal->ground, journal->pend_path,
				    journal->segment_bytes + SEGMENT_DATA_AT);
	*ret = journal;
	return 0;
}

/* What build() has left behind when it failed half-way. */
static void remove_unborn(struct journal *journal)
{
	char unborn[72];

	unborn_name(journal, unborn);
	if (journal->dir_fd >= 0)
		(void)disk_remove_dir(journal->dir_fd, "pend", ".seg");
	if (journal->outbox_fd >= 0)
		(void)disk_remove_dir(journal->outbox_fd, unborn, "LOCK");
}

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

struct journal *journal_close(struct journal *journal)
{
	if (!journal)
		return NULL;
	journal->ground = ground_destroy(journal->ground);
	segment_finish(&journal->segment);
	if (!journal->born)
		remove_unborn(journal);
	for (int i = 0; i < REMEMBERED_GROUPS; i++)
		group_free(&journal->remembered[i]);
	group_free(&journal->current);
	close_fd(journal->pend_fd);
	close_fd(journal->dir_fd);
	close_fd(journal->outbox_fd);
	close_fd(journal->lock_fd); /* last: now the heir may come */
	board_journal_release(journal->slot);
	free(journal->pend_path);
	free(journal);
	return NULL;
}

/* ---- committing ------------------------------------------------------------
 */

/* In the open segment, or in its successor if that is full. */
static int try_here(struct journal *journal)
{
	struct segment *segment = &journal->segment;
	int r;

	/* A successor that cannot be made is no reason to fail: this segment
	 * is well, it only grows longer than it should. */
	if (segment->offset - journal->snapshot_end >= journal->segment_bytes)
		(void)begin_segment(journal, journal->durable_seq + 1, NULL);
	r = segment_write(segment, &journal->current);
	if (r == 0)
		r = disk_sync_data(segment->fd);
	return r == 0 && !segment_is_there(segment) ? -ENOENT : r;
}

static int oldest_remembered(const struct journal *journal)
{
	int i = REMEMBERED_GROUPS - 1;

	while (i >= 0 && journal->remembered[i].length == 0)
		i--;
	return i;
}

static int verify(const struct journal *journal, const struct group *group,
		  uint64_t *offset)
{
	char name[SEGMENT_NAME_SIZE];
	int r;

	segment_name(journal->segment.number, name);
	r = disk_verify(journal->pend_fd, name, group->bytes, group->length,
			*offset);
	*offset += group->length;
	return r;
}

/* Rule 4. */
static int try_anew(struct journal *journal, struct reserve *reserve)
{
	int oldest = oldest_remembered(journal);
	uint64_t first = journal->durable_seq + 1, offset;
	int r;

	if (reserve && oldest >= REPEATED_IN_NEED)
		oldest = REPEATED_IN_NEED - 1;
	if (oldest >= 0)
		first = group_first_seq(&journal->remembered[oldest]);
	r = begin_segment(journal, first, reserve);
	if (r < 0)
		return r;
	offset = journal->segment.offset;
	for (int i = oldest; r == 0 && i >= 0; i--)
		r = segment_write(&journal->segment, &journal->remembered[i]);
	if (r == 0)
		r = segment_write(&journal->segment, &journal->current);
	if (r == 0)
		r = disk_sync_data(journal->segment.fd);
	for (int i = oldest; r == 0 && i >= 0; i--)
		r = verify(journal, &journal->remembered[i], &offset);
	if (r == 0)
		r = verify(journal, &journal->current, &offset);
	return r;
}

static int write_and_sync(struct journal *journal)
{
	int r;

	if (journal->segment.fd >= 0) {
		r = try_here(journal);
		if (r == 0)
			return 0;
		abandon_segment(journal);
	}
	r = try_anew(journal, NULL);
	if (r < 0)
		abandon_segment(journal);
	if (!needs_reserve(journal, r))
		return r;
	if (try_anew(journal, journal->reserve) == 0)
		return 0;
	abandon_segment(journal);
	return r;
}

static int encode(struct journal *journal, struct record *const *records,
		  size_t count)
{
	int r = 0;

	journal->current.length = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = group_add(&journal->current, ENTRY_RECORD,
			      journal->durable_seq + 1 + i, records[i]);
	return r;
}

/* The current group becomes the newest we remember; the oldest one's buffer
 * takes its place. */
static void remember_current(struct journal *journal)
{
	struct group oldest = journal->remembered[REMEMBERED_GROUPS - 1];

	memmove(journal->remembered + 1, journal->remembered,
		(REMEMBERED_GROUPS - 1) * sizeof(struct group));
	journal->remembered[0] = journal->current;
	journal->current = oldest;
}

static void publish(struct journal *journal)
{
	if (!journal->slot)
		journal->slot = board_journal_claim(journal->name);
	if (journal->slot)
		atomic_store(&journal->slot->durable_seq, journal->durable_seq);
}

static int commit_current(struct journal *journal, size_t count)
{
	int r = write_and_sync(journal);

	if (r < 0)
		return r;
	journal->segment.trusted = true;
	journal->durable_seq += count;
	remember_current(journal);
	publish(journal);
	look_ahead(journal);
	return 0;
}

int journal_commit(struct journal *journal, struct record *const *records,
		   size_t count)
{
	int r = encode(journal, records, count);

	return r < 0 || count == 0 ? r : commit_current(journal, count);
}

int journal_take_over(struct journal *journal, const struct journal *other)
{
	int r = 0;

	for (int i = oldest_remembered(other); r == 0 && i >= 0; i--) {
		size_t count;

		r = group_copy(&journal->current, &other->remembered[i]);
		if (r < 0)
			return r;
		count = group_renumber(&journal->current,
				       journal->durable_seq + 1);
		r = commit_current(journal, count);
	}
	return r;
}

bool journal_is_there(const struct journal *journal)
{
	struct stat here, there;

	return fstat(journal->pend_fd, &here) == 0 &&
	       stat(journal->pend_path, &there) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

uint64_t journal_durable_seq(const struct journal *journal)
{
	return journal->durable_seq;
}

uint64_t journal_bytes(const struct journal *journal)
{
	return journal->bytes_before + journal->segment.offset;
}

const char *journal_name(const struct journal *journal)
{
	return journal->name;
}
