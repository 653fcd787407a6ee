/*
 * call_scenes.c - a media process, and what its calls cost (see scenes.h)
 *
 * Five seconds of calls a scene, 20 ms a step: everybody says a message, then
 * the loop has its turn. What it left for the recorder and the spooler they do
 * behind it, and are counted by themselves.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/contest.h"
#include "bench/instructions/callers.h"
#include "bench/instructions/scenes.h"
#include "bench/instructions/stage.h"
#include "media/media.h"
#include "persistence/lifeboat.h"
#include "server/board.h"
#include "server/live_calls.h"
#include "server/log.h"
#include "server/net.h"
#include "server/settings.h"

#define WARM_STEPS   50u /* the first frames find cold paths */
#define STEPS	     250u
#define STEP_MS	     20u
#define BEAT_MS	     250u
#define IDLE_S	     15u /* one checkpoint */
#define TURNS_MAX    100u
#define CALL_RECORDS 2u /* of a start; of an end */

static const struct scene {
	const char *name, *path;
	const struct tongue *tongue;
	bool echoes;
	bool whole_life; /* start, silence and end are counted, too */
} scenes[] = {
	{ "recorded", "/recorded", &tongue_twilio, false, true },
	{ "echo", "/echo", &tongue_twilio, true, false },
	{ "binary", "/binary", &tongue_vonage, false, false },
	{ "swapped", "/swapped", &tongue_vonage, false, false },
};

/* %s: where the data goes. */
static const char config[] =
	"data_dir: %s\n"
	"node: {id: guard}\n"
	"log: {level: error}\n"
	"outbox: {min_free_disk: 0}\n"
	"recording: {min_free_disk: 0}\n"
	"media:\n"
	"  threads: 1\n"
	"  routes:\n"
	"    - {path: /recorded, provider: twilio}\n"
	"    - {path: /echo, provider: twilio, handler: echo, record: false}\n"
	"    - {path: /binary, provider: vonage}\n"
	"    - {path: /swapped, provider: vonage, byte_order: big}\n";

/* ---- the process -----------------------------------------------------------
 */

static struct settings *settings;
static int listen_fd;

static struct settings *reload(void)
{
	return NULL;
}

static void *run_media(void *arg)
{
	(void)arg;
	if (media_run(&(struct media_options){ .settings = settings,
					       .listen_fd = listen_fd,
					       .reload = reload }) != 0)
		bench_must(-EIO, "the media process");
	return NULL;
}

static void load_settings(const char *dir)
{
	char *no_flags[] = { NULL }, path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/holdline.yaml", dir);
	file = fopen(path, "we");
	if (!file || fprintf(file, config, dir) < 0 || fclose(file) != 0)
		bench_must(-errno, path);
	if (settings_load(&settings, path, no_flags, stderr) != 0)
		bench_must(-EINVAL, path);
}

static pthread_t start_media(const char *dir)
{
	pthread_t thread;

	load_settings(dir);
	log_configure(settings->log_level, settings->log_format,
		      settings->log_mask);
	listen_fd = net_listen("127.0.0.1:0");
	bench_must(listen_fd, "listen");
	bench_must(board_create(), "board");
	bench_must(lifeboats_create(1), "lifeboats");
	bench_must(live_calls_create(CALLERS), "live calls");
	bench_must(-pthread_create(&thread, NULL, run_media, NULL), "thread");
	return thread;
}

static void end_media(pthread_t thread)
{
	stage_release();
	bench_must(raise(SIGTERM) == 0 ? 0 : -ESRCH, "SIGTERM"); /* libev's */
	(void)pthread_join(thread, NULL);
	(void)close(listen_fd);
	free(settings);
}

/* ---- what calls do ---------------------------------------------------------
 */

static void loop_until_calls_are(uint32_t calls)
{
	for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
		if (atomic_load(&board_flags()->calls_active) == (int)calls)
			return;
		stage_turn(LOOP);
	}
	bench_must(-ETIMEDOUT, "calls that come or go");
}

/* What the loop has left to others, who are counted behind it. */
static void count_behind(const char *name, const char *spooled,
			 const char *recorded, size_t units)
{
	stage_turn(SPOOLER);
	stage_counted(name, spooled, CALLERS);
	stage_turn(RECORDER);
	stage_counted(name, recorded, units);
}

static void begin(const struct scene *scene)
{
	stage_count_from_here();
	callers_dial(listen_fd, scene->path);
	loop_until_calls_are(CALLERS);
	callers_get_through();
	callers_say(scene->tongue, 0);
	stage_turn(LOOP);
	if (scene->whole_life) {
		stage_counted(scene->name, "start_loop", CALLERS);
		count_behind(scene->name, "start_spooler", "start_recorder",
			     CALLERS);
	}
}

static void step(const struct scene *scene, unsigned n)
{
	stage_advance_ms(STEP_MS);
	callers_say(scene->tongue, n);
	stage_turn(LOOP);
	if (scene->echoes)
		callers_hear();
}

static void talk(const struct scene *scene)
{
	unsigned n = 0;

	while (n < WARM_STEPS)
		step(scene, ++n);
	stage_turn(SPOOLER);
	stage_turn(RECORDER);
	stage_count_from_here();
	while (n < WARM_STEPS + STEPS)
		step(scene, ++n);
	stage_counted(scene->name, "frame_loop", (size_t)STEPS * CALLERS);
	stage_turn(RECORDER);
	if (!scene->echoes)
		stage_counted(scene->name, "frame_recorder",
			      (size_t)STEPS * CALLERS);
}

/* Connected and silent: what a second of it costs, a call. */
static void idle(const struct scene *scene)
{
	stage_count_from_here();
	for (unsigned ms = 0; ms < IDLE_S * 1000; ms += BEAT_MS) {
		stage_advance_ms(BEAT_MS);
		stage_turn(LOOP);
	}
	stage_counted(scene->name, "idle_second_loop",
		      (size_t)IDLE_S * CALLERS);
	stage_turn(SPOOLER);
}

static void end(const struct scene *scene)
{
	stage_count_from_here();
	callers_stop(scene->tongue);
	if (scene->tongue->stop)
		stage_turn(LOOP);
	callers_say_goodbye();
	loop_until_calls_are(0);
	if (scene->whole_life) {
		stage_counted(scene->name, "end_loop", CALLERS);
		count_behind(scene->name, "end_spooler", "end_recorder",
			     CALLERS);
	}
	callers_hang_up();
	stage_turn(SPOOLER);
	stage_turn(RECORDER);
}

/* A count of work that was not done would be a fine one. */
static void check_frames(const char *direction, size_t scene_count)
{
	int64_t frames =
		board_get(board_series(METRIC_FRAMES_TOTAL, direction));

	if (frames == (int64_t)(scene_count * CALLERS * (WARM_STEPS + STEPS)))
		return;
	(void)fprintf(stderr, "%s: %lld frames\n", direction,
		      (long long)frames);
	exit(1);
}

void scenes_of_calls(const char *dir)
{
	pthread_t media = start_media(dir);
	const size_t count = sizeof(scenes) / sizeof(scenes[0]);

	for (size_t i = 0; i < count; i++) {
		begin(&scenes[i]);
		talk(&scenes[i]);
		if (scenes[i].whole_life)
			idle(&scenes[i]);
		end(&scenes[i]);
	}
	stage_advance_ms(1000);
	stage_turn(LOOP); /* the beat brings the counters to the board */
	check_frames("direction=\"in\"", count);
	check_frames("direction=\"out\"", 1);
	end_media(media);
}
