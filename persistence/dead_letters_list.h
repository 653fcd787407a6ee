/*
 * dead_letters_list.h - a page of the dead letters, for whoever looks
 *
 * Reads the files of the shelf <outbox>/dead as they are, beside the drainer
 * that writes them, takes no lock and changes nothing; so it works whatever the
 * drainer and the database are doing. All of the shelf is read for a page.
 *
 * Thread: any that may wait for a disk.
 */
#ifndef PERSISTENCE_DEAD_LETTERS_LIST_H
#define PERSISTENCE_DEAD_LETTERS_LIST_H

#include <stddef.h>

#include "server/uuid.h"

struct record;

#define DEAD_LETTERS_PAGE_MAX 501u

struct dead_letters_page {
	struct record *letters[DEAD_LETTERS_PAGE_MAX]; /* newest ids first */
	size_t count;
};

struct dead_letters_wish {
	const struct uuid *before; /* only ids less than that; NULL: any */
	const struct uuid *only;   /* that one alone; NULL: any */
	size_t limit;		   /* DEAD_LETTERS_PAGE_MAX at most */
};

/* 0 or -errno; what cannot be read is passed over. */
int dead_letters_list(const char *outbox_dir,
		      const struct dead_letters_wish *wish,
		      struct dead_letters_page *page);
void dead_letters_page_finish(struct dead_letters_page *page);

#endif
