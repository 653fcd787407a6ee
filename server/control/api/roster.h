/*
 * roster.h - who may sign in, as the database had it last
 *
 * Tokens need no database, and so would outlive their users. The roster is what
 * ends them: a token is none any more when its user was removed, or was given
 * another role or password, after it was issued. It is read anew when a user is
 * changed here, and, while tokens are shown, every ten seconds for what other
 * nodes change. While the database is away the last one counts, and before
 * there was any, the token alone.
 *
 *   loop      roster_admits() --> wanted
 *   loop      roster_look() --job--> drainer --> roster_take()
 *
 * Thread: roster_take() is any thread's, the rest the loop's.
 */
#ifndef SERVER_CONTROL_API_ROSTER_H
#define SERVER_CONTROL_API_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

struct db_error;
struct drainer;
struct roster;
struct store;

/* 0 or -ENOMEM. */
int roster_create(struct roster **ret);
/* After the drainer has ended. Accepts NULL, returns NULL. */
struct roster *roster_destroy(struct roster *roster);

/* Is a token of that user (an email), issued then, still good? A roster of NULL
 * knows nobody and admits all. */
bool roster_admits(struct roster *roster, const char *email, int64_t issued_us);

/* Has it read anew when that is due; never waits. Every second or so. */
void roster_look(struct roster *roster, struct drainer *drainer,
		 uint64_t now_ms);
/* Reads it now: 0, or -1 and *err. */
int roster_take(struct roster *roster, struct store *store,
		struct db_error *err);

#endif
