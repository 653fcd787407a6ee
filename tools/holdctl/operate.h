/*
 * operate.h - has an operation done: by the server, or without one
 *
 *   a server runs    its drainer does it, asked over HTTP; while the control
 *                    process is busy or being restarted we ask again
 *   none runs        we take the server's lock and the drainer's, and do what
 *                    the drainer would do, on the same files
 *
 * So nobody else ever writes to an outbox. An operation may be repeated: what
 * was done before we were killed stays done.
 */
#ifndef TOOLS_HOLDCTL_OPERATE_H
#define TOOLS_HOLDCTL_OPERATE_H

#include "persistence/operations.h"

struct operate;
struct settings;

/* All return 0 or an exit status, after a complaint. */
int operate_open(struct operate **ret, const struct settings *settings);
/* `who` is put in. Adds to *result. */
int operate_apply(struct operate *operate, struct operation operation,
		  struct operation_result *result);
/* Accepts NULL, returns NULL. */
struct operate *operate_close(struct operate *operate);

#endif
