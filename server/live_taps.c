/*
 * live_taps.c - the sound of live calls, for those who listen in (live_taps.h)
 *
 * Positions count samples since the tap was made and are never set back: who
 * opens a tap begins where its last writer stopped. A writer of the call
 * before, who has not noticed yet, can spoil some samples, and nothing else, as
 * every position is taken modulo the ring. To make even that unlikely, the tap
 * that has rested longest is used next.
 */
#include "server/live_taps.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define HEARD_SAMPLES (UINT32_C(1) << 16)
#define SAID_SAMPLES  (UINT32_C(1) << 19)

struct tap {
	_Atomic uint64_t key; /* of the call; 0: free */
	_Atomic uint64_t dropped;
	_Atomic uint32_t rate_hz;
	struct {
		_Atomic uint64_t written, read;
		_Atomic uint64_t cleared; /* what lies before is not heard */
	} at[2];
	int16_t heard[HEARD_SAMPLES], said[SAID_SAMPLES];
};

static struct {
	uint32_t count;
	struct tap *taps;
	uint32_t next; /* control's: the one that has rested longest */
} all;

static int16_t *samples_of(struct tap *tap, enum live_side side, uint32_t *size)
{
	*size = side == LIVE_HEARD ? HEARD_SAMPLES : SAID_SAMPLES;
	return side == LIVE_HEARD ? tap->heard : tap->said;
}

int live_taps_create(uint32_t count)
{
	void *map;

	if (count > LIVE_TAPS_MAX)
		count = LIVE_TAPS_MAX;
	all.count = 0;
	if (count == 0)
		return 0;
	map = mmap(NULL, count * sizeof(struct tap), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	all.taps = map;
	all.count = count;
	return 0;
}

/* ---- control --------------------------------------------------------------
 */

void live_taps_take_back(void)
{
	for (uint32_t i = 0; i < all.count; i++)
		atomic_store(&all.taps[i].key, 0);
}

static void begin_empty(struct tap *tap)
{
	for (size_t side = 0; side < 2; side++)
		atomic_store(&tap->at[side].read,
			     atomic_load(&tap->at[side].written));
	atomic_store(&tap->dropped, 0);
	atomic_store(&tap->rate_hz, 0);
}

static int find_free(void)
{
	for (uint32_t i = 0; i < all.count; i++) {
		uint32_t at = (all.next + i) % all.count;

		if (atomic_load(&all.taps[at].key) != 0)
			continue;
		all.next = at + 1;
		return (int)at;
	}
	return LIVE_TAP_NONE;
}

enum live_answer live_tap_open(const struct uuid *id, int *tap)
{
	enum live_answer answer;

	*tap = find_free();
	if (*tap == LIVE_TAP_NONE) {
		struct live_call call;

		return live_call_read(id, &call);
	}
	begin_empty(&all.taps[*tap]);
	atomic_store(&all.taps[*tap].key, live_call_key(id));
	answer = live_call_tap(id, (unsigned)*tap, true);
	if (answer != LIVE_FOUND)
		live_tap_close(*tap, id);
	return answer;
}

void live_tap_close(int tap, const struct uuid *id)
{
	if (tap == LIVE_TAP_NONE)
		return;
	(void)live_call_tap(id, (unsigned)tap, false);
	atomic_store(&all.taps[tap].key, 0);
}

uint32_t live_tap_rate_hz(int tap)
{
	return atomic_load(&all.taps[tap].rate_hz);
}

uint64_t live_tap_dropped(int tap)
{
	return atomic_load(&all.taps[tap].dropped);
}

/* Where the reader goes on: past what was cleared. */
static uint64_t position(const struct tap *tap, enum live_side side)
{
	uint64_t read = atomic_load(&tap->at[side].read);
	uint64_t cleared = atomic_load(&tap->at[side].cleared);

	return cleared > read ? cleared : read;
}

size_t live_tap_waiting(int tap, enum live_side side)
{
	const struct tap *t = &all.taps[tap];
	uint64_t read = position(t, side);
	uint64_t written = atomic_load(&t->at[side].written);

	return written > read ? (size_t)(written - read) : 0;
}

/* Out of the ring or into it: `at` is a position, taken round. */
static void copy_out(const int16_t *ring, uint32_t size, uint64_t at,
		     int16_t *pcm, size_t samples)
{
	size_t begin = at % size;
	size_t first = samples < size - begin ? samples : size - begin;

	memcpy(pcm, ring + begin, first * sizeof(*pcm));
	memcpy(pcm + first, ring, (samples - first) * sizeof(*pcm));
}

size_t live_tap_read(int tap, enum live_side side, int16_t *pcm, size_t most)
{
	struct tap *t = &all.taps[tap];
	uint64_t read = position(t, side);
	size_t samples = live_tap_waiting(tap, side);
	uint32_t size;
	const int16_t *ring = samples_of(t, side, &size);

	if (samples > most)
		samples = most;
	if (samples > size)
		samples = size;
	copy_out(ring, size, read, pcm, samples);
	atomic_store(&t->at[side].read, read + samples);
	return samples;
}

/* ---- the call's loop -------------------------------------------------------
 */

static struct tap *mine(unsigned tap, uint64_t key)
{
	return tap < all.count &&
			       atomic_load_explicit(&all.taps[tap].key,
						    memory_order_acquire) == key
		       ? &all.taps[tap]
		       : NULL;
}

void live_tap_begin(unsigned tap, uint64_t key, uint32_t rate_hz)
{
	struct tap *t = mine(tap, key);

	if (t)
		atomic_store(&t->rate_hz, rate_hz);
}

static void copy_in(int16_t *ring, uint32_t size, uint64_t at,
		    const int16_t *pcm, size_t samples)
{
	size_t begin = at % size;
	size_t first = samples < size - begin ? samples : size - begin;

	memcpy(ring + begin, pcm, first * sizeof(*pcm));
	memcpy(ring, pcm + first, (samples - first) * sizeof(*pcm));
}

void live_tap_write(unsigned tap, uint64_t key, enum live_side side,
		    const int16_t *pcm, size_t samples)
{
	struct tap *t = mine(tap, key);
	uint64_t written, used;
	uint32_t size;
	int16_t *ring;

	if (!t)
		return;
	ring = samples_of(t, side, &size);
	written = atomic_load(&t->at[side].written);
	used = written - position(t, side);
	if (samples > size || used > size - samples) {
		atomic_fetch_add(&t->dropped, samples);
		return;
	}
	copy_in(ring, size, written, pcm, samples);
	atomic_store(&t->at[side].written, written + samples);
}

void live_tap_clear(unsigned tap, uint64_t key)
{
	struct tap *t = mine(tap, key);

	if (t)
		atomic_store(&t->at[LIVE_SAID].cleared,
			     atomic_load(&t->at[LIVE_SAID].written));
}
