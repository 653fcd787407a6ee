/*
 * loop.c - one thread that carries calls (see loop.h)
 *
 * The thread drives libev itself: one turn handles whatever is ready, then,
 * when there are many calls, it sleeps to the next deadline of the tick. So a
 * thousand messages cost a few dozen wake-ups instead of a thousand.
 *
 * A timer beats once a second, four times while there are calls: heartbeat,
 * timeouts, checkpoints, and the counters' way to the board.
 */
#include "media/loop.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "media/admission.h"
#include "media/call_record.h"
#include "media/line.h"
#include "persistence/lifeboat.h"
#include "persistence/queue.h"
#include "persistence/record.h"
#include "persistence/room.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/net.h"
#include "server/thread.h"

#define BEAT_IDLE_S	1.0
#define BEAT_BUSY_S	0.25
#define AUTO_TICK_CALLS 200u /* below: wake at once, latency is free */
#define AUTO_TICK_US	1000u
#define LONGEST_MESSAGE (16u << 20) /* the most media.max_message may be */
#define OUT_ROOM	((size_t)256 * 1024)
#define THINNED_TO	4u /* of so many checkpoints one, when room is low */

/* ---- for the calls ---------------------------------------------------------
 */

uint64_t loop_now_ms(const struct loop *loop)
{
	(void)loop;
	return clock_mono_ms();
}

char *loop_out(const struct loop *loop)
{
	return (char *)loop->out + LWS_PRE;
}

static void keep_unsent(struct loop *loop, struct record *record)
{
	record->next = NULL;
	*loop->unsent_end = record;
	loop->unsent_end = &record->next;
}

/* Again, in order: a call's records must not overtake each other. */
static void send_unsent(struct loop *loop)
{
	while (loop->unsent) {
		struct record *next = loop->unsent->next;

		if (queue_push(loop->queue, loop->unsent) < 0)
			return;
		loop->unsent = next;
	}
	loop->unsent_end = &loop->unsent;
}

void loop_submit(struct loop *loop, struct record *record)
{
	lifeboat_board(loop->boat, record);
	if (loop->unsent || queue_push(loop->queue, record) < 0)
		keep_unsent(loop, record);
}

static bool queue_half_full(const struct loop *loop)
{
	return loop->unsent || queue_is_half_full(loop->queue);
}

/* How this process's disk stands. */
static const struct board_spooler *disk_of(const struct loop *loop)
{
	return &board_flags()->spoolers[loop->process];
}

/* Why this checkpoint is left out, as a label; NULL: it is not. */
static const char *shed_reason(const struct loop *loop, struct call *call)
{
	const struct board_spooler *disk = disk_of(loop);
	const char *refusal = room_refusal(disk);

	if (refusal)
		return refusal;
	if (queue_half_full(loop))
		return "queue_full";
	if (atomic_load(&disk->room) < BOARD_ROOM_LOW)
		call->checkpoints_due = 0;
	else if (++call->checkpoints_due % THINNED_TO != 0)
		return "outbox_low";
	return NULL;
}

void loop_checkpoint(struct loop *loop, struct call *call)
{
	const char *reason = shed_reason(loop, call);
	char labels[64];

	if (!reason) {
		call_record(call, RECORD_CALL_CHECKPOINT);
		return;
	}
	(void)snprintf(labels, sizeof(labels),
		       "kind=\"call.checkpoint\",reason=\"%s\"", reason);
	board_add(board_series(METRIC_RECORDS_SHED_TOTAL, labels), 1);
}

const char *loop_refusal(const struct loop *loop)
{
	const struct board_flags *flags = board_flags();
	const char *disk = room_refusal(disk_of(loop));

	if (atomic_load(&flags->draining) ||
	    atomic_load(&loop->order) != LOOP_RUN)
		return "draining";
	if (disk)
		return disk;
	if (queue_half_full(loop))
		return "queue_full";
	if (atomic_load(&flags->calls_active) >=
	    (int32_t)loop->settings->media.max_calls)
		return "max_calls";
	return NULL;
}

const char *loop_admit(struct loop *loop)
{
	struct board_flags *flags = board_flags();
	const char *full = loop_refusal(loop);

	if (full)
		return full;
	if (atomic_fetch_add(&flags->calls_active, 1) >=
	    (int32_t)loop->settings->media.max_calls) {
		atomic_fetch_sub(&flags->calls_active, 1);
		return "max_calls"; /* another loop was faster */
	}
	atomic_fetch_add(&flags->calls_of[loop->process], 1);
	loop->call_count++;
	atomic_store(&loop->live, loop->call_count);
	return NULL;
}

void loop_forget(struct loop *loop)
{
	atomic_fetch_sub(&board_flags()->calls_of[loop->process], 1);
	atomic_fetch_sub(&board_flags()->calls_active, 1);
	loop->call_count--;
	atomic_store(&loop->live, loop->call_count);
}

