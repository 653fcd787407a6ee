/*
 * chore.h - what a thread that tidies up has done in the database
 *
 * Chores are errands to the drainer (persistence/errand.h), one at a time, that
 * say in the log why they failed.
 *
 * Thread: each `struct chores` has one that does them; chores_close() is
 * anybody's.
 */
#ifndef SERVER_CONTROL_UPKEEP_CHORE_H
#define SERVER_CONTROL_UPKEEP_CHORE_H

#include <stdbool.h>

#include "persistence/db_error.h"
#include "persistence/errand.h"

struct chores {
	struct errand_office office;
	const char *tag; /* of the line for one that failed */
};

void chores_init(struct chores *chores, struct drainer *drainer,
		 const char *tag);
void chores_finish(struct chores *chores);
/* Before the drainer ends: what it has taken it does, or gives up. */
void chores_close(struct chores *chores);

/* In the drainer's thread: 0, or -1 and *err. */
typedef int chore_task(struct store *store, void *arg, struct db_error *err);

/* Waits until it is done. False: it could not be done, and was logged. */
bool chore_run(struct chores *chores, chore_task *task, void *arg);
/* The same for an operation on the outbox. */
bool chore_operate(struct chores *chores, const struct operation *operation);

#endif
