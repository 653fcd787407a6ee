/*
 * shelf_test.c - what is put aside lies there, once, until it is taken
 *
 * In this life and in the next, on a disk that is full or cannot be read, and
 * with the files that go when nothing of them is needed any more.
 */
#include "outbox_kit.h"

#include "persistence/disk.h"
#include "persistence/shelf.h"

#define RECORDS 40u

struct world {
	char *dir; /* of the kit; the shelf is "held" in it */
	struct shelf *shelf;
	struct record *records[RECORDS];
};

static void open_shelf(struct world *w)
{
	assert_int_equal(shelf_open(&w->shelf, w->dir, "held"), 0);
}

static void reopen(struct world *w)
{
	w->shelf = shelf_close(w->shelf);
	open_shelf(w);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char path[PATH_MAX];
	void *dir;

	assert_non_null(w);
	assert_int_equal(kit_setup(&dir), 0);
	w->dir = dir;
	(void)snprintf(path, sizeof(path), "%s/held", w->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (unsigned n = 0; n < RECORDS; n++)
		w->records[n] = kit_record(RECORD_CALL_EVENT, n, 0);
	open_shelf(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	void *dir = w->dir;

	disk_set_fault(NULL);
	shelf_close(w->shelf);
	for (unsigned n = 0; n < RECORDS; n++)
		free(w->records[n]);
	free(w);
	return kit_teardown(&dir);
}

static int add(struct world *w, unsigned first, unsigned count)
{
	return shelf_add(w->shelf, w->records + first, count);
}

static void take(struct world *w, unsigned n)
{
	assert_int_equal(shelf_take(w->shelf, &w->records[n]->id), 0);
}

/* Of the first 16, as a mask. */
static unsigned lying(const struct world *w)
{
	unsigned mask = 0;

	for (unsigned n = 0; n < 16; n++)
		if (shelf_has(w->shelf, &w->records[n]->id))
			mask |= 1u << n;
	return mask;
}

static size_t journals(const struct world *w)
{
	char path[PATH_MAX];
	size_t count = 0;
	DIR *list;

	(void)snprintf(path, sizeof(path), "%s/held", w->dir);
	list = opendir(path);
	assert_non_null(list);
	for (struct dirent *file; (file = readdir(list));)
		count += file->d_name[0] >= '0' && file->d_name[0] <= '9';
	(void)closedir(list);
	return count;
}

/* ---- there, and not there -------------------------------------------------
 */

static void each_lies_there_once(void **state)
{
	struct world *w = *state;

	assert_int_equal(add(w, 0, 4), 0);
	assert_int_equal(add(w, 2, 4), 0);
	for (int life = 0; life < 3; life++) {
		assert_int_equal(shelf_count(w->shelf), 6);
		assert_int_equal(lying(w), 0x3f);
		reopen(w);
	}
	for (unsigned n = 0; n < 6; n++) {
		take(w, n);
		take(w, n); /* nothing happens */
	}
	assert_int_equal(shelf_count(w->shelf), 0);
	reopen(w);
	assert_int_equal(shelf_count(w->shelf), 0);
}

static void what_was_taken_stays_taken(void **state)
{
	struct world *w = *state;

	assert_int_equal(add(w, 0, 8), 0);
	take(w, 3);
	reopen(w);
	assert_int_equal(add(w, 8, 2), 0);
	take(w, 0);
	take(w, 9);
	assert_int_equal(shelf_sync(w->shelf), 0);
	reopen(w);
	assert_int_equal(lying(w), 0x1f6);
	assert_int_equal(add(w, 3, 1), 0); /* and may come again */
	reopen(w);
	assert_int_equal(lying(w), 0x1fe);
}

/* As after a crash, when nobody could note that it lies there already. */
static void one_that_lies_there_twice_goes_when_it_is_taken(void **state)
{
	struct world *w = *state;
	struct shelf *other;

	assert_int_equal(add(w, 0, 2), 0);
	assert_int_equal(shelf_open(&other, w->dir, "held"), 0);
	assert_int_equal(shelf_take(other, &w->records[0]->id), 0);
	assert_int_equal(shelf_add(other, w->records, 1), 0);
	shelf_close(other);
	reopen(w);
	assert_int_equal(shelf_count(w->shelf), 2);
	take(w, 0);
	reopen(w);
	assert_int_equal(lying(w), 2);
}

/* ---- a disk that fails ----------------------------------------------------
 */

static const char *refused;
static int error;

static int refuse(const char *operation)
{
	return strcmp(operation, refused) == 0 ? error : 0;
}

static void fail_disk(const char *operation, int with)
{
	refused = operation;
	error = with;
	disk_set_fault(operation ? refuse : NULL);
}

static void what_could_not_be_added_is_not_there(void **state)
{
	struct world *w = *state;

	assert_int_equal(add(w, 0, 2), 0);
	for (int i = 0; i < 2; i++) {
		fail_disk(i ? "create" : "pwrite", -ENOSPC);
		reopen(w);
		assert_int_equal(add(w, 2, 2), -ENOSPC);
		assert_int_equal(lying(w), 3);
		fail_disk(NULL, 0);
	}
	assert_int_equal(add(w, 2, 2), 0);
	reopen(w);
	assert_int_equal(lying(w), 0xf);
}

static void what_could_not_be_taken_lies_there(void **state)
{
	struct world *w = *state;

	assert_int_equal(add(w, 0, 3), 0);
	take(w, 0);
	fail_disk("pwrite", -EIO);
	assert_int_equal(shelf_take(w->shelf, &w->records[1]->id), -EIO);
	assert_int_equal(lying(w), 6);
	fail_disk(NULL, 0);
	take(w, 1);
	reopen(w);
	assert_int_equal(lying(w), 4);
}

/* A life that could read nothing removes nothing. */
static void what_cannot_be_read_now_is_there_later(void **state)
{
	struct world *w = *state;

	assert_int_equal(add(w, 0, 5), 0);
	w->shelf = shelf_close(w->shelf);
	fail_disk("pread", -EIO);
	open_shelf(w);
	shelf_tidy(w->shelf);
	shelf_clear(w->shelf);
	fail_disk(NULL, 0);
	reopen(w);
	assert_int_equal(lying(w), 0x1f);
}

/* ---- walking --------------------------------------------------------------
 */

struct walker {
	struct world *world;
	unsigned seen, until;
	bool takes;
};

static int visit(void *arg, const struct record *record)
{
	struct walker *walker = arg;

	assert_false(walker->seen & walker->until); /* it was told to end */
	for (unsigned n = 0; n < RECORDS; n++)
		if (uuid_equal(&record->id, &walker->world->records[n]->id)) {
			assert_memory_equal(record->payload,
					    walker->world->records[n]->payload,
					    record->length);
			assert_false(walker->seen & 1u << n);
			walker->seen |= 1u << n;
			if (walker->takes)
				take(walker->world, n);
		}
	return (walker->seen & walker->until) ? 7 : 0;
}

static int walk(struct walker *walker, unsigned mask)
{
	struct id_index wanted = { 0 };
	int r;

	walker->seen = 0;
	for (unsigned n = 0; n < 16; n++)
		if (mask & 1u << n)
			assert_int_equal(
				id_index_set(
					&wanted, &walker->world->records[n]->id,
					(struct id_place){ .where = walker }),
				0);
	r = shelf_walk(walker->world->shelf, &wanted, visit, walker);
	id_index_finish(&wanted);
	return r;
}

static void a_walk_shows_what_is_wanted_and_there(void **state)
{
	struct world *w = *state;
	struct walker walker = { .world = w };

	for (unsigned n = 0; n < 8; n += 2) {
		assert_int_equal(add(w, n, 2), 0);
		reopen(w); /* a journal each */
	}
	assert_int_equal(journals(w), 4);
	take(w, 5);
	assert_int_equal(walk(&walker, 0xff3c), 0);
	assert_int_equal(walker.seen, 0x1c);
	walker.until = 1u << 3;
	assert_int_equal(walk(&walker, 0x3f), 7);
	walker.until = 0;
	walker.takes = true;
	assert_int_equal(walk(&walker, 0x3f), 0);
	assert_int_equal(walker.seen, 0x1f);
	assert_int_equal(lying(w), 0xc0);
}

static void a_walk_says_that_it_could_not_see_all(void **state)
{
	struct world *w = *state;
	struct walker walker = { .world = w };

	assert_int_equal(add(w, 0, 5), 0);
	fail_disk("pread", -EIO);
	assert_int_equal(walk(&walker, 0x1f), -EIO);
	fail_disk(NULL, 0);
	assert_int_equal(walk(&walker, 0x1f), 0);
	assert_int_equal(walker.seen, 0x1f);
}

/* ---- what may go ----------------------------------------------------------
 */

static void a_journal_goes_when_all_of_it_is_taken(void **state)
{
	struct world *w = *state;

	assert_int_equal(add(w, 0, 2), 0);
	reopen(w);
	assert_int_equal(add(w, 2, 2), 0);
	take(w, 0);
	shelf_tidy(w->shelf);
	assert_int_equal(journals(w), 2);
	take(w, 1);
	shelf_tidy(w->shelf);
	assert_int_equal(journals(w), 1);
	take(w, 2);
	take(w, 3); /* of the one that is being written */
	shelf_tidy(w->shelf);
	assert_int_equal(journals(w), 0);
	assert_int_equal(add(w, 4, 1), 0);
	reopen(w);
	assert_int_equal(lying(w), 0x10);
	shelf_clear(w->shelf);
	assert_int_equal(shelf_count(w->shelf), 0);
	assert_int_equal(shelf_last_us(w->shelf), 0);
	assert_int_equal(journals(w), 0);
}

#define BIG	 200000u /* bytes of a payload */
#define BIG_ONES 100u	 /* of them are more than one journal takes */

/* So that the few that stay for years keep little else with them. */
static void no_journal_grows_long(void **state)
{
	struct world *w = *state;
	char *payload = malloc(BIG);

	assert_non_null(payload);
	memset(payload, '1', BIG);
	for (unsigned n = 0; n < BIG_ONES; n++) {
		struct uuid id = kit_entity(1000 + n);
		struct record *big = record_create(RECORD_CALL_EVENT, &id, &id,
						   0, KIT_US, payload, BIG);

		assert_non_null(big);
		assert_int_equal(shelf_add(w->shelf, &big, 1), 0);
		free(big);
	}
	free(payload);
	assert_int_equal(journals(w), 2);
	reopen(w);
	assert_int_equal(shelf_count(w->shelf), BIG_ONES);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_lies_there_once),
		TEST(what_was_taken_stays_taken),
		TEST(one_that_lies_there_twice_goes_when_it_is_taken),
		TEST(what_could_not_be_added_is_not_there),
		TEST(what_could_not_be_taken_lies_there),
		TEST(what_cannot_be_read_now_is_there_later),
		TEST(a_walk_shows_what_is_wanted_and_there),
		TEST(a_walk_says_that_it_could_not_see_all),
		TEST(a_journal_goes_when_all_of_it_is_taken),
		TEST(no_journal_grows_long),
	};

	return cmocka_run_group_tests_name("shelf", tests, NULL, NULL);
}
