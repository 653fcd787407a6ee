/*
 * live_calls_list.c - the newest of the live calls (see live_calls.h)
 *
 * The heads alone tell which calls are the newest; places are read of those
 * that are shown, or of all where a filter must know more.
 */
#include <stdlib.h>
#include <string.h>

#include "server/live_table.h"

struct found {
	struct live_halves id;
	uint32_t at;
};

static bool is_newer(struct live_halves a, struct live_halves b)
{
	return a.high > b.high || (a.high == b.high && a.low > b.low);
}

static bool matches(const struct live_filter *filter,
		    const struct live_call *call)
{
	return (!filter->provider ||
		strcmp(call->provider, filter->provider) == 0) &&
	       (!filter->number || strcmp(call->from, filter->number) == 0 ||
		strcmp(call->to, filter->number) == 0) &&
	       call->started_us >= filter->since_us &&
	       (filter->before_us == 0 || call->started_us < filter->before_us);
}

/* A heap of the newest so far, the oldest of them on top. */
static void sink(struct found *heap, uint32_t count, uint32_t at)
{
	for (;;) {
		uint32_t child = 2 * at + 1;
		struct found moved = heap[at];

		if (child >= count)
			return;
		if (child + 1 < count &&
		    is_newer(heap[child].id, heap[child + 1].id))
			child++;
		if (!is_newer(moved.id, heap[child].id))
			return;
		heap[at] = heap[child];
		heap[child] = moved;
		at = child;
	}
}

static void keep(struct found *heap, uint32_t *count, uint32_t limit,
		 const struct found *one)
{
	if (*count < limit) {
		heap[(*count)++] = *one;
		if (*count == limit)
			for (uint32_t i = limit / 2; i-- > 0;)
				sink(heap, limit, i);
	} else if (limit > 0 && is_newer(one->id, heap[0].id)) {
		heap[0] = *one;
		sink(heap, limit, 0);
	}
}

static int newest_first(const void *a, const void *b)
{
	const struct found *one = a, *other = b;

	return is_newer(one->id, other->id) ? -1 : 1;
}

static uint32_t choose(const struct live_filter *filter, struct found *heap,
		       uint32_t *total)
{
	struct live_halves bound = { UINT64_MAX, UINT64_MAX };
	bool looks_closer = filter->provider || filter->number ||
			    filter->since_us || filter->before_us;
	struct live_call call;
	uint32_t count = 0;

	*total = 0;
	if (filter->older_than)
		bound = live_halves_of(filter->older_than);
	for (uint32_t i = 0; i < live_places.count; i++) {
		struct found one = { live_halves_at(i), i };

		if (!live_is_shown(i) ||
		    (looks_closer &&
		     (!live_place_read(i, &call) || !matches(filter, &call))))
			continue;
		++*total;
		if (is_newer(bound, one.id))
			keep(heap, &count, filter->limit, &one);
	}
	qsort(heap, count, sizeof(*heap), newest_first);
	return count;
}

uint32_t live_calls_list(const struct live_filter *filter, uint64_t now_ms,
			 struct live_call *calls, uint32_t *total)
{
	struct found *heap = calloc(filter->limit + 1, sizeof(*heap));
	uint32_t count, copied = 0;

	*total = 0;
	if (!heap)
		return 0;
	count = choose(filter, heap, total);
	for (uint32_t i = 0; i < count; i++) {
		if (!live_place_read(heap[i].at, &calls[copied]) ||
		    calls[copied].ended_us || !matches(filter, &calls[copied]))
			continue; /* it has ended just now */
		live_place_watch(heap[i].at, now_ms);
		copied++;
	}
	free(heap);
	return copied;
}
