/*
 * data_dir.h - one server to a data directory
 *
 * Its file LOCK is locked twice. The one lock (flock) is shared by a server and
 * its roles, who inherit it: while anybody has it, nobody else may touch the
 * directory. The other (fcntl) is the supervisor's alone and dies with it. So
 * we can tell a server that runs from roles that outlived theirs, without
 * trusting a number in a file; the pid in there is for people.
 *
 * Thread: the supervisor's main thread, before it blocks signals.
 */
#ifndef SERVER_DATA_DIR_H
#define SERVER_DATA_DIR_H

#include <stdint.h>

/* Makes the directory (mode 0700) if it is not there, and locks it. A server
 * that runs keeps us out at once; roles that outlived their supervisor are
 * waited for, at most wait_ms. Returns the descriptor that holds the locks, or
 * -errno after it was logged. */
int data_dir_take(const char *path, uint32_t wait_ms);

#endif
