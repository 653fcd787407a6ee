/*
 * worker.c - a thread that carries many callers (see worker.h)
 *
 *   each millisecond:   calls that begin -> whoever is due -> sockets, until
 *                       the next
 */
#include "tools/holdload/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "tools/holdload/options.h"
#include "tools/holdload/series.h"

#define EVENTS 512

/* Room for a caller. */
struct seat {
	struct caller caller;
	struct wheel_entry entry;
	struct seat *empty; /* the next one that is */
};

uint64_t worker_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- a caller's books ------------------------------------------------------
 */

static bool is_connecting(const struct caller *c)
{
	return c->state > CALLER_IDLE && c->state < CALLER_TALKING;
}

/* How a caller stood before it had its turn. */
struct before {
	bool connecting, settled, live;
};

static struct before stands(const struct caller *c)
{
	return (struct before){ .connecting = is_connecting(c),
				.settled = caller_has_settled(c),
				.live = c->state >= CALLER_TALKING &&
					c->state < CALLER_DONE };
}

static void settle(struct run *run)
{
	if (atomic_fetch_add(&run->settled, 1) + 1 == run->options->calls)
		atomic_store(&run->all_up_ns, worker_now_ns());
}

static void leave(struct worker *w, struct seat *seat)
{
	const struct caller *c = &seat->caller;

	atomic_fetch_add(&w->done, 1);
	if (!c->plan.misdeed && c->outcome != OUTCOME_COMPLETED)
		atomic_fetch_add(&w->failed, 1);
	ledger_add(&w->ledger, c);
	wheel_remove(&seat->entry);
	seat->empty = w->empty;
	w->empty = seat;
	w->taken--;
}

/* After its turn: what it waits for, when it is due again, how it stands. */
static void account(struct worker *w, struct seat *seat,
		    const struct before *before)
{
	struct before now = stands(&seat->caller);

	link_watch(&seat->caller.link, w->epoll_fd, seat);
	if (before->connecting != now.connecting)
		atomic_fetch_add(&w->connecting,
				 now.connecting ? 1 : UINT64_MAX);
	if (before->live != now.live)
		atomic_fetch_add(&w->live, now.live ? 1 : UINT64_MAX);
	if (!before->settled && now.settled)
		settle(w->run);
	if (seat->caller.state == CALLER_DONE)
		leave(w, seat);
	else
		wheel_set(&w->wheel, &seat->entry,
			  caller_next_ns(&seat->caller));
}

/* ---- calls that begin ------------------------------------------------------
 */

static void find_next(struct worker *w)
{
	unsigned threads = w->run->options->threads;

	do
		w->planned = plan_next(&w->plan, &w->next);
	while (w->planned && w->next.number % threads != w->index);
}

/* The call that is next takes a seat. */
static struct seat *seat_next(struct worker *w)
{
	struct seat *seat = w->empty ? w->empty : &w->seats[w->used++];
	uint64_t frame_ms = w->run->options->audio.frame_ms;

	if (w->empty)
		w->empty = seat->empty;
	w->taken++;
	caller_init(&seat->caller, &w->crew, &w->next,
		    w->wheel.origin_ns + w->next.number /
						 w->run->options->threads %
						 frame_ms * WHEEL_TICK_NS);
	find_next(w);
	return seat;
}

/* Not longer than until then: calls that are up have their turns, too. */
static void begin_calls(struct worker *w, uint64_t until_ns)
{
	const struct options *o = w->run->options;
	uint64_t now = worker_now_ns(), due;
	struct before before = { 0 };

	while (w->planned && now < until_ns) {
		due = w->run->began_ns + w->next.after_ns;
		if (due > now ||
		    atomic_load(&w->connecting) >= o->handshakes / o->threads)
			return;
		if (w->taken < w->seat_count) {
			struct seat *seat = seat_next(w);

			histogram_add(&w->crew.good.start_late_us,
				      (now - due) / 1000);
			caller_connect(&seat->caller, now);
			account(w, seat, &before);
		} else {
			w->crew.good.skipped++;
			find_next(w);
		}
		now = worker_now_ns();
	}
}

/* ---- the loop --------------------------------------------------------------
 */

static void serve_due(struct worker *w)
{
	uint64_t until = worker_now_ns();
	struct wheel_entry *entry;

	while ((entry = wheel_take(&w->wheel, until))) {
		struct seat *seat =
			(struct seat *)(void *)((char *)entry -
						offsetof(struct seat, entry));
		struct before before = stands(&seat->caller);

		/* Not `until`: how late we are is what we must not hide. */
		caller_on_time(&seat->caller, worker_now_ns());
		account(w, seat, &before);
	}
}

/* epoll_wait() knows milliseconds only, and kernels before 5.11 no other. */
static int wait_for_sockets(int epoll_fd, struct epoll_event *events,
			    uint64_t wait_ns)
{
	const struct timespec wait = { .tv_nsec = (long)wait_ns };
	struct pollfd any = { .fd = epoll_fd, .events = POLLIN };
	int n = epoll_pwait2(epoll_fd, events, EVENTS, &wait, NULL);

	if (n >= 0 || errno != ENOSYS || ppoll(&any, 1, &wait, NULL) <= 0)
		return n;
	return epoll_wait(epoll_fd, events, EVENTS, 0);
}

