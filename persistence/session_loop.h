/*
 * session_loop.h - the thread that ends what nobody else ends
 *
 *   every sessions.interval    closes the sessions that are idle, with their
 *     whatsapp_session_loop    summaries, and tells of those that were closed
 *   every third of node.lease  says that this node lives, and ends the live
 *     node_lease               calls of nodes whose lease has run out
 *
 * Both are duties of the database's user of that name, with a health of its own
 * (db_health.h): while the database is away each waits with its backoff and
 * breaker, keeps everything, and begins again at once when anybody has got
 * through. Several nodes do the same work without doing it twice: a session
 * that another is closing or writing to is passed over until the next turn.
 *
 * What this node's outbox still holds may belong to a session: the clock by
 * which sessions are idle stands where the oldest waiting record does. What
 * waits on other nodes is not known here; it comes late, and goes into its
 * closed session.
 *
 * A node judges others only when it has kept up its own lease for as long as a
 * lease lasts. After an outage that all had in common, each has time to say
 * that it is alive.
 *
 * In SQLite one connection writes, and that is the drainer's: there, the work
 * is done by errands (errand.h), and with PostgreSQL by a connection of its
 * own, which is kept only while there is work: a drainer that cannot connect
 * is worse than a session that ends late.
 *
 * Thread: start, follow, close and stop from the control process's main thread.
 */
#ifndef PERSISTENCE_SESSION_LOOP_H
#define PERSISTENCE_SESSION_LOOP_H

#include <jansson.h>

struct drainer;
struct session_loop;
struct settings;

struct session_loop_options {
	const struct settings *settings; /* borrowed until the end */
	struct drainer *drainer;	 /* borrowed until the close */
	/* In the loop's thread, after the commit: these sessions have ended.
	 * An array of rows of session_summaries; the close_id is the id of the
	 * fact. 0: they are told of, and never come again. Otherwise, and after
	 * a crash, they do: at least once. NULL: nobody wants to know. */
	int (*closed)(const json_t *summaries, void *arg);
	void *arg;
};

/* 0 or -errno. */
int session_loop_start(struct session_loop **ret,
		       const struct session_loop_options *options);
/* Takes over sessions.* after a reload. */
void session_loop_follow(struct session_loop *loop,
			 const struct settings *settings);
/* It asks the drainer for nothing more; accepts NULL. */
void session_loop_close(struct session_loop *loop);
/* After the drainer's end. Accepts NULL, returns NULL. */
struct session_loop *session_loop_stop(struct session_loop *loop);

#endif
