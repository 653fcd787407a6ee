/*
 * drainer.h - the thread that moves records from the outbox into the store
 *
 * Takes batches in order, journal by journal in turn so that no backlog starves
 * the live ones, writes each as one transaction, and acks it only after the
 * commit. It settles the estates of dead processes. While the database is away
 * it waits with a backoff and the breaker, and keeps everything.
 *
 * Thread: start and stop from the control process's main thread.
 */
#ifndef PERSISTENCE_DRAINER_H
#define PERSISTENCE_DRAINER_H

#include <stdint.h>

struct drainer;
struct settings;

/* Opens neither outbox nor store: that is the thread's first work, which it
 * goes on trying. `settings` is borrowed until drainer_stop(). 0 or -errno;
 * -EINVAL for a database.url of no kind that we know. */
int drainer_start(struct drainer **ret, const struct settings *settings);

/* Drains what it can within timeout_ms (gives up at once when the database is
 * away), then ends the thread and frees. Whatever is left stays in the
 * outbox. */
void drainer_stop(struct drainer *drainer, uint32_t timeout_ms);

#endif
