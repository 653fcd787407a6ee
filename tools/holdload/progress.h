/*
 * progress.h - how far a run is, while it goes on
 *
 * On a terminal a line that is drawn again and again; elsewhere a line now and
 * then, for the log of whoever waits. Both on standard error.
 *
 * Thread: main's.
 */
#ifndef HOLDLOAD_PROGRESS_H
#define HOLDLOAD_PROGRESS_H

struct run;
struct worker;

/* Returns when all workers are over, or the run was broken off. */
void progress_wait(const struct run *run, struct worker *workers);

#endif
