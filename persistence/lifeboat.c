/*
 * lifeboat.c - rings of bytes in shared memory (see lifeboat.h)
 *
 * `head` and `tail` count bytes since the beginning and never go back. An entry
 * is copied first and counted in afterwards, so a writer that is killed in the
 * middle leaves nothing half done. What is found in a dead process's boat is
 * believed only as far as its lengths make sense.
 */
#include "persistence/lifeboat.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "persistence/estate.h"
#include "persistence/journal.h"
#include "persistence/record.h"

#define SEGMENT_BYTES ((uint64_t)1 << 20)
#define MAGIC	      0x54414f42u /* "BOAT" */

struct lifeboat {
	_Atomic uint64_t head; /* written by the loop */
	char apart[56];	       /* not on one cache line */
	_Atomic uint64_t tail; /* written by the spooler */
	char apart_too[56];
	char bytes[LIFEBOAT_BYTES];
};

struct entry {
	uint32_t magic, length; /* of the payload that follows */
	struct uuid id, entity;
	uint32_t kind, rev;
	int64_t created_us;
};

static struct lifeboat *boats;
static size_t boat_count;
static atomic_bool boarding; /* ours alone: fork copies, nobody shares it */

int lifeboats_create(size_t count)
{
	void *memory = mmap(NULL, count * sizeof(struct lifeboat),
			    PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	if (boats)
		(void)munmap(boats, boat_count * sizeof(struct lifeboat));
	boats = memory;
	boat_count = count;
	atomic_store(&boarding, false);
	return 0;
}

struct lifeboat *lifeboat_at(size_t i)
{
	return i < boat_count ? &boats[i] : NULL;
}

/* ---- the ring -------------------------------------------------------------
 */

static void copy_in(struct lifeboat *boat, uint64_t at, const void *from,
		    size_t length)
{
	size_t offset = at % LIFEBOAT_BYTES, room = LIFEBOAT_BYTES - offset;
	size_t first = length < room ? length : room;

	memcpy(boat->bytes + offset, from, first);
	memcpy(boat->bytes, (const char *)from + first, length - first);
}

static void copy_out(const struct lifeboat *boat, uint64_t at, void *to,
		     size_t length)
{
	size_t offset = at % LIFEBOAT_BYTES, room = LIFEBOAT_BYTES - offset;
	size_t first = length < room ? length : room;

	memcpy(to, boat->bytes + offset, first);
	memcpy((char *)to + first, boat->bytes, length - first);
}

void lifeboat_board(struct lifeboat *boat, struct record *record)
{
	const struct entry entry = {
		.magic = MAGIC,
		.length = record->length,
		.id = record->id,
		.entity = record->entity,
		.kind = (uint32_t)record->kind,
		.rev = record->rev,
		.created_us = record->created_us,
	};
	size_t size = sizeof(entry) + record->length;
	uint64_t head, used;

	record->boat = NULL;
	if (!boat || !atomic_load(&boarding))
		return;
	head = atomic_load_explicit(&boat->head, memory_order_relaxed);
	used = head - atomic_load_explicit(&boat->tail, memory_order_acquire);
	if (used + size > LIFEBOAT_BYTES)
		return;
	copy_in(boat, head, &entry, sizeof(entry));
	copy_in(boat, head + sizeof(entry), record->payload, record->length);
	atomic_store_explicit(&boat->head, head + size, memory_order_release);
	record->boat = boat;
}

void lifeboat_leave(struct lifeboat *boat, const struct record *record)
{
	struct entry entry;
	uint64_t tail;

	if (!boat)
		return;
	tail = atomic_load_explicit(&boat->tail, memory_order_relaxed);
	copy_out(boat, tail, &entry, sizeof(entry));
	assert(uuid_equal(&entry.id, &record->id));
	(void)record;
	atomic_store_explicit(&boat->tail, tail + sizeof(entry) + entry.length,
			      memory_order_release);
}

/* ---- the rescue -------------------------------------------------------------
 */

struct rescue {
	struct record **records;
	size_t count, room;
};

static int keep(struct rescue *rescue, struct record *record)
{
	if (rescue->count == rescue->room) {
		size_t room = rescue->room ? rescue->room * 2 : 64;
		struct record **more = realloc(rescue->records,
					       room * sizeof(struct record *));

		if (!more)
			return -ENOMEM;
		rescue->records = more;
		rescue->room = room;
	}
	rescue->records[rescue->count++] = record;
	return 0;
}

/* The entry at `at`, if there is one that can be believed: 1, 0 or -errno. */
static int read_entry(const struct lifeboat *boat, uint64_t at, uint64_t head,
		      struct record **ret, uint64_t *next)
{
	struct entry entry;
	char *payload;

	if (head - at < sizeof(entry))
		return 0;
	copy_out(boat, at, &entry, sizeof(entry));
	if (entry.magic != MAGIC || entry.kind == 0 ||
	    entry.kind >= RECORD_KIND_COUNT ||
	    entry.length > head - at - sizeof(entry))
		return 0;
	payload = malloc(entry.length + 1);
	if (!payload)
		return -ENOMEM;
	copy_out(boat, at + sizeof(entry), payload, entry.length);
	*ret = record_create((enum record_kind)entry.kind, &entry.id,
			     &entry.entity, entry.rev, entry.created_us,
			     payload, entry.length);
	free(payload);
	*next = at + sizeof(entry) + entry.length;
	return *ret ? 1 : -ENOMEM;
}

static int read_boat(const struct lifeboat *boat, struct rescue *rescue)
{
	uint64_t head = atomic_load(&boat->head), at = atomic_load(&boat->tail);
	struct record *record;
	int r;

	if (head - at > LIFEBOAT_BYTES)
		return 0;
	while ((r = read_entry(boat, at, head, &record, &at)) == 1) {
		r = keep(rescue, record);
		if (r < 0) {
			free(record);
			return r;
		}
	}
	return r;
}

static int write_journal(const struct rescue *rescue, const char *outbox_dir)
{
	struct journal_options options = {
		.outbox_dir = outbox_dir,
		.role = LIFEBOAT_ROLE,
		.segment_bytes = SEGMENT_BYTES,
	};
	struct journal *journal = NULL;
	struct estate *nothing = NULL;
	int r = estate_create(&nothing);

	options.open = nothing;
	if (r == 0)
		r = journal_create(&journal, &options);
	if (r == 0)
		r = journal_commit(journal, rescue->records, rescue->count);
	journal_close(journal);
	estate_destroy(nothing);
	return r;
}

int lifeboats_rescue(size_t first, size_t count, const char *outbox_dir,
		     size_t *rescued)
{
	struct rescue rescue = { .records = NULL };
	struct lifeboat *boat;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		if ((boat = lifeboat_at(first + i)))
			r = read_boat(boat, &rescue);
	if (r == 0 && rescue.count > 0)
		r = write_journal(&rescue, outbox_dir);
	if (r == 0) {
		for (size_t i = 0; i < count; i++)
			if ((boat = lifeboat_at(first + i)))
				atomic_store(&boat->tail,
					     atomic_load(&boat->head));
		atomic_store(&boarding, true);
		*rescued = rescue.count;
	}
	while (rescue.count > 0)
		free(rescue.records[--rescue.count]);
	free(rescue.records);
	return r;
}
