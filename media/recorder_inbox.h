/*
 * recorder_inbox.h - from the loops to one recorder thread
 *
 * A linked list that many threads push to and one takes as a whole, in the
 * order of the pushes. A parcel is embedded in what it carries, so a push
 * allocates nothing and cannot fail; it makes a system call only when the
 * reader sleeps.
 *
 * Thread: push and wake from any; the rest from the one reader.
 */
#ifndef MEDIA_RECORDER_INBOX_H
#define MEDIA_RECORDER_INBOX_H

struct chunk;
struct recording;

enum parcel_kind { PARCEL_OPEN, PARCEL_CHUNK, PARCEL_CLOSE };

struct parcel {
	struct parcel *next;
	enum parcel_kind kind;
	struct recording *recording;
	struct chunk *chunk; /* of PARCEL_CHUNK */
};

struct recorder_inbox;

/* 0 or -errno. */
int recorder_inbox_create(struct recorder_inbox **ret);
/* Accepts NULL; returns NULL. */
struct recorder_inbox *recorder_inbox_destroy(struct recorder_inbox *inbox);

void recorder_inbox_push(struct recorder_inbox *inbox, struct parcel *parcel);
void recorder_inbox_wake(struct recorder_inbox *inbox);

/* All that has been pushed, oldest first, or NULL. */
struct parcel *recorder_inbox_take(struct recorder_inbox *inbox);
/* Until something is pushed or recorder_inbox_wake() was called. */
void recorder_inbox_wait(struct recorder_inbox *inbox);

#endif