/* ---- the beat --------------------------------------------------------------
 */

static void publish(struct loop *loop)
{
	struct loop_counts *c = &loop->counts;

	board_add(loop->frames_in, (int64_t)c->frames_in);
	board_add(loop->frames_out, (int64_t)c->frames_out);
	board_add(loop->lost, (int64_t)c->lost);
	board_add(loop->late_in, (int64_t)c->late_in);
	board_add(loop->late_out, (int64_t)c->late_out);
	board_add(loop->dropped, (int64_t)c->dropped);
	*c = (struct loop_counts){ 0 };
	board_set(loop->carried, loop->call_count);
	board_set(board_series(METRIC_CALLS_ACTIVE, ""),
		  atomic_load(&board_flags()->calls_active));
}

static void check_calls(struct loop *loop)
{
	uint64_t now = loop_now_ms(loop);
	struct call *call, *next;

	for (call = loop->calls; call; call = next) {
		next = call->next;
		log_for(call->log_ids);
		call_check(call, now);
	}
	log_for(NULL);
}

static void take_settings(struct loop *loop)
{
	const struct settings *next =
		atomic_exchange(&loop->next_settings, NULL);

	if (next)
		loop->settings = next;
}

static void on_beat(struct ev_loop *ev, ev_timer *timer, int events)
{
	struct loop *loop = timer->data;
	double late = ev_now(ev) - loop->beat_due;
	double next = loop->call_count > 0 ? BEAT_BUSY_S : BEAT_IDLE_S;

	(void)events;
	if (late >= 0)
		board_observe(loop->lag, (int64_t)(late * 1e6));
	thread_beat(loop->self);
	send_unsent(loop);
	take_settings(loop);
	check_calls(loop);
	publish(loop);
	timer->repeat = next;
	ev_timer_again(ev, timer);
	loop->beat_due = ev_now(ev) + next;
}

/* ---- orders ----------------------------------------------------------------
 */

static void end_calls(struct loop *loop)
{
	struct call *call, *next;

	for (call = loop->calls; call; call = next) {
		next = call->next;
		call_end(call, END_SHUTDOWN, LWS_CLOSE_STATUS_GOINGAWAY, 0);
	}
}

static void on_order(struct ev_loop *ev, ev_async *async, int events)
{
	struct loop *loop = async->data;

	(void)ev;
	(void)events;
	take_settings(loop);
	if (atomic_load(&loop->order) >= LOOP_END_CALLS)
		end_calls(loop);
}

void loop_tell(struct loop *loop, enum loop_order order)
{
	atomic_store(&loop->order, (int)order);
	ev_async_send(loop->ev, &loop->order_came);
}

void loop_reload(struct loop *loop, const struct settings *settings)
{
	atomic_store(&loop->next_settings, settings);
	ev_async_send(loop->ev, &loop->order_came);
}

/* ---- the thread ------------------------------------------------------------
 */

static uint64_t tick_us(const struct loop *loop)
{
	int32_t set = loop->settings->media.tick_us;

	if (set >= 0)
		return (uint64_t)set;
	return loop->call_count > AUTO_TICK_CALLS ? AUTO_TICK_US : 0;
}

/* To the next deadline, not for a time: what the work took is part of it. Who
 * is late already has rested enough: a core that is nearly full would stand
 * still for half a tick each round, and its rounds grow until they outweigh
 * that. */
static void sleep_to_tick(uint64_t *deadline_us, uint64_t tick)
{
	uint64_t now = clock_mono_us();
	struct timespec until;

	if (now >= *deadline_us) {
		*deadline_us = now + tick - now % tick;
		return;
	}
	until.tv_sec = (time_t)(*deadline_us / 1000000);
	until.tv_nsec = (long)(*deadline_us % 1000000) * 1000;
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	*deadline_us += tick;
}

static bool is_done(const struct loop *loop)
{
	/* A record that waits for the queue does not keep us: loop_join(). */
	return atomic_load(&loop->order) == LOOP_QUIT && loop->call_count == 0;
}

static int carry_calls(struct thread *self, void *arg)
{
	struct loop *loop = arg;
	uint64_t deadline_us = 0;

	loop->self = self;
	while (!is_done(loop)) {
		uint64_t tick = tick_us(loop);

		(void)ev_run(loop->ev, EVRUN_ONCE);
		if (loop->unsent)
			send_unsent(loop);
		if (tick > 0)
			sleep_to_tick(&deadline_us, tick);
	}
	publish(loop);
	return 0;
}

/* ---- start and end ---------------------------------------------------------
 */

static void loop_free(struct loop *loop)
{
	net_context_destroy(loop->net);
	websockets_close(&loop->websockets);
	if (loop->ev)
		ev_loop_destroy(loop->ev);
	free(loop->scratch.audio);
	free(loop->sound);
	free(loop->out);
}

