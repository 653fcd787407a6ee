/* journal_cursor.c - goes through all of a journal (see journal_cursor.h) */
#include "persistence/journal_cursor.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/ack_log.h"
#include "persistence/journal_reader.h"

int journal_cursor_open(struct journal_cursor *cursor, const char *outbox_dir,
			const char *name)
{
	int r;

	*cursor = (struct journal_cursor){ .acks = { .fd = -1,
						     .journal_fd = -1 } };
	if ((size_t)snprintf(cursor->name, sizeof(cursor->name), "%s", name) >=
		    sizeof(cursor->name) ||
	    (size_t)snprintf(cursor->dir, sizeof(cursor->dir), "%s/%s",
			     outbox_dir, name) >= sizeof(cursor->dir))
		return -ENAMETOOLONG;
	/* Looked at before anything is read: once the lock is free, nothing
	 * more will come. */
	cursor->live = journal_is_live(cursor->dir);
	r = ack_log_open(&cursor->acks, cursor->dir, ACK_LOG_DRAINER, true);
	if (r < 0)
		return r;
	r = journal_reader_open(&cursor->reader, cursor->dir);
	if (r < 0)
		ack_log_close(&cursor->acks);
	return r;
}

void journal_cursor_close(struct journal_cursor *cursor)
{
	cursor->reader = journal_reader_close(cursor->reader);
	ack_log_close(&cursor->acks);
}

/* Where it cannot tell, it begins at the oldest. */
void journal_cursor_seek(struct journal_cursor *cursor, uint64_t seq)
{
	(void)journal_reader_seek(cursor->reader, seq);
}

void journal_cursor_skip_delivered(struct journal_cursor *cursor)
{
	journal_cursor_seek(cursor, cursor->acks.seq + 1);
}

int journal_cursor_next(struct journal_cursor *cursor,
			struct journal_entry *entry)
{
	int r;

	while ((r = journal_reader_next(cursor->reader, UINT64_MAX,
					!cursor->live, entry)) == 1) {
		if (!entry->snapshot)
			return 1;
		free(entry->record);
	}
	return r;
}

bool journal_cursor_was_delivered(const struct journal_cursor *cursor,
				  uint64_t seq)
{
	return cursor->acks.settled_us || ack_log_has(&cursor->acks, seq);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(char ***names, size_t *count, const char *name)
{
	char **more = reallocarray(*names, *count + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	*names = more;
	more[*count] = strdup(name);
	if (!more[*count])
		return -ENOMEM;
	++*count;
	return 0;
}

int journal_names(const char *outbox_dir, char ***ret, size_t *ret_count)
{
	DIR *dir = opendir(outbox_dir);
	struct dirent *file;
	char **names = NULL;
	size_t count = 0;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (file = readdir(dir)))
		if (isdigit((unsigned char)file->d_name[0]))
			r = add_name(&names, &count, file->d_name);
	(void)closedir(dir);
	if (r < 0) {
		journal_names_free(names, count);
		return r;
	}
	if (count > 1)
		qsort(names, count, sizeof(*names), by_name);
	*ret = names;
	*ret_count = count;
	return 0;
}

void journal_names_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}
