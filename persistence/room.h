/*
 * room.h - is there room on the disk, and what follows from it
 *
 *   plenty    all is taken
 *   low       checkpoints are thinned out: the next one, or the final record,
 *             says the same and more
 *   quota     outbox.max_bytes is reached         } new calls are refused, no
 *   disk      less than outbox.min_free_disk free } checkpoints; the live
 *   reserve   the disk is full; final records     } calls' own records go on
 *             go into the room that was kept      }
 *
 * Each process that writes an outbox judges for itself and puts the answer on
 * its own place of the board. A level ends a little further away than where it
 * began, so that it does not flutter.
 *
 * Thread: any; the functions keep nothing.
 */
#ifndef PERSISTENCE_ROOM_H
#define PERSISTENCE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "server/board.h"

struct room_limits {
	uint64_t max_bytes;	/* of the outbox */
	uint64_t min_free_disk; /* bytes that others may count on */
	uint32_t low_percent;	/* of max_bytes; 100: never low by that */
};

struct room_use {
	uint64_t bytes;	     /* of the outbox, its reserve aside */
	uint64_t free;	     /* bytes of the disk that we may use */
	uint64_t free_files; /* as many may still be made */
	bool reserve_given;  /* the reserve is in use */
};

enum board_room room_judge(const struct room_limits *limits,
			   const struct room_use *use, enum board_room before);

/* Why a process whose disk stands like that takes no new call, as a label:
 * "outbox_broken" or "outbox_full"; NULL: it takes them. */
const char *room_refusal(const struct board_spooler *spooler);
/* The same for people: which bound, or what the disk says; "" for none. */
const char *room_detail(const struct board_spooler *spooler);

const char *room_name(enum board_room room); /* "low" */

/* The worst level of all processes, whether their disks take records or not. */
enum board_room room_level(const struct board_flags *flags);
/* The one in the worst state of all. */
const struct board_spooler *room_worst(const struct board_flags *flags);

#endif
