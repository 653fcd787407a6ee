/* spooler_test.c - the spooler keeps what it was given until the disk has it */
#include "outbox_kit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "persistence/disk.h"
#include "persistence/outbox.h"
#include "persistence/queue.h"
#include "persistence/room.h"
#include "persistence/spooler.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"

#define PRODUCERS   4
#define EACH	    5000u
#define PATIENCE_MS 30000u

static struct spooler *start_as(const char *dir, struct queue *queue,
				uint64_t max_bytes, unsigned process)
{
	struct spooler *spooler;

	assert_int_equal(
		spooler_start(&spooler,
			      &(struct spooler_options){
				      .queue = queue,
				      .outbox_dir = dir,
				      .role = "test",
				      .process = process,
				      .segment_bytes = (uint64_t)256 << 10,
				      .max_bytes = max_bytes }),
		0);
	return spooler;
}

static struct spooler *start(const char *dir, struct queue *queue,
			     uint64_t max_bytes)
{
	return start_as(dir, queue, max_bytes, 0);
}

static const struct board_spooler *place_of(unsigned process)
{
	return &board_flags()->spoolers[process];
}

static struct queue *make_queue(size_t capacity)
{
	struct queue *queue;

	assert_int_equal(queue_create(&queue, capacity), 0);
	return queue;
}

static void push_events(struct queue *queue, uint64_t first, uint64_t count)
{
	for (uint64_t n = first; n < first + count; n++)
		assert_int_equal(
			queue_push(queue, kit_record(RECORD_CALL_EVENT, n, 0)),
			0);
}

/* Waits until the flag is set, or clear. */
static void await_flag(const _Atomic uint32_t *flag, bool set)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;

	while ((atomic_load(flag) != 0) != set) {
		assert_true(clock_mono_ms() < until);
		(void)usleep(1000);
	}
}

static void await_room(const struct board_spooler *place, enum board_room room)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;

	while (atomic_load(&place->room) != room) {
		assert_true(clock_mono_ms() < until);
		(void)usleep(1000);
	}
}

/* The number of events in the outbox, which are 1, 2, 3 and so on. */
static uint64_t read_events(const char *dir)
{
	const struct outbox_options options = { .dir = dir, .read_only = true };
	struct outbox_journal *journal;
	struct journal_entry entry;
	struct outbox *outbox;
	uint64_t n = 0;
	size_t cursor = 0;

	assert_int_equal(outbox_open(&outbox, &options), 0);
	while ((journal = outbox_next_journal(outbox, &cursor)))
		while (outbox_journal_next(journal, &entry) == 1) {
			assert_true(kit_is_entity(entry.record, ++n));
			free(entry.record);
		}
	outbox_close(outbox);
	return n;
}

static atomic_int disk_error;	   /* 0, or a negative errno */
static const char *_Atomic breaks; /* which operation */

static int maybe_fail(const char *operation)
{
	const char *broken = atomic_load(&breaks);

	return broken && strcmp(operation, broken) == 0
		       ? atomic_load(&disk_error)
		       : 0;
}

static void break_disk(const char *operation, int error)
{
	atomic_store(&breaks, operation);
	atomic_store(&disk_error, error);
	disk_set_fault(maybe_fail);
}

/* ---- in good times ---------------------------------------------------------
 */

static void what_is_queued_is_durable_when_it_stops(void **state)
{
	struct queue *queue = make_queue(16384);
	struct spooler *spooler = start(*state, queue, UINT64_MAX);

	push_events(queue, 1, 10000);
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(queue_length(queue), 0);
	assert_int_equal(read_events(*state), 10000);
	queue_destroy(queue);
}

struct producer {
	struct queue *queue;
	unsigned number;
	pthread_t thread;
};

static void *produce(void *arg)
{
	const struct producer *producer = arg;
	struct uuid entity = kit_entity(producer->number);

	for (uint32_t i = 0; i < EACH; i++) {
		struct record *record =
			record_create(RECORD_CALL_EVENT, &entity, &entity, i,
				      (int64_t)producer->number, "{}", 2);

		if (!record)
			abort();
		while (queue_push(producer->queue, record) == -EAGAIN)
			(void)sched_yield();
	}
	return NULL;
}

