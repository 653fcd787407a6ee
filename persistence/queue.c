/*
 * queue.c - from the loops to the spooler (see queue.h)
 *
 * Dmitry Vyukov's bounded queue, with one reader. Each cell carries a turn: the
 * position at which it may be written next, or that position plus one when it
 * holds a record.
 *
 *   turn == at              free for the push at position `at`
 *   turn == at + 1          holds the record pushed at position `at`
 *   turn == at + capacity   free again, one round later
 *
 * Sleeping. The reader says "I sleep" and then looks once more; a pusher
 * publishes its record and then looks whether somebody sleeps. All four steps
 * are sequentially consistent, so at least one of the two sees the other, and
 * no record is left with a sleeping reader.
 */
#include "persistence/queue.h"

#include <errno.h>
#include <poll.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "persistence/record.h"

#define CACHE_LINE 64

struct cell {
	_Atomic size_t turn;
	struct record *record;
};

struct queue {
	struct cell *cells;
	size_t mask; /* capacity - 1 */
	int wakeup;  /* eventfd; -1 before it is made */
	alignas(CACHE_LINE) _Atomic size_t tail; /* next push */
	alignas(CACHE_LINE) _Atomic size_t head; /* next pop; reader writes */
	alignas(CACHE_LINE) _Atomic bool sleeping;
	alignas(CACHE_LINE) _Atomic uint64_t bytes; /* of what is in it */
	uint64_t bytes_max;
};

static uint64_t size_of(const struct record *record)
{
	return sizeof(*record) + record->length + 1;
}

static size_t round_up(size_t n)
{
	size_t power = 2;

	while (power < n)
		power <<= 1;
	return power;
}

int queue_create(struct queue **ret, size_t capacity)
{
	struct queue *queue;
	size_t cells;
	int r;

	if (capacity > SIZE_MAX / 4 / sizeof(struct cell))
		return -ENOMEM;
	cells = round_up(capacity);
	queue = aligned_alloc(CACHE_LINE, sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	*queue = (struct queue){ .mask = cells - 1,
				 .wakeup = -1,
				 .bytes_max = UINT64_MAX };
	queue->cells = calloc(cells, sizeof(*queue->cells));
	r = -ENOMEM;
	if (!queue->cells)
		goto fail;
	for (size_t i = 0; i < cells; i++)
		atomic_init(&queue->cells[i].turn, i);
	queue->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = -errno;
	if (queue->wakeup < 0)
		goto fail;
	*ret = queue;
	return 0;
fail:
	(void)queue_destroy(queue);
	return r;
}

struct queue *queue_destroy(struct queue *queue)
{
	if (!queue)
		return NULL;
	if (queue->cells)
		for (struct record *r; (r = queue_pop(queue));)
			free(r);
	free(queue->cells);
	if (queue->wakeup >= 0)
		(void)close(queue->wakeup);
	free(queue);
	return NULL;
}

void queue_wake(struct queue *queue)
{
	const uint64_t one = 1;

	/* Can only fail when the counter is full, and then it is set anyway. */
	(void)!write(queue->wakeup, &one, sizeof(one));
}

int queue_push(struct queue *queue, struct record *record)
{
	size_t at = atomic_load_explicit(&queue->tail, memory_order_relaxed);
	struct cell *cell;

	for (;;) {
		size_t turn;

		cell = &queue->cells[at & queue->mask];
		turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
		if (turn == at) {
			/* Free: ours if nobody else is faster. */
			if (atomic_compare_exchange_weak_explicit(
				    &queue->tail, &at, at + 1,
				    memory_order_relaxed, memory_order_relaxed))
				break;
		} else if ((ptrdiff_t)(turn - at) < 0) {
			return -EAGAIN; /* still holds last round's record */
		} else {
			at = atomic_load_explicit(&queue->tail,
						  memory_order_relaxed);
		}
	}
	/* Counted before anybody can take it out again. */
	atomic_fetch_add_explicit(&queue->bytes, size_of(record),
				  memory_order_relaxed);
	cell->record = record;
	atomic_store(&cell->turn, at + 1);
	if (atomic_load(&queue->sleeping) &&
	    atomic_exchange(&queue->sleeping, false))
		queue_wake(queue);
	return 0;
}

struct record *queue_pop(struct queue *queue)
{
	size_t at = atomic_load_explicit(&queue->head, memory_order_relaxed);
	struct cell *cell = &queue->cells[at & queue->mask];
	struct record *record;

	if (atomic_load_explicit(&cell->turn, memory_order_acquire) != at + 1)
		return NULL;
	record = cell->record;
	atomic_store_explicit(&cell->turn, at + queue->mask + 1,
			      memory_order_release);
	atomic_store_explicit(&queue->head, at + 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&queue->bytes, size_of(record),
				  memory_order_relaxed);
	return record;
}

static bool has_record(struct queue *queue)
{
	size_t at = atomic_load_explicit(&queue->head, memory_order_relaxed);

	return atomic_load(&queue->cells[at & queue->mask].turn) == at + 1;
}

void queue_wait(struct queue *queue, int timeout_ms)
{
	struct pollfd wakeup = { .fd = queue->wakeup, .events = POLLIN };
	uint64_t count;

	atomic_store(&queue->sleeping, true);
	if (!has_record(queue))
		(void)poll(&wakeup, 1, timeout_ms);
	atomic_store(&queue->sleeping, false);
	(void)!read(queue->wakeup, &count, sizeof(count));
}

void queue_pause(struct queue *queue, int timeout_ms)
{
	struct pollfd wakeup = { .fd = queue->wakeup, .events = POLLIN };
	uint64_t count;

	/* Nobody writes for a record while `sleeping` is not set. */
	(void)poll(&wakeup, 1, timeout_ms);
	(void)!read(queue->wakeup, &count, sizeof(count));
}

size_t queue_length(const struct queue *queue)
{
	size_t head = atomic_load_explicit(&queue->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&queue->tail, memory_order_relaxed);

	/* Two reads are not one moment: the head may have passed our tail. */
	return (ptrdiff_t)(tail - head) > 0 ? tail - head : 0;
}

size_t queue_capacity(const struct queue *queue)
{
	return queue->mask + 1;
}

void queue_limit_bytes(struct queue *queue, uint64_t bytes)
{
	queue->bytes_max = bytes;
}

uint64_t queue_bytes(const struct queue *queue)
{
	return atomic_load_explicit(&queue->bytes, memory_order_relaxed);
}

bool queue_is_half_full(const struct queue *queue)
{
	return queue_length(queue) > queue_capacity(queue) / 2 ||
	       queue_bytes(queue) > queue->bytes_max / 2;
}
