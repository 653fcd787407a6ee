/*
 * recorder_inbox.c - from the loops to one recorder thread
 *
 * The newest parcel is in `newest`, each points to the one before it. Two
 * values say that there is none, and whether the reader must be woken:
 *
 *   NULL     the reader is awake and will look again before it sleeps
 *   &asleep  the reader sleeps; whoever replaces this writes to the eventfd
 *
 * Because the reader takes the whole list at once, a parcel cannot leave and
 * come back while somebody pushes: no ABA problem.
 */
#include "media/recorder_inbox.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct recorder_inbox {
	_Atomic(struct parcel *) newest;
	int event_fd;
};

static struct parcel asleep;

int recorder_inbox_create(struct recorder_inbox **ret)
{
	struct recorder_inbox *inbox = calloc(1, sizeof(*inbox));

	if (!inbox)
		return -ENOMEM;
	inbox->event_fd = eventfd(0, EFD_CLOEXEC);
	if (inbox->event_fd < 0) {
		int r = -errno;

		free(inbox);
		return r;
	}
	*ret = inbox;
	return 0;
}

struct recorder_inbox *recorder_inbox_destroy(struct recorder_inbox *inbox)
{
	if (!inbox)
		return NULL;
	(void)close(inbox->event_fd);
	free(inbox);
	return NULL;
}

void recorder_inbox_wake(struct recorder_inbox *inbox)
{
	const uint64_t one = 1;

	/* It can only fail by overflow, and then the reader is awake. */
	while (write(inbox->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void recorder_inbox_push(struct recorder_inbox *inbox, struct parcel *parcel)
{
	struct parcel *newest = atomic_load(&inbox->newest);

	do
		parcel->next = newest == &asleep ? NULL : newest;
	while (!atomic_compare_exchange_weak(&inbox->newest, &newest, parcel));
	if (newest == &asleep)
		recorder_inbox_wake(inbox);
}

struct parcel *recorder_inbox_take(struct recorder_inbox *inbox)
{
	struct parcel *newest = atomic_exchange(&inbox->newest, NULL);
	struct parcel *oldest = NULL;

	if (newest == &asleep)
		return NULL;
	while (newest) {
		struct parcel *before = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = before;
	}
	return oldest;
}

void recorder_inbox_wait(struct recorder_inbox *inbox)
{
	struct parcel *none = NULL;
	uint64_t count;

	if (!atomic_compare_exchange_strong(&inbox->newest, &none, &asleep))
		return;
	while (read(inbox->event_fd, &count, sizeof(count)) < 0 &&
	       errno == EINTR)
		;
}
