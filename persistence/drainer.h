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

#include "persistence/operations.h"

struct drainer;
struct settings;

struct drainer_job;
struct store;

/* A change that somebody wants made in the database, and waits for. SQLite has
 * one connection that writes, and that is the drainer's; so all changes are
 * made there. */
typedef void drainer_task(struct drainer_job *job, struct store *store);

/* An operation or a task on its way to the drainer's thread and back. Whoever
 * makes it owns it, and leaves it alone between drainer_submit() and `done`. */
struct drainer_job {
	drainer_task *task; /* NULL: the operation */
	struct operation operation;
	struct operation_result result;
	int error; /* of operations_apply() */
	/* Called once, in the drainer's thread; -ECANCELED in `error` when the
	 * drainer ends before it came to it. */
	void (*done)(struct drainer_job *job);
	void *context;		  /* for `done` */
	const char *ids;	  /* whom it is for, as of log_for(); or NULL */
	struct drainer_job *next; /* the drainer's */
};

/* Opens neither outbox nor store: that is the thread's first work, which it
 * goes on trying. `settings` is borrowed until drainer_stop(). 0 or -errno;
 * -EINVAL for a database.url of no kind that we know. */
int drainer_start(struct drainer **ret, const struct settings *settings);

/* Has it done between two turns; wakes the drainer from a wait, so that it is
 * done at once unless a call to the database is under way (which ends within
 * the statement's or the connect's timeout). Never blocks. 0, or -EBUSY when
 * DRAINER_JOBS_MAX wait already. Any thread. */
#define DRAINER_JOBS_MAX 16u
int drainer_submit(struct drainer *drainer, struct drainer_job *job);

/* Drains what it can within timeout_ms (gives up at once when the database is
 * away), then ends the thread and frees. Whatever is left stays in the
 * outbox. */
void drainer_stop(struct drainer *drainer, uint32_t timeout_ms);

#endif
