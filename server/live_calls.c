/*
 * live_calls.c - the calls that are live on this node (see live_calls.h)
 *
 * A place is taken by compare-and-swap of its head's owner:
 *
 *   0 --> MINE --> (id, place) --> MINE | SHOWN --> 0
 *
 * Who reads a head sees an id only while it is shown, and believes a place only
 * if it says the same id; so what happens between the two looks does not
 * matter.
 */
#include "server/live_calls.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "server/clock.h"
#include "server/words.h"

#define SHOWN	   0x100u /* and below it the process, plus one */
#define LOOKS	   100u
#define PLACE_FULL WORDS_OF(sizeof(struct live_call))

struct head {
	_Atomic uint32_t owner;
	_Atomic uint64_t high, low; /* the id's halves */
};

struct live_place {
	_Atomic uint32_t version;
	_Atomic uint64_t words[PLACE_FULL];
	/* Written by whoever asks. */
	_Atomic uint64_t hang_up; /* the low half of whose end is wanted */
	_Atomic uint64_t watched_until_ms;
	_Atomic uint64_t taps; /* bits */
};

static struct table {
	uint32_t count;
	struct head *heads;
	struct live_place *places;
	_Atomic uint32_t next; /* where to look for a free place first */
} table;

/* An id as two numbers that sort as it does. */
struct halves {
	uint64_t high, low;
};

static uint64_t big_endian(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(value); i++)
		value = value << 8 | bytes[i];
	return value;
}

static struct halves halves_of(const struct uuid *id)
{
	return (struct halves){ big_endian(id->bytes),
				big_endian(id->bytes + 8) };
}

uint64_t live_call_key(const struct uuid *id)
{
	return halves_of(id).low;
}

static bool is_newer(struct halves a, struct halves b)
{
	return a.high > b.high || (a.high == b.high && a.low > b.low);
}

static struct halves halves_at(const struct head *head)
{
	return (struct halves){ atomic_load(&head->high),
				atomic_load(&head->low) };
}

static bool is_shown(const struct head *head)
{
	return (atomic_load(&head->owner) & SHOWN) != 0;
}

void live_call_text(char *to, size_t size, const char *from)
{
	size_t length = from ? strnlen(from, size) : 0;

	if (length == size) {
		length = size - 1;
		/* Not in the middle of a character. */
		while (length > 0 &&
		       ((unsigned char)from[length] & 0xc0) == 0x80)
			length--;
	}
	if (length > 0)
		memcpy(to, from, length);
	memset(to + length, 0, size - length);
}

/* ---- the table ------------------------------------------------------------
 */

int live_calls_create(uint32_t calls)
{
	size_t size = calls * (sizeof(struct head) + sizeof(struct live_place));
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	table.places = map;
	table.heads = (struct head *)(table.places + calls);
	table.count = calls;
	return 0;
}

static void free_head(struct head *head)
{
	atomic_store(&head->owner, 0);
}

void live_calls_take_back(unsigned process)
{
	for (uint32_t i = 0; i < table.count; i++)
		if ((atomic_load(&table.heads[i].owner) & ~SHOWN) ==
		    process + 1)
			free_head(&table.heads[i]);
}

/* ---- a call's loop ---------------------------------------------------------
 */

static struct live_place *claim(unsigned process)
{
	uint32_t start = atomic_load(&table.next);

	for (uint32_t i = 0; i < table.count; i++) {
		uint32_t at = (start + i) % table.count, none = 0;

		if (!atomic_compare_exchange_strong(&table.heads[at].owner,
						    &none, process + 1))
			continue;
		atomic_store(&table.next, at + 1);
		return &table.places[at];
	}
	return NULL;
}

static struct head *head_of(const struct live_place *place)
{
	return &table.heads[place - table.places];
}

void live_call_tell(struct live_place *place, const struct live_call *call)
{
	if (place)
		words_set(&place->version, place->words, call, sizeof(*call));
}

struct live_place *live_call_enter(unsigned process,
				   const struct live_call *call)
{
	struct live_place *place = claim(process);
	struct halves id = halves_of(&call->id);
	struct head *head;

	if (!place)
		return NULL;
	head = head_of(place);
	atomic_store(&place->hang_up, 0);
	atomic_store(&place->watched_until_ms, 0);
	atomic_store(&place->taps, 0);
	live_call_tell(place, call);
	atomic_store(&head->high, id.high);
	atomic_store(&head->low, id.low);
	atomic_store(&head->owner, (process + 1) | SHOWN);
	return place;
}

