/*
 * call_world.c - the world of one call: a loop and a line that are ours (see
 * call_world.h)
 */
#include "support/call_world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "media/call_record.h"

struct call_world world;

static struct sound_scratch sound_scratch;

/* ---- the loop and the line -------------------------------------------------
 */

uint64_t loop_now_ms(const struct loop *loop)
{
	(void)loop;
	return world.now_ms;
}

void loop_submit(struct loop *loop, struct record *record)
{
	(void)loop;
	if (world.on_record)
		world.on_record(record);
	free(record);
}

void loop_checkpoint(struct loop *loop, struct call *call)
{
	(void)loop;
	call_record(call, RECORD_CALL_CHECKPOINT);
}

char *loop_out(const struct loop *loop)
{
	return (char *)loop->out;
}

bool line_send(struct line *line, size_t length, unsigned kind)
{
	if (line->close_code || line->choked)
		return false;
	assert(length <= world.loop.out_room);
	memcpy(line->sent, world.loop.out, length);
	line->sent[length] = '\0';
	line->sent_count++;
	if (world.on_send)
		world.on_send(line->sent, length, kind);
	return true;
}

size_t line_drop_audio(struct line *line)
{
	(void)line;
	return 0;
}

void line_close(struct line *line, unsigned close_code)
{
	if (!line->close_code)
		line->close_code = close_code;
}

void line_cut(struct line *line)
{
	line->cut = true;
}

/* ---- a life ----------------------------------------------------------------
 */

static uint64_t world_ms(void)
{
	return world.now_ms;
}

void world_prepare(void)
{
	memset(&world, 0, sizeof(world));
	(void)strcpy(world.route.path, "/media");
	world.settings.media.start_timeout_ms = 10000;
	world.settings.media.idle_timeout_ms = 30000;
	world.settings.media.max_call_duration_ms = 3600000;
	world.settings.media.checkpoint_interval_ms = 15000;
	world.settings.media.send_ahead_ms = 30000;
	world.settings.media.send_queue_ms = 60000;
	world.settings.media.send_age_ms = 90000;
	(void)strcpy(world.settings.node_id, "node-1");
	world.now_ms = 100000;
	world.loop.settings = &world.settings;
	world.loop.sound = &sound_scratch;
	world.loop.scratch.room = world.loop.out_room = WORLD_ROOM;
}

/* Rooms of their exact size, so that a sanitizer sees the first byte beyond. */
void world_begin(const struct provider *provider, const char *call_id)
{
	assert(world.loop.out_room <= WORLD_ROOM);
	world.loop.scratch.audio = malloc(world.loop.scratch.room);
	world.loop.out = malloc(world.loop.out_room);
	assert(world.loop.scratch.audio && world.loop.out);
	turns_init(&world.loop.turns, ev_default_loop(0), world_ms,
		   call_on_turn);
	world.admission = (struct admission){ .loop = &world.loop,
					      .route = &world.route,
					      .parameter = "holdline_token" };
	world.call = call_create(
		&world.loop, &world.line, &world.admission,
		&(struct hello){ .provider = provider, .call_id = call_id });
	assert(world.call);
}

void world_turn(void)
{
	struct turns *turns = &world.loop.turns;

	if (ev_is_active(&turns->timer))
		ev_invoke(turns->ev, &turns->timer, EV_TIMER);
}

void world_hang_up(void)
{
	if (!world.call)
		return;
	call_destroy(world.call);
	world.call = NULL;
	assert(!world.loop.calls);
	ev_timer_stop(world.loop.turns.ev, &world.loop.turns.timer);
	free(world.loop.scratch.audio);
	free(world.loop.out);
}
