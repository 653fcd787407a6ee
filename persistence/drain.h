/*
 * drain.h - what the drainer's thread does, turn by turn
 *
 * A turn either delivers something, or finds out how the database is, or waits
 * a moment; so the thread can see between any two whether it is to end.
 *
 * Thread: belongs to the drainer's thread.
 */
#ifndef PERSISTENCE_DRAIN_H
#define PERSISTENCE_DRAIN_H

#include <stdbool.h>

struct drain;
struct operation;
struct operation_result;
struct settings;
struct store;
struct thread;

struct drain_options { /* all of it borrowed */
	const struct settings *settings;
	const char *outbox_dir;
	struct store *store;
	struct thread *self; /* once it is stopping, waits are short */
	int wake_fd;	     /* an eventfd that ends a wait */
};

/* Takes the outbox: -EBUSY while another drainer has it. 0 or -errno. */
int drain_open(struct drain **ret, const struct drain_options *options);
/* What was not delivered stays in the outbox. Accepts NULL, returns NULL. */
struct drain *drain_close(struct drain *drain);

void drain_turn(struct drain *drain);

bool drain_is_idle(const struct drain *drain); /* found nothing to do */
bool drain_is_up(const struct drain *drain);   /* the database answered last */
/* Nothing is left to be done here, and the outbox has been taken away: close,
 * and open what stands in its place. */
bool drain_is_stale(const struct drain *drain);
/* The next turn looks at the outbox, however short ago the last one did. */
void drain_look_again(struct drain *drain);
/* The next turn tries the database, whatever backoff and breaker say. */
void drain_hurry(struct drain *drain);

/* An operator's wish, see operations_apply(). */
int drain_apply(struct drain *drain, const struct operation *operation,
		struct operation_result *result);

#endif
