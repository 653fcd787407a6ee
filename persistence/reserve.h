/*
 * reserve.h - room on the disk that is kept for the end of the live calls
 *
 * A file beside the journals, RESERVE.<role>-<process>, whose blocks are really
 * allocated. When the disk is full, it becomes the next segment of the journal:
 * it is headed where it lies and renamed into its place, so that no block has
 * to be found and nobody else can take what we have kept. Where a file system
 * cannot write in place, removing it makes room all the same.
 *
 * It is made again when there is room again. It never takes more than a quarter
 * of what is free, so a small disk has a small one.
 *
 * Thread: belongs to one thread. No descriptor is held in between.
 */
#ifndef PERSISTENCE_RESERVE_H
#define PERSISTENCE_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

/* All zeros: there is none, and none is made. */
struct reserve {
	char path[512];
	uint64_t wanted; /* bytes; 0: none */
	uint64_t bytes;	 /* kept at this moment */
	bool given;	 /* it was, and is in use now */
};

/* Names it, and takes over what a process before us has left. 0 or
 * -ENAMETOOLONG. */
int reserve_init(struct reserve *reserve, const char *outbox_dir,
		 const char *role, unsigned process, uint64_t wanted);

/* Makes it, or makes it larger, as far as `free_bytes` of the disk allow: call
 * it now and then. 0, also when there was nothing to do or no room for it;
 * -errno, also when it was there and somebody has removed it: the next call
 * makes it. */
int reserve_make(struct reserve *reserve, uint64_t free_bytes);

/* Opens it for its new life; `*size` bytes of it are there. The descriptor, or
 * -ENOENT when there is none, or -errno. */
int reserve_open(const struct reserve *reserve, uint64_t *size);
/* It has become dir_fd/name: 0 or -errno. From now on it is given. */
int reserve_move(struct reserve *reserve, int dir_fd, const char *name);

/* Removes it, for the sake of its blocks. False: there was none. */
bool reserve_give_up(struct reserve *reserve);

#endif