void live_call_leave(struct live_place *place, const struct live_call *call)
{
	if (!place)
		return;
	live_call_tell(place, call);
	free_head(head_of(place));
}

bool live_call_is_hung_up(const struct live_place *place)
{
	return place &&
	       atomic_load_explicit(&place->hang_up, memory_order_relaxed) ==
		       atomic_load_explicit(&head_of(place)->low,
					    memory_order_relaxed);
}

bool live_call_is_watched(const struct live_place *place, uint64_t now_ms)
{
	return place && now_ms < atomic_load_explicit(&place->watched_until_ms,
						      memory_order_relaxed);
}

uint64_t live_call_taps(const struct live_place *place)
{
	return place ? atomic_load_explicit(&place->taps, memory_order_acquire)
		     : 0;
}

/* ---- whoever asks ----------------------------------------------------------
 */

static bool read_place(struct live_place *place, struct live_call *call)
{
	return words_get(&place->version, place->words, call, sizeof(*call),
			 LOOKS);
}

static void watch(struct live_place *place, uint64_t now_ms)
{
	atomic_store(&place->watched_until_ms, now_ms + LIVE_WATCHED_MS);
}

/* The place where the call is, or was last. The newest one that had the id has
 * it for good, as ids are never used twice. */
static enum live_answer find(const struct uuid *id, struct live_place **place)
{
	struct halves wanted = halves_of(id);

	for (uint32_t i = 0; i < table.count; i++) {
		struct halves here = halves_at(&table.heads[i]);

		if (here.low != wanted.low || here.high != wanted.high)
			continue;
		*place = &table.places[i];
		return is_shown(&table.heads[i]) ? LIVE_FOUND : LIVE_ENDED;
	}
	return LIVE_UNKNOWN;
}

enum live_answer live_call_read(const struct uuid *id, struct live_call *call)
{
	struct live_place *place;
	enum live_answer answer = find(id, &place);

	if (answer == LIVE_UNKNOWN || !read_place(place, call) ||
	    !uuid_equal(&call->id, id))
		return LIVE_UNKNOWN;
	if (answer == LIVE_ENDED && call->ended_us == 0) {
		/* Its process died; so will its row say, in time. */
		call->ended_us = call->at_us;
		live_call_text(call->end_reason, sizeof(call->end_reason),
			       "interrupted");
	}
	return call->ended_us ? LIVE_ENDED : answer;
}

void live_call_watch(const struct uuid *id, uint64_t now_ms)
{
	struct live_place *place;

	if (find(id, &place) == LIVE_FOUND)
		watch(place, now_ms);
}

enum live_answer live_call_hang_up(const struct uuid *id)
{
	struct live_place *place;
	enum live_answer answer = find(id, &place);

	if (answer == LIVE_FOUND)
		atomic_store(&place->hang_up, halves_of(id).low);
	return answer;
}

enum live_answer live_call_tap(const struct uuid *id, unsigned tap, bool on)
{
	struct live_place *place;
	enum live_answer answer = find(id, &place);

	if (answer == LIVE_FOUND && on)
		atomic_fetch_or(&place->taps, UINT64_C(1) << tap);
	else if (answer == LIVE_FOUND)
		atomic_fetch_and(&place->taps, ~(UINT64_C(1) << tap));
	return answer;
}

/* ---- the list --------------------------------------------------------------
 *
 * The heads alone tell which calls are the newest; places are read of those
 * that are shown, or of all where a filter must know more.
 */

struct found {
	struct halves id;
	uint32_t at;
};

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
	struct halves bound = { UINT64_MAX, UINT64_MAX };
	bool looks_closer = filter->provider || filter->number ||
			    filter->since_us || filter->before_us;
	struct live_call call;
	uint32_t count = 0;

	*total = 0;
	if (filter->older_than)
		bound = halves_of(filter->older_than);
	for (uint32_t i = 0; i < table.count; i++) {
		struct found one = { halves_at(&table.heads[i]), i };

		if (!is_shown(&table.heads[i]) ||
		    (looks_closer && (!read_place(&table.places[i], &call) ||
				      !matches(filter, &call))))
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
		struct live_place *place = &table.places[heap[i].at];

		if (!read_place(place, &calls[copied]) ||
		    calls[copied].ended_us || !matches(filter, &calls[copied]))
			continue; /* it has ended just now */
		watch(place, now_ms);
		copied++;
	}
	free(heap);
	return copied;
}
