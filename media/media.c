/*
 * media.c - the media process: takes calls (see media.h)
 *
 *   start:  queue, spooler, recorder, loops; repair of old recordings aside
 *   run:    this thread waits for signals and looks after the end
 *   end:    drain -> end calls -> loops -> recorder -> spooler: whoever makes
 *           something ends before whoever keeps it
 */
#include "media/media.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "media/loop.h"
#include "media/recorder.h"
#include "media/recording_record.h"
#include "persistence/lifeboat.h"
#include "persistence/queue.h"
#include "persistence/record.h"
#include "persistence/spooler.h"
#include "server/auth/limits.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/live_calls.h"
#include "server/log.h"
#include "server/thread.h"
#include "server/tls.h"

#define QUEUE_AT_END_MS 10000u /* for records that found the queue full */
#define SPOOL_AT_END_MS 20000u /* a disk that refuses may heal until then */
#define LOOK_S		0.05   /* while draining: are the calls gone? */
#define CLOSING_MS	5000u  /* for closing handshakes, then we go */

/* Settings that were loaded while we ran. */
struct kept {
	struct kept *next;
	struct settings *settings;
};

struct media {
	const struct media_options *options;
	const struct settings *settings;
	struct queue *queue;
	struct spooler *spooler;
	struct recorder *recorder;
	struct limits *limits;
	struct recording_listener listener;
	struct thread *repair;
	char repair_dir[sizeof(((struct settings *)0)->recording.dir)];
	struct loop *loops;
	unsigned loop_count;
	struct ev_loop *ev;
	ev_signal term, hup;
	ev_timer look;
	uint64_t end_calls_at_ms, give_up_at_ms; /* 0: not draining */
	bool calls_told;
	struct kept *kept;
};

/* ---- the end ---------------------------------------------------------------
 */

static uint32_t live_calls(const struct media *media)
{
	uint32_t live = 0;

	for (unsigned i = 0; i < media->loop_count; i++)
		live += atomic_load(&media->loops[i].live);
	return live;
}

static void tell_loops(struct media *media, enum loop_order order)
{
	for (unsigned i = 0; i < media->loop_count; i++)
		loop_tell(&media->loops[i], order);
}

static void on_look(struct ev_loop *ev, ev_timer *timer, int events)
{
	struct media *media = timer->data;
	uint64_t now = clock_mono_ms();

	(void)events;
	if (live_calls(media) == 0 ||
	    (media->calls_told && now >= media->give_up_at_ms)) {
		ev_break(ev, EVBREAK_ALL);
		return;
	}
	/* Two signals may reach us as one: the board has their number. */
	if (atomic_load(&board_flags()->draining) > 1)
		media->end_calls_at_ms = now;
	if (!media->calls_told && now >= media->end_calls_at_ms) {
		media->calls_told = true;
		media->give_up_at_ms = now + CLOSING_MS;
		tell_loops(media, LOOP_END_CALLS);
	}
}

/* The first lets calls finish, the second ends them. */
static void on_term(struct ev_loop *ev, ev_signal *signal, int events)
{
	struct media *media = signal->data;
	uint64_t now = clock_mono_ms();

	(void)events;
	if (media->end_calls_at_ms == 0) {
		media->end_calls_at_ms =
			now + media->settings->drain_timeout_ms;
		tell_loops(media, LOOP_DRAIN);
		ev_timer_start(ev, &media->look);
	} else {
		media->end_calls_at_ms = now;
	}
}

/* ---- reload ----------------------------------------------------------------
 */

/* The old settings are kept until the end: a call may still look at its route
 * in them, and reloads are rare. */
static void on_hup(struct ev_loop *ev, ev_signal *signal, int events)
{
	struct media *media = signal->data;
	struct settings *next = media->options->reload();
	struct kept *kept = next ? malloc(sizeof(*kept)) : NULL;

	(void)ev;
	(void)events;
	if (!kept) {
		free(next);
		return;
	}
	*kept = (struct kept){ .next = media->kept, .settings = next };
	media->kept = kept;
	log_configure(next->log_level, next->log_format, next->log_mask);
	media->settings = next;
	tls_follow(next);
	for (unsigned i = 0; i < media->loop_count; i++)
		loop_reload(&media->loops[i], next);
}

/* ---- start -----------------------------------------------------------------
 */

/* A recorder's thread has audio to write: where records wait for room, this one
 * does not, and is left out aloud. */
static void on_recording(void *arg, const struct recording_fate *fate)
{
	const struct media *media = arg;
	struct record *record = recording_record(fate, clock_wall_us());

	if (record && queue_push(media->queue, record) == 0)
		return;
	log_warn("RECORD_SHED", "kind=call.event path=%s reason=%s", fate->path,
		 record ? "queue_full" : "no_record");
	board_add(board_series(METRIC_RECORDS_SHED_TOTAL,
			       "kind=\"call.event\",reason=\"queue_full\""),
		  1);
	free(record);
}

/* Nobody asked to be told: then it costs no record. */
static struct recording_listener listener(struct media *media)
{
	if (!*media->settings->events.webhook)
		return (struct recording_listener){ .told = NULL };
	return (struct recording_listener){ .told = on_recording,
					    .arg = media };
}

static int repair(struct thread *self, void *arg)
{
	struct media *media = arg;
	int r = recorder_repair(media->repair_dir, &media->listener);

	(void)self;
	if (r < 0)
		log_error("RECORDING_REPAIR", "dir=\"%s\" err=\"%s\"",
			  media->repair_dir, strerror(-r));
	return 0; /* tried again at the next start, not at once */
}