static void expect_order_of_each(const char *dir)
{
	const struct outbox_options options = { .dir = dir, .read_only = true };
	uint32_t next[PRODUCERS] = { 0 };
	struct journal_entry entry;
	struct outbox_journal *journal;
	struct outbox *outbox;
	size_t cursor = 0;

	assert_int_equal(outbox_open(&outbox, &options), 0);
	journal = outbox_next_journal(outbox, &cursor);
	assert_non_null(journal);
	while (outbox_journal_next(journal, &entry) == 1) {
		assert_in_range(entry.record->created_us, 0, PRODUCERS - 1);
		assert_int_equal(entry.record->rev,
				 next[entry.record->created_us]++);
		free(entry.record);
	}
	outbox_close(outbox);
	for (size_t i = 0; i < PRODUCERS; i++)
		assert_int_equal(next[i], EACH);
}

static void many_producers_keep_each_their_order_on_disk(void **state)
{
	struct producer producers[PRODUCERS];
	struct queue *queue = make_queue(256);
	struct spooler *spooler = start(*state, queue, UINT64_MAX);

	for (unsigned i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){ .queue = queue, .number = i };
		assert_int_equal(pthread_create(&producers[i].thread, NULL,
						produce, &producers[i]),
				 0);
	}
	for (size_t i = 0; i < PRODUCERS; i++)
		(void)pthread_join(producers[i].thread, NULL);
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	expect_order_of_each(*state);
	queue_destroy(queue);
}

/* ---- in bad ones -----------------------------------------------------------
 */

static void a_broken_disk_is_told_and_heals_without_loss(void **state)
{
	static const struct {
		const char *operation;
		int error;
		const char *detail;
	} rows[] = {
		{ "fdatasync", EIO, "Input/output error" },
		{ "pwrite", ENOSPC, "No space left on device" },
		{ "pwrite", EDQUOT, "Disk quota exceeded" },
		{ "pwrite", EFBIG, "File too large" },
		{ "pwrite", EROFS, "Read-only file system" },
	};
	const struct board_spooler *place = place_of(0);
	struct queue *queue = make_queue(1024);
	struct spooler *spooler = start(*state, queue, UINT64_MAX);
	uint64_t n = 1;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("  row %zu\n", i);
		push_events(queue, n, 100);
		break_disk(rows[i].operation, -rows[i].error);
		push_events(queue, n + 100, 100);
		await_flag(&place->broken, true);
		assert_int_equal(atomic_load(&place->broken), rows[i].error);
		assert_string_equal(room_refusal(place), "outbox_broken");
		assert_string_equal(room_detail(place), rows[i].detail);
		push_events(queue, n + 200, 100);
		break_disk(NULL, 0);
		await_flag(&place->broken, false);
		assert_null(room_refusal(place));
		n += 300;
	}
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(read_events(*state), n - 1);
	queue_destroy(queue);
}

static void it_starts_without_a_disk_and_waits_for_one(void **state)
{
	static const struct {
		const char *operation;
		int error;
	} rows[] = { { "create", ENOSPC }, { "create", EMFILE } };

	for (size_t i = 0; i < 2; i++) {
		const struct board_spooler *place = place_of(0);
		struct queue *queue = make_queue(1024);
		struct spooler *spooler;
		char dir[64];

		(void)snprintf(dir, sizeof(dir), "%s/%zu", (char *)*state, i);
		break_disk(rows[i].operation, -rows[i].error);
		spooler = start(dir, queue, UINT64_MAX);
		assert_int_equal(atomic_load(&place->broken), rows[i].error);
		break_disk(NULL, 0);
		await_flag(&place->broken, false); /* with nothing queued */
		push_events(queue, 1, 10);
		assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
		assert_int_equal(read_events(dir), 10);
		queue_destroy(queue);
	}
}

static void it_gives_up_in_time_and_says_how_much(void **state)
{
	struct queue *queue = make_queue(1024);
	struct spooler *spooler = start(*state, queue, UINT64_MAX);
	uint64_t before;

	break_disk("fdatasync", -EIO);
	push_events(queue, 1, 25);
	await_flag(&place_of(0)->broken, true);
	before = clock_mono_ms();
	assert_int_equal(spooler_stop(spooler, 50), 25);
	assert_true(clock_mono_ms() - before < PATIENCE_MS);
	break_disk(NULL, 0);
	queue_destroy(queue);
}

