/*
 * audit.h - one line in the log for everything that somebody changed
 *
 *   [AUDIT] who=ada@example.com role=operator action="POST /api/outbox/kick"
 *           from=192.0.2.7 status=200
 *
 * Thread: any.
 */
#ifndef SERVER_CONTROL_API_AUDIT_H
#define SERVER_CONTROL_API_AUDIT_H

/* Whatever in them a log line could not hold is shown as "?". `status` is the
 * answer's. */
void audit_note(const char *who, const char *role, const char *action,
		const char *from, int status);

#endif
