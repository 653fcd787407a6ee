/*
 * selection.h - which records are meant: by filters, by ids, or all of them
 *
 * An id may be shortened. Whether its beginning belongs to one record alone is
 * known when all have been looked at: selection_check().
 */
#ifndef TOOLS_HOLDCTL_SELECTION_H
#define TOOLS_HOLDCTL_SELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/holdctl/ids.h"

struct record;
struct request;

struct id_beginning {
	const char *text; /* borrowed */
	struct uuid id;	  /* the first that begins so */
	unsigned matches; /* different ones */
};

struct selection {
	unsigned kind;		      /* enum record_kind; 0: any */
	const char *call;	      /* its id's beginning; NULL: any */
	int64_t oldest_us, newest_us; /* created between; wall time */
	bool by_ids;		      /* else any id is meant */
	struct id_list ids;	      /* whole ones, in order */
	struct id_beginning *begins;  /* owned */
	size_t begin_count;
};

/* From the request's filters and operands; "-" reads standard input. 0, or an
 * exit status after a complaint. Finish it either way. */
int selection_init(struct selection *selection, const struct request *request);
void selection_finish(struct selection *selection);

bool selection_fits(struct selection *selection, const struct record *record);
/* After a walk over all: did every beginning mean one record? */
int selection_check(const struct selection *selection);

/* Does the request say which records it means? */
bool selection_is_made(const struct request *request);
/* By whole ids and nothing else, so that no file needs to be read? */
bool selection_is_plain(const struct selection *selection,
			const struct request *request);

#endif
