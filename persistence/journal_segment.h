/*
 * journal_segment.h - one segment, while it is being written
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_JOURNAL_SEGMENT_H
#define PERSISTENCE_JOURNAL_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "persistence/journal_format.h"

struct group;
struct reserve;

struct segment {
	int fd; /* -1: there is none */
	uint32_t number;
	uint32_t seed;	 /* of its entries' checksums */
	uint64_t offset; /* where the next entry goes */
	uint64_t zeroed; /* behind the entries there are zeros up to here */
	bool trusted;	 /* holds records that count as durable */
};

/* Makes the file of `header`, whose crc is put in here; header and directory
 * are synced. It is a new file, or with `reserve` room that was kept: for a
 * full disk, or zeroed ahead. 0 or -errno, and then there is no file. */
int segment_create(struct segment *segment, int pend_fd,
		   struct segment_header *header, struct reserve *reserve);

/* False when somebody has removed the file under us: what goes into it will be
 * seen by nobody. */
bool segment_is_there(const struct segment *segment);

/* Seals the group for this segment and writes it, with zeros behind it. */
int segment_write(struct segment *segment, struct group *group);

/* Nothing more will be written: gives back the zeros behind the last entry. */
void segment_finish(struct segment *segment);

/* A write or sync has failed. The file is never touched again; it goes at once
 * unless it holds records that count as durable. */
void segment_abandon(struct segment *segment, int pend_fd);

#endif
