/*
 * erasure.h - carries out what somebody wants erased
 *
 * A thread of its own goes through the erasures that are not done yet
 * (store_erasure.h), when one was asked for and every so often: rows are
 * removed by tasks of the drainer, a few at a time, recordings of this node by
 * this thread, what names the number among held and dropped records and dead
 * letters by an operation on the outbox. All that is to be done stands in the
 * database, so that a restart or another node goes on with it; while the
 * database is away nothing happens.
 *
 * Thread: start and stop are the main thread's.
 */
#ifndef SERVER_CONTROL_UPKEEP_ERASURE_H
#define SERVER_CONTROL_UPKEEP_ERASURE_H

struct drainer;
struct erasure;
struct settings;

/* Both are borrowed. 0 or -errno. */
int erasure_start(struct erasure **ret, struct drainer *drainer,
		  const struct settings *settings);
/* Those in force from now on; copied. */
void erasure_follow(struct erasure *erasure, const struct settings *settings);
/* One was asked for. Any thread; accepts NULL. */
void erasure_wake(struct erasure *erasure);
/* Asks the drainer for nothing more; before that one ends. Accepts NULL. */
void erasure_close(struct erasure *erasure);
/* After the drainer has ended. Accepts NULL, returns NULL. */
struct erasure *erasure_stop(struct erasure *erasure);

#endif
