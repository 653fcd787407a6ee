/*
 * staging.h - where a journal is built before it joins an outbox
 *
 *   <outbox>/.importing/<journal>   being built; one import at a time, what a
 *                                   killed one left is cleared away
 *   <outbox>/.import-NAME           whole and durable, waiting for the import
 *   <outbox>/NAME                   one of the journals: OPERATION_IMPORT
 *
 * NAME says what is in it, so that the same thing imported again is known.
 */
#ifndef TOOLS_HOLDCTL_STAGING_H
#define TOOLS_HOLDCTL_STAGING_H

#include <stdbool.h>

#define STAGING_NAME_SIZE 64

struct staging {
	char outbox[300], dir[320];
	const char *data_dir;  /* borrowed */
	int outbox_fd, dir_fd; /* -1: not open */
};

/* 0 or -errno; -EBUSY: another import is at work. Close it either way. */
int staging_open(struct staging *staging, const char *data_dir);
void staging_close(struct staging *staging);

/* The journal of that directory name becomes .import-NAME, unless that or NAME
 * is there already: then staging_close() clears ours away. 0 or -errno. */
int staging_offer(struct staging *staging, const char *journal,
		  const char *name);

/* Copies a journal's segments from another place, without its acks: what was
 * delivered there is delivered once more, which changes nothing. 0 or -errno.
 */
int staging_copy(struct staging *staging, const char *from,
		 const char *journal);

#endif
