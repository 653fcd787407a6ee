/*
 * server_lock.h - does a server run on this data directory?
 */
#ifndef TOOLS_HOLDCTL_SERVER_LOCK_H
#define TOOLS_HOLDCTL_SERVER_LOCK_H

#include <stdbool.h>

/* Looks at <data_dir>/LOCK without keeping it. */
bool server_lock_is_held(const char *data_dir);

/* Takes it, so that no server starts meanwhile (one that is started waits).
 * The descriptor that holds it; -EBUSY when a server runs; -errno. */
int server_lock_take(const char *data_dir);

#endif
