/*
 * outbox.c - the directory of journals, from the end that empties it (outbox.h)
 *
 *   20261123T061700-media-0a1b2c3d/   a journal: its name begins with a digit
 *   .new-20261123T...                 one that is being made (journal.c)
 *   .old-20261123T...                 one that is being removed
 *   RESERVE.media-0                   room for a full disk (reserve.h)
 *   quarantine/                       damaged bytes, for people
 *   DRAINER                           flock'd by the one drainer, holds its pid
 *   FOLLOWER.events                   the same, by the one follower of that
 * name
 *
 * Anything else is not ours and left alone. What one journal does is told in
 * outbox_journal.c.
 */
#include "persistence/outbox.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/outbox_journal.h"
#include "persistence/room.h"
#include "server/board.h"
#include "server/log.h"

#define JOURNALS_MAX 4096
#define NEW_PREFIX   ".new-"
#define OLD_PREFIX   ".old-"

struct outbox {
	struct outbox_options options;
	char dir[384];
	int dir_fd, lock_fd;
	uint64_t bytes;			  /* on disk, at the last scan */
	struct outbox_journal **journals; /* by name, so oldest first */
	size_t count;
};

/* ---- opening and closing ---------------------------------------------------
 */

static int take_lock(struct outbox *outbox)
{
	const char *follower = outbox->options.follower;
	char name[32] = "DRAINER", pid[16];
	int length;

	if (follower)
		(void)snprintf(name, sizeof(name), "FOLLOWER.%s", follower);
	outbox->lock_fd = openat(outbox->dir_fd, name,
				 O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (outbox->lock_fd < 0)
		return -errno;
	if (flock(outbox->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	/* The pid is for people: a full disk must not keep us from draining. */
	length = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(outbox->lock_fd, 0) == 0)
		(void)disk_write(outbox->lock_fd, pid, (size_t)length, 0);
	return 0;
}

static int open_dir(struct outbox *outbox)
{
	const char *dir = outbox->options.dir;
	int r;

	if ((size_t)snprintf(outbox->dir, sizeof(outbox->dir), "%s", dir) >=
	    sizeof(outbox->dir))
		return -ENAMETOOLONG;
	outbox->options.dir = outbox->dir;
	if (!outbox->options.read_only) {
		r = disk_make_path(dir);
		if (r < 0)
			return r;
	}
	outbox->dir_fd = disk_open_dir(AT_FDCWD, dir, false);
	if (outbox->dir_fd < 0)
		return outbox->dir_fd;
	return outbox->options.read_only ? 0 : take_lock(outbox);
}

int outbox_open(struct outbox **ret, const struct outbox_options *options)
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));
	int r;

	if (!outbox)
		return -ENOMEM;
	outbox->options = *options;
	outbox->dir_fd = outbox->lock_fd = -1;
	r = open_dir(outbox);
	if (r == 0)
		r = outbox_scan(outbox);
	if (r < 0) {
		outbox_close(outbox);
		return r;
	}
	*ret = outbox;
	return 0;
}

struct outbox *outbox_close(struct outbox *outbox)
{
	if (!outbox)
		return NULL;
	for (size_t i = 0; i < outbox->count; i++)
		outbox_journal_close(outbox->journals[i]);
	free(outbox->journals);
	if (outbox->dir_fd >= 0)
		(void)close(outbox->dir_fd);
	if (outbox->lock_fd >= 0)
		(void)close(outbox->lock_fd);
	free(outbox);
	return NULL;
}

/* ---- finding journals ------------------------------------------------------
 */

bool outbox_is_gone(const struct outbox *outbox)
{
	struct stat here, there;

	return fstat(outbox->dir_fd, &here) < 0 ||
	       stat(outbox->dir, &there) < 0 || here.st_dev != there.st_dev ||
	       here.st_ino != there.st_ino;
}