static void find_series(struct loop *loop)
{
	char labels[64];

	loop->frames_in = board_series(METRIC_FRAMES_TOTAL, "direction=\"in\"");
	loop->frames_out =
		board_series(METRIC_FRAMES_TOTAL, "direction=\"out\"");
	loop->lost = board_series(METRIC_FRAMES_LOST_TOTAL, "");
	loop->late_in =
		board_series(METRIC_FRAMES_LATE_TOTAL, "direction=\"in\"");
	loop->late_out =
		board_series(METRIC_FRAMES_LATE_TOTAL, "direction=\"out\"");
	loop->dropped = board_series(METRIC_FRAMES_DROPPED_TOTAL, "");
	loop->lag = board_series(METRIC_LOOP_LAG_SECONDS, "");
	(void)snprintf(labels, sizeof(labels), "process=\"%u\",loop=\"%u\"",
		       loop->process,
		       loop->place % loop->settings->media.threads);
	loop->carried = board_series(METRIC_LOOP_CALLS, labels);
}

static int make_buffers(struct loop *loop)
{
	/* Touched only as far as messages are long. */
	loop->scratch.room = LONGEST_MESSAGE;
	loop->scratch.audio = malloc(loop->scratch.room);
	loop->sound = malloc(sizeof(*loop->sound));
	loop->out_room = OUT_ROOM;
	loop->out = malloc(LWS_PRE + loop->out_room);
	loop->unsent_end = &loop->unsent;
	return loop->scratch.audio && loop->sound && loop->out ? 0 : -ENOMEM;
}

static int make_ev(struct loop *loop)
{
	loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (!loop->ev)
		return -ENOMEM;
	ev_async_init(&loop->order_came, on_order);
	loop->order_came.data = loop;
	ev_async_start(loop->ev, &loop->order_came);
	ev_timer_init(&loop->beat, on_beat, BEAT_BUSY_S, BEAT_IDLE_S);
	loop->beat.data = loop;
	loop->beat_due = ev_now(loop->ev) + BEAT_BUSY_S;
	ev_timer_start(loop->ev, &loop->beat);
	turns_init(&loop->turns, loop->ev, clock_mono_ms, call_on_turn);
	return websockets_open(&loop->websockets, loop->ev, line_websockets());
}

int loop_start(struct loop *loop, unsigned index)
{
	struct net_options net = {
		.protocols = line_protocols(),
		.user = loop,
		.listen_fd = loop->listen_fd,
		.loads = &board_flags()->loads,
		.load_place = loop->place,
		.load_count = loop->settings->media.processes *
			      loop->settings->media.threads,
		.max_connections = LOOP_CONNECTIONS(loop->settings),
		.server_name = "media.listen",
		.tls = TLS_MEDIA,
		.frames_are_ours = true,
		.door = &admission_door,
		.door_arg = loop,
	};
	int r = make_buffers(loop);

	if (r == 0)
		r = make_ev(loop);
	if (r < 0)
		goto fail;
	(void)snprintf(loop->name, sizeof(loop->name), "loop-%u", index % 1000);
	find_series(loop);
	net.loop = loop->ev;
	net.timeout_s =
		(loop->settings->media.handshake_timeout_ms + 999) / 1000;
	r = net_context_create(&loop->net, &net);
	if (r == 0)
		r = thread_start(&loop->thread,
				 &(struct thread_options){ .name = loop->name,
							   .body = carry_calls,
							   .arg = loop,
							   .watched = true });
	if (r == 0)
		return 0;
fail:
	loop_free(loop);
	return r;
}

/* The spooler goes on emptying the queue: as long as its disk takes records,
 * there will be room. */
static uint64_t send_the_rest(struct loop *loop, uint32_t timeout_ms)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	uint64_t give_up_ms = clock_mono_ms() + timeout_ms, lost = 0;
	char entity[UUID_TEXT_SIZE];

	send_unsent(loop);
	while (loop->unsent && clock_mono_ms() < give_up_ms) {
		(void)nanosleep(&pause, NULL);
		send_unsent(loop);
	}
	while (loop->unsent) {
		struct record *record = loop->unsent;

		uuid_format(&record->entity, entity);
		log_error("RECORD_LOST", "kind=%s call=%s err=\"queue full\"",
			  record_kind_name(record->kind), entity);
		board_add(board_series(METRIC_RECORDS_LOST_TOTAL, ""), 1);
		loop->unsent = record->next;
		free(record);
		lost++;
	}
	return lost;
}

uint64_t loop_join(struct loop *loop, uint32_t timeout_ms)
{
	uint64_t lost;

	thread_join(loop->thread);
	lost = send_the_rest(loop, timeout_ms);
	loop_free(loop);
	return lost;
}
