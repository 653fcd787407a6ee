/*
 * item.h - how a record is shown: as a row, as JSON, as an export
 */
#ifndef TOOLS_HOLDCTL_ITEM_H
#define TOOLS_HOLDCTL_ITEM_H

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "tools/holdctl/table.h"

struct outbox_item;
struct request;

#define ITEM_COLUMNS 7
extern const struct table_column item_columns[ITEM_COLUMNS];

void item_add_row(struct table *table, const struct outbox_item *item,
		  int64_t now_us);

/* What `list --json` prints of it; NULL: out of memory. */
json_t *item_to_json(const struct outbox_item *item, int64_t now_us);

/* A line as import takes it, malloc'd; a dead letter's is that of the record
 * which died. NULL: out of memory, or a payload that is no JSON. */
char *item_export(const struct outbox_item *item);

/* A dead letter taken apart. */
struct letter {
	json_t *json; /* owned */
	const char *reason, *sqlstate, *error;
	const json_t *record; /* NULL: it was no JSON, or too long to wrap */
};
/* Always leaves something to show. */
void letter_read(struct letter *letter, const struct outbox_item *item);
void letter_finish(struct letter *letter);

int64_t age_seconds(int64_t now_us, int64_t then_us);

/* For a walk that failed; returns the exit status. */
int complain_unreadable(const struct request *request, int r);

#endif
