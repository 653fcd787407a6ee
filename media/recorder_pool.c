/*
 * recorder_pool.c - the memory that audio waits in for the disk
 *
 * The free chunks are a stack of indexes whose top is one 64-bit atomic:
 *
 *   bits 63..32  how often it has changed    31..0  index + 1; 0 is the end
 *
 * The count is what keeps a slow thread from putting back a top that was
 * taken, given back and taken again meanwhile (the ABA problem). Last in,
 * first out: what is used is what the cache still holds.
 */
#include "media/recorder_pool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "server/board.h"
#include "server/log.h"

#define CHUNKS_MIN 16u
#define CHUNKS_MAX (1u << 24)

struct recorder_pool {
	_Atomic uint64_t top;
	_Atomic uint32_t used;
	_Atomic bool dry;
	uint32_t count;
	struct chunk *chunks;
	uint8_t *memory;
	struct board_series *gauge;
};

static uint64_t next_top(uint64_t top, uint32_t index)
{
	return ((top >> 32) + 1) << 32 | index;
}

static void push(struct recorder_pool *pool, struct chunk *chunk)
{
	uint32_t index = (uint32_t)(chunk - pool->chunks) + 1;
	uint64_t top = atomic_load_explicit(&pool->top, memory_order_relaxed);

	do
		atomic_store_explicit(&chunk->next_free, (uint32_t)top,
				      memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
		&pool->top, &top, next_top(top, index), memory_order_release,
		memory_order_relaxed));
}

static struct chunk *pop(struct recorder_pool *pool)
{
	uint64_t top = atomic_load_explicit(&pool->top, memory_order_acquire);
	struct chunk *chunk;

	do {
		if ((uint32_t)top == 0)
			return NULL;
		chunk = &pool->chunks[(uint32_t)top - 1];
	} while (!atomic_compare_exchange_weak_explicit(
		&pool->top, &top,
		next_top(top, atomic_load_explicit(&chunk->next_free,
						   memory_order_relaxed)),
		memory_order_acquire, memory_order_acquire));
	return chunk;
}

int recorder_pool_create(struct recorder_pool **ret, uint64_t bytes,
			 const char *labels)
{
	struct recorder_pool *pool = calloc(1, sizeof(*pool));
	uint64_t count = bytes / CHUNK_BYTES;

	if (!pool)
		return -ENOMEM;
	if (count < CHUNKS_MIN)
		count = CHUNKS_MIN;
	if (count > CHUNKS_MAX)
		count = CHUNKS_MAX;
	pool->count = (uint32_t)count;
	pool->chunks = calloc(pool->count, sizeof(*pool->chunks));
	pool->memory = calloc(pool->count, CHUNK_BYTES);
	if (!pool->chunks || !pool->memory) {
		recorder_pool_destroy(pool);
		return -ENOMEM;
	}
	for (uint32_t i = pool->count; i-- > 0;) {
		pool->chunks[i].bytes = pool->memory + (size_t)i * CHUNK_BYTES;
		push(pool, &pool->chunks[i]);
	}
	pool->gauge = board_series(METRIC_RECORDING_BUFFERS_USED, labels);
	board_set(pool->gauge, 0); /* forget what a dead process had in use */
	*ret = pool;
	return 0;
}

struct recorder_pool *recorder_pool_destroy(struct recorder_pool *pool)
{
	if (!pool)
		return NULL;
	free(pool->memory);
	free(pool->chunks);
	free(pool);
	return NULL;
}

struct chunk *recorder_pool_take(struct recorder_pool *pool)
{
	struct chunk *chunk = pop(pool);
	uint32_t used;

	if (!chunk) {
		if (!atomic_exchange(&pool->dry, true))
			log_warn("RECORDING_DROPPED",
				 "reason=no_buffer buffers=%u", pool->count);
		return NULL;
	}
	board_add(pool->gauge, 1);
	used = atomic_fetch_add_explicit(&pool->used, 1, memory_order_relaxed);
	if (used < pool->count / 4 * 3 &&
	    atomic_load_explicit(&pool->dry, memory_order_relaxed) &&
	    atomic_exchange(&pool->dry, false))
		log_info("RECORDING_RESUMED", "reason=buffer buffers=%u",
			 pool->count);
	return chunk;
}

void recorder_pool_give(struct recorder_pool *pool, struct chunk *chunk)
{
	board_add(pool->gauge, -1);
	atomic_fetch_sub_explicit(&pool->used, 1, memory_order_relaxed);
	push(pool, chunk);
}
