/* inspect.c - reads a journal whole (see inspect.h) */
#include "tools/holdctl/inspect.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "persistence/journal_cursor.h"
#include "persistence/journal_reader.h"

struct watch {
	struct inspection *inspection;
	inspect_place *place;
	void *arg;
	const char *journal;
};

static void on_damage(void *arg, uint32_t segment, uint64_t from, uint64_t to)
{
	const struct watch *watch = arg;

	watch->inspection->places++;
	if (watch->place)
		watch->place(watch->arg, watch->journal, segment, from,
			     to - from);
}

/* A disk error costs the segment; the reader goes on behind it. One that comes
 * back without end does not. */
static void read_all(struct journal_cursor *cursor,
		     struct inspection *inspection)
{
	struct journal_entry entry;
	size_t passed_over = 0;
	int r;

	while ((r = journal_cursor_next(cursor, &entry)) != 0) {
		if (r == 1) {
			inspection->records++;
			free(entry.record);
			continue;
		}
		if (journal_reader_passed_over(cursor->reader) == passed_over)
			break;
		passed_over = journal_reader_passed_over(cursor->reader);
	}
	inspection->error = r;
}

int inspect_journal(const char *outbox_dir, const char *name,
		    struct inspection *inspection, inspect_place *place,
		    void *arg)
{
	struct journal_cursor cursor;
	struct journal_damage damage;
	struct watch watch = { inspection, place, arg, name };
	int r;

	*inspection = (struct inspection){ 0 };
	r = journal_cursor_open(&cursor, outbox_dir, name);
	if (r < 0)
		return r;
	inspection->live = cursor.live;
	journal_reader_on_damage(cursor.reader, on_damage, &watch);
	read_all(&cursor, inspection);
	damage = journal_reader_damage(cursor.reader);
	inspection->lost = damage.records + damage.gaps;
	inspection->places += journal_reader_passed_over(cursor.reader);
	journal_cursor_close(&cursor);
	return 0;
}
