/*
 * supervisor.h - starts the roles, watches them, restarts them, ends them
 *
 * It binds the sockets, maps the board, forks one process a role, and then
 * only waits: for signals, for the death of a role, for a heartbeat that stands
 * still. It parses nothing that a stranger sent, so that it has no reason to
 * die.
 *
 *   SIGTERM, SIGINT  end: no new calls, live ones may finish for drain_timeout;
 *                    once more: they end now. Records are kept either way.
 *   SIGHUP           read the settings again; what can change, changes
 *   SIGUSR2          passed on
 *
 * Thread: the process's only one.
 */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

struct settings;

struct supervisor_options {
	struct settings *settings; /* taken: freed at the end */
	/* Loads the settings anew, complaining on stderr: a malloc'd struct,
	 * or NULL when they are wrong. */
	struct settings *(*reload)(void);
	/* What the roles do, in processes of their own; exit statuses. */
	int (*media)(const struct settings *settings, unsigned index,
		     int listen_fd);
	int (*control)(const struct settings *settings, int listen_fd,
		       int webhooks_fd); /* -1: there are none */
	/* What ps shows: "supervisor", "media", "control"; may be NULL. */
	void (*set_title)(const char *name);
};

/* The server's whole life. Returns the exit status: 0 when every role ended
 * well, 1 when one did not, 2 when a setting kept it from starting. */
int supervisor_run(const struct supervisor_options *options);

#endif
