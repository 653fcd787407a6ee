/*
 * operations_erase.c - what was put aside and names somebody who is to be
 * forgotten (see operations.h)
 *
 * A letter holds a record, and a record what a stranger sent; so no key is
 * looked for, but the name itself, wherever it stands.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "persistence/operations_state.h"
#include "persistence/record.h"
#include "persistence/shelf.h"

struct search {
	struct shelf *shelf;
	const char *target;
	bool dry_run;
	size_t found;
};

/* Does another name end here? A number may begin with 00 as well. */
static bool begins_here(const char *text, const char *at)
{
	if (at - text >= 2 && strncmp(at - 2, "00", 2) == 0)
		at -= 2;
	return at == text || !isalnum((unsigned char)at[-1]);
}

static bool names(const char *text, const char *target)
{
	size_t length = strlen(target);
	const char *at = text;

	while ((at = strstr(at, target))) {
		if (begins_here(text, at) &&
		    !isalnum((unsigned char)at[length]))
			return true;
		at++;
	}
	return false;
}

static int visit(void *arg, const struct record *record)
{
	struct search *search = arg;

	if (!names(record->payload, search->target))
		return 0;
	search->found++;
	return search->dry_run ? 0 : shelf_take(search->shelf, &record->id);
}

int operations_erase(struct operations *operations,
		     const struct operation *operation,
		     struct operation_result *result)
{
	static const enum place places[] = { HELD, DROPPED, DEAD };
	int r = 0;

	if (!operation->target || !*operation->target)
		return -EINVAL;
	for (size_t i = 0; i < 3 && r == 0; i++) {
		struct search search = {
			.shelf = operations->shelves[places[i]],
			.target = operation->target,
			.dry_run = operation->dry_run,
		};

		if (shelf_count(search.shelf) == 0)
			continue;
		r = shelf_walk(search.shelf, NULL, visit, &search);
		if (r == 0)
			r = shelf_sync(search.shelf);
		result->done += search.found;
	}
	return r;
}
