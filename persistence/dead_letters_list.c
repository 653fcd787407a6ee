/* dead_letters_list.c - a page of the dead letters (see dead_letters_list.h) */
#include "persistence/dead_letters_list.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/journal_cursor.h"
#include "persistence/journal_reader.h"
#include "persistence/record.h"

static int compare(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool is_wished(const struct dead_letters_wish *wish,
		      const struct uuid *id)
{
	return (!wish->before || compare(id, wish->before) < 0) &&
	       (!wish->only || uuid_equal(id, wish->only));
}

/* Puts the letter where it belongs, and what falls off the end away. Takes it.
 */
static void keep(struct dead_letters_page *page, size_t limit,
		 struct record *letter)
{
	size_t at = page->count;

	while (at > 0 && compare(&page->letters[at - 1]->id, &letter->id) < 0)
		at--;
	/* A crash between adding and taking may have left it twice. */
	if (at == limit ||
	    (at > 0 && uuid_equal(&page->letters[at - 1]->id, &letter->id))) {
		free(letter);
		return;
	}
	if (page->count == limit)
		free(page->letters[--page->count]);
	for (size_t i = page->count++; i > at; i--)
		page->letters[i] = page->letters[i - 1];
	page->letters[at] = letter;
}

static void read_journal(const char *dir, const char *name,
			 const struct dead_letters_wish *wish,
			 struct dead_letters_page *page)
{
	struct journal_cursor cursor;
	struct journal_entry entry;

	if (journal_cursor_open(&cursor, dir, name) < 0)
		return;
	while (journal_cursor_next(&cursor, &entry) == 1) {
		if (!journal_cursor_was_delivered(&cursor, entry.seq) &&
		    is_wished(wish, &entry.record->id))
			keep(page, wish->limit, entry.record);
		else
			free(entry.record);
	}
	journal_cursor_close(&cursor);
}

int dead_letters_list(const char *outbox_dir,
		      const struct dead_letters_wish *wish,
		      struct dead_letters_page *page)
{
	char dir[512];
	char **names;
	size_t count;
	int r;

	assert(wish->limit > 0 && wish->limit <= DEAD_LETTERS_PAGE_MAX);
	page->count = 0;
	if ((size_t)snprintf(dir, sizeof(dir), "%s/dead", outbox_dir) >=
	    sizeof(dir))
		return -ENAMETOOLONG;
	r = journal_names(dir, &names, &count);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; i < count; i++)
		read_journal(dir, names[i], wish, page);
	journal_names_free(names, count);
	return 0;
}

void dead_letters_page_finish(struct dead_letters_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		free(page->letters[i]);
	page->count = 0;
}
