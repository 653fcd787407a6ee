/* ground.c - the next segment's file, zeroed before it is needed (ground.h)
 *
 * One word says who may touch the file: while it is WANTED the thread, else the
 * owner. Each step is taken by compare and swap, so that a file is either given
 * up by one of them or used by the other.
 */
#include "persistence/ground.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "persistence/disk.h"
#include "persistence/reserve.h"
#include "server/thread.h"

#define SHARE 4u /* at most that part of what is free */
/* Synced in pieces: the disk has others to serve meanwhile. */
#define PIECE ((uint64_t)1 << 20)

enum { NONE, WANTED, READY };

struct ground {
	uint64_t bytes;
	int pend_fd; /* {the thread} owned */
	_Atomic int state;
	struct reserve file; /* whose it is, the state says */
	sem_t wakeup;
	struct thread *thread;
};

static bool move_on(struct ground *ground, int from, int to)
{
	return atomic_compare_exchange_strong(&ground->state, &from, to);
}

/* ---- the work --------------------------------------------------------------
 */

static bool has_room(const struct ground *ground)
{
	struct statvfs disk;

	return fstatvfs(ground->pend_fd, &disk) == 0 &&
	       (uint64_t)disk.f_bavail * disk.f_frsize / SHARE >= ground->bytes;
}

static int zero(const struct ground *ground, int fd)
{
	int r = 0;

	for (uint64_t at = 0; r == 0 && at < ground->bytes; at += PIECE) {
		uint64_t left = ground->bytes - at;

		if (atomic_load(&ground->state) != WANTED)
			return -ECANCELED;
		r = disk_write_zeros(fd, left < PIECE ? left : PIECE, at);
		if (r == 0)
			r = disk_sync_data(fd);
	}
	return r;
}

static int make(const struct ground *ground)
{
	int fd, r;

	/* What could not be used, for whatever reason, is in the way. */
	(void)unlinkat(ground->pend_fd, GROUND_NAME, 0);
	if (!has_room(ground))
		return -ENOSPC;
	fd = disk_create(ground->pend_fd, GROUND_NAME);
	if (fd < 0)
		return fd;
	r = zero(ground, fd);
	(void)close(fd);
	return r;
}

void ground_work(struct ground *ground)
{
	if (atomic_load(&ground->state) != WANTED)
		return;
	if (make(ground) == 0) {
		ground->file.bytes = ground->bytes;
		if (move_on(ground, WANTED, READY))
			return;
	}
	/* A file whose sync has failed is not trusted again. */
	(void)unlinkat(ground->pend_fd, GROUND_NAME, 0);
	(void)move_on(ground, WANTED, NONE);
}

static int prepare(struct thread *self, void *arg)
{
	struct ground *ground = arg;

	while (!thread_stopping(self)) {
		if (sem_wait(&ground->wakeup) == 0)
			ground_work(ground);
	}
	return 0;
}

/* ---- the owner -------------------------------------------------------------
 */

static void wake(void *arg)
{
	struct ground *ground = arg;

	(void)sem_post(&ground->wakeup);
}

int ground_create(struct ground **ret, const char *pend_path, uint64_t bytes)
{
	struct ground *ground = calloc(1, sizeof(*ground));
	const struct thread_options options = {
		.name = "ground",
		.body = prepare,
		.arg = ground,
		.wake = wake,
	};
	int r = -ENAMETOOLONG;

	if (!ground)
		return -ENOMEM;
	ground->bytes = bytes;
	ground->pend_fd = -1;
	(void)sem_init(&ground->wakeup, 0, 0);
	if ((size_t)snprintf(ground->file.path, sizeof(ground->file.path),
			     "%s/" GROUND_NAME,
			     pend_path) >= sizeof(ground->file.path))
		goto fail;
	r = ground->pend_fd = disk_open_dir(AT_FDCWD, pend_path, false);
	if (r < 0)
		goto fail;
	r = thread_start(&ground->thread, &options);
	if (r < 0)
		goto fail;
	*ret = ground;
	return 0;
fail:
	ground_destroy(ground);
	return r;
}

void ground_want(struct ground *ground)
{
	if (ground && move_on(ground, NONE, WANTED))
		wake(ground);
}

struct reserve *ground_take(struct ground *ground)
{
	return ground && move_on(ground, READY, NONE) ? &ground->file : NULL;
}

void ground_give_up(struct ground *ground)
{
	struct reserve *file = ground_take(ground);

	if (file)
		(void)reserve_give_up(file);
	else if (ground)
		(void)move_on(ground, WANTED, NONE);
}

struct ground *ground_destroy(struct ground *ground)
{
	if (!ground)
		return NULL;
	ground_give_up(ground);
	thread_stop(ground->thread);
	thread_join(ground->thread);
	if (ground->pend_fd >= 0)
		(void)close(ground->pend_fd);
	(void)sem_destroy(&ground->wakeup);
	free(ground);
	return NULL;
}
