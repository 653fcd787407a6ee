/*
 * control.h - the control process: drains, answers, reports
 *
 * The only process with a database client in it. If it dies, calls go on and it
 * is back in well under a second.
 *
 * SIGTERM: drains what it can at once, then exits.
 */
#ifndef SERVER_CONTROL_CONTROL_H
#define SERVER_CONTROL_CONTROL_H

struct settings;

struct control_options {
	const struct settings *settings;  /* borrowed */
	int listen_fd;			  /* borrowed */
	int webhooks_fd;		  /* borrowed; -1: none */
	struct settings *(*reload)(void); /* as in media.h */
};

/* The role's whole life. Returns the exit status. */
int control_run(const struct control_options *options);

#endif
