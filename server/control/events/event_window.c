/* event_window.c - which event is sent next (see event_window.h) */
#include "server/control/events/event_window.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/record.h"

#define RETRY_FIRST_MS 1000u
#define RETRY_JITTER   0.2

void event_window_init(struct event_window *window, size_t flying_max,
		       uint32_t retry_max_ms)
{
	const struct retry_policy policy = {
		.initial_ms = RETRY_FIRST_MS < retry_max_ms ? RETRY_FIRST_MS
							    : retry_max_ms,
		.max_ms = retry_max_ms,
		.jitter = RETRY_JITTER,
	};

	*window = (struct event_window){ .flying_max = flying_max };
	retry_init(&window->receiver, &policy);
}

void event_window_finish(struct event_window *window)
{
	for (size_t i = 0; i < window->count; i++)
		free(window->slots[window->order[i]].event);
	window->count = 0;
}

void event_window_add(struct event_window *window, struct record *event,
		      size_t place)
{
	uint16_t i = 0;

	assert(window->count < EVENT_WINDOW);
	while (window->slots[i].event)
		i++;
	window->slots[i] =
		(struct event_slot){ .event = event, .place = place };
	retry_init(&window->slots[i].retry, &window->receiver.policy);
	window->order[window->count++] = i;
}

static void free_slot(struct event_window *window, struct event_slot *slot)
{
	uint16_t index = (uint16_t)(slot - window->slots);
	size_t i = 0;

	while (window->order[i] != index)
		i++;
	window->count--;
	memmove(window->order + i, window->order + i + 1,
		(window->count - i) * sizeof(window->order[0]));
	free(slot->event);
	*slot = (struct event_slot){ .event = NULL };
}

/* ---- which is next ---------------------------------------------------------
 */

/* Is an older one of the same entity still to be delivered? */
static bool has_elder(const struct event_window *window, size_t at)
{
	const struct record *event = window->slots[window->order[at]].event;

	for (size_t i = 0; i < at; i++)
		if (uuid_equal(&window->slots[window->order[i]].event->entity,
			       &event->entity))
			return true;
	return false;
}

/* Whose turn is it to ask a receiver that is down? The one that has asked least
 * often. */
static struct event_slot *pick_probe(struct event_window *window)
{
	struct event_slot *best = NULL;

	for (size_t i = 0; i < window->count; i++) {
		struct event_slot *slot = &window->slots[window->order[i]];

		if ((!best || slot->retry.tries < best->retry.tries) &&
		    !has_elder(window, i))
			best = slot;
	}
	return best;
}

static struct event_slot *pick_due(struct event_window *window, uint64_t now_ms,
				   uint64_t *wait_ms)
{
	for (size_t i = 0; i < window->count; i++) {
		struct event_slot *slot = &window->slots[window->order[i]];

		if (slot->post || has_elder(window, i))
			continue;
		if (slot->next_ms <= now_ms)
			return slot;
		if (slot->next_ms - now_ms < *wait_ms)
			*wait_ms = slot->next_ms - now_ms;
	}
	return NULL;
}

struct event_slot *event_window_pick(struct event_window *window,
				     uint64_t now_ms, uint64_t *wait_ms)
{
	bool down = event_window_is_down(window);

	*wait_ms = UINT64_MAX;
	if (window->flying >= (down ? 1 : window->flying_max))
		return NULL;
	if (now_ms < window->resume_ms) {
		*wait_ms = window->resume_ms - now_ms;
		return NULL;
	}
	return down ? pick_probe(window) : pick_due(window, now_ms, wait_ms);
}

void event_window_began(struct event_window *window, struct event_slot *slot)
{
	(void)slot;
	window->flying++;
}

/* ---- what became of it -----------------------------------------------------
 */

static void landed(struct event_window *window, struct event_slot *slot)
{
	slot->post = NULL;
	window->flying--;
}

void event_window_was_taken(struct event_window *window,
			    struct event_slot *slot)
{
	landed(window, slot);
	window->taken++;
	window->failures = 0;
	window->resume_ms = 0;
	retry_succeeded(&window->receiver);
	free_slot(window, slot);
}

/* Those that were under way together fail together: the wait grows once. */
static void note_failure(struct event_window *window, uint64_t now_ms,
			 uint32_t retry_after_ms, double random)
{
	bool last = window->flying == 0 || !event_window_is_down(window);
	uint32_t wait_ms = 0;

	window->failures++;
	if (window->failures < EVENT_DOWN_AFTER && retry_after_ms == 0)
		return;
	if (last)
		wait_ms = retry_failed(&window->receiver, now_ms, random);
	if (wait_ms < retry_after_ms)
		wait_ms = retry_after_ms;
	if (window->resume_ms < now_ms + wait_ms)
		window->resume_ms = now_ms + wait_ms;
}

bool event_window_failed(struct event_window *window, struct event_slot *slot,
			 uint64_t now_ms, uint32_t retry_after_ms,
			 double random)
{
	bool first = slot->retry.tries == 0;

	landed(window, slot);
	slot->next_ms = now_ms + retry_failed(&slot->retry, now_ms, random);
	note_failure(window, now_ms, retry_after_ms, random);
	if (!first && slot->taken != window->taken)
		slot->refusals++;
	slot->taken = window->taken;
	return slot->refusals < EVENT_REFUSALS_MAX;
}

void event_window_drop(struct event_window *window, struct event_slot *slot)
{
	free_slot(window, slot);
}

bool event_window_is_down(const struct event_window *window)
{
	return window->receiver.tries > 0;
}

struct event_slot *event_window_find(struct event_window *window,
				     bool (*is)(const struct record *event,
						const void *arg),
				     const void *arg)
{
	for (size_t i = 0; i < window->count; i++) {
		struct event_slot *slot = &window->slots[window->order[i]];

		if (!slot->post && is(slot->event, arg))
			return slot;
	}
	return NULL;
}
