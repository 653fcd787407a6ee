/*
 * errand.h - a task for the drainer that the caller waits for
 *
 * The drainer does or gives up every job that it has taken, so an errand ends;
 * with a call to the database under way, after that call. An office stands
 * between, because the drainer may end before those that have errands do.
 *
 * Thread: any but the drainer's. Whoever closes the office does so before it
 *         stops the drainer.
 */
#ifndef PERSISTENCE_ERRAND_H
#define PERSISTENCE_ERRAND_H

#include <pthread.h>
#include <stdbool.h>

#include "persistence/operations.h"

struct drainer;
struct store;

struct errand_office {
	struct drainer *drainer; /* borrowed */
	pthread_mutex_t lock;	 /* while the drainer is asked */
	bool closed;		 /* {lock} it must not be any more */
};

void errand_office_init(struct errand_office *office, struct drainer *drainer);
/* Takes no more errands; one that is under way is still done. */
void errand_office_close(struct errand_office *office);
void errand_office_finish(struct errand_office *office);

/* Runs work(store, arg) in the drainer's thread. 0; -EBUSY: too much waits
 * there; -ECANCELED: the drainer ends. */
int errand_run(struct errand_office *office,
	       void (*work)(struct store *store, void *arg), void *arg);
/* The same for an operation on the outbox; or -errno, as operations_apply(). */
int errand_operate(struct errand_office *office,
		   const struct operation *operation,
		   struct operation_result *result);

#endif
