/*
 * loop_room_test.c - what a loop takes and leaves out as its disk fills up
 *
 * A loop without a thread: its queue, its process's place on the board, and one
 * call whose checkpoints are counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "media/admission.h"
#include "media/codec.h"
#include "media/loop.h"
#include "persistence/queue.h"
#include "persistence/record.h"
#include "server/board.h"

#define PROCESS	 1
#define CAPACITY 64

struct world {
	struct settings settings;
	struct loop loop;
	struct admission admission;
	struct call call;
};

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world || queue_create(&world->loop.queue, CAPACITY) < 0)
		return -1;
	world->settings.media.max_calls = 10;
	world->loop.settings = &world->settings;
	world->loop.process = PROCESS;
	world->loop.unsent_end = &world->loop.unsent;
	world->call.loop = &world->loop;
	world->call.admission = &world->admission;
	world->call.provider = &provider_twilio;
	world->call.sound.wire_in.codec = codec_find("PCMU");
	world->call.sound.heard.rate_hz = 8000;
	uuid_make_v7(&world->call.id);
	uuid_format(&world->call.id, world->call.id_text);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	queue_destroy(world->loop.queue);
	free(world);
	atomic_store(&board_flags()->spoolers[PROCESS].room, 0);
	atomic_store(&board_flags()->spoolers[PROCESS].broken, 0);
	return 0;
}

static void set_place(unsigned process, enum board_room room, int broken)
{
	struct board_spooler *place = &board_flags()->spoolers[process];

	atomic_store(&place->room, room);
	atomic_store(&place->broken, (uint32_t)broken);
}

static int64_t shed(const char *reason)
{
	char labels[64];

	(void)snprintf(labels, sizeof(labels),
		       "kind=\"call.checkpoint\",reason=\"%s\"", reason);
	return board_get(board_series(METRIC_RECORDS_SHED_TOTAL, labels));
}

static void a_new_call_is_refused_for_its_own_disk_alone(void **state)
{
	static const struct {
		unsigned process;
		enum board_room room;
		int broken;
		const char *reason;
	} rows[] = {
		{ PROCESS, BOARD_ROOM_PLENTY, 0, NULL },
		{ PROCESS, BOARD_ROOM_LOW, 0, NULL },
		{ PROCESS, BOARD_ROOM_QUOTA, 0, "outbox_full" },
		{ PROCESS, BOARD_ROOM_DISK, 0, "outbox_full" },
		{ PROCESS, BOARD_ROOM_RESERVE, 0, "outbox_full" },
		{ PROCESS, BOARD_ROOM_PLENTY, EIO, "outbox_broken" },
		{ PROCESS, BOARD_ROOM_QUOTA, EIO, "outbox_broken" },
		{ PROCESS + 1, BOARD_ROOM_RESERVE, EIO, NULL },
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *reason;

		print_message("  row %zu\n", i);
		set_place(rows[i].process, rows[i].room, rows[i].broken);
		reason = loop_refusal(&world->loop);
		if (rows[i].reason)
			assert_string_equal(reason, rows[i].reason);
		else
			assert_null(reason);
		set_place(rows[i].process, BOARD_ROOM_PLENTY, 0);
	}
}

static void checkpoints_are_thinned_and_then_left_out(void **state)
{
	static const struct {
		enum board_room room;
		int broken;
		size_t written; /* of eight */
		const char *reason;
	} rows[] = {
		{ BOARD_ROOM_PLENTY, 0, 8, "outbox_low" },
		{ BOARD_ROOM_LOW, 0, 2, "outbox_low" },
		{ BOARD_ROOM_QUOTA, 0, 0, "outbox_full" },
		{ BOARD_ROOM_DISK, 0, 0, "outbox_full" },
		{ BOARD_ROOM_RESERVE, 0, 0, "outbox_full" },
		{ BOARD_ROOM_LOW, EROFS, 0, "outbox_broken" },
		{ BOARD_ROOM_PLENTY, 0, 8, "outbox_low" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t before = shed(rows[i].reason);
		size_t written = 0;

		print_message("  row %zu\n", i);
		set_place(PROCESS, rows[i].room, rows[i].broken);
		for (int n = 0; n < 8; n++)
			loop_checkpoint(&world->loop, &world->call);
		for (struct record *r; (r = queue_pop(world->loop.queue));) {
			assert_int_equal(r->kind, RECORD_CALL_CHECKPOINT);
			free(r);
			written++;
		}
		assert_int_equal(written, rows[i].written);
		assert_int_equal(shed(rows[i].reason) - before, 8 - written);
	}
}

static void
a_queue_that_is_half_full_of_bytes_takes_no_checkpoints(void **state)
{
	struct world *world = *state;
	int64_t before = shed("queue_full");

	queue_limit_bytes(world->loop.queue, 1);
	assert_null(loop_refusal(&world->loop));
	loop_checkpoint(&world->loop, &world->call);
	loop_checkpoint(&world->loop, &world->call);
	assert_string_equal(loop_refusal(&world->loop), "queue_full");
	assert_int_equal(shed("queue_full") - before, 1);
	assert_int_equal(queue_length(world->loop.queue), 1);
}

int main(void)
{
#define loop_test(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		loop_test(a_new_call_is_refused_for_its_own_disk_alone),
		loop_test(checkpoints_are_thinned_and_then_left_out),
		loop_test(
			a_queue_that_is_half_full_of_bytes_takes_no_checkpoints),
	};

	return cmocka_run_group_tests_name("loop_room", tests, NULL, NULL);
}
