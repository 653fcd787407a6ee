/*
 * operations_log.h - who did what with the outbox, and when
 *
 * <outbox>/operations.log has one JSON object a line:
 *
 *   {"at": "2026-11-23T06:37:00.123456Z", "who": "ann@gw1", "verb": "hold",
 *    "ids": ["...", ...], "done": 2, "already": 0, "missing": 0}
 *
 * with "name" for an import, and "error" for what could not be finished. Past
 * some size it becomes operations.log.1, in place of the one before.
 *
 * Thread: belongs to one thread.
 */
#ifndef PERSISTENCE_OPERATIONS_LOG_H
#define PERSISTENCE_OPERATIONS_LOG_H

struct operation;
struct operation_result;

/* Synced when it returns 0. `error` is 0 or the operation's -errno. */
int operations_log(const char *outbox_dir, const struct operation *operation,
		   const struct operation_result *result, int error);

#endif
