/* recovery.c - who is to be woken when the database is back (recovery.h) */
#include "persistence/recovery.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int listeners[RECOVERY_LISTENERS_MAX];
static size_t listener_count;
static _Atomic uint64_t announced;

int recovery_listen(int event_fd)
{
	int r = -ENOSPC;

	pthread_mutex_lock(&mutex);
	if (listener_count < RECOVERY_LISTENERS_MAX) {
		listeners[listener_count++] = event_fd;
		r = 0;
	}
	pthread_mutex_unlock(&mutex);
	return r;
}

void recovery_leave(int event_fd)
{
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < listener_count; i++)
		if (listeners[i] == event_fd) {
			listeners[i] = listeners[--listener_count];
			break;
		}
	pthread_mutex_unlock(&mutex);
}

void recovery_announce(void)
{
	static const uint64_t one = 1;

	atomic_fetch_add(&announced, 1);
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < listener_count; i++)
		(void)!write(listeners[i], &one, sizeof(one));
	pthread_mutex_unlock(&mutex);
}

uint64_t recovery_count(void)
{
	return atomic_load(&announced);
}
