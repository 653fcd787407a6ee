/*
 * disk_watch.h - keeps an eye on the outbox's disk, for the spooler
 *
 * Once a second it measures the outbox and the disk, sees to the reserve, puts
 * the level (room.h) on the board and in the log, and says when the disk could
 * take nothing at all.
 *
 * Thread: belongs to the spooler's thread.
 */
#ifndef PERSISTENCE_DISK_WATCH_H
#define PERSISTENCE_DISK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "persistence/reserve.h"
#include "persistence/room.h"

struct disk_watch {
	const char *dir; /* borrowed */
	struct room_limits limits;
	struct reserve reserve;
	struct board_spooler *place;
	enum board_room room;
	uint64_t looked_ms; /* monotonic; 0: not since something changed */
	int refused;	    /* -errno of a disk that takes nothing, or 0 */
};

/* The rest must be filled in. Takes the place for its own. */
void disk_watch_begin(struct disk_watch *watch, struct board_spooler *place);
/* Leaves the place clean for whoever comes next. */
void disk_watch_end(struct disk_watch *watch);

bool disk_watch_is_due(const struct disk_watch *watch);
/* Looks, if it is time to. 0, or -errno of a disk that takes nothing. */
int disk_watch_look(struct disk_watch *watch);
/* Something has changed: the next look is due. */
void disk_watch_hurry(struct disk_watch *watch);

/* Puts what is in memory on the board. */
void disk_watch_show_memory(const struct disk_watch *watch, uint64_t records,
			    uint64_t bytes, uint64_t capacity);
/* errno of what the disk does not take, or 0. */
void disk_watch_show_broken(struct disk_watch *watch, int error);

#endif