static bool begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool is_known(const struct outbox *outbox, const char *name)
{
	for (size_t i = 0; i < outbox->count; i++)
		if (strcmp(outbox->journals[i]->name, name) == 0)
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct outbox_journal *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int adopt(struct outbox *outbox, const char *name)
{
	struct outbox_journal **more, *journal;
	int r;

	if (outbox->count >= JOURNALS_MAX)
		return 0; /* the rest when these are gone */
	more = realloc(outbox->journals,
		       (outbox->count + 1) * sizeof(struct outbox_journal *));
	if (!more)
		return -ENOMEM;
	outbox->journals = more;
	r = outbox_journal_open(&journal, outbox->dir, name, &outbox->options);
	if (r < 0) {
		/* It must not hold up the others; the next scan tries again. */
		log_error("OUTBOX_JOURNAL", "journal=%s err=\"%s\"", name,
			  strerror(-r));
		return r == -ENOMEM ? r : 0;
	}
	if (journal->refused)
		log_error("OUTBOX_JOURNAL",
			  "journal=%s err=\"written by a newer version; left "
			  "alone\"",
			  name);
	more[outbox->count++] = journal;
	return 0;
}

static bool is_orphan(const struct outbox *outbox, const char *name)
{
	char path[512];

	/* Its maker takes a slot on the board, then makes the directory. */
	if (!begins(name, NEW_PREFIX) ||
	    board_journal_find(name + strlen(NEW_PREFIX)))
		return false;
	(void)snprintf(path, sizeof(path), "%s/%s/pend", outbox->dir, name);
	/* The lock is taken before pend is made: without pend it is too early
	 * to tell, and there is nothing in it. */
	if (access(path, F_OK) < 0)
		return false;
	path[strlen(path) - sizeof("/pend") + 1] = '\0';
	return !journal_is_live(path);
}

/* A journal's files, and its directories if nobody else's file is in them. */
static void remove_journal(int outbox_fd, const char *name)
{
	int dir = disk_open_dir(outbox_fd, name, false);

	if (dir < 0)
		return;
	(void)disk_remove_dir(dir, "pend", ".seg");
	(void)disk_remove_dir(dir, ACK_LOG_DRAINER, ".ack");
	(void)disk_remove_dir(dir, OUTBOX_FOLLOWER_EVENTS, ".ack");
	(void)close(dir);
	(void)disk_remove_dir(outbox_fd, name, "LOCK");
}

static int visit(struct outbox *outbox, const char *name)
{
	bool old = begins(name, OLD_PREFIX);

	if (isdigit((unsigned char)name[0]))
		return is_known(outbox, name) ? 0 : adopt(outbox, name);
	/* What a process left half-made or half-removed. */
	if (!outbox->options.read_only && !outbox->options.follower &&
	    (old ? disk_sync(outbox->dir_fd) == 0 : is_orphan(outbox, name)))
		remove_journal(outbox->dir_fd, name);
	return 0;
}

/* Whose journal was removed by the drainer need not remember it. */
static void forget_removed(struct outbox *outbox)
{
	size_t kept = 0;

	for (size_t i = 0; i < outbox->count; i++) {
		struct outbox_journal *journal = outbox->journals[i];

		if (access(journal->dir, F_OK) < 0 && errno == ENOENT)
			outbox_journal_close(journal);
		else
			outbox->journals[kept++] = journal;
	}
	outbox->count = kept;
}

int outbox_scan(struct outbox *outbox)
{
	DIR *dir = disk_list(outbox->dir_fd, ".");
	struct dirent *file;
	int r = 0;

	if (!dir)
		return -errno;
	if (outbox->options.follower)
		forget_removed(outbox);
	for (size_t i = 0; i < outbox->count; i++)
		outbox_journal_look(outbox->journals[i]);
	while (r == 0 && (file = readdir(dir)))
		r = visit(outbox, file->d_name);
	(void)closedir(dir);
	if (outbox->count > 1)
		qsort(outbox->journals, outbox->count,
		      sizeof(struct outbox_journal *), by_name);
	if (!outbox->options.follower)
		outbox->bytes = disk_usage(outbox->dir_fd, ".");
	return r;
}

struct outbox_journal *outbox_next_journal(struct outbox *outbox,
					   size_t *cursor)
{
	while (*cursor < outbox->count) {
		struct outbox_journal *journal = outbox->journals[(*cursor)++];

		if (!journal->refused)
			return journal;
	}
	return NULL;
}

/* ---- what may go -----------------------------------------------------------
 */

int outbox_discard(int outbox_fd, const char *name)
{
	char old[80];

	(void)snprintf(old, sizeof(old), OLD_PREFIX "%s", name);
	if (renameat(outbox_fd, name, outbox_fd, old) < 0)
		return -errno;
	/* A power cut must not leave half of it under its own name. */
	if (disk_sync(outbox_fd) == 0)
		remove_journal(outbox_fd, old);
	return 0;
}

void outbox_clear_away(const char *path)
{
	DIR *dir = disk_list(AT_FDCWD, path);
	const struct dirent *file;

	if (!dir)
		return;
	while ((file = readdir(dir)))
		if (begins(file->d_name, NEW_PREFIX) ||
		    (begins(file->d_name, OLD_PREFIX) &&
		     disk_sync(dirfd(dir)) == 0))
			remove_journal(dirfd(dir), file->d_name);
	(void)closedir(dir);
}

int outbox_sweep(struct outbox *outbox, int64_t now_wall_us)
{
	const struct outbox_options *options = &outbox->options;
	struct outbox_sweeping sweeping = {
		.now_us = now_wall_us,
		.keep_us = (int64_t)options->keep_delivered_ms * 1000,
		.waits_for = options->waits_for,
	};
	size_t kept = 0;

	if (options->read_only || options->follower)
		return -EROFS;
	/* What is delivered must keep out neither new calls nor journals. */
	if ((options->max_bytes && outbox->bytes > options->max_bytes / 2) ||
	    outbox->count > JOURNALS_MAX / 2 ||
	    room_level(board_flags()) != BOARD_ROOM_PLENTY)
		sweeping = (struct outbox_sweeping){ .now_us = now_wall_us };
	for (size_t i = 0; i < outbox->count; i++) {
		struct outbox_journal *journal = outbox->journals[i];

		outbox_journal_sweep(journal, &sweeping);
		if (outbox_journal_may_go(journal, &sweeping) &&
		    outbox_discard(outbox->dir_fd, journal->name) == 0)
			outbox_journal_close(journal);
		else
			outbox->journals[kept++] = journal;
	}
	outbox->count = kept;
	return 0;
}

bool outbox_has_room(const struct outbox *outbox, uint64_t bytes)
{
	uint64_t max_bytes = outbox->options.max_bytes;

	return max_bytes == 0 || outbox->bytes + bytes <= max_bytes;
}

struct outbox_stats outbox_stats(const struct outbox *outbox)
{
	struct outbox_stats stats = { .journals = outbox->count,
				      .bytes = outbox->bytes };

	for (size_t i = 0; i < outbox->count; i++) {
		struct outbox_journal *journal = outbox->journals[i];
		struct journal_damage damage;
		int64_t oldest_us;

		if (journal->refused)
			continue;
		damage = outbox_journal_damage(journal);
		oldest_us = outbox_journal_oldest_us(journal);
		stats.live_journals += journal->live;
		stats.pending += outbox_journal_pending(journal);
		stats.damage.records += damage.records;
		stats.damage.bytes += damage.bytes;
		stats.damage.gaps += damage.gaps;
		if (oldest_us &&
		    (!stats.oldest_us || oldest_us < stats.oldest_us))
			stats.oldest_us = oldest_us;
	}
	return stats;
}
