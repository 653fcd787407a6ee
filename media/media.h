/*
 * media.h - the media process: takes calls
 *
 * One loop per thread; all of them accept on one inherited socket, and a call
 * lives its whole life on one loop. The main thread holds no call: it waits for
 * signals and ends the loops in order.
 *
 * SIGTERM: new handshakes get 503, live calls may finish for drain_timeout,
 * then they end as `shutdown`. A second SIGTERM ends them at once. The process
 * exits when every final record is on disk.
 */
#ifndef MEDIA_MEDIA_H
#define MEDIA_MEDIA_H

struct settings;

struct media_options {
	const struct settings *settings; /* borrowed */
	unsigned index;			 /* which media process this is */
	int listen_fd;			 /* of all media processes; borrowed */
	/* Loads the settings anew on SIGHUP: a malloc'd struct in which what
	 * cannot change while we run is as at the start, or NULL when
	 * they are wrong (already logged). */
	struct settings *(*reload)(void);
};

/* The role's whole life. Returns the exit status: 0, or 1 when something that
 * should be on disk is not. */
int media_run(const struct media_options *options);

#endif
