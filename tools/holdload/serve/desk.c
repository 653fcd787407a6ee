/*
 * desk.c - a thread that carries many callees (see desk.h)
 *
 *   each tick:   sockets -> whoever is due -> wait for the next
 */
#include "tools/holdload/serve/desk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tools/holdload/serve/options.h"
#include "tools/holdload/worker.h"

#define EVENTS	   512
#define ACCEPTS	   64 /* in one go */
#define DESKS_MAX  64 /* who may all take the last place at once */
#define FEW_CALLS  200
#define TICK_US	   1000u /* of many */
#define QUIET_MS   50	 /* without calls nothing is urgent */
#define LEAVING_NS 5000000000ull

/* Room for a call. */
struct place {
	struct callee callee;
	struct wheel_entry entry;
	struct place *free; /* the next one that is */
};

/* ---- calls that come and go ------------------------------------------------
 */

/* After its turn. */
static void account(struct desk *d, struct place *place)
{
	struct callee *c = &place->callee;

	if (c->state != CALLEE_DONE) {
		link_watch(&c->link, d->epoll_fd, place);
		wheel_set(&d->wheel, &place->entry, callee_next_ns(c));
		return;
	}
	wheel_remove(&place->entry);
	place->free = d->free;
	d->free = place;
	d->taken--;
	atomic_fetch_sub(&d->house->live, 1);
	atomic_fetch_add(&d->house->served, 1);
}

static void seat(struct desk *d, int fd, uint64_t now)
{
	struct place *place = d->free;

	if (place)
		d->free = place->free;
	else
		place = &d->places[d->used++];
	d->taken++;
	callee_init(&place->callee, &d->staff, fd, now);
	account(d, place);
}

static bool is_full(const struct desk *d)
{
	return atomic_load(&d->house->live) >= d->house->options->calls_max ||
	       atomic_load(&d->house->leaving) > 0;
}

/* While there is no room, callers wait in the kernel's queue. */
static void open_or_shut(struct desk *d)
{
	bool open = !is_full(d);
	struct epoll_event event = { .events = (uint32_t)EPOLLIN |
					       EPOLLEXCLUSIVE };

	if (open == d->open)
		return;
	(void)epoll_ctl(d->epoll_fd, open ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
			d->house->listener, &event);
	d->open = open;
}

static void accept_calls(struct desk *d)
{
	for (int i = 0; i < ACCEPTS && !is_full(d); i++) {
		int fd = accept4(d->house->listener, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		/* Two desks may take one more than there is room for. */
		atomic_fetch_add(&d->house->live, 1);
		seat(d, fd, worker_now_ns());
	}
}

/* ---- the loop --------------------------------------------------------------
 */

static int serve_sockets(struct desk *d, int wait_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(d->epoll_fd, events, EVENTS, wait_ms);

	for (int i = 0; i < n; i++) {
		struct place *place = events[i].data.ptr;

		if (!place) {
			accept_calls(d);
			continue;
		}
		if (place->callee.state == CALLEE_DONE)
			continue;
		callee_on_ready(&place->callee,
				events[i].events & ~(uint32_t)EPOLLOUT,
				events[i].events & (EPOLLOUT | EPOLLERR),
				worker_now_ns());
		account(d, place);
	}
	return n;
}

static void serve_due(struct desk *d)
{
	uint64_t until = worker_now_ns();
	struct wheel_entry *entry;

	while ((entry = wheel_take(&d->wheel, until))) {
		struct place *place =
			(struct place *)(void *)((char *)entry -
						 offsetof(struct place, entry));

		callee_on_time(&place->callee, worker_now_ns());
		account(d, place);
	}
}

/* Until the next tick: a point in time, not so long after the work. */
static void wait_for_tick(struct desk *d, unsigned tick_us)
{
	uint64_t began = d->house->began_ns, tick_ns = tick_us * 1000ull, at;
	struct timespec until;

	at = began + ((worker_now_ns() - began) / tick_ns + 1) * tick_ns;
	until.tv_sec = (time_t)(at / 1000000000u);
	until.tv_nsec = (long)(at % 1000000000u);
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	histogram_add(&d->staff.tally.late_us, (worker_now_ns() - at) / 1000);
}

/* Sockets are looked at once a tick, or whenever something comes. */
static void look(struct desk *d)
{
	unsigned tick_us = d->house->options->tick_us;

	if (tick_us == SERVE_TICK_CHOSEN)
		tick_us = d->taken > FEW_CALLS ? TICK_US : 0;
	if (d->taken == 0 || tick_us == 0) {
		(void)serve_sockets(d, d->taken == 0 ? QUIET_MS : 1);
		return;
	}
	wait_for_tick(d, tick_us);
	while (serve_sockets(d, 0) == EVENTS)
		;
}

static void cancel_all(struct desk *d)
{
	uint64_t now = worker_now_ns();

	for (size_t i = 0; i < d->used; i++) {
		struct place *place = &d->places[i];

		if (place->callee.state == CALLEE_DONE)
			continue;
		callee_cancel(&place->callee, now);
		account(d, place);
	}
}

static void *work(void *arg)
{
	struct desk *d = arg;
	uint64_t until_ns = UINT64_MAX;

	while (worker_now_ns() < until_ns) {
		int leaving = atomic_load(&d->house->leaving);

		if (leaving > 0 && until_ns == UINT64_MAX) {
			until_ns = worker_now_ns() + LEAVING_NS;
			cancel_all(d);
		}
		if (leaving > 1 || (leaving && d->taken == 0))
			break;
		open_or_shut(d);
		look(d);
		serve_due(d);
		atomic_store(&d->frames, d->staff.tally.frames_heard);
	}
	return NULL;
}

int desk_start(struct desk *d, struct house *house, unsigned index)
{
	d->house = house;
	d->index = index;
	d->staff.options = house->options;
	d->staff.book.wanted = house->options->json_calls;
	d->staff.chance = chance_of(house->began_ns, index);
	/* Not touched before a call sits there. */
	d->places = calloc(house->options->calls_max + DESKS_MAX,
			   sizeof(*d->places));
	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!d->places)
		return ENOMEM;
	if (d->epoll_fd < 0)
		return errno;
	wheel_init(&d->wheel, house->began_ns);
	return pthread_create(&d->thread, NULL, work, d);
}

void desk_join(struct desk *d)
{
	(void)pthread_join(d->thread, NULL);
	for (size_t i = 0; i < d->used; i++)
		callee_finish(&d->places[i].callee);
}

void desk_free(struct desk *d)
{
	if (d->epoll_fd > 0)
		(void)close(d->epoll_fd);
	book_free(&d->staff.book);
	free(d->places);
	d->places = NULL;
}
