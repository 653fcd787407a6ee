/* poison.c - the last verdicts, and what share of them was bad (poison.h) */
#include "persistence/poison.h"

void poison_init(struct poison_window *window, uint32_t percent)
{
	*window = (struct poison_window){ .percent = percent };
}

/* `id` of a refused one; NULL: it passed. */
static void note(struct poison_window *window, const struct uuid *id)
{
	size_t i = window->next;

	if (window->count == POISON_WINDOW)
		window->refused -= window->verdicts[i].refused;
	else
		window->count++;
	window->verdicts[i].refused = id != NULL;
	if (id)
		window->verdicts[i].id = *id;
	window->refused += id != NULL;
	window->next = (i + 1) % POISON_WINDOW;
}

void poison_passed(struct poison_window *window, size_t records)
{
	if (records > POISON_WINDOW)
		records = POISON_WINDOW;
	while (records-- > 0)
		note(window, NULL);
}

void poison_refused(struct poison_window *window, const struct uuid *id)
{
	note(window, id);
}

size_t poison_ids(const struct poison_window *window,
		  struct uuid ids[POISON_WINDOW])
{
	size_t n = 0;

	for (size_t i = 0; i < window->count; i++)
		if (window->verdicts[i].refused)
			ids[n++] = window->verdicts[i].id;
	return n;
}

bool poison_sample_is_bad(const struct poison_window *window, size_t offered,
			  size_t refused)
{
	return refused * 100 > offered * window->percent;
}

bool poison_is_storm(const struct poison_window *window)
{
	return window->refused > POISON_FEW &&
	       poison_sample_is_bad(window, window->count, window->refused);
}