static void serve_sockets(struct worker *w, uint64_t until_ns)
{
	struct epoll_event events[EVENTS];
	uint64_t now = worker_now_ns();
	int n = wait_for_sockets(w->epoll_fd, events,
				 until_ns > now ? until_ns - now : 0);

	for (int i = 0; i < n; i++) {
		struct seat *seat = events[i].data.ptr;
		struct before before = stands(&seat->caller);

		if (seat->caller.state == CALLER_DONE)
			continue;
		caller_on_ready(&seat->caller,
				events[i].events & ~(uint32_t)EPOLLOUT,
				events[i].events & (EPOLLOUT | EPOLLERR),
				worker_now_ns());
		account(w, seat, &before);
	}
}

/* All calls have been up for as long as was asked: now they hang up, one after
 * the other. */
static void end_hold(struct worker *w, uint64_t all_up_ns)
{
	const struct options *o = w->run->options;
	uint64_t from = all_up_ns + o->hold_ms * 1000000;
	struct before before;

	for (size_t i = 0; i < w->used; i++) {
		struct caller *c = &w->seats[i].caller;
		uint64_t at = from;

		before = stands(c);
		if (c->state == CALLER_IDLE || c->state == CALLER_DONE)
			continue;
		if (o->stop_per_s > 0)
			at += (uint64_t)((double)c->plan.number /
					 o->stop_per_s * 1e9);
		caller_hang_up_at(c, at);
		account(w, &w->seats[i], &before);
	}
}

static void cancel_all(struct worker *w)
{
	uint64_t now = worker_now_ns();
	struct before before;

	for (size_t i = 0; i < w->used; i++) {
		struct caller *c = &w->seats[i].caller;

		before = stands(c);
		if (c->state == CALLER_IDLE || c->state == CALLER_DONE)
			continue;
		caller_cancel(c, now);
		account(w, &w->seats[i], &before);
	}
	/* Those of a fixed number that have not begun are cancelled, too. */
	while (w->planned && w->run->options->rate_per_s <= 0) {
		struct seat *seat = seat_next(w);

		before = stands(&seat->caller);
		caller_cancel(&seat->caller, now);
		account(w, seat, &before);
	}
	w->planned = false;
}

static struct so_far sums_of(const struct worker *w)
{
	const struct measured *good = &w->crew.good, *odd = &w->crew.odd;

	return (struct so_far){
		.sums = { .live = atomic_load(&w->live),
			  .begun = good->start_late_us.count,
			  .ended = atomic_load(&w->done),
			  .failed = atomic_load(&w->failed),
			  .frames_sent = good->frames_sent + odd->frames_sent,
			  .frames_heard =
				  good->frames_heard + odd->frames_heard,
			  .echo_lost = good->echo_lost },
		.echo_us = &good->echo_us,
		.late_us = &good->late_us,
	};
}

static void note_moment(struct worker *w, uint64_t now_ns)
{
	struct so_far sums;
	const struct moment *last;

	if (now_ns < series_due_ns(w->series))
		return;
	sums = sums_of(w);
	series_note(w->series, &sums, now_ns);
	last = series_at(w->series, series_count(w->series) - 1);
	atomic_store(&w->echo_p99_us, spread_quantile(&last->echo, 0.99));
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct run *run = w->run;
	bool cancelled = false, ending = false;
	struct so_far sums;

	while (w->planned || w->taken > 0) {
		uint64_t tick =
			(worker_now_ns() - run->began_ns) / WHEEL_TICK_NS;
		uint64_t deadline = run->began_ns + (tick + 1) * WHEEL_TICK_NS;
		uint64_t all_up = atomic_load(&run->all_up_ns);

		note_moment(w, deadline - WHEEL_TICK_NS);
		begin_calls(w, deadline);
		serve_due(w);
		atomic_store(&w->frames, w->crew.good.frames_sent +
						 w->crew.odd.frames_sent);
		if (atomic_load(&run->cancel) > 1)
			break;
		if (atomic_load(&run->cancel) == 1 && !cancelled) {
			cancelled = true;
			cancel_all(w);
		}
		if (all_up > 0 && run->options->hold_ms > 0 && !ending) {
			ending = true;
			end_hold(w, all_up);
		}
		do
			serve_sockets(w, deadline);
		while (worker_now_ns() < deadline);
	}
	sums = sums_of(w);
	series_finish(w->series, &sums, worker_now_ns());
	atomic_store(&w->over, true);
	return NULL;
}

int worker_start(struct worker *w, struct run *run, unsigned index)
{
	const struct options *o = run->options;

	w->run = run;
	w->index = index;
	w->crew.options = o;
	w->ledger.wanted = o->ledger_path || o->json_calls;
	w->seat_count =
		o->calls / o->threads + (index < o->calls % o->threads ? 1 : 0);
	/* Not touched before a call sits there: the kernel gives the memory
	 * then. */
	w->seats = calloc(w->seat_count, sizeof(*w->seats));
	w->series = series_create(run->began_ns);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!w->seats || !w->series)
		return ENOMEM;
	if (w->epoll_fd < 0)
		return errno;
	wheel_init(&w->wheel, run->began_ns);
	plan_init(&w->plan, o);
	find_next(w);
	return pthread_create(&w->thread, NULL, work, w);
}

void worker_join(struct worker *w)
{
	(void)pthread_join(w->thread, NULL);
	(void)close(w->epoll_fd);
	for (size_t i = 0; i < w->used; i++) {
		struct caller *c = &w->seats[i].caller;

		if (c->state == CALLER_IDLE || c->state == CALLER_DONE)
			continue;
		ledger_add(&w->ledger, c); /* unfinished */
		caller_finish(c);
	}
}

void worker_free(struct worker *w)
{
	free(w->seats);
	w->seats = NULL;
	series_free(w->series);
	w->series = NULL;
	ledger_free(&w->ledger);
}
