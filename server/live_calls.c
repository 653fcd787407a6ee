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
#include <string.h>
#include <sys/mman.h>

#include "server/live_table.h"

#define LOOKS 100u

struct live_places live_places;

static uint64_t big_endian(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(value); i++)
		value = value << 8 | bytes[i];
	return value;
}

struct live_halves live_halves_of(const struct uuid *id)
{
	return (struct live_halves){ big_endian(id->bytes),
				     big_endian(id->bytes + 8) };
}

uint64_t live_call_key(const struct uuid *id)
{
	return live_halves_of(id).low;
}

struct live_halves live_halves_at(uint32_t place)
{
	const struct live_head *head = &live_places.heads[place];

	return (struct live_halves){ atomic_load(&head->high),
				     atomic_load(&head->low) };
}

bool live_is_shown(uint32_t place)
{
	return (atomic_load(&live_places.heads[place].owner) & SHOWN) != 0;
}

bool live_place_read(uint32_t place, struct live_call *call)
{
	struct live_place *p = &live_places.places[place];

	return words_get(&p->version, p->words, call, sizeof(*call), LOOKS);
}

void live_place_watch(uint32_t place, uint64_t now_ms)
{
	atomic_store(&live_places.places[place].watched_until_ms,
		     now_ms + LIVE_WATCHED_MS);
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
	size_t size =
		calls * (sizeof(struct live_head) + sizeof(struct live_place));
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	live_places.places = map;
	live_places.heads = (struct live_head *)(live_places.places + calls);
	live_places.count = calls;
	return 0;
}

static void free_head(struct live_head *head)
{
	atomic_store(&head->owner, 0);
}

void live_calls_take_back(unsigned process)
{
	for (uint32_t i = 0; i < live_places.count; i++)
		if ((atomic_load(&live_places.heads[i].owner) & ~SHOWN) ==
		    process + 1)
			free_head(&live_places.heads[i]);
}

/* ---- a call's loop ---------------------------------------------------------
 */

static struct live_place *claim(unsigned process)
{
	uint32_t start = atomic_load(&live_places.next);

	for (uint32_t i = 0; i < live_places.count; i++) {
		uint32_t at = (start + i) % live_places.count, none = 0;

		if (!atomic_compare_exchange_strong(
			    &live_places.heads[at].owner, &none, process + 1))
			continue;
		atomic_store(&live_places.next, at + 1);
		return &live_places.places[at];
	}
	return NULL;
}

static struct live_head *head_of(const struct live_place *place)
{
	return &live_places.heads[place - live_places.places];
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
	struct live_halves id = live_halves_of(&call->id);
	struct live_head *head;

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

/* The place where the call is, or was last. The newest one that had the id has
 * it for good, as ids are never used twice. */
static enum live_answer find(const struct uuid *id, uint32_t *place)
{
	struct live_halves wanted = live_halves_of(id);

	for (uint32_t i = 0; i < live_places.count; i++) {
		struct live_halves here = live_halves_at(i);

		if (here.low != wanted.low || here.high != wanted.high)
			continue;
		*place = i;
		return live_is_shown(i) ? LIVE_FOUND : LIVE_ENDED;
	}
	return LIVE_UNKNOWN;
}

enum live_answer live_call_read(const struct uuid *id, struct live_call *call)
{
	uint32_t place;
	enum live_answer answer = find(id, &place);

	if (answer == LIVE_UNKNOWN || !live_place_read(place, call) ||
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
	uint32_t place;

	if (find(id, &place) == LIVE_FOUND)
		live_place_watch(place, now_ms);
}

enum live_answer live_call_hang_up(const struct uuid *id)
{
	uint32_t place;
	enum live_answer answer = find(id, &place);

	if (answer == LIVE_FOUND)
		atomic_store(&live_places.places[place].hang_up,
			     live_call_key(id));
	return answer;
}

enum live_answer live_call_tap(const struct uuid *id, unsigned tap, bool on)
{
	uint32_t place;
	enum live_answer answer = find(id, &place);
	uint64_t bit = UINT64_C(1) << tap;

	if (answer == LIVE_FOUND && on)
		atomic_fetch_or(&live_places.places[place].taps, bit);
	else if (answer == LIVE_FOUND)
		atomic_fetch_and(&live_places.places[place].taps, ~bit);
	return answer;
}
