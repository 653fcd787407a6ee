/*
 * recovery.h - one user's good news is everybody's
 *
 * The drainer, the sessions, the API: each waits with a backoff of its own
 * while the database is away. Whoever gets through first announces it, and the
 * others try at once instead of sleeping their minute out.
 *
 * Thread: any.
 */
#ifndef PERSISTENCE_RECOVERY_H
#define PERSISTENCE_RECOVERY_H

#include <stdint.h>

#define RECOVERY_LISTENERS_MAX 32u

/* The eventfd will be written at each announcement; it is the caller's, who
 * leaves before closing it. 0, or -ENOSPC: too many listen. */
int recovery_listen(int event_fd);
void recovery_leave(int event_fd);

/* The database answered one who had found it away. Never blocks. */
void recovery_announce(void);

/* How often it was announced: a change means that a wait is over. */
uint64_t recovery_count(void);

#endif
