/*
 * ids.h - lists of ids, from the command line, from standard input, from files
 */
#ifndef TOOLS_HOLDCTL_IDS_H
#define TOOLS_HOLDCTL_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "server/uuid.h"

struct id_list { /* all zeros is an empty one */
	struct uuid *ids;
	size_t count, capacity;
};

/* 0 or -ENOMEM. */
int id_list_add(struct id_list *list, const struct uuid *id);
void id_list_finish(struct id_list *list);

/* Puts it in order, for id_list_has(). */
void id_list_sort(struct id_list *list);
bool id_list_has(const struct id_list *list, const struct uuid *id);

/* One id a line, alone or as the "id" of a JSON object; empty lines are passed
 * over. 0, or an exit status after a complaint that names the line. */
int id_list_read(struct id_list *list, FILE *in);

/* Is `text` the beginning of that id? */
bool id_begins(const struct uuid *id, const char *text);

#endif
