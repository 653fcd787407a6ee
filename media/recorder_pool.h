/*
 * recorder_pool.h - the memory that audio waits in for the disk
 *
 * A fixed number of chunks, made at the start. Taking and giving back are a
 * few atomic instructions: a loop thread is never held up by a recorder thread
 * that was preempted at the wrong moment, as it could be by a lock. An empty
 * pool answers NULL; that begins a drought, which is logged once when it
 * begins and once when a quarter of the pool is free again.
 *
 * Thread: take and give from any; create and destroy from the owner.
 */
#ifndef MEDIA_RECORDER_POOL_H
#define MEDIA_RECORDER_POOL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "media/recorder_inbox.h"

#define CHUNK_BYTES 4096u

/* A stretch of one recording. Whoever holds it may write it. */
struct chunk {
	struct parcel parcel;	    /* its way to the recorder thread */
	uint64_t first;		    /* position of the first frame in it */
	uint32_t room;		    /* frames that have a place in it */
	uint32_t frames;	    /* from there; what none wrote is silence */
	uint32_t samples;	    /* that came from the call, all channels */
	uint8_t *bytes;		    /* CHUNK_BYTES of interleaved samples */
	_Atomic uint32_t next_free; /* the pool's */
};

struct recorder_pool;

/* `labels` are those of the gauge on the board. 0 or -ENOMEM. */
int recorder_pool_create(struct recorder_pool **ret, uint64_t bytes,
			 const char *labels);
/* Every chunk must be back. Accepts NULL; returns NULL. */
struct recorder_pool *recorder_pool_destroy(struct recorder_pool *pool);

struct chunk *recorder_pool_take(struct recorder_pool *pool);
void recorder_pool_give(struct recorder_pool *pool, struct chunk *chunk);

#endif
