/*
 * journal_cursor.h - reads what a journal has delivered, and what it will
 *
 * outbox.h gives out what is not acked; this goes through a journal from its
 * oldest segment that is still there, and says of each record whether it is
 * done with: delivered, or taken off its shelf. It takes no lock and writes
 * nothing.
 *
 * Thread: a cursor belongs to one thread.
 */
#ifndef PERSISTENCE_JOURNAL_CURSOR_H
#define PERSISTENCE_JOURNAL_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persistence/ack_log.h"

struct journal_entry;
struct journal_reader;

struct journal_cursor {
	char name[64], dir[512];
	struct journal_reader *reader; /* owned */
	struct ack_log acks;	       /* as they were when it was opened */
	bool live;
};

/* 0 or -errno; -EPROTONOSUPPORT for a journal of a newer format. */
int journal_cursor_open(struct journal_cursor *cursor, const char *outbox_dir,
			const char *name);
void journal_cursor_close(struct journal_cursor *cursor);

/* Before the first is read: passes over what was delivered long ago, or most of
 * what comes before seq. */
void journal_cursor_skip_delivered(struct journal_cursor *cursor);
void journal_cursor_seek(struct journal_cursor *cursor, uint64_t seq);

/* The next record, whose `record` is the caller's to free: 1; 0 when there is
 * none for now; -errno. */
int journal_cursor_next(struct journal_cursor *cursor,
			struct journal_entry *entry);
bool journal_cursor_was_delivered(const struct journal_cursor *cursor,
				  uint64_t seq);

/* The names of the journals in that directory, oldest first: malloc'd strings
 * in a malloc'd array. 0 or -errno. */
int journal_names(const char *outbox_dir, char ***names, size_t *count);
void journal_names_free(char **names, size_t count);

#endif
