/*
 * queue.h - from the loops to the spooler: bounded, lock-free, many to one
 *
 * A push is a few atomic instructions and, only when the reader sleeps, one
 * write to an eventfd. A full queue answers -EAGAIN and the record stays with
 * the caller, who keeps it and tries again: nothing is dropped here.
 *
 * Thread: push from any thread; everything else from the one reader.
 */
#ifndef PERSISTENCE_QUEUE_H
#define PERSISTENCE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;
struct record;

/* `capacity` is rounded up to a power of two. 0 or -ENOMEM / -errno. */
int queue_create(struct queue **ret, size_t capacity);
/* How much memory counts as full; before the first push. Nothing is refused for
 * it: queue_is_half_full() tells. */
void queue_limit_bytes(struct queue *queue, uint64_t bytes);
/* Frees what is left in it; accepts NULL; returns NULL. */
struct queue *queue_destroy(struct queue *queue);

/* Takes the record on 0; -EAGAIN when full (the record stays yours). */
int queue_push(struct queue *queue, struct record *record)
	__attribute__((warn_unused_result));
/* The oldest record, now the reader's; NULL when empty. */
struct record *queue_pop(struct queue *queue);

/* Waits until there is a record, somebody called queue_wake, or the time is
 * over. Returns at once when there is something already. */
void queue_wait(struct queue *queue, int timeout_ms);
/* Waits for the time to pass or for queue_wake, whatever is queued. */
void queue_pause(struct queue *queue, int timeout_ms);
void queue_wake(struct queue *queue);

/* Snapshots; any thread. */
size_t queue_length(const struct queue *queue);
uint64_t queue_bytes(const struct queue *queue); /* of memory */
/* Half of its places or of these bytes are taken: time to make less. */
bool queue_is_half_full(const struct queue *queue);
size_t queue_capacity(const struct queue *queue);

#endif
