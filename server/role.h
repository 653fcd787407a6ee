/*
 * role.h - one process of the server: its birth, its death, its next try
 *
 *   running --dies--> waiting (100 ms, doubling, at most 10 s) --> running
 *           --dies while nobody wants it back--> gone
 *
 * A role that lived for a minute starts over with the shortest wait.
 *
 * Thread: the supervisor's only one.
 * Clock:  callers pass monotonic time.
 */
#ifndef SERVER_ROLE_H
#define SERVER_ROLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum role_kind { ROLE_CONTROL, ROLE_MEDIA };

struct role {
	enum role_kind kind;
	unsigned index; /* which media process */
	pid_t pid;	/* 0: not running */
	uint64_t started_ms;
	uint64_t restart_at_ms; /* 0: not waiting for it */
	uint64_t kill_at_ms;	/* after SIGABRT: patience ends; 0: none */
	uint32_t backoff_ms;
	int status; /* how its life ended when it should: 0 is well */
};

/* What the new process does: its whole life, and what it shows in ps. */
struct role_life {
	int (*run)(const struct role *role, void *arg); /* exit status */
	void *arg;					/* borrowed */
	void (*set_title)(const char *name);		/* may be NULL */
};

/* "media", "control" */
const char *role_name(const struct role *role);

/* Starts the process. When that fails it is due again later. */
void role_start(struct role *role, const struct role_life *life,
		uint64_t now_ms);

/* It died with this wait status. Logs and counts it, clears what it left on the
 * board, and, when it is wanted back, says when. */
void role_died(struct role *role, int wait_status, bool wanted,
	       uint64_t now_ms);

/* Is it time to start it (again)? */
bool role_is_due(const struct role *role, uint64_t now_ms);

/* To a running role; others are left alone. */
void role_signal(const struct role *role, int number);

/* A thread of it stands still: SIGABRT, so that it says where it was and leaves
 * a core; a second later SIGKILL, by role_kill_if_due(). */
void role_abort(struct role *role, const char *thread, uint64_t now_ms);
void role_kill_if_due(struct role *role, uint64_t now_ms);

#endif
