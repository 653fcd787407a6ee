/*
 * import.h - what import.c shares with the two ways of importing (not for
 * others)
 *
 * Both put journals into the staging place, under the names that they will
 * have; import.c has them join the outbox.
 */
#ifndef TOOLS_HOLDCTL_IMPORT_H
#define TOOLS_HOLDCTL_IMPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/holdctl/staging.h"

struct request;

struct import {
	const struct request *request;
	struct staging staging;		  /* not open in a dry run */
	char (*names)[STAGING_NAME_SIZE]; /* owned; of the journals */
	size_t count;
	uint64_t records;
};

/* All return 0 or an exit status, after a complaint. */

/* import_lines.c: records as export writes them. */
int import_lines(struct import *import, FILE *in);
/* import_journals.c: a journal, or an outbox full of them. */
int import_journals(struct import *import, const char *path);

int import_add_name(struct import *import, const char *name);
int import_complain(const struct import *import, int r);

#endif
