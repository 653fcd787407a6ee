/*
 * ground.h - the next segment's file, zeroed before it is needed
 *
 * What is written over zeros that the disk has changes neither a file's size
 * nor its extents, so its sync never waits for the file system's own log. To
 * zero a file takes long; so a thread of its own does it, beside the segment
 * that is being written, in <journal>/pend/next.seg. Readers pass that name by.
 * When the time comes it is headed where it lies and renamed into its place, as
 * the reserve is (reserve.h), and by the same hands.
 *
 *   NONE   --wanted--> WANTED --zeroed and synced--> READY --taken--> NONE
 *   WANTED --given up, or the disk refuses--> NONE
 *   READY  --given up--> NONE
 *
 * It is a convenience and never more: it takes a quarter of what is free at
 * most, its bytes count as the outbox's, and whoever sees that room is scarce
 * gives it up. Without it a segment grows step by step.
 *
 * Thread: all but the work belongs to one thread, which never waits here,
 *         except for the end in ground_destroy().
 */
#ifndef PERSISTENCE_GROUND_H
#define PERSISTENCE_GROUND_H

#include <stdint.h>

#define GROUND_NAME "next.seg"

struct ground;
struct reserve;

/* For files of so many bytes in that directory. Starts the thread: 0 or
 * -errno. */
int ground_create(struct ground **ret, const char *pend_path, uint64_t bytes);

/* These accept NULL. */
void ground_want(struct ground *ground);
/* The file, if it is ready; the caller's from now on, to use or give up before
 * he wants the next one. NULL: none is. */
struct reserve *ground_take(struct ground *ground);
void ground_give_up(struct ground *ground);
/* Removes what nobody took; returns NULL. */
struct ground *ground_destroy(struct ground *ground);

/* What the thread does when it is woken; for a test that has no thread. */
void ground_work(struct ground *ground);

#endif
