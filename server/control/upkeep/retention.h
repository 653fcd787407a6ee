/*
 * retention.h - removes calls, recordings, events and messages after their time
 *
 * A thread of its own looks every retention.interval for what is older than the
 * settings under retention say, in small steps: the rows are found and removed
 * by tasks of the drainer (whose connection is the one that writes), the files
 * by this thread. First the file goes, then the row says so,
 * so that no file is ever left without a row that names it. A recording that
 * lies elsewhere than in recording.dir is not touched. While the database is
 * away nothing happens.
 *
 * Thread: start and stop are the main thread's.
 */
#ifndef SERVER_CONTROL_UPKEEP_RETENTION_H
#define SERVER_CONTROL_UPKEEP_RETENTION_H

struct drainer;
struct retention;
struct settings;

/* Both are borrowed. 0 or -errno. */
int retention_start(struct retention **ret, struct drainer *drainer,
		    const struct settings *settings);
/* Those in force from now on; copied. */
void retention_follow(struct retention *retention,
		      const struct settings *settings);
/* Asks the drainer for nothing more; before that one ends. Accepts NULL. */
void retention_close(struct retention *retention);
/* After the drainer has ended, which does or gives up what it was asked for.
 * Accepts NULL, returns NULL. */
struct retention *retention_stop(struct retention *retention);

#endif
