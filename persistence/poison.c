/* poison.c - the last verdicts, and what share of them was bad (poison.h) */
#include "persistence/poison.h"

void poison_init(struct poison_window *window, uint32_t percent)
{
	*window = (struct poison_window){ .percent = percent };
}

static void note(struct poison_window *window, bool refused)
{
	bool *slot = &window->verdicts[window->next];

	if (window->count == POISON_WINDOW)
		window->refused -= *slot;
	else
		window->count++;
	*slot = refused;
	window->refused += refused;
	window->next = (window->next + 1) % POISON_WINDOW;
}

void poison_passed(struct poison_window *window, size_t records)
{
	if (records > POISON_WINDOW)
		records = POISON_WINDOW;
	while (records-- > 0)
		note(window, false);
}

void poison_refused(struct poison_window *window)
{
	note(window, true);
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