static void at_its_bound_no_new_calls_but_all_records(void **state)
{
	const struct board_spooler *place = place_of(0);
	struct queue *queue = make_queue(8192);
	struct spooler *spooler = start(*state, queue, 1);

	await_room(place, BOARD_ROOM_QUOTA);
	assert_string_equal(room_refusal(place), "outbox_full");
	push_events(queue, 1, 5000);
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(read_events(*state), 5000);
	queue_destroy(queue);
}

/* A spooler that has ended leaves its place as if nobody had been there. */
static void the_trouble_of_one_process_is_not_cleared_by_another(void **state)
{
	const struct board_spooler *first = place_of(0), *second = place_of(1);
	struct queue *queues[2] = { make_queue(64), make_queue(64) };
	struct spooler *spoolers[2];

	for (unsigned i = 0; i < 2; i++)
		spoolers[i] = start_as(*state, queues[i], UINT64_MAX, i);
	break_disk("fdatasync", -EIO);
	push_events(queues[0], 1, 1);
	await_flag(&first->broken, true);
	/* The other one's disk takes all; it has just said so. */
	assert_int_equal(spooler_stop(spoolers[1], PATIENCE_MS), 0);
	spoolers[1] = start_as(*state, queues[1], UINT64_MAX, 1);
	assert_int_equal(atomic_load(&first->broken), EIO);
	assert_ptr_equal(room_worst(board_flags()), first);
	assert_int_equal(board_get(board_series(METRIC_OUTBOX_BROKEN, "")), 1);
	break_disk(NULL, 0);
	await_flag(&first->broken, false);
	assert_int_equal(spooler_stop(spoolers[0], PATIENCE_MS), 0);
	assert_int_equal(spooler_stop(spoolers[1], PATIENCE_MS), 0);
	assert_int_equal(atomic_load(&second->broken), 0);
	assert_int_equal(board_get(board_series(METRIC_OUTBOX_BROKEN, "")), 0);
	for (size_t i = 0; i < 2; i++)
		queue_destroy(queues[i]);
}

/* ---- a directory that is taken away ----------------------------------------
 */

static void await_empty(const struct queue *queue)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;

	while (queue_length(queue) > 0 ||
	       board_get(board_series(METRIC_QUEUE_RECORDS, "")) > 0) {
		assert_true(clock_mono_ms() < until);
		(void)usleep(1000);
	}
}

static void remove_outbox(const char *dir)
{
	(void)nftw(dir, kit_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(access(dir, F_OK), -1);
}

static void what_was_last_is_there_after_the_outbox_was_removed(void **state)
{
	char dir[64];
	struct queue *queue = make_queue(1024);
	struct spooler *spooler;

	(void)snprintf(dir, sizeof(dir), "%s/outbox", (char *)*state);
	spooler = start(dir, queue, UINT64_MAX);
	push_events(queue, 1, 100);
	await_empty(queue);
	remove_outbox(dir);
	push_events(queue, 101, 100);
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(read_events(dir), 200);
	queue_destroy(queue);
}

static void it_notices_with_nothing_to_do_that_the_outbox_is_gone(void **state)
{
	char dir[64];
	struct queue *queue = make_queue(1024);
	struct spooler *spooler;
	uint64_t until = clock_mono_ms() + PATIENCE_MS;

	(void)snprintf(dir, sizeof(dir), "%s/outbox", (char *)*state);
	spooler = start(dir, queue, UINT64_MAX);
	push_events(queue, 1, 10);
	await_empty(queue);
	remove_outbox(dir);
	while (access(dir, F_OK) < 0) {
		assert_true(clock_mono_ms() < until);
		(void)usleep(1000);
	}
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(read_events(dir), 10);
	queue_destroy(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(what_is_queued_is_durable_when_it_stops),
		kit_test(many_producers_keep_each_their_order_on_disk),
		kit_test(a_broken_disk_is_told_and_heals_without_loss),
		kit_test(it_starts_without_a_disk_and_waits_for_one),
		kit_test(it_gives_up_in_time_and_says_how_much),
		kit_test(at_its_bound_no_new_calls_but_all_records),
		kit_test(the_trouble_of_one_process_is_not_cleared_by_another),
		kit_test(what_was_last_is_there_after_the_outbox_was_removed),
		kit_test(it_notices_with_nothing_to_do_that_the_outbox_is_gone),
	};

	return cmocka_run_group_tests_name("spooler", tests, NULL, NULL);
}
