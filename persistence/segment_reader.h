/*
 * segment_reader.h - one segment, read through a window
 *
 * Knows bytes and checksums; what an entry means, and whether more may still be
 * written, is for journal_reader.c to say.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_SEGMENT_READER_H
#define PERSISTENCE_SEGMENT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persistence/journal_format.h"

struct segment_reader {
	int fd; /* -1: not in a segment */
	uint32_t number, seed;
	uint64_t offset;       /* of the entry that is looked at */
	unsigned char *window; /* the file's bytes from window_at; owned */
	uint64_t window_at;
	size_t window_length;
};

enum segment_look {
	LOOK_ENTRY,   /* a valid entry */
	LOOK_INVALID, /* zeros, the end of the file, a torn or damaged entry */
	LOOK_ERROR,   /* the disk cannot be read */
};

/* The numbers of the segments that are there, ascending, in a malloc'd array.
 * 0 or -errno. */
int segment_list(int pend_fd, uint32_t **numbers, size_t *count);
/* The lowest of them above that one; *after is 0 when there is none. 0 or
 * -errno: then nobody knows. */
int segment_after(int pend_fd, uint32_t number, uint32_t *after);

/* Reads one copy of a header, 0 or 1. 1; 0 when it is not whole; -errno. */
int segment_read_copy(int pend_fd, uint32_t number, unsigned copy,
		      struct segment_header *header);
/* Reads either copy, rather that journal's than another's if they differ; NULL:
 * of any journal. Likewise. */
int segment_read_header(int pend_fd, uint32_t number,
			const struct uuid *journal,
			struct segment_header *header);

int segment_reader_init(struct segment_reader *reader); /* 0 or -ENOMEM */
void segment_reader_finish(struct segment_reader *reader);

/* Goes to the first entry of that segment: 0 or -errno. */
int segment_reader_enter(struct segment_reader *reader, int pend_fd,
			 uint32_t number, const struct uuid *journal);
void segment_reader_leave(struct segment_reader *reader);

/* The entry at the offset, with its payload; borrowed until the next call. */
enum segment_look segment_reader_look(struct segment_reader *reader,
				      const struct entry_header **entry,
				      int *error);
/* What was read may have changed on the disk since. */
void segment_reader_refresh(struct segment_reader *reader);
/* Past the entry that was just looked at. */
void segment_reader_pass(struct segment_reader *reader,
			 const struct entry_header *entry);

/* Looks for the next valid entry behind the offset. 1 and *found; 0 when there
 * is none, and *found is where what is not zero ends; -errno. */
int segment_reader_search(struct segment_reader *reader, uint64_t *found);

/* Enters the segment of that header, and leaves it again. Was it begun in good
 * order and then written to? Then those before it have nothing from first_seq
 * on, and its snapshot tells what was open. Not so a segment that was begun
 * after a failed sync, or given up before its first record: a cut may bring it
 * back, and its writer may have gone on in the one before. */
bool segment_reader_finds_order(struct segment_reader *reader, int pend_fd,
				const struct segment_header *header);

#endif