/* Without recordings a call is still a call. */
static void start_recorder(struct media *media)
{
	const struct settings *s = media->settings;
	char labels[32];
	int r;

	(void)snprintf(labels, sizeof(labels), "process=\"%u\"",
		       media->options->index);
	if (!s->recording.enabled)
		return;
	media->listener = listener(media);
	r = recorder_start(
		&media->recorder,
		&(struct recorder_options){
			.dir = s->recording.dir,
			.min_free_disk = s->recording.min_free_disk,
			.buffer = s->recording.buffer,
			.threads = s->recording.threads,
			.duration_max_ms = s->media.max_call_duration_ms,
			.labels = labels,
			.listener = media->listener });
	if (r < 0) {
		log_error("RECORDING",
			  "dir=\"%s\" err=\"%s\" effect=\"calls are not "
			  "recorded\"",
			  s->recording.dir, strerror(-r));
		return;
	}
	memcpy(media->repair_dir, s->recording.dir, sizeof(media->repair_dir));
	if (media->options->index == 0 &&
	    thread_start(&media->repair,
			 &(struct thread_options){ .name = "repair",
						   .body = repair,
						   .arg = media }) < 0)
		media->repair = NULL;
}

static int start_spooler(struct media *media)
{
	const struct settings *s = media->settings;
	const size_t boats = s->media.threads;
	char dir[384];
	int r;

	(void)snprintf(dir, sizeof(dir), "%s/outbox", s->data_dir);
	r = queue_create(&media->queue, s->outbox.queue_records);
	if (r < 0)
		return r;
	queue_limit_bytes(media->queue, s->outbox.queue_bytes);
	return spooler_start(
		&media->spooler,
		&(struct spooler_options){
			.queue = media->queue,
			.outbox_dir = dir,
			.role = "media",
			.process = media->options->index,
			.writers = s->media.processes,
			.reserve = s->outbox.reserve,
			.low_percent = s->outbox.low_water,
			.segment_bytes = s->outbox.segment_bytes,
			.max_bytes = s->outbox.max_bytes,
			.min_free_disk = s->outbox.min_free_disk,
			.first_boat = media->options->index * boats,
			.boats = boats });
}

static int start_loops(struct media *media)
{
	unsigned count = media->settings->media.threads;

	media->loops = calloc(count, sizeof(*media->loops));
	if (!media->loops)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		struct loop *loop = &media->loops[i];
		int r;

		loop->settings = media->settings;
		loop->queue = media->queue;
		loop->recorder = media->recorder;
		loop->limits = media->limits;
		loop->process = media->options->index;
		loop->place = loop->process * count + i;
		loop->boat = lifeboat_at(loop->place);
		loop->listen_fd = media->options->listen_fd;
		r = loop_start(loop, i);
		if (r < 0)
			return r;
		media->loop_count++;
	}
	return 0;
}

/* The calls of our predecessor died with it. */
static void forget_old_calls(unsigned process)
{
	struct board_flags *flags = board_flags();

	atomic_store(&flags->loops_of[process], 0);
	atomic_fetch_sub(&flags->calls_active,
			 atomic_exchange(&flags->calls_of[process], 0));
	live_take_back(&board_auth()->live, process);
	live_calls_take_back(process);
}

/* Before anything takes a call: a SIGTERM must never find us without a
 * handler. */
static int watch_signals(struct media *media)
{
	media->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (!media->ev)
		return -ENOMEM;
	ev_timer_init(&media->look, on_look, LOOK_S, LOOK_S);
	media->look.data = media;
	ev_signal_init(&media->term, on_term, SIGTERM);
	media->term.data = media;
	ev_signal_start(media->ev, &media->term);
	ev_signal_init(&media->hup, on_hup, SIGHUP);
	media->hup.data = media;
	ev_signal_start(media->ev, &media->hup);
	return 0;
}

static int start(struct media *media)
{
	uint64_t seed;
	int r = watch_signals(media);

	randombytes_buf(&seed, sizeof(seed));
	if (r == 0)
		r = limits_create(&media->limits, seed);
	if (r == 0)
		r = start_spooler(media);
	if (r < 0)
		return r;
	start_recorder(media);
	return start_loops(media);
}

/* Upstream first. True when everything that should be on disk is. */
static bool stop(struct media *media)
{
	uint64_t lost = 0;

	tell_loops(media, LOOP_QUIT);
	for (unsigned i = 0; i < media->loop_count; i++)
		lost += loop_join(&media->loops[i], QUEUE_AT_END_MS);
	recorder_stop(media->recorder);
	thread_join(media->repair);
	if (media->spooler)
		lost += spooler_stop(media->spooler, SPOOL_AT_END_MS);
	queue_destroy(media->queue);
	limits_destroy(media->limits);
	free(media->loops);
	while (media->kept) {
		struct kept *gone = media->kept;

		media->kept = gone->next;
		free(gone->settings);
		free(gone);
	}
	if (media->ev)
		ev_loop_destroy(media->ev);
	return lost == 0;
}

int media_run(const struct media_options *options)
{
	struct media media = { .options = options,
			       .settings = options->settings };
	bool kept;
	int r;

	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN); /* whose default would end the calls */
	/* Not watched: at the end it may wait for the disk. */
	(void)thread_adopt_main("media", false);
	forget_old_calls(options->index);
	r = start(&media);
	if (r == 0) {
		atomic_store(&board_flags()->loops_of[options->index],
			     media.loop_count);
		log_info("MEDIA_READY", "listen=%s loops=%u",
			 media.settings->media.listen, media.loop_count);
		(void)ev_run(media.ev, 0);
	} else {
		log_error("MEDIA_START", "err=\"%s\"", strerror(-r));
	}
	kept = stop(&media);
	return r == 0 && kept ? 0 : 1;
}
