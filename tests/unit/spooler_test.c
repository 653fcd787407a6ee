/* spooler_test.c - the spooler keeps what it was given until the disk has it */
#include "outbox_kit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "persistence/disk.h"
#include "persistence/outbox.h"
#include "persistence/queue.h"
#include "persistence/spooler.h"
#include "server/board.h"
#include "server/clock.h"
#include "server/log.h"

#define PRODUCERS   4
#define EACH	    5000u
#define PATIENCE_MS 30000u

static struct spooler *start(const char *dir, struct queue *queue,
			     uint64_t max_bytes)
{
	struct spooler *spooler;

	assert_int_equal(
		spooler_start(&spooler,
			      &(struct spooler_options){
				      .queue = queue,
				      .outbox_dir = dir,
				      .role = "test",
				      .segment_bytes = (uint64_t)256 << 10,
				      .max_bytes = max_bytes }),
		0);
	return spooler;
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
	static const char *const operations[] = { "fdatasync", "pwrite" };
	struct board_flags *flags = board_flags();
	struct queue *queue = make_queue(1024);
	struct spooler *spooler = start(*state, queue, UINT64_MAX);
	uint64_t n = 1;

	for (size_t i = 0; i < 2; i++) {
		push_events(queue, n, 100);
		break_disk(operations[i], i ? -ENOSPC : -EIO);
		push_events(queue, n + 100, 100);
		await_flag(&flags->outbox_broken, true);
		assert_int_equal(atomic_load(&flags->outbox_broken),
				 i ? ENOSPC : EIO);
		await_flag(&flags->outbox_full, true);
		push_events(queue, n + 200, 100);
		break_disk(NULL, 0);
		await_flag(&flags->outbox_broken, false);
		await_flag(&flags->outbox_full, false);
		n += 300;
	}
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(read_events(*state), n - 1);
	queue_destroy(queue);
}

static void it_starts_without_a_disk_and_waits_for_one(void **state)
{
	struct board_flags *flags = board_flags();
	struct queue *queue = make_queue(1024);
	struct spooler *spooler;

	break_disk("create", -ENOSPC);
	spooler = start(*state, queue, UINT64_MAX);
	assert_int_equal(atomic_load(&flags->outbox_broken), ENOSPC);
	assert_int_equal(atomic_load(&flags->outbox_full), 1);
	break_disk(NULL, 0);
	await_flag(&flags->outbox_full, false); /* with nothing queued */
	push_events(queue, 1, 10);
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(read_events(*state), 10);
	queue_destroy(queue);
}

static void it_gives_up_in_time_and_says_how_much(void **state)
{
	struct board_flags *flags = board_flags();
	struct queue *queue = make_queue(1024);
	struct spooler *spooler = start(*state, queue, UINT64_MAX);
	uint64_t before;

	break_disk("fdatasync", -EIO);
	push_events(queue, 1, 25);
	await_flag(&flags->outbox_broken, true);
	before = clock_mono_ms();
	assert_int_equal(spooler_stop(spooler, 50), 25);
	assert_true(clock_mono_ms() - before < PATIENCE_MS);
	break_disk(NULL, 0);
	atomic_store(&flags->outbox_broken, 0);
	atomic_store(&flags->outbox_full, 0);
	queue_destroy(queue);
}

static void at_its_bound_no_new_calls_but_all_records(void **state)
{
	struct board_flags *flags = board_flags();
	struct queue *queue = make_queue(8192);
	struct spooler *spooler = start(*state, queue, 1);

	await_flag(&flags->outbox_full, true);
	push_events(queue, 1, 5000);
	assert_int_equal(spooler_stop(spooler, PATIENCE_MS), 0);
	assert_int_equal(read_events(*state), 5000);
	atomic_store(&flags->outbox_full, 0);
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
	};

	return cmocka_run_group_tests_name("spooler", tests, NULL, NULL);
}
