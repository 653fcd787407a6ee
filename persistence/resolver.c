/*
 * resolver.c - names into addresses (see resolver.h)
 *
 * The asking thread and the looking one share a `struct lookup`; whoever lets
 * go of it last frees it. These threads are not started with thread_start():
 * nobody is there to join them, and there is nothing to start again.
 */
#include "persistence/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/clock.h"

struct lookup {
	atomic_int users; /* the asking thread, the looking one */
	int done_fd;
	enum resolver_result result;
	struct resolver_addresses addresses;
	char name[];
};

static atomic_int lookups_running;

static void let_go(struct lookup *lookup)
{
	if (atomic_fetch_sub(&lookup->users, 1) > 1)
		return;
	(void)close(lookup->done_fd);
	free(lookup);
}

static void add_address(struct resolver_addresses *addresses,
			const struct addrinfo *info)
{
	char *text = addresses->text[addresses->count];

	if (getnameinfo(info->ai_addr, info->ai_addrlen, text,
			RESOLVER_TEXT_SIZE, NULL, 0, NI_NUMERICHOST) == 0)
		addresses->count++;
}

static enum resolver_result ask(const char *name, int flags,
				struct resolver_addresses *addresses)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					.ai_flags = flags };
	struct addrinfo *found = NULL;
	int r = getaddrinfo(name, NULL, &hints, &found);

	addresses->count = 0;
	if (r != 0)
		return r == EAI_NONAME ? RESOLVER_UNKNOWN
				       : RESOLVER_UNAVAILABLE;
	for (const struct addrinfo *info = found;
	     info && addresses->count < RESOLVER_ADDRESSES;
	     info = info->ai_next)
		add_address(addresses, info);
	freeaddrinfo(found);
	return addresses->count > 0 ? RESOLVER_FOUND : RESOLVER_UNKNOWN;
}

static void *look(void *arg)
{
	struct lookup *lookup = arg;
	uint64_t one = 1;

	(void)pthread_setname_np(pthread_self(), "resolver");
	lookup->result = ask(lookup->name, 0, &lookup->addresses);
	(void)!write(lookup->done_fd, &one, sizeof(one));
	let_go(lookup);
	atomic_fetch_sub(&lookups_running, 1);
	return NULL;
}

/* Signals are for the threads that expect them. */
static int start_thread(struct lookup *lookup)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int r = pthread_attr_init(&attributes);

	if (r != 0)
		return -r;
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, &attributes, look, lookup);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	return -r;
}

/* NULL: too many are stuck already, or there is no memory. */
static struct lookup *start_lookup(const char *name)
{
	size_t size = strlen(name) + 1;
	struct lookup *lookup = NULL;

	if (atomic_fetch_add(&lookups_running, 1) >= RESOLVER_MAX)
		goto fail;
	lookup = calloc(1, sizeof(*lookup) + size);
	if (!lookup)
		goto fail;
	memcpy(lookup->name, name, size);
	atomic_init(&lookup->users, 2);
	lookup->done_fd = eventfd(0, EFD_CLOEXEC);
	if (lookup->done_fd >= 0 && start_thread(lookup) == 0)
		return lookup;
	if (lookup->done_fd >= 0)
		(void)close(lookup->done_fd);
	free(lookup);
fail:
	atomic_fetch_sub(&lookups_running, 1);
	return NULL;
}

static enum resolver_result wait_until_done(int done_fd, uint64_t deadline_ms,
					    int interrupt_fd)
{
	struct pollfd fds[] = {
		{ .fd = done_fd, .events = POLLIN },
		{ .fd = interrupt_fd, .events = POLLIN },
	};
	uint64_t ignored;
	int n;

	do {
		uint64_t now_ms = clock_mono_ms();

		n = poll(fds, 2,
			 now_ms < deadline_ms ? (int)(deadline_ms - now_ms)
					      : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return RESOLVER_UNAVAILABLE;
	if (fds[1].revents)
		return RESOLVER_INTERRUPTED;
	if (n == 0)
		return RESOLVER_TIMEOUT;
	(void)!read(done_fd, &ignored, sizeof(ignored));
	return RESOLVER_FOUND;
}

enum resolver_result resolver_lookup(const char *name, uint64_t deadline_ms,
				     int interrupt_fd,
				     struct resolver_addresses *addresses)
{
	struct lookup *lookup;
	enum resolver_result result = ask(name, AI_NUMERICHOST, addresses);

	if (result == RESOLVER_FOUND)
		return result;
	lookup = start_lookup(name);
	if (!lookup)
		return RESOLVER_UNAVAILABLE;
	result = wait_until_done(lookup->done_fd, deadline_ms, interrupt_fd);
	if (result == RESOLVER_FOUND) {
		result = lookup->result;
		*addresses = lookup->addresses;
	}
	let_go(lookup);
	return result;
}

const char *resolver_text(enum resolver_result result)
{
	static const char *const texts[] = {
		[RESOLVER_FOUND] = "found",
		[RESOLVER_UNKNOWN] = "there is no such name",
		[RESOLVER_UNAVAILABLE] = "the name servers cannot be asked",
		[RESOLVER_TIMEOUT] = "the name servers do not answer",
		[RESOLVER_INTERRUPTED] = "interrupted by our own shutdown",
	};

	return texts[result];
}
